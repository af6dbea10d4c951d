"""The talk's page where each side has sealed another text."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.flows.crossing import at_once, cross_agendas
from tests.flows.stage import found_dialogue, running_node
from tests.flows.test_agenda import a_talk
from tests.web.test_pages import Browser, lint

from visavis.dialogue import service
from visavis.paper.figure import half

pytestmark = pytest.mark.anyio


async def test_two_seals_on_two_texts_do_not_meet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rings of two hashes, what differs, the ways out; no button that the rules refuse. Undone, one text is left."""
    monkeypatch.setattr(service, "RECEIPT_DELAY_S", 3600.0)  # the node itself acknowledges nothing meanwhile
    async with running_node(tmp_path) as stage:
        a, b = await found_dialogue(stage)
        talk, items = await a_talk(a, b)
        here = f"/d/{a.dialogue}/talks/{talk}"
        await cross_agendas(a, b, talk, list(items.values()))
        tail = {"talk": talk, "press_call": "expected", "statement": "expected"}
        await b.act("talks.table-agenda", **tail)
        agendas = {each["hash"]: each["seal"] for each in (await a.state())["talks"][0]["talk"]["agendas"]}
        ours = next(hash_ for hash_, seal in agendas.items() if seal["ours"]["state"] == "sealed")
        theirs = next(hash_ for hash_, seal in agendas.items() if seal["theirs"]["state"] == "sealed")
        page = await Browser(stage.url, a.token).page(here)
        assert lint(page, here) == []
        seal = page.xpath("//*[@id='seals']//*[contains(@class, 'is-crossed')]")[0]
        for who, hash_ in (("ours", ours), ("theirs", theirs)):
            drawn = seal.xpath(f".//*[contains(@class, '{who}')]//*[local-name()='path']/@d")
            assert drawn == [stroke.path for stroke in half("sealed", hash_)]
        words = " ".join(page.xpath("//*[@id='seals']")[0].text_content().split())
        assert "Two seals on two different texts. Nothing is in force." in words
        assert "They differ in: items, order and statement." in words
        assert "Our seal is on another text" in words
        commands = page.xpath("//*[@id='seals']//form/@data-command")
        assert commands == ["talks.withdraw-agenda", "talks.decline-agenda"]
        assert "Undo the crossing" in page.xpath("//*[@id='waiting']")[0].text_content()

        await a.act("talks.withdraw-agenda", talk=talk, hash=ours)
        page = await Browser(stage.url, a.token).page(here)
        assert "they may still sign" in page.xpath("//*[@id='seals']")[0].text_content()
        await b.act("talks.rank", talk=talk, items=list(items.values()))  # it acknowledges
        await a.act("talks.approve-agenda", talk=talk, hash=theirs)
        page = await Browser(stage.url, b.token).page(here)
        assert not page.xpath("//*[contains(@class, 'is-crossed')]")
        assert page.xpath("//*[@id='seals']//*[@data-force='yes']")

        time = {"talk": talk, "title": {"en": "Talks"}, "minutes": 60, "mode": "video"}
        await at_once(
            (a, "talks.offer", time | {"start": "2031-12-08T15:00:00Z"}),
            (b, "talks.offer", time | {"start": "2031-12-09T15:00:00Z"}),
        )
        page = await Browser(stage.url, b.token, "ar").page(here)
        assert lint(page, here) == []
        assert page.xpath("//*[@id='time']//*[contains(@class, 'is-crossed')]")
        assert page.xpath("//*[@id='time']//form/@data-command") == ["talks.withdraw", "talks.decline"]
