"""What a packet costs on our engine and on livekit-server: both in one run, in turns, each freshly started.

    python bench/engine.py [--json] [--runs 2] [--scenario audio]… [--scale 1] [--seconds 10]
        [--realtime] [--together] [--profile] [--media-threads 1]

Workload, gates and figures: bench/engines/README.md, with the result of a run. Needs Go for the client and for
livekit-server (scripts/system-packages.sh go); both are built at the first run, which takes minutes.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "src")]

from bench.engines.figures import METRICS, RATIOS, SCENARIOS, Run, compare, why_not  # noqa: E402
from bench.engines.servers import BUILD, livekit_program  # noqa: E402
from bench.engines.trial import Clock, client_program, run_trial  # noqa: E402

NAMES = ("ours", "theirs")


def main() -> None:
    names = [s.name for s in SCENARIOS]
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--json", action="store_true", help="one line a scenario")
    parser.add_argument(
        "--runs", type=int, default=2, help="pairs of runs a scenario; 6 or more for a figure to cite"
    )
    parser.add_argument("--scenario", action="append", choices=names, help="only this one; may be repeated")
    parser.add_argument("--scale", type=float, default=1.0, help="of the packet rate, for small machines")
    parser.add_argument("--seconds", type=float, default=10.0, help="the steady window")
    parser.add_argument(
        "--realtime", action="store_true", help="servers and client before all other work (root)"
    )
    parser.add_argument("--together", action="store_true", help="all publishers send at the same moments")
    parser.add_argument(
        "--profile", action="store_true", help="one run of ours a scenario under perf, no comparison"
    )
    parser.add_argument(
        "--media-threads", type=int, default=1, help="of ours; the scenario's room is on one of them"
    )
    wish = parser.parse_args()
    clock = Clock(window_s=wish.seconds, together=wish.together)
    scenarios = [s.scaled(wish.scale) for s in SCENARIOS if not wish.scenario or s.name in wish.scenario]
    client = client_program()
    if wish.profile:
        for scenario in scenarios:
            sampled = BUILD / f"{scenario.name}.perf"
            run = run_trial("ours", scenario, client, clock, realtime=wish.realtime, profile=sampled)
            print(_one(scenario.name, 0, run))
            print(hottest(sampled))
        return
    livekit_program()
    pairs: dict[str, list[tuple[Run, Run]]] = {s.name: [] for s in scenarios}
    for n in range(wish.runs):
        for scenario in scenarios:
            found: dict[str, Run] = {}
            for name in NAMES if n % 2 == 0 else reversed(NAMES):
                found[name] = run_trial(
                    name, scenario, client, clock, realtime=wish.realtime, media_threads=wish.media_threads
                )
                print(_one(scenario.name, n, found[name]), file=sys.stderr, flush=True)
            pairs[scenario.name].append((found["ours"], found["theirs"]))
    for scenario in scenarios:
        line = {
            **compare(scenario, pairs[scenario.name]),
            "processors": os.cpu_count(),
            "realtime": wish.realtime,
            "media_threads": wish.media_threads,
            "together": wish.together,
        }
        print(json.dumps(line) if wish.json else _table(line))


def hottest(sampled: Path, lines: int = 40) -> str:
    """Where the time went, by thread and function; without symbols in the engine (README) only by library."""
    command = ["perf", "report", "-i", str(sampled), "--stdio", "--no-children", "--sort", "comm,dso,symbol"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    told = [line.rstrip() for line in done.stdout.splitlines() if line.strip() and not line.startswith("#")]
    return "\n".join(told[:lines])


def _one(scenario: str, n: int, run: Run) -> str:
    told = why_not(run)
    return (
        f"{scenario} {n + 1} {run.engine}: {run.kpkts_per_cpu_s:.1f} kpkts/CPU-s, {run.memory_mb:.2f} MB, "
        f"join {run.join_cpu_ms:.1f} ms, p50 {run.p50_ms:.2f} p99 {run.p99_ms:.1f} ms, loss {100 * run.loss:.3f} %, "
        f"{run.delivered_per_s / 1000:.1f} kpps; CPU {run.server_cpu:.2f} server {run.client_cpu:.2f} client "
        f"{run.others_cpu:.2f} others, load {run.load_average:.1f}, client late p99 {run.late_p99_ms:.1f} ms, "
        f"cuts {run.cuts}" + (f": DOES NOT COUNT: {told}" if told else "")
    )


def _table(line: dict[str, Any]) -> str:
    rows = [
        f"\n{line['scenario']}: {line['says']} ({line['publishers']} → {line['subscribers'] or 'each other'}), "
        f"{line['due_per_s'] / 1000:.1f} kpps due; {line['pairs_counted']} of {line['runs']} pairs count",
        f"  {'':16} {'ours':>24} {'livekit-server':>24} {'ratio':>20}",
    ]
    for metric in METRICS:
        ratio = _cell(line["ratio"].get(metric)) if metric in RATIOS else ""
        rows.append(
            f"  {metric:16} {_cell(line['ours'][metric]):>24} {_cell(line['theirs'][metric]):>24} {ratio:>20}"
        )
    rows += [
        f"  {side}, not counted: {'; '.join(line[side]['not_counted'])}"
        for side in NAMES
        if line[side]["not_counted"]
    ]
    for goal in line["goals"]:
        value = "–" if goal["value"] is None else f"{goal['value']:.3g}"
        rows.append(
            f"  goal {goal['metric']} ({goal['of']}): {value}; asked {goal['now']:.3g}: "
            f"{'reached' if goal['met'] else 'not reached'}; later {goal['later']:.3g}: "
            f"{'reached' if goal['met_later'] else 'not reached'}"
        )
    return "\n".join(rows)


def _cell(found: dict[str, float] | None) -> str:
    if found is None:
        return "–"
    return f"{found['median']:.3g} ({found['q1']:.3g}–{found['q3']:.3g})"


if __name__ == "__main__":
    main()
