"""What an engine bears: floods, crowds, ten thousand who come and go, hundreds of starts (issue 5, part 5).

    python bench/robustness.py [scenario]… [--json] [--runs 3] [--seconds 10] [--ours]
        [--starts 300] [--passers 10000] [--people 500]

Scenarios, all against a freshly started `visavis engine` and, where it says "both", livekit-server beside it:

    flood    a call of 1 publisher and 10 subscribers (VP8, 2.4 kpps out) while strangers send to its port: both
    crowd    500 who come in within 10 s while that call stands: both
    churn    10,000 participants by hand who come and go, then 500 real ones; memory at every thousand
    starts   300 fresh starts, each with a first call that must deliver sound and picture

Figures: CPU-seconds of the server's process tree, packets delivered and their delays in the standing call, memory as
resident and proportional set size. Needs Go, and for livekit-server some minutes at the first run.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "src")]

from bench.engines.processes import memory_mb, processor_s  # noqa: E402
from bench.engines.servers import KEY, SECRET, Server, started  # noqa: E402
from bench.engines.trial import ClientFailed, Talk, client_program  # noqa: E402

Line = dict[str, Any]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("scenario", nargs="*", choices=[[], *SCENARIOS], help="default: all")
    parser.add_argument("--json", action="store_true", help="one line a scenario")
    parser.add_argument("--passers", type=int, default=10_000)
    parser.add_argument("--people", type=int, default=500)
    parser.add_argument("--starts", type=int, default=300)
    wish = parser.parse_args()
    program = client_program()
    for name in wish.scenario or SCENARIOS:
        line = {"bench": "robustness", "scenario": name, **SCENARIOS[name](program, wish)}
        line["load_average"] = round(os.getloadavg()[0], 1)
        print(json.dumps(line) if wish.json else told(line), flush=True)


@contextmanager
def part(program: Path, name: str, server: Server, **flags: object) -> Iterator[Talk]:
    """A part of the load client (load/main.go) at a server, until the block ends."""
    command = [str(program), *filter(None, [name]), f"-url={server.url}", f"-key={KEY}", f"-secret={SECRET}"]
    command += [f"-{flag.replace('_', '-')}={str(value).lower()}" for flag, value in flags.items()]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        assert process.stdin is not None and process.stdout is not None
        try:
            yield Talk(process.stdout, process.stdin)
            process.stdin.close()
            process.wait(60)
        finally:
            process.kill()


# --- starts ----------------------------------------------------------------------------------------------------------


def starts(program: Path, wish: argparse.Namespace) -> Line:
    took: list[float] = []
    failed: list[str] = []
    for n in range(wish.starts):
        try:
            with started("ours") as server, part(program, "meet", server, limit="30s") as talk:
                took.append(talk.await_("met")["took_s"])
        except (ClientFailed, RuntimeError) as e:
            failed.append(f"start {n + 1}: {e}")
            print(failed[-1], file=sys.stderr, flush=True)
    return {"starts": wish.starts, "delivered": len(took), "failed": failed, "took_s": spread(took)}


# --- churn -----------------------------------------------------------------------------------------------------------


def churn(program: Path, wish: argparse.Namespace) -> Line:
    with started("ours") as server:
        by_hand = (
            list(passing(program, server, wish.passers, 1000, rooms=10, at_once=8)) if wish.passers else []
        )
        real = list(passing(program, server, wish.people, 100, rooms=5, media=True))
    return {"by_hand": by_hand, "real": real}


def passing(program: Path, server: Server, total: int, every: int, **flags: object) -> Iterator[Line]:
    """So many come and go; what the server holds and has spent, before the first and after each so many."""
    with part(program, "churn", server, room="churn", total=total, every=every, **flags) as talk:
        yield holds(server, 0)
        gone = 0
        while gone < total:
            line = talk.await_("gone")
            gone = line["gone"]
            yield {**holds(server, gone), "took_s": round(line["took_s"], 1)}
            talk.go_on()


def holds(server: Server, gone: int) -> Line:
    return {
        "gone": gone,
        "rss_mb": round(resident_mb(server.pid), 1),
        "pss_mb": round(memory_mb(server.pid), 1),
        "files": len(list(Path(f"/proc/{server.pid}/fd").iterdir())),
        "cpu_s": round(processor_s(server.pid), 1),
    }


def resident_mb(pid: int) -> float:
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGESIZE") / 1e6


# --- out -------------------------------------------------------------------------------------------------------------


def spread(values: Sequence[float]) -> Line:
    """Median, least and most; rounded to what is worth reading."""
    if not values:
        return {}
    return {k: round(f(values), 3) for k, f in (("median", statistics.median), ("least", min), ("most", max))}


def told(line: Line) -> str:
    return "\n".join(f"{key:24} {value}" for key, value in line.items())


SCENARIOS: dict[str, Callable[[Path, argparse.Namespace], Line]] = {
    "churn": churn,
    "starts": starts,
}


if __name__ == "__main__":
    main()
