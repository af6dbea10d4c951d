"""A delegate's own page: how they want to be told by mail."""

from __future__ import annotations

from collections.abc import AsyncIterator
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from urllib.parse import urlsplit

import anyio
import pytest
from lxml import html
from tests.flows.stage import Stage, found_dialogue, running_node, seat_delegation
from tests.web.test_calendars import agreed
from tests.web.test_pages import Browser, lint

from visavis.web.words import LANGUAGES

pytestmark = pytest.mark.anyio

ADDRESS = "someone.private@mail.example"
FORM = {
    "on": "1",
    "address": ADDRESS,
    "kinds": "time",
    "quiet_from": "22:00",
    "quiet_to": "07:00",
    "zone": "Europe/Paris",
    "language": "ar",
}


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    async with running_node(tmp_path) as running:
        yield running


async def test_wishes_are_a_delegates_own(stage: Stage) -> None:
    """Typed, refused with what was typed kept, saved, shown again to them and to nobody else."""
    a, b = await found_dialogue(stage)
    ours, theirs = Browser(stage.url, a.token), Browser(stage.url, b.token)
    assert (await Browser(stage.url).get("/me")).status_code == 401
    for wrong in ({"address": "nobody"}, {"zone": "Mars/Base"}, {"quiet_to": ""}):
        answer = await ours.post("/me/mail", **(FORM | wrong))
        assert answer.status_code == 400
        page = html.document_fromstring(answer.text)
        assert lint(page, "/me/mail") == []
        assert len(page.xpath("//*[@role='alert']")) == 1
        assert page.xpath("//input[@name='zone']/@value") == [(FORM | wrong)["zone"]]
    assert (
        await stage.node.notices.wishes(a.dialogue, a.side, (await a.get("/api/session"))["delegate"])
    ) is None
    answer = await ours.post("/me/mail", **FORM)
    assert (answer.status_code, answer.headers["location"]) == (303, "/me?saved=1#mail")
    page = await ours.page("/me?saved=1")
    assert page.xpath("//input[@name='address']/@value") == [ADDRESS]
    assert page.xpath("//input[@name='kinds'][@checked]/@value") == ["time"]
    assert page.xpath("//select[@name='language']/option[@selected]/@value") == ["ar"]
    for path in ("/me", f"/d/{b.dialogue}", f"/d/{b.dialogue}/record", f"/api/dialogues/{b.dialogue}"):
        assert ADDRESS not in (await theirs.get(path)).text
    for path in (f"/d/{a.dialogue}", f"/api/dialogues/{a.dialogue}", f"/api/dialogues/{a.dialogue}/bundle"):
        assert ADDRESS.encode() not in (await ours.get(path)).content


async def test_erasing_a_name_forgets_the_address(stage: Stage) -> None:
    """With a person's name goes where they are written to; no byte of it stays in the store's files."""
    a, _ = await found_dialogue(stage)
    ours = Browser(stage.url, a.token)
    adviser = (await seat_delegation(stage, a, "A", "adviser"))["adviser"]
    await Browser(stage.url, adviser.token).post("/me/mail", **FORM)
    held = stage.node.settings.data
    assert any(ADDRESS.encode() in file.read_bytes() for file in held.rglob("visavis.sqlite*"))
    page = await ours.page(f"/d/{a.dialogue}")
    name = page.xpath("//*[@id='names']//input[@name='commitment']/@value")
    await a.act("record.erase", commitment=name[-1])
    assert not any(ADDRESS.encode() in file.read_bytes() for file in held.rglob("visavis.sqlite*"))
    assert (await Browser(stage.url, adviser.token).page("/me")).xpath("//input[@name='address']/@value") == [
        ""
    ]


async def test_the_tab_says_how_much_waits(stage: Stage) -> None:
    """What the other side waits for, and this delegate may do, is counted in the title of the first page."""
    a, b = await found_dialogue(stage)
    assert (await Browser(stage.url, b.token).page("/")).findtext(".//title") == "Dialogues · Visavis"
    await a.act("talks.offer", title={"en": "A talk"}, start="2031-12-07T15:00:00Z", minutes=60, mode="video")
    for browser, title in (
        (Browser(stage.url, b.token), "(1) Dialogues"),
        (Browser(stage.url, a.token), "Dialogues"),
    ):
        assert (await browser.page("/")).findtext(".//title") == f"{title} · Visavis"


@pytest.mark.parametrize("language", LANGUAGES)
async def test_the_page_in_every_language(stage: Stage, language: str) -> None:
    """It stands in each, and a mail of that language can be chosen."""
    a, _ = await found_dialogue(stage)
    page = await Browser(stage.url, a.token, language).page("/me")
    assert page.get("lang") == language
    assert page.xpath("//select[@name='language']/option[@selected]/@value") == [language]


async def test_a_node_without_a_mail_server_fills_its_outbox(stage: Stage) -> None:
    """From the form to the file: what the other side does at once waits for the delegate, by the node's own task."""
    a, b = await found_dialogue(stage)
    wishes = FORM | {"quiet_from": "", "quiet_to": "", "kinds": "room", "language": "en"}
    theirs = Browser(stage.url, b.token)
    assert (await theirs.post("/me/mail", **wishes)).status_code == 303
    assert (await theirs.page("/me")).get_element_by_id("unconfirmed") is not None
    asked = (await arrived(stage, 1))[0]
    link = next(word for word in asked.get_content().split() if "/mail/" in word).removeprefix(stage.url)
    stranger = Browser(stage.url)  # another browser, or a program that looks at links in mails
    page = await stranger.page(link)
    assert lint(page, link) == [] and page.xpath("//main//form")
    done = html.document_fromstring((await stranger.post(link)).text)
    assert lint(done, link) == [] and "is confirmed" in done.findtext(".//h1")
    assert lint(await stranger.page(link, status=404), link) == []
    assert not (await theirs.page("/me")).xpath("//*[@id='unconfirmed']")
    await a.act("talks.conclude", talk=await agreed(a, b))
    (mail,) = [each for each in await arrived(stage, 2) if each["Subject"] != asked["Subject"]]
    assert (mail["To"], mail["Subject"]) == (ADDRESS, "Something waits for you")
    assert f"{stage.url}/\r\n" in mail.get_content()
    assert mail["From"] == f"visavis@{urlsplit(stage.url).hostname}"


async def arrived(stage: Stage, count: int) -> list[EmailMessage]:
    """The mails in the outbox, once there are so many."""
    outbox = stage.node.settings.data / "outbox"
    with anyio.fail_after(30):
        while len(files := list(outbox.glob("*.eml"))) < count:  # noqa: ASYNC110 - a folder tells no event
            await anyio.sleep(0.05)
    return [message_from_bytes(file.read_bytes(), policy=default) for file in files]
