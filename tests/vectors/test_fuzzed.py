"""Python takes and refuses what tests/vectors/record/fuzzed.json says; the browser is held to the same."""

from __future__ import annotations

import json

import pytest
from tests.fuzz.targets import TARGETS
from tests.vectors.fuzzed import BOTH, OUT

from visavis.record.digest import from_text


@pytest.mark.parametrize("name", BOTH)
def test_mutated_inputs_are_taken_as_the_vector_says(name: str) -> None:
    """Some are taken and some refused, so that neither reader passes by refusing all."""
    inputs = json.loads(OUT.read_text(encoding="utf-8"))["inputs"][name]
    assert {taken for _, taken in inputs} == {True, False}
    assert [TARGETS[name](from_text(text)) for text, _ in inputs] == [taken for _, taken in inputs]
