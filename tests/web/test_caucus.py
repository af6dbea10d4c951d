"""A seat in the caucus by HTTP: one's own side's, and no other's."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.flows.stage import found_dialogue, running_node
from tests.flows.test_attacks import a_sitting, certified, validated

from visavis.rehearsal.delegate import Answered, Delegate

pytestmark = pytest.mark.anyio


async def test_a_caucus_is_its_own_sides(tmp_path: Path) -> None:
    """Each side has a room of its own beside the floor; nobody takes the other’s; it ends with the sitting."""
    async with running_node(tmp_path) as stage:
        one, other = await found_dialogue(stage)
        talk = await a_sitting(one, other)
        await other.act("talks.delegation", talk=talk, delegates=[other.id])
        await other.act("talks.open-sitting", talk=talk, n=1)
        sitting = f"/api/dialogues/{one.dialogue}/talks/{talk}/sittings/1"
        devices = {each.side: certified(each, talk) for each in (one, other)}

        async def seat(who: Delegate, where: str, whose: Delegate) -> dict[str, Any]:
            return await who.post(f"{sitting}/{where}", {"certificate": devices[whose.side].to_json()})

        floor = await seat(one, "join", one)
        ours, theirs = await seat(one, "caucus", one), await seat(other, "caucus", other)
        assert len({floor["room"], ours["room"], theirs["room"]}) == 3
        assert ours["room"].endswith(f"/caucus/{one.side}") and theirs["room"].endswith(
            f"/caucus/{other.side}"
        )
        assert ours["identity"] == floor["identity"]
        for who, whose in ((one, other), (other, one)):
            with pytest.raises(Answered) as refused:
                await seat(who, "caucus", whose)
            assert refused.value.status in (401, 403)
        assert await validated(stage, ours["token"]) == 200

        await other.act("talks.leave-sitting", talk=talk, n=1)
        assert await validated(stage, ours["token"]) == 401
        with pytest.raises(Answered) as over:
            await seat(one, "caucus", one)
        assert over.value.code == "sitting-not-open"
