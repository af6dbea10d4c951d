"""The two sides: their logs folded, the two folds joined, and the accord that both form.

Lives here: acts as a table (`acts`), one log's state (`fold`), both logs' state (`join`), the machine for
what takes both (`accord`), sessions and ends (`sessions`), a side's own acts (`model`), drafting and
appending entries (`service`).
Not here: bytes and signatures (`record`); what the other slices' acts mean (`talks`, `understandings`,
`press`).
Spec: docs/spec/record.md; ADR 1.
"""
