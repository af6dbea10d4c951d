"""Hostile words of either side on the pages: they stay words, in the order in which they were signed."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass

import httpx2
import pytest
from lxml import html
from tests.flows.stage import ZONES, Stage, running_node, seat_delegation
from tests.web.test_pages import Browser, lint

from visavis.dialogue.texts import harmless
from visavis.rehearsal.delegate import Delegate

pytestmark = [pytest.mark.anyio, pytest.mark.slow]

TURNING = re.compile("[\u202a-\u202e\u2066-\u2069]")
MARKUP = '<zq9 onload="alert(1)"><svg onload=alert(1)></script><script>alert(1)</script>'
LINKS = "[click](javascript:alert(1)) <javascript:alert(1)> ![x](http://zq9.example/x.png) [d](data:text/html,zq9)"
LONG = "w" * 280


def nasty(mark: str) -> dict[str, str]:
    """Words that turn, hide and command, in both languages; mark: by which they are found again."""
    return {
        "en": f"{mark} \u202e01 snoillim\u2069\u2069\u202d \u200b\u200d {MARKUP[:60]}",
        "ru": f"{mark} \u2067назад \u202b{MARKUP[:60]}",
        "ar": f"{mark} \u202dكلمات {{{{ 7*7 }}}}",
    }


def long_text(mark: str) -> dict[str, str]:
    return {code: f"{words}\n\n{LINKS}\n\n{MARKUP}\n\n{LONG}" for code, words in nasty(mark).items()}


def agreeable(texts: dict[str, str]) -> dict[str, str]:
    """As somebody can sign them: without brackets."""
    return {code: words.translate({ord("["): "(", ord("]"): ")"}) for code, words in texts.items()}


@dataclass(frozen=True, slots=True)
class Played:
    """people: a delegate of each side who signs; paths: of every page that shows their words."""

    stage: Stage
    people: tuple[Delegate, Delegate]
    officers: tuple[Delegate, Delegate]
    paths: list[str]


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    """As everywhere, but as long as the module: the talk is played once."""
    return "asyncio"


@pytest.fixture(scope="module")
async def played(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Played]:
    async with running_node(tmp_path_factory.mktemp("node")) as stage:
        officers = (stage.delegate("\u202eOfficer of side A"), stage.delegate("\u202eOfficer of side B"))
        for officer, link, side in zip(officers, stage.links, "AB", strict=True):
            await officer.enrol(link)
            await officer.post("/api/foundings", {"name": nasty(f"SIDE-{side}")})
        people = []
        for officer, zone, side in zip(officers, ZONES, "AB", strict=True):
            await officer.place()
            await officer.act("dialogue.found")
            await officer.act("dialogue.profile", zone=zone, languages=["en", "ru", "ar"])
            seated = await seat_delegation(stage, officer, f"{side}\u202e\u2069{MARKUP[:40]}", "principal")
            people.append(seated["principal"])
        one, other = people
        made = await one.act(
            "talks.offer",
            title=nasty("TALK"),
            start="2021-12-07T15:00:00Z",
            minutes=60,
            mode="in-person",
            place=nasty("PLACE"),
        )
        talk = str(made["talk"])
        time = (await one.state())["talks"][0]["talk"]["times"][0]["hash"]
        await other.act("talks.accept", talk=talk, hash=time)
        item = (await one.act("talks.propose-item", talk=talk, title=nasty("ITEM"), kind="issue"))["item"]
        releases = []
        texts = {
            code: {"title": nasty("HEADLINE")[code], "text": words, "dateline": nasty("LINE")[code]}
            for code, words in long_text("RELEASE").items()
        }
        for person in people:
            await person.act(
                "talks.state-position", talk=talk, item=item, text=long_text("POSITION"), hold=False
            )
            await person.act("talks.relation", talk=talk, grade="good", text=long_text("RELATION"))
            cleared = await person.act(
                "press.clear", talk=talk, kind="readout", initials="\u202eXY", texts=texts
            )
            await person.act("press.release", release=cleared["release"], version=1)
            releases.append(f"/newsroom/{person.side}/{cleared['release']}")
        duties = [{"by": person.side, "text": nasty("DUTY")} for person in people]
        offer = await one.act(
            "understandings.offer",
            kind="understanding",
            title=nasty("TITLE"),
            body=agreeable(long_text("BODY")),
            undertakings=duties,
            talk=talk,
        )
        text = (await other.state())["understandings"][0]
        await other.act("understandings.sign", understanding=text["id"], hash=text["open"][0]["hash"])
        await other.act(
            "understandings.table",
            understanding=text["id"],
            kind="understanding",
            title=nasty("AMENDED"),
            body=long_text("AMENDMENT"),
            undertakings=duties,
            talk=talk,
        )
        for person in people:
            await person.act(
                "understandings.assess",
                talk=talk,
                understanding=offer["understanding"],
                verdict="implemented",
                evidence=long_text("EVIDENCE"),
            )
        base = f"/api/dialogues/{one.dialogue}/invitations"
        await officers[0].post(base, {"name": f"INVITED \u202e{MARKUP[:60]}", "role": "adviser"})
        at = f"/d/{one.dialogue}"
        paths = [
            "/",
            at,
            *(f"{at}/talks/{talk}{page}" for page in ("", "/review", "/room", "/press")),
            f"{at}/understandings/{text['id']}",
            f"{at}/understandings/new?of={text['id']}",
            f"{at}/record",
            *(f"/newsroom/{person.side}" for person in people),
            *releases,
        ]
        yield Played(stage, (one, other), officers, paths)


def isolated(element: html.HtmlElement) -> bool:
    """Whether what an element says turns nothing outside of it."""
    return any(
        each.get("dir") or each.tag in ("bdi", "title", "option", "code")
        for each in (element, *element.iterancestors("*"))
        if each.tag != "html"
    )


@pytest.mark.parametrize("language", ["en", "ar"])
async def test_hostile_words_stay_words(played: Played, language: str) -> None:
    """No markup, no script, no link that runs, no character that turns what is beside it, on any page of either."""
    for who in (*played.people, *played.officers, None):
        browser = Browser(played.stage.url, who.token if who else "", language)
        for path in played.paths if who else [p for p in played.paths if p.startswith("/newsroom")]:
            answer = await browser.get(path)
            assert answer.status_code == 200, path
            page = html.document_fromstring(answer.text)
            assert [each for each in lint(page, path) if "template" not in each] == []
            assert not page.xpath("//zq9 | //img | //svg[@onload]"), path
            for link in page.xpath("//a/@href | //area/@href"):
                assert re.match(r"(/|#|\?|https?://|mailto:|$)", link), f"{path}: {link}"
            for element in page.iter("*"):
                if element.tag in ("textarea", "input", "script"):
                    continue  # a form keeps what was typed, to the letter
                for words in (element.text, *(child.tail for child in element), *element.attrib.values()):
                    assert not TURNING.search(words or ""), f"{path}: <{element.tag}> {words!r}"
                said = (element.text or "") + "".join(child.tail or "" for child in element)
                if "\ufffd" in said:
                    assert isolated(element), f"{path}: <{element.tag} {dict(element.attrib)}> {said[:80]!r}"


async def test_a_reader_sees_that_something_turns(played: Played) -> None:
    """Each place where a character would have turned the words is marked, and the words stand as they were signed."""
    for person in played.people:
        page = await Browser(played.stage.url, person.token).page(played.paths[2])
        flat = " ".join(page.text_content().split())
        for mark in ("TALK", "ITEM", "POSITION", "RELATION"):
            assert f"{mark} \ufffd01 snoillim\ufffd\ufffd\ufffd" in flat, mark
        assert "<zq9 onload=" in flat


async def test_a_form_keeps_what_was_written(played: Played) -> None:
    """A change is drafted from the very words that are in force, though the page shows them marked."""
    path = next(p for p in played.paths if "?of=" in p)
    page = await Browser(played.stage.url, played.people[0].token).page(path)
    assert page.xpath("//input[@name='title.en']/@value") == [nasty("TITLE")["en"]]
    clauses = [each.text for each in page.xpath("//textarea[starts-with(@name, 'clauses.') and @lang='ru']")]
    assert "\n\n".join(filter(None, clauses)) == agreeable(long_text("BODY"))["ru"]


async def test_readers_send_no_turning_words(played: Played) -> None:
    """A comment with such characters is refused in words, and stands in the form as it was typed."""
    path = played.paths[-1]
    async with httpx2.AsyncClient() as http:
        fields = {"name": "\u202eX", "text": f"a\u202eb {MARKUP}"}
        answer = await http.post(f"{played.stage.url}{path}/comments", data=fields)
    assert answer.status_code == 400
    page = html.document_fromstring(answer.text)
    assert page.xpath("//textarea[@name='text']")[0].text.strip() == fields["text"]
    assert page.xpath("//*[@role='alert']")
    assert not page.xpath("//zq9")


def test_what_is_shown_is_what_was_written_where_nothing_turns() -> None:
    """Joiners, marks of direction and ends of lines are written words; they stay."""
    assert harmless("می\u200cخواهم \u200f(1)\u200e\n\tа\u0301") == "می\u200cخواهم \u200f(1)\u200e\n\tа\u0301"
    assert harmless("") == ""
