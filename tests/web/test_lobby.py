"""The lobby by HTTP: each side sees on the room's page who of both is there, and nobody speaks for another."""

from __future__ import annotations

from pathlib import Path

import pytest
from lxml import html
from tests.flows.stage import found_dialogue, running_node
from tests.flows.test_attacks import a_sitting

from visavis.rehearsal.delegate import Answered, Delegate
from visavis.web import api

pytestmark = pytest.mark.anyio


async def halves(delegate: Delegate, talk: str) -> tuple[list[str], list[str]]:
    """Presences on the room's page: of our delegation, of theirs."""
    page = await delegate.page(f"/d/{delegate.dialogue}/talks/{talk}/room")
    lobby = html.document_fromstring(page.text).get_element_by_id("lobby")
    ours, theirs = (
        [row.get("data-presence", "?") for row in lobby.iterfind(f".//div[@class='{who}']//li")]
        for who in ("ours", "theirs")
    )
    return ours, theirs


async def test_both_sides_see_who_is_ready(tmp_path: Path) -> None:
    """One is ready and goes; the other sees it. Who has not opened the sitting, or is not named, says nothing."""
    async with running_node(tmp_path) as stage:
        one, other = await found_dialogue(stage)
        talk = await a_sitting(one, other)
        lobby = f"/api/dialogues/{one.dialogue}/talks/{talk}/sittings/1/lobby"
        with pytest.raises(Answered) as early:
            await other.post(lobby, {"presence": "ready"})
        assert early.value.code == "sitting-not-open"
        await other.act("talks.open-sitting", talk=talk, n=1)
        with pytest.raises(Answered) as unnamed:
            await other.post(lobby, {"presence": "ready"})
        assert unnamed.value.status == 403
        await other.act("talks.delegation", talk=talk, delegates=[other.id])

        marks = {(await one.post(lobby, {"presence": "ready"}))["mark"]}
        assert await halves(one, talk) == (["ready"], [""])
        assert await halves(other, talk) == ([""], ["ready"])
        marks.add((await other.post(lobby, {"presence": "in"}))["mark"])
        assert await halves(one, talk) == (["ready"], ["in"])
        marks.add((await one.post(lobby, {"presence": None}))["mark"])
        assert await halves(one, talk) == ([""], ["in"])
        assert len(marks) == 3
        for wrong in ({"presence": "host"}, {"presence": 1}, {}, {"presence": "in", "side": other.side}):
            with pytest.raises(Answered) as malformed:
                await one.post(lobby, wrong)
            assert malformed.value.status == 400


async def test_nobody_floods_the_other_side_s_pages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each delegate has a budget of their own; what is beyond it is refused, is no news, and changes nothing."""
    monkeypatch.setattr(api, "LOBBY_A_MINUTE", 4)
    async with running_node(tmp_path) as stage:
        one, other = await found_dialogue(stage)
        talk = await a_sitting(one, other)
        await other.act("talks.open-sitting", talk=talk, n=1)
        await other.act("talks.delegation", talk=talk, delegates=[other.id])
        lobby = f"/api/dialogues/{one.dialogue}/talks/{talk}/sittings/1/lobby"
        for presence in ("ready", "door", "ready", "door"):
            await one.post(lobby, {"presence": presence})
        for presence in ("in", None):
            with pytest.raises(Answered) as refused:
                await one.post(lobby, {"presence": presence})
            assert (refused.value.status, refused.value.code) == (429, "too-many")
        assert await halves(other, talk) == ([""], ["door"])
        await other.post(lobby, {"presence": "ready"})
        assert await halves(one, talk) == (["door"], ["ready"])
