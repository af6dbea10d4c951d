"""The table of targets.

Lives here: `Target`, `TARGETS`, the decorator that enters one, a target's seeds.
Not here: the targets themselves (`targets`, and for the call `calls`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from random import Random

from visavis.errors import Malformed, Untrusted

HERE = Path(__file__).parent
BUNDLES = HERE.parent / "vectors" / "record" / "bundles"
Mutate = Callable[[bytes, Random], bytes]


@dataclass(frozen=True, slots=True)
class Target:
    """run: what is fuzzed. mutate: how its inputs are changed. weight: its share of the inputs."""

    run: Callable[[bytes], object]
    mutate: Mutate
    weight: int
    raises: tuple[type[Exception], ...] = (Malformed, Untrusted)

    def __call__(self, data: bytes) -> bool:
        """Whether the input was taken; False if it was refused as it should be."""
        try:
            self.run(data)
        except self.raises:
            return False
        return True


TARGETS: dict[str, Target] = {}


def target(
    mutate: Mutate, weight: int, raises: tuple[type[Exception], ...] = (Malformed, Untrusted)
) -> Callable[[Callable[[bytes], object]], Callable[[bytes], object]]:
    def named(run: Callable[[bytes], object]) -> Callable[[bytes], object]:
        TARGETS[run.__name__] = Target(run, mutate, weight, raises)
        return run

    return named


def seeds(name: str) -> list[bytes]:
    """A target's seeds: those kept here, and the bundles of the vectors that are small."""
    kept = [path.read_bytes() for path in sorted((HERE / "seeds" / name).glob("*"))]
    if name in ("archive", "bundle"):
        kept += [
            path.read_bytes() for path in sorted(BUNDLES.glob("*.visavis")) if path.stat().st_size < 32_000
        ]
    return kept


def either(*ways: Mutate) -> Mutate:
    return lambda data, random: random.choice(ways)(data, random)
