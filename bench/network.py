"""What comes through a bad network, from our engine and from livekit-server: both in one run, in turns.

    python bench/network.py [--json] [--runs 2] [--scenario narrow]… [--seed 1] [--realtime]

Workload: a server, freshly started for each run, and beside it a publisher (LiveKit's Python SDK: VP8 in three
layers of 180, 360 and 540 lines at 15 pictures a second, at most 800 kbit/s above; Opus, never silent, with the SDK's
own settings but for DTX). One subscriber (the same SDK) in a network namespace of its own, behind a line of ours
(`bench/networks`): it joins over a clean line, gets the highest layer, and then the scenario begins. Both engines get
the same seeds.

Needs root, /dev/net/tun, and Go for livekit-server (scripts/system-packages.sh go), which is built at the first run.
A round of all scenarios takes about eleven minutes. What the figures are: `bench.networks.figures.figures`.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "src")]

from bench.engines.servers import BUILD, livekit_program  # noqa: E402
from bench.networks.figures import summary, table  # noqa: E402
from bench.networks.namespaces import why_impossible  # noqa: E402
from bench.networks.scenarios import SCENARIOS, watched  # noqa: E402

NAMES = ("ours", "theirs")


def main() -> None:
    names = [s.name for s in SCENARIOS]
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--json", action="store_true", help="one line a scenario, with every run")
    parser.add_argument(
        "--runs", type=int, default=2, help="pairs of runs a scenario; 6 or more for a figure to cite"
    )
    parser.add_argument("--scenario", action="append", choices=names, help="only this one; may be repeated")
    parser.add_argument("--seed", type=int, default=1, help="of the first pair; the next ones count on")
    parser.add_argument(
        "--realtime", action="store_true", help="servers and participants before all other work (root)"
    )
    wish = parser.parse_args()
    if why := why_impossible():
        sys.exit(f"No bad network can be made here: {why}.")
    livekit_program()
    scenarios = [s for s in SCENARIOS if not wish.scenario or s.name in wish.scenario]
    runs: dict[str, dict[str, list[dict[str, Any]]]] = {s.name: {n: [] for n in NAMES} for s in scenarios}
    for n in range(wish.runs):
        for scenario in scenarios:
            seed = f"{wish.seed + n}"
            for name in NAMES if n % 2 == 0 else reversed(NAMES):
                run = watched(name, scenario, seed, BUILD / "networks", realtime=wish.realtime)
                runs[scenario.name][name].append({"seed": seed, **run})
                print(scenario.name, name, f"seed {seed}:", _one(run), file=sys.stderr, flush=True)
    found = {
        s: {name: summary([_figures(r) for r in ran if "failed" not in r]) for name, ran in engines.items()}
        for s, engines in runs.items()
    }
    failed = [
        f"{s} {name} seed {r['seed']}: {r['failed']}"
        for s, engines in runs.items()
        for name, ran in engines.items()
        for r in ran
        if "failed" in r
    ]
    if wish.json:
        for scenario in scenarios:
            line = {"scenario": scenario.name, "says": scenario.says, **found[scenario.name]}
            print(json.dumps({**line, "every": runs[scenario.name], "processors": os.cpu_count()}))
        return
    print(table(found))
    for scenario in scenarios:
        print(f"{scenario.name}: {scenario.says}, watched for {scenario.seconds:.0f} s")
    seeds = f"{wish.seed} to {wish.seed + wish.runs - 1}"
    print(f"medians (quartiles) of {wish.runs} runs by engine, seeds {seeds}, {os.cpu_count()} processors")
    print(f"did not run: {'; '.join(failed) or 'none'}")


def _figures(run: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in run.items() if name != "seed"}


def _one(run: dict[str, Any]) -> str:
    return ", ".join(
        f"{name} {value:.4g}" if isinstance(value, float) else f"{name} {value}"
        for name, value in run.items()
    )


if __name__ == "__main__":
    main()
