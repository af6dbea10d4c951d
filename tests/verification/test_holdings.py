"""Whose a content is and who may read it, from the logs alone: what is fetched back is filed as it was."""

from __future__ import annotations

from typing import Any

import pytest
from tests.verification.desk import RULEBOOK, SIDES, Desk

from visavis.dialogue.commands import Audience
from visavis.verification.holdings import holdings

PARTS = ("title", "text", "dateline")


@pytest.mark.parametrize("offered", [False, True])
def test_a_joint_readout_is_public_once_either_lets_it_out(offered: bool) -> None:
    """Tabled and then approved, or both in one gesture: the same."""
    desk = Desk().founded()
    words = {part: desk.content(f"{part} of the readout") for part in PARTS}
    text: dict[str, Any] = {
        "talk": "T",
        "base": None,
        "texts": [{"language": "en", **words}],
        "embargo": None,
    }

    def held() -> set[Audience]:
        found = holdings({side: tuple(log) for side, log in zip(SIDES, desk.logs, strict=True)}, RULEBOOK)
        return {found[commitment].audience for commitment in words.values()}

    desk.write(0, {"type": "readout.offer-joint" if offered else "readout.table-joint", **text})
    hash_ = desk.states[0].judged[-1].subject
    desk.receipts()
    for s in (0, 1):
        if s or not offered:
            desk.write(s, {"type": "readout.approve-joint", "talk": "T", "hash": hash_})
    desk.receipts()
    assert held() == {Audience.BOTH}
    desk.write(1, {"type": "readout.release-joint", "talk": "T", "hash": hash_})
    assert desk.states[1].judged[-1].verdict is None
    assert held() == {Audience.PUBLIC}
