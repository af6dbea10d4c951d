"""The engines behind `visavis.rtc.ports.MediaEngine`: `embedded` forwards media, `fake` only remembers.

Lives here: one module an engine; each passes `tests/rtc/engine_contract.py`.
Not here: which one runs (`visavis.bootstrap`).
"""
