"""Fuzz what reads strangers' bytes: `python -m tests.fuzz.run --inputs 10000000` (`make fuzz`).

Lives here: the driver. Each target has its share of the inputs, in a process of its own. Coverage leads (atheris)
where it is installed; otherwise the mutations alone.
Not here: what is fuzzed (`targets`), the short run of the tests (`test_fuzz`).

An exception that a target may not raise, an input that takes more than `LIMIT_S`, or a process that takes more than
`LIMIT_MB` ends that target; the input is kept in `build/fuzz/<target>/`, and the status is 1.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import logging
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from random import Random
from types import FrameType
from typing import Any

import structlog

ROOT = Path(__file__).parents[2]
FOUND = ROOT / "build" / "fuzz"
LIMIT_S = 20
"""For one input. The slowest seen takes a tenth of a second; the machine may be busy with other things."""
LIMIT_MB = 4096
EVERY_S = 60.0


class TooLong(BaseException):
    """An input took more than `LIMIT_S`. No `except Exception` in what is fuzzed may swallow it."""


def _too_long(_signal: int, _frame: FrameType | None) -> None:
    raise TooLong


def one(name: str, inputs: int, seed: int, *, guided: bool) -> int:
    """Fuzz one target in this process; 1 if there is a finding."""
    resource.setrlimit(resource.RLIMIT_AS, (LIMIT_MB << 20, LIMIT_MB << 20))
    if guided:
        import atheris

        with atheris.instrument_imports(include=["visavis"], enable_loader_override=False):
            from tests.fuzz.targets import TARGETS, seeds
    else:
        from tests.fuzz.targets import TARGETS, seeds
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    target, start = TARGETS[name], time.monotonic()
    said, count, taken = start, 0, 0
    signal.signal(signal.SIGALRM, _too_long)

    def run(data: bytes) -> None:
        nonlocal said, count, taken
        signal.setitimer(signal.ITIMER_REAL, LIMIT_S)
        try:
            taken += target(data)
        except BaseException:
            keep(name, data)
            raise
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
        count += 1
        if (now := time.monotonic()) - said > EVERY_S or count == inputs:
            said = now
            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
            line = {
                "target": name,
                "inputs": count,
                "taken": taken,
                "s": round(now - start, 1),
                "peak_mb": peak,
            }
            _say(line)

    if not guided:
        for data in Blind(name, Random(seed)).inputs(inputs):
            run(data)
        return 0

    def mutated(data: bytes, most: int, seed: int) -> bytes:
        random = Random(seed)
        own = random.random() < 0.6
        return target.mutate(data, random)[:most] if own else atheris.Mutate(data, most)

    corpus_dir = FOUND / name / "corpus"
    corpus_dir.mkdir(parents=True, exist_ok=True)
    for number, data in enumerate(seeds(name)):
        (corpus_dir / f"seed-{number:03}").write_bytes(data)
    options = [f"-runs={inputs}", f"-seed={seed}", "-max_len=131072", "-rss_limit_mb=0", "-timeout=0",
               "-print_final_stats=0", "-verbosity=0", f"-artifact_prefix={FOUND / name}/"]  # fmt: skip
    atheris.Setup([sys.argv[0], *options, str(corpus_dir)], run, custom_mutator=mutated)
    atheris.Fuzz()
    return 0


class Blind:
    """Inputs of a target without coverage: its seeds, then seeds changed once or a few times."""

    def __init__(self, name: str, random: Random) -> None:
        from tests.fuzz.targets import TARGETS, seeds

        self._mutate, self._seeds, self._random = TARGETS[name].mutate, seeds(name), random

    def inputs(self, count: int) -> Iterator[bytes]:
        yield from self._seeds[:count]
        for _ in range(count - len(self._seeds)):
            data = self._random.choice(self._seeds)
            for _ in range(self._random.choice((1, 1, 2, 4))):
                data = self._mutate(data, self._random)
            yield data


def keep(name: str, data: bytes) -> None:
    """Write down an input that is a finding."""
    path = FOUND / name / f"found-{hashlib.sha256(data).hexdigest()[:12]}"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    _say({"target": name, "finding": str(path.relative_to(ROOT))})


def _say(line: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()


def shares(inputs: int) -> dict[str, int]:
    """How many inputs each target has: by its weight."""
    from tests.fuzz.targets import TARGETS

    whole = sum(target.weight for target in TARGETS.values())
    return {name: -(-inputs * target.weight // whole) for name, target in TARGETS.items()}


def main() -> int:
    parser = argparse.ArgumentParser(description="Fuzz what reads strangers' bytes.")
    parser.add_argument(
        "--inputs", type=int, default=200_000, help="for all targets together, or for --target"
    )
    parser.add_argument("--target", help="this one alone, in this process")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--blind", action="store_true", help="without coverage, even where atheris is installed"
    )
    given = parser.parse_args()
    guided = not given.blind and find_spec("atheris") is not None
    if given.target:
        return one(given.target, given.inputs, given.seed, guided=guided)
    failed = []
    for name, count in shares(given.inputs).items():
        command = [
            sys.executable,
            "-m",
            "tests.fuzz.run",
            "--target",
            name,
            "--inputs",
            str(count),
            "--seed",
            str(given.seed),
        ]
        done = subprocess.run(
            [*command, *(["--blind"] if given.blind else [])], cwd=ROOT, env=os.environ, check=False
        )
        if done.returncode:
            failed.append(name)
    _say({"inputs": given.inputs, "failed": failed})
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
