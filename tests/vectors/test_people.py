"""The node's fold gives what tests/vectors/record/people.json says; the browser's fold is held to the same."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from visavis.dialogue.acts import ProofLevel
from visavis.dialogue.fold import fold
from visavis.record.checkpoint import open_checkpoint
from visavis.record.digest import from_text
from visavis.rulebook import EDITION_1

PATH = Path(__file__).parent / "record" / "people.json"


def account(dialogue: str, side: str, other: str, leaves: list[bytes]) -> dict[str, Any]:
    """Who is admitted after these leaves: persons' live credentials, delegation lists."""
    state = fold(dialogue, side, (side, other), EDITION_1, leaves)
    lists: dict[str, list[str]] = {}
    for judged in state.judged:
        act = judged.entry.signed.act if judged.entry else {}
        if judged.verdict is None and act.get("type") == "talk.delegation":
            lists[act["talk"]] = list(act["delegates"])
    persons = {c.id: c.delegate for c in state.live_credentials() if c.level is ProofLevel.USER}
    return {"persons": persons, "delegations": lists}


def vector() -> dict[str, Any]:
    return json.loads(PATH.read_text(encoding="utf-8"))


@pytest.mark.parametrize("at", range(len(vector()["after"])))
def test_the_node_admits_whom_the_vector_says(at):
    """After so many entries the same people are admitted, and the checkpoint holds."""
    v = vector()
    after = v["after"][at]
    leaves = [from_text(leaf) for leaf in v["leaves"]][: after["size"]]
    other = next(side for side in v["sides"] if side != v["side"])
    assert account(v["dialogue"], v["side"], other, leaves) == {
        "persons": after["persons"],
        "delegations": after["delegations"],
    }
    state = fold(v["dialogue"], v["side"], (v["side"], other), EDITION_1, leaves)
    checkpoint = open_checkpoint(after["checkpoint"].encode(), state.key_at(after["size"]))
    assert checkpoint.root == state.root(after["size"])
