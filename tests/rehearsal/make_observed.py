"""Records one real rehearsal of the December scenario as `observed.json`: `python tests/rehearsal/make_observed.py`.

Lives here: what of an observation is kept for the tests of the facts. Not here: those tests (`test_facts`).

Nothing in the file is written by hand. Views and pages that no fact looks at are left out; of the long lists of
measures the beginning is kept.
"""

from __future__ import annotations

import json
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

import anyio

from visavis.rehearsal.play import Day
from visavis.rehearsal.rehearse import Cast, Outcome, rehearse
from visavis.rehearsal.scenario import read_scenario

HERE = Path(__file__).parent
SCENARIO = HERE.parents[1] / "examples" / "december" / "scenario.toml"
MOMENTS = ("agenda agreed", "concluded", "closed")
KEPT = 40


async def record() -> None:
    kept: dict[str, Any] = {}

    async def take(_outcome: Outcome, day: Day, cast: Cast, _url: str) -> None:
        observed = asdict(day.observed)
        observed.pop("bundle")
        observed["views"] = {moment: observed["views"][moment] for moment in MOMENTS}
        observed["public"] = {
            name: page
            for name, page in observed["public"].items()
            if name.split()[0] in ("feed", "quotes", "comment") or name in ("release a", "release b")
        }
        for measure in observed["seats"].values():
            for watched in measure["watched"].values():
                watched["latencies_ms"] = watched["latencies_ms"][:KEPT]
        kept.update(observed=observed, numbers=cast.numbers)

    with tempfile.TemporaryDirectory() as out:
        told = lambda step: sys.stderr.write(step + "\n")  # noqa: E731
        outcome = await rehearse(read_scenario(SCENARIO), Path(out), told=told, keep=take)
    if not outcome.held:
        raise SystemExit("this rehearsal did not hold; nothing was recorded")
    kept["account"] = outcome.account
    text = json.dumps(kept, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    (HERE / "observed.json").write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    anyio.run(record)
