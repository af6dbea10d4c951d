"""The first pages of a side, and the door: guided, back without loss, and a state for every link that leads nowhere."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from lxml import html
from tests.flows.stage import Stage, found_dialogue, running_node, seat_delegation
from tests.web.test_pages import Browser, lint

from visavis.record.digest import to_text
from visavis.web.pages.founding import fingerprint

pytestmark = pytest.mark.anyio


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    async with running_node(tmp_path) as running:
        yield running


def at_step(page: html.HtmlElement) -> str:
    """The words of the step to be done; "" if all are."""
    assert lint(page, "/founding") == []
    return str(page.xpath("string(//ol[@class='steps']/li[@aria-current='step']/h2)")).strip()


async def test_founding_goes_step_by_step(stage: Stage) -> None:
    """From the link to a side that somebody can sign for; each page says the one thing to do, and where one stands."""
    opened = await Browser(stage.url).page(stage.links[0].removeprefix(stage.url))
    assert opened.xpath("//form[@data-enrol]")
    one, other = stage.delegate("Officer of side A"), stage.delegate("Officer of side B")
    await one.enrol(stage.links[0])
    await other.enrol(stage.links[1])
    at_one, at_other = Browser(stage.url, one.token), Browser(stage.url, other.token)
    assert (await at_one.get("/")).headers["location"] == "/founding"
    assert at_step(await at_one.page("/founding")) == "Say who you are"
    typed = {"name.en": "Side A", "name.ar": "الجانب أ", "recovery": key()}
    read = html.document_fromstring((await at_one.post("/founding/check", **typed)).text)
    assert at_step(read) == "Say who you are"
    assert typed["recovery"] in read.text_content()
    form = read.xpath("//form[@action='/founding/change']")[0]
    back = html.document_fromstring((await at_one.post("/founding/change", **dict(form.fields))).text)
    assert back.xpath("//input[@name='name.ar']/@value") == [typed["name.ar"]]
    assert back.xpath("string(//textarea[@name='recovery'])").strip() == typed["recovery"]
    for path in ("/founding/check", "/founding/change"):  # a reload
        assert (await at_one.get(path)).headers["location"] == "/founding"
        assert (await at_one.get(f"{path}?lang=ar")).headers["location"] == "/founding?lang=ar"
    form = read.xpath("//form[@action='/founding']")[0]
    for _ in range(2):  # pressed twice
        assert (await at_one.post("/founding", **dict(form.fields))).status_code == 303
    waiting = await at_one.page("/founding")
    assert at_step(waiting) == "The other side does the same"
    assert not waiting.xpath("//form[@data-command]")
    assert stage.links[1] not in waiting.text_content()
    assert (await at_other.post("/founding", **{"name.en": "Side B"})).status_code == 303
    ready, theirs = await at_one.page("/founding"), await at_other.page("/founding")
    assert at_step(ready) == "Sign the first entry"
    assert ready.xpath("//form[@data-command='dialogue.found']/@data-next") == ["/founding"]
    ours, also = (page.xpath("//p[@class='fingerprint']/text()") for page in (ready, theirs))
    assert ours == also[::-1] and len(set(ours)) == 2
    await one.place()
    assert fingerprint(one.side) == ours[0]
    await one.act("dialogue.found")
    assert at_step(await at_one.page("/founding")).startswith("Say where your clocks")
    await one.act("dialogue.profile", zone="Europe/Paris", languages=["en", "ar"])
    assert at_step(await at_one.page("/founding")) == "Bring your people"
    await seat_delegation(stage, one, "A", "adviser")
    assert at_step(await at_one.page("/founding")) == "Bring your people"
    principal = (await seat_delegation(stage, one, "A", "principal"))["principal"]
    done = await at_one.page("/founding")
    assert at_step(done) == "" and done.get_element_by_id("founded") is not None
    assert (await Browser(stage.url, principal.token).get("/founding")).headers["location"] == "/"


def key() -> str:
    return to_text(Ed25519PrivateKey.generate().public_key().public_bytes_raw())


async def test_what_is_wrong_is_said_at_its_field(stage: Stage) -> None:
    """Nothing is stated, and everything that was typed is still there."""
    one = stage.delegate("Officer of side A")
    await one.enrol(stage.links[0])
    at_one = Browser(stage.url, one.token)
    keys = "\n".join(key() for _ in range(9))
    for typed, field in (
        ({"name.en": " "}, "name.en"),
        ({"name.en": "Side A", "name.ru": "x" * 201}, "name.ru"),
        ({"name.en": "Side A", "recovery": "none"}, "recovery"),
        ({"name.en": "Side A", "recovery": keys}, "recovery"),
    ):
        for path in ("/founding", "/founding/check"):
            answer = await at_one.post(path, **typed)
            assert answer.status_code == 400
            page = html.document_fromstring(answer.text)
            assert at_step(page) == "Say who you are"
            (wrong,) = page.xpath("//*[@aria-invalid='true']")
            assert wrong.get("name") == field
            (said,) = page.xpath("//*[@role='alert']")
            assert said.get("id") in wrong.get("aria-describedby").split()
            for name, words in typed.items():
                (control,) = page.xpath(f"//*[@name='{name}']")
                assert (control.get("value") or control.text or "").strip() == words.strip()


async def test_invitations_are_seen_and_taken_back(stage: Stage) -> None:
    """A reload shows who is invited, without the link; whoever may admit takes one back, and it opens nothing."""
    a, b = await found_dialogue(stage)
    at = f"/d/{a.dialogue}/invitations"
    officer = Browser(stage.url, a.token)
    answer = await officer.post(at, name="Adviser of side A", role="adviser")
    shown = html.document_fromstring(answer.text)
    assert lint(shown, at) == []
    link = shown.xpath("string(//code[@class='invitation'])")
    path = link.removeprefix(stage.url)
    unnamed = html.document_fromstring((await officer.post(at, name="x" * 121, role="adviser")).text)
    assert unnamed.xpath("//*[@aria-invalid='true']/@value") == ["x" * 121]
    page = await officer.page(at)
    assert lint(page, at) == [] and not page.xpath("//code[@class='invitation']")
    (row,) = page.xpath("//ul[@id='links']/li")
    assert "Adviser of side A" in row.text_content()
    fields = dict(row.xpath(".//form")[0].fields)
    assert (await Browser(stage.url, b.token).post(f"{at}/withdraw", **fields)).status_code == 409
    await Browser(stage.url).page(path)
    assert (await officer.post(f"{at}/withdraw", **fields)).status_code == 303
    assert (await officer.post(f"{at}/withdraw", **fields)).status_code == 409
    gone = await Browser(stage.url).page(path, status=410)
    assert gone.findtext(".//h1") == "This link was withdrawn"
    assert not (await officer.page(at)).xpath("//ul[@id='links']/li//form")
    adviser = (await seat_delegation(stage, a, "A", "adviser"))["adviser"]
    answer = await Browser(stage.url, adviser.token).get(at)
    assert answer.headers["location"] == f"/d/{a.dialogue}#people"


async def test_a_link_that_leads_nowhere_says_why(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """Used, expired and unknown: each its own page, with what to do; nothing was changed by looking."""
    a, b = await found_dialogue(stage)
    invited = await a.post(
        f"/api/dialogues/{a.dialogue}/invitations", {"name": "Adviser of side A", "role": "adviser"}
    )
    path = invited["link"].removeprefix(stage.url)
    visitor = Browser(stage.url)
    for address, title, status in (
        (stage.links[0].removeprefix(stage.url), "This link was used", 410),
        (f"/enter/{'x' * 43}", "This link leads nowhere", 404),
    ):
        page = await visitor.page(address, status=status)
        assert page.findtext(".//h1") == title and lint(page, address) == []
    # Opened by somebody else of our side, and by somebody of the other: neither makes a passkey there by mistake.
    for other, told in ((a, "Adviser of side A"), (b, "not of your side")):
        page = await Browser(stage.url, other.token).page(path, status=409)
        assert lint(page, path) == [] and not page.xpath("//form[@data-enrol]")
        assert told in page.text_content() and ("Adviser of side A" in page.text_content()) is (other is a)
    assert (await visitor.page(path)).xpath("//form[@data-enrol]")
    left = await Browser(stage.url, b.token).post("/leave", link=path.removeprefix("/enter/"))
    assert left.headers["location"] == path
    assert (await Browser(stage.url, a.token).post("/leave", link="//evil.example")).headers[
        "location"
    ] == "/"
    later = datetime.now(UTC) + timedelta(days=7)
    monkeypatch.setattr(stage.node.admission, "_clock", lambda: later)
    page = await visitor.page(path, status=410)
    assert page.findtext(".//h1") == "This link has expired"
