"""The review page: its order and why, evidence with what it refers to, how it went from talk to talk; paper."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from lxml import html
from tests.flows.stage import Stage, found_dialogue, running_node, seat_delegation
from tests.web.test_pages import lint

from visavis.rehearsal.delegate import Answered, Delegate

pytestmark = pytest.mark.anyio

FILE = "sha256:" + "0a" * 32


@dataclass(frozen=True)
class Sides:
    """The principals of both sides, and what they have agreed."""

    people: tuple[Delegate, Delegate]

    async def talk(self, start: str) -> str:
        one, other = self.people
        made = await one.act("talks.offer", title={"en": "Talks"}, start=start, minutes=60, mode="video")
        times = next(
            t["talk"]["times"] for t in (await one.state())["talks"] if t["talk"]["id"] == made["talk"]
        )
        await other.act("talks.accept", talk=made["talk"], hash=times[0]["hash"])
        return str(made["talk"])

    async def in_force(self, talk: str, title: str) -> str:
        one, other = self.people
        words = {"en": title, "ru": f"{title} по-русски"}
        made = await one.act("understandings.offer", kind="understanding", title=words, body=words, talk=talk)
        state = (await one.state())["understandings"]
        text = next(each["open"][0]["hash"] for each in state if each["id"] == made["understanding"])
        await other.act("understandings.sign", understanding=made["understanding"], hash=text)
        return str(made["understanding"])

    async def assess(self, s: int, talk: str, understanding: str, verdict: str, **evidence: str) -> None:
        fields: dict[str, Any] = {"talk": talk, "understanding": understanding, "verdict": verdict}
        await self.people[s].act("understandings.assess", **fields, evidence=evidence)

    async def page(self, s: int, talk: str, language: str = "en") -> html.HtmlElement:
        person = self.people[s]
        answer = await person.page(f"/d/{person.dialogue}/talks/{talk}/review?lang={language}")
        assert answer.status_code == 200
        return html.document_fromstring(answer.text)


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    async with running_node(tmp_path) as running:
        yield running


@pytest.fixture
async def sides(stage: Stage) -> Sides:
    officers = await found_dialogue(stage)
    seated = [
        (await seat_delegation(stage, officer, side, "principal"))["principal"]
        for officer, side in zip(officers, "AB", strict=True)
    ]
    return Sides((seated[0], seated[1]))


def rows(page: html.HtmlElement) -> list[tuple[str, str]]:
    """(the heading of its part, the understanding's title) of each row."""
    found, part = [], ""
    for row in page.xpath("//table[contains(@class, 'review')]/tbody/tr[not(@class='opened')]"):
        words = " ".join(row.xpath("string(th//span[1] | th/a)").split())
        if row.get("class") == "need":
            part = words.rpartition(" (")[0]
        else:
            found.append((part, words))
    return found


async def test_the_review_says_what_asks_for_effort_and_how_it_went(sides: Sides) -> None:
    """Parts in one order for both sides, each named; what each said before; evidence, links and files beside it."""
    first = await sides.talk("2021-06-16T11:00:00Z")
    done, effort, apart, _ = [
        await sides.in_force(first, title) for title in ("Done", "Effort", "Apart", "Open")
    ]
    second, third = await sides.talk("2021-10-07T15:00:00Z"), await sides.talk("2021-12-07T15:00:00Z")
    await sides.assess(0, second, effort, "not-begun")
    await sides.assess(1, second, effort, "implemented")
    for s in (0, 1):
        await sides.assess(s, third, done, "implemented")
    await sides.assess(0, third, apart, "implemented")
    await sides.assess(1, third, apart, "not-begun")
    refers = f"https://example.org/minutes?n=3 Minutes\n{FILE} list.pdf"
    await sides.assess(0, third, effort, "extra-effort", en="Three rounds.", ru="Три раунда.", zxx=refers)
    with pytest.raises(Answered) as refused:
        await sides.assess(0, third, effort, "extra-effort", zxx="javascript:alert(1)")
    assert (refused.value.status, refused.value.details["field"]) == (400, "evidence.zxx")
    for s in (0, 1):
        page = await sides.page(s, third)
        assert lint(page, "review") == []
        assert rows(page) == [
            ("Extra effort is asked for", "Effort"),
            ("Implemented, says one side; not begun, says the other", "Apart"),
            ("Not assessed by both yet", "Open"),
            ("Implemented, both sides say", "Done"),
        ]
        who, other = ("ours", "theirs") if s == 0 else ("theirs", "ours")
        (row,) = page.xpath(
            "//tr[@class='opened'][preceding-sibling::tr[1]/th/a[contains(@href, $u)]]", u=effort
        )
        (said,) = row.xpath(f".//div[@class='face']/div[@class='{who}']")
        assert [p.text for p in said.xpath("p[@dir] | div[@class='on-paper']/p")] == [
            "Three rounds.",
            "Три раунда.",
        ]
        (link,) = said.xpath(".//ul[@class='refs']//a")
        assert (link.get("href"), link.text) == ("https://example.org/minutes?n=3", "Minutes")
        assert {"noopener", "noreferrer", "nofollow"} <= set(link.get("rel").split())
        assert said.xpath("string(.//li[2]//bdi)") == "list.pdf"
        assert said.xpath(".//@data-hash-of") == ["0a" * 32]
        marks = [
            [" ".join(mark.text_content().split()) for mark in row.xpath(f".//ol//div[@class='{each}']")]
            for each in (who, other)
        ]
        assert marks == [["not begun"], ["implemented"]]
        (line,) = page.xpath("//tr[th/a[contains(@href, $u)]]", u=effort)
        befores = {
            td.get("class"): td.xpath("string(span[contains(@class, 'before')])") for td in line.xpath("td")
        }
        assert befores == {who: "Before: not begun", other: "Before: implemented"}
        # What the screen shows in the reader's language the sheet has in both; what the marks say, too.
        assert [each.text for each in line.xpath("th//span[@dir]")] == ["Effort", "Effort по-русски"]
        assert line.xpath("string(th/span[@class='on-paper'])") == "Effort по-русски"
        languages = (await sides.people[s].state())["sides"]["ours"]["languages"]
        assert languages[0] != languages[1]
        assert page.xpath("//div[contains(@class, 'legend')]/p/@lang") == [c for c in languages if c != "en"]
