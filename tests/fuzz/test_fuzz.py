"""A short run of the fuzzers, the same each time; the long one is `make fuzz`."""

from __future__ import annotations

from random import Random

import pytest
from tests.fuzz.run import Blind
from tests.fuzz.targets import TARGETS, seeds

SHARE = {
    "bundle": 300,
    "archive": 1000,
    "act": 2000,
    "leaf": 2000,
    "signal": 1000,
    "twirp": 1500,
    "handshake": 2000,
}
"""Inputs of the slower targets; the others have `PLENTY`."""
PLENTY = 4000


@pytest.mark.parametrize("name", TARGETS)
def test_whatever_the_bytes_they_are_taken_or_refused(name: str) -> None:
    """A few thousand inputs, from the seeds and from the inputs that once were findings."""
    target = TARGETS[name]
    taken = sum(target(data) for data in Blind(name, Random(0)).inputs(SHARE.get(name, PLENTY)))
    assert taken > 0


@pytest.mark.parametrize("name", TARGETS)
def test_a_target_has_seeds_that_it_takes(name: str) -> None:
    """Else nothing behind its first refusal would ever be reached."""
    assert any(TARGETS[name](data) for data in seeds(name))
