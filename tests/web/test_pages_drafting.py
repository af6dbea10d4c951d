"""Drafting on the pages: proposals and counter-proposals as redlines, brackets, remarks that one side alone sees."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from lxml import html
from tests.flows.stage import Stage, found_dialogue, running_node, seat_delegation
from tests.web.test_pages import Browser, lint

from visavis.dialogue import service
from visavis.rehearsal.delegate import Answered, Delegate

pytestmark = pytest.mark.anyio

TITLE = {"en": "Visas", "ru": "Визы"}
BRACKETED = {
    "en": "Visas are issued within [Side A: ten] [Side B: thirty] days.\n\nNo fee is taken.",
    "ru": "Визы выдаются в течение [Сторона А: десяти] [Сторона Б: тридцати] дней.\n\nСбор не взимается.",
}
AGREED = {
    "en": "Visas are issued within ten days.\n\nNo fee is taken.\n\nJournalists are named in a list.",
    "ru": "Визы выдаются в течение десяти дней.\n\nСбор не взимается.\n\nЖурналисты поимённо вносятся в список.",
}
LATE = 3600.0
"""Seconds: the node writes no receipts by itself, so that what grows a log is what the test does."""
SECRET = "Our minister would take twenty"


@dataclass(frozen=True)
class Two:
    """Both sides' officers and principals at one node."""

    stage: Stage
    officers: tuple[Delegate, Delegate]
    people: tuple[Delegate, Delegate]
    data: Path

    def browser(self, person: Delegate, language: str = "en") -> Browser:
        return Browser(self.stage.url, person.token, language)

    async def tabled(self, s: int, body: dict[str, str], **fields: Any) -> dict[str, str]:
        """A text of side s; what names it."""
        asked = {"kind": "understanding", "title": TITLE, "body": body, "undertakings": []} | fields
        act = await self.people[s].act("understandings.table", **asked)
        state = await self.people[s].state()
        found = next(u for u in state["understandings"] if u["id"] == act["understanding"])
        return {"understanding": found["id"], "hash": found["open"][-1]["hash"]}

    def at(self, told: dict[str, str]) -> str:
        return f"/d/{self.people[0].dialogue}/understandings/{told['understanding']}"


@pytest.fixture
async def two(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Two]:
    monkeypatch.setattr(service, "RECEIPT_DELAY_S", LATE)
    async with running_node(tmp_path) as stage:
        officers = await found_dialogue(stage)
        people = [
            (await seat_delegation(stage, officer, letter, "principal"))["principal"]
            for officer, letter in zip(officers, "AB", strict=True)
        ]
        yield Two(stage, officers, (people[0], people[1]), tmp_path)


def words(node: html.HtmlElement) -> str:
    return " ".join(node.text_content().split())


