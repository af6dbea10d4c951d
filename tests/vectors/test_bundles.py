"""The node's accounts are those of tests/vectors/record/bundles; the browser's verification is held to the same."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tests.dialogue import lab
from tests.vectors.acts import rows
from tests.vectors.bundles import HERE, RULEBOOKS, plain, splice, summary

from visavis.dialogue import verdicts
from visavis.rulebook import EDITION_1
from visavis.verification.verify import verify

BUNDLES = sorted(HERE.glob("*.visavis"))


def kept(path: Path) -> Any:
    return json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("path", BUNDLES, ids=lambda path: path.stem)
def test_the_node_gives_the_account_that_is_kept(path: Path) -> None:
    """Each bundle's account is the one beside it, to the last word."""
    expected = kept(path)
    assert plain(verify(path.read_bytes(), RULEBOOKS[expected["rulebook"]])) == expected["account"]


def test_the_node_gives_the_digests_that_are_kept() -> None:
    """Each changed bundle holds or not, and has the account, as the vector says."""
    for each in json.loads((HERE / "changed.json").read_text(encoding="utf-8")):
        path = HERE / f"{each['of']}.visavis"
        account = verify(splice(path.read_bytes(), each["by"]), RULEBOOKS[kept(path)["rulebook"]])
        assert (account.holds, summary(account)) == (each["holds"], each["account"])


def test_the_labs_rows_are_fresh() -> None:
    """The rows that the browser's tests judge the lab's acts by are those of the lab today."""
    assert json.loads((HERE / "lab.json").read_text(encoding="utf-8")) == rows(lab.RULEBOOK.by_type.values())


def test_every_reason_is_met() -> None:
    """Each reason for which an entry can be void is in some bundle, so that both are held to it."""
    met = {void["reason"] for path in BUNDLES for void in kept(path)["account"]["void"]}
    assert set(EDITION_1.explained) - {verdicts.HELD} - met == set()
