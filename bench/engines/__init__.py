"""The engines side by side: what `bench/engine.py` is made of.

Lives here: `figures` (pure: what a run's numbers mean), `processes` (what /proc says of a process tree),
`servers` (starting either engine), `trial` (one run), and `load/`, the client in Go.
Not here: the run of all (`bench/engine.py`), what came of it (`README.md`).
"""
