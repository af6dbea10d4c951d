"""The record page by windows, and each entry at its own address (http.md §4)."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import urljoin

import pytest
from lxml import html
from tests.flows.stage import Stage, found_dialogue, running_node
from tests.web.test_pages import lint

from visavis.record.digest import from_text
from visavis.record.merkle import leaf_hash
from visavis.rehearsal.delegate import Delegate
from visavis.web.pages import record

pytestmark = pytest.mark.anyio


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    async with running_node(tmp_path) as running:
        yield running


async def opened(who: Delegate, path: str) -> html.HtmlElement:
    answer = await who.page(path)
    assert answer.status_code == 200, path
    return html.document_fromstring(answer.text)


async def test_each_entry_stands_at_an_address_of_its_own(stage: Stage) -> None:
    """Both sides open it at the same one, as it is in the log, with what it commits to; nothing else is an entry."""
    one, other = await found_dialogue(stage)
    await one.act(
        "talks.propose", title={"en": "Talks"}, start="2031-12-07T15:00:00Z", minutes=60, mode="video"
    )
    at = f"/d/{one.dialogue}/record"
    page = await opened(one, f"{at}?receipts=1")
    addresses = {urljoin(at, each) for each in page.xpath("//ol[@id='logs']/li/a/@href")}
    filled = {urljoin(at, each) for each in page.xpath("//ol[@id='logs']//details//a[@data-fills]/@href")}
    assert addresses == filled
    assert "proof" not in page.text_content()
    for side in (one.side, other.side):
        log = await one.get(f"/api/dialogues/{one.dialogue}/logs/{side}")
        assert {f"{at}/{side}/{n}" for n in range(log["size"])} <= addresses
        for n, leaf in enumerate(log["leaves"]):
            for who in (one, other):
                shown = await opened(who, f"{at}/{side}/{n}")
                assert lint(shown, f"{side} {n}") == []
                raw = json.loads(shown.xpath("string(//pre[@class='raw'])"))
                assert raw == json.loads(from_text(leaf))
                whose = "our" if side == who.side else "their"
                assert shown.xpath("string(//h1)") == f"Entry {n} of {whose} log"
                hashes = [each.text_content() for each in shown.xpath("//dd[@class='hash']")]
                assert record.to_text(leaf_hash(from_text(leaf))) in hashes
    last = (await one.get(f"/api/dialogues/{one.dialogue}/logs/{one.side}"))["size"]
    proposed = await opened(other, f"{at}/{one.side}/{last - 1}")
    assert "Talks" in proposed.xpath("string(//ul[@class='beside'])")
    for wrong in (
        f"{one.side}/{last}",
        f"{one.side}/-1",
        f"{one.side}/٣",
        f"{one.side}/{'9' * 99}",
        "none/0",
    ):
        assert (await one.page(f"{at}/{wrong}")).status_code == 404


async def test_every_entry_is_on_one_page_of_the_record(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From the latest page by "Earlier entries" each is met once; an entry's way back leads to the page it is on."""
    monkeypatch.setattr(record, "ROWS", 3)
    one, other = await found_dialogue(stage)
    at = f"/d/{one.dialogue}/record"
    met: list[str] = []
    path: str | None = f"{at}?receipts=1"
    while path is not None:
        page = await opened(one, path)
        met += page.xpath("//ol[@id='logs']/li/a/@href")
        further = page.xpath("//nav[@aria-label='Further entries']//a[contains(., 'Earlier')]/@href")
        path = urljoin(at, further[0]) if further else None
    sizes = [
        (await one.get(f"/api/dialogues/{one.dialogue}/logs/{s}"))["size"] for s in (one.side, other.side)
    ]
    assert len(met) == len(set(met)) == sum(sizes) > 3
    for address in met:
        entry = await opened(one, urljoin(at, address))
        back, _, place = entry.xpath("//main//p/a/@href")[0].partition("#")
        assert (await opened(one, back)).xpath(f"//ol[@id='logs']/li[@id='{place}']")