async def test_a_counter_proposal_is_a_redline_in_a_thread(two: Two) -> None:
    """From brackets to a version without: either side reads what changed, and nobody signs before."""
    first = await two.tabled(0, BRACKETED)
    of, at = {"understanding": first["understanding"]}, two.at(first)
    for person in two.people:
        page = await two.browser(person).page(at)
        assert "in clause 1" in words(page.xpath("//aside[contains(@class, 'is-halt')]")[0])
        assert not page.xpath("//form[@data-command='understandings.sign']")
        assert not page.xpath("//form[@data-command='understandings.initial']")
        assert len(page.xpath("//li[@class='clause']//span[contains(@class, 'bracket')]")) == 4
        with pytest.raises(Answered) as refused:
            await person.act("understandings.sign", **first)
        assert (refused.value.status, refused.value.code) == (409, "open-brackets")
        assert refused.value.details["places"] == ["clause-1"]
    b = two.browser(two.people[1])
    page = await b.page(at)
    (take,) = page.xpath("//ul[contains(@class, 'ways')]//a[contains(@href, 'take=theirs')]/@href")
    draft = await b.page(take)
    assert lint(draft, take) == []
    assert draft.xpath("string(//form[@data-command]/@data-seen)") == "1"
    assert draft.get_element_by_id("body-en").text == "Visas are issued within ten days."
    assert draft.get_element_by_id("body-ru").text == "Визы выдаются в течение десяти дней."
    assert draft.get_element_by_id("clause-1-en").text == "No fee is taken."
    second = await two.tabled(1, AGREED, **of)
    for person, whose in zip(two.people, ("theirs", "ours"), strict=True):
        page = await two.browser(person).page(at)
        assert lint(page, at) == []
        assert f"Version 2 of 2, {whose}." in words(page)
        (redline,) = page.xpath("//details[@open]/div[contains(@class, 'redline')]")
        struck, new = ([words(e) for e in redline.xpath(f".//{name}")] for name in ("del", "ins"))
        assert struck[0] == "(struck out:) [Side A: ten] [Side B: thirty] (end)"
        assert "(new:) Journalists are named in a list. (end)" in new
        assert "1 clause stays as it was." in words(redline)
        assert [e.get("dir") for e in redline.xpath(".//ins")] == ["ltr"] * len(new)
        assert [
            words(e).partition(",")[0] for e in page.xpath("//ol[contains(@class, 'thread')]//strong")
        ] == ["Version 2", "Version 1"]
        assert page.xpath(f"//form[@data-command='understandings.sign']//input[@value='{second['hash']}']")
    old = await two.browser(two.people[0]).page(f"{at}?text={first['hash']}")
    assert old.get_element_by_id(f"text-{first['hash'][:8]}") is not None
    for person in two.people:
        await person.act("understandings.sign", **second)
    # Nothing of the thread is lost when it is in force, and an amendment begins with what is.
    page = await b.page(at)
    assert "In force" in words(page.get_element_by_id("status"))
    assert len(page.xpath("//ol[contains(@class, 'thread')]/li")) == 2
    draft = await b.page(f"/d/{two.people[1].dialogue}/understandings/new?of={of['understanding']}")
    assert draft.get_element_by_id("clause-2-en").text == "Journalists are named in a list."


async def test_who_drafted_on_an_older_version_is_told(two: Two) -> None:
    """The draft is refused with what was tabled meanwhile, by either side, until they say that they mean it."""
    told = await two.tabled(0, BRACKETED)
    of = {"understanding": told["understanding"]}
    a = two.people[0]
    fields = {"kind": "understanding", "title": TITLE, "body": AGREED, "undertakings": []} | of
    asked = {"command": "understandings.table", "fields": fields, "seen": 1}
    await two.tabled(1, AGREED, **of)
    with pytest.raises(Answered) as refused:
        await a.post(f"/api/dialogues/{a.dialogue}/drafts", asked)
    details = refused.value.details
    assert (refused.value.code, details["of"], details["seen"]) == ("changed-meanwhile", "tabled", 2)
    assert ["en", AGREED["en"]] in details["texts"]
    await a.post(f"/api/dialogues/{a.dialogue}/drafts", asked | {"seen": 2})


async def test_a_remark_is_its_sides_alone(two: Two) -> None:
    """Its own side's people read it; the other side finds it on no page and in nothing that it may fetch."""
    told = await two.tabled(1, BRACKETED)
    of, at = {"understanding": told["understanding"]}, two.at(told)
    ours, officer = two.browser(two.people[0]), two.browser(two.officers[0])
    sizes = [len(ledger) for ledger in two.stage.node.dialogues.ledger(two.people[0].dialogue).leaves]
    given = {"text": told["hash"], "clause": "2", "words": f"{SECRET} <b>&", "seen": "0"}
    for _ in range(2):  # sent twice, it is one
        assert (await ours.post(f"{at}/remarks", **given)).status_code == 303
    for mine in (ours, officer):
        page = await mine.page(at)
        assert lint(page, at) == []
        (remark,) = page.xpath("//div[@class='remark']")
        assert f"{SECRET} <b>&" in words(remark)
        assert "Principal of side A" in words(remark)
        assert remark.xpath("ancestor::li//a[@class='clause-no']")[0].text == "2"
    b = two.people[1]
    theirs = two.browser(b)
    paths = [at, f"{at}?text={told['hash']}", f"/d/{b.dialogue}", f"/d/{b.dialogue}/record", "/", "/me"]
    assert not any([SECRET in (await theirs.get(path)).text for path in paths])
    assert "remark of our side" not in words(await theirs.page(at))
    assert SECRET not in str(await b.state())
    for side in (0, 1):  # nor is it in the record of its own side
        person = two.people[side]
        assert SECRET.encode() not in await person.bytes_of(f"/api/dialogues/{b.dialogue}/bundle")
    ledger = two.stage.node.dialogues.ledger(b.dialogue)
    assert [len(leaves) for leaves in ledger.leaves] == sizes
    assert not any(SECRET.encode() in row.data for row in ledger.contents.values())
    # The other side can neither erase it nor learn that it is: an id of nobody's is answered alike.
    (action,) = (await ours.page(at)).xpath("//form[contains(@action, '/erase')]/@action")
    nobody = re.sub(r"remarks/.*/", "remarks/none/", action)
    answers = [await theirs.post(path) for path in (action, nobody)]
    assert {answer.status_code for answer in answers} == {409}
    assert SECRET not in answers[0].text
    # On a later version it stands beside the clause that came of that one.
    later = await two.tabled(
        0, AGREED | {"en": f"New.\n\n{AGREED['en']}", "ru": f"Новое.\n\n{AGREED['ru']}"}, **of
    )
    (remark,) = (await ours.page(at)).xpath("//div[@class='remark']")
    assert "on version 1, clause 2" in words(remark)
    assert remark.xpath("ancestor::details/@id") == [f"remarks-{later['hash'][:8]}-3"]
    assert (await ours.post(action)).status_code == 303
    assert SECRET not in (await ours.get(at)).text


async def test_a_remark_that_is_none_is_refused(two: Two) -> None:
    """No words, too many, no such clause, no such text: nothing is kept."""
    told = await two.tabled(0, BRACKETED)
    ours = two.browser(two.people[0])
    for wrong in (
        {"words": " "},
        {"words": "x" * 4001},
        {"words": "a\x00b"},
        *({"clause": clause} for clause in ("", "0", "3", "٢", "9" * 400)),
        *({"text": text} for text in ("", "A" * 43)),
    ):
        given = {"text": told["hash"], "clause": "1", "words": SECRET} | wrong
        assert (await ours.post(f"{two.at(told)}/remarks", **given)).status_code == 400
    assert not (await ours.page(two.at(told))).xpath("//div[@class='remark']")


async def test_remarks_go_with_the_text_that_is_erased(two: Two) -> None:
    """A side that erases its copy of a text erases what it said of it, on the disk too; the other's remarks stay."""
    told = await two.tabled(0, BRACKETED)
    at = two.at(told)
    browsers = [two.browser(person) for person in two.people]
    for browser, said in zip(browsers, (SECRET, "Theirs to keep"), strict=True):
        await browser.post(f"{at}/remarks", text=told["hash"], clause="1", words=said)
    state = await two.people[0].state()
    text = next(u for u in state["understandings"] if u["id"] == told["understanding"])["open"][0]
    await two.officers[0].act("record.erase", commitment=text["body"][0][1])
    texts = [told["hash"]]
    store = two.stage.node.remarks
    sides = [person.side for person in two.people]
    kept = [[r.words for r in await store.of(two.people[0].dialogue, side, texts)] for side in sides]
    assert kept == [[], ["Theirs to keep"]]
    files = [path for path in two.data.rglob("*") if path.is_file()]
    assert not any(SECRET.encode() in path.read_bytes() for path in files)
