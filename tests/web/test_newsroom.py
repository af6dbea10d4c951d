"""The newsroom, as readers and their caches see it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import httpx2
import pytest
from lxml import etree, html
from tests.flows.stage import Stage, running_node
from tests.flows.test_day import day_on

from visavis.dialogue.model import Role
from visavis.rehearsal.play import Day

pytestmark = [pytest.mark.anyio, pytest.mark.slow]

ATOM = {"a": "http://www.w3.org/2005/Atom"}


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    """As everywhere, but as long as the module: the day is played once."""
    return "asyncio"


@pytest.fixture(scope="module")
async def stage(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    data: Path = tmp_path_factory.mktemp("node")
    async with running_node(data) as running:
        yield running


@pytest.fixture(scope="module")
async def day(stage: Stage) -> Day:
    """The founding, the meeting held earlier, and no word to the press yet."""
    made = day_on(stage)
    await made.found(stage.links)
    await made.admit()
    await made.enter_earlier()
    return made


async def ask(stage: Stage, path: str, **headers: str) -> httpx2.Response:
    async with httpx2.AsyncClient(timeout=30) as http:
        return await http.get(stage.url + path, headers={"Accept": "text/html"} | headers)


async def leave(stage: Stage, path: str, **fields: str) -> httpx2.Response:
    async with httpx2.AsyncClient(timeout=30) as http:
        return await http.post(f"{stage.url}{path}/comments", data=fields, headers={"Accept": "text/html"})


async def clear(day: Day, text: str, **more: object) -> dict[str, object]:
    """Clear a readout of side A about the earlier meeting, in two languages."""
    principal = day.people["a"][Role.PRINCIPAL]
    texts = {
        "en": {"title": "Readout of side A", "text": text, "dateline": "Northern capital"},
        "ru": {"title": "Сообщение стороны А", "text": "Сказано *прямо*.", "dateline": "Столица"},
    }
    talk = day.geneva
    fields = {"talk": talk, "kind": "readout", "initials": "PS/3", "texts": texts} | more
    return dict(await principal.act("press.clear", **fields))


async def release(day: Day, cleared: dict[str, object]) -> str:
    principal = day.people["a"][Role.PRINCIPAL]
    await principal.act("press.release", release=cleared["release"], version=cleared["version"])
    return f"/newsroom/{day.sides['a']}/{cleared['release']}"


async def test_an_empty_newsroom_says_how_it_gets_filled(stage: Stage, day: Day) -> None:
    """Before the first release the page is there, and an unknown side's is not."""
    answer = await ask(stage, f"/newsroom/{day.sides['b']}")
    assert answer.status_code == 200
    assert "Nothing is released yet" in answer.text
    assert (await ask(stage, "/newsroom/nobody")).status_code == 404
    assert (await ask(stage, f"/newsroom/{day.sides['b']}/nothing")).status_code == 404


async def test_what_is_cleared_is_not_public_before_it_is_released(stage: Stage, day: Day) -> None:
    """Not a word of a cleared readout is in the newsroom, its feed or the quotation check."""
    cleared = await clear(day, "The words of the day are held back until now.")
    at = f"/newsroom/{day.sides['a']}"
    assert (await ask(stage, f"{at}/{cleared['release']}")).status_code == 404
    for path in (at, f"{at}/feed.atom"):
        assert "Readout of side A" not in (await ask(stage, path)).text
    async with httpx2.AsyncClient(timeout=30) as http:
        quoted = {"text": "“The words of the day are held back until now.”"}
        before = await http.post(f"{stage.url}/quotes", data=quoted)
        assert "Not found." in before.text
        await release(day, cleared)
        after = await http.post(f"{stage.url}/quotes", data=quoted)
        assert "Verbatim." in after.text
        altered = {"text": "“The words of the year are held back until now.”"}
        page = html.document_fromstring((await http.post(f"{stage.url}/quotes", data=altered)).text)
        assert [" ".join(e.text_content().split()) for e in page.xpath("//del")] == ["year"]
        assert [" ".join(e.text_content().split()) for e in page.xpath("//ins")] == ["day"]
    assert "Readout of side A" in (await ask(stage, at)).text


async def test_a_release_is_dated_datelined_and_initialled(stage: Stage, day: Day) -> None:
    """The page has date, both zones, UTC, dateline, initials, metadata to share, and no cookie and no script."""
    path = await release(day, await clear(day, "First paragraph.\n\n<script>alert(1)</script> Second."))
    answer = await ask(stage, path)
    assert "set-cookie" not in answer.headers
    page = html.document_fromstring(answer.text)
    assert not page.xpath("//script")
    dateline = " ".join(page.xpath("//p[@class='dateline']")[0].text_content().split())
    assert "Northern capital" in dateline
    assert dateline.count("UTC") == 3
    assert "PS/3" in dateline
    assert page.xpath("string(//*[@itemprop='headline'])").strip() == "Readout of side A"
    assert page.xpath("//meta[@property='og:type']/@content") == ["article"]
    assert page.xpath("//meta[@property='article:published_time']/@content")
    assert page.xpath("//link[@rel='canonical']/@href") == [stage.url + path]
    body = page.xpath("//div[@itemprop='articleBody']")[0]
    assert body.xpath("./p")[0].text_content() == "First paragraph."
    russian = html.document_fromstring((await ask(stage, f"{path}?lang=ru")).text)
    assert russian.get("lang") == "ru"
    assert russian.xpath("//div[@itemprop='articleBody']//em/text()") == ["прямо"]
    arabic = html.document_fromstring((await ask(stage, f"{path}?lang=ar")).text)
    assert arabic.get("dir") == "rtl"
    assert arabic.xpath("//h1/@lang") == ["en"]


async def test_caches_are_told_the_truth(stage: Stage, day: Day) -> None:
    """The same bytes have the same strong ETag, weak where they come compressed, and answer 304; a correction changes
    it and stays linked.
    """
    cleared = await clear(day, "It took two hours.")
    path = await release(day, cleared)
    first = await ask(stage, path)
    plain = await ask(stage, path, **{"Accept-Encoding": "identity"})
    assert plain.headers["etag"].startswith('"')
    assert first.headers["etag"] == f"W/{plain.headers['etag']}"
    assert "max-age" in first.headers["cache-control"]
    assert "cookie" not in first.headers["vary"].lower()
    again = await ask(stage, path, **{"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.text) == (304, "")
    await release(day, await clear(day, "It took two hours and one minute.", release=cleared["release"]))
    corrected = await ask(stage, path, **{"If-None-Match": first.headers["etag"]})
    assert corrected.status_code == 200
    page = html.document_fromstring(corrected.text)
    assert "two hours and one minute" in page.xpath("string(//div[@itemprop='articleBody'])")
    assert "It took two hours." in page.xpath("string(//aside[@class='correction'])")
    assert page.xpath("//ul[@class='related']/li")


async def test_a_comment_waits_for_the_desk(stage: Stage, day: Day) -> None:
    """A reader's comment appears when the release's own side has published it, and then as text."""
    path = await release(day, await clear(day, "Comments are welcome."))
    text = "Is <b>this</b> all?"
    kept = await leave(stage, path, name="A reader", text=text)
    assert kept.status_code == 303
    told = await ask(stage, kept.headers["location"].split("#")[0])
    assert "Your comment is with the desk" in told.text
    assert text not in html.document_fromstring(told.text).text_content()
    refused = await leave(stage, path, name="A reader", text=" ")
    assert refused.status_code == 400
    desk = day.people["a"][Role.PRESS_OFFICER]
    at = f"/d/{day.dialogue}/talks/{day.geneva}/press"
    page = html.document_fromstring((await desk.page(at)).text)
    form = next(f for f in page.xpath("//section[@id='comments']//form"))
    headers = {"Authorization": f"Bearer {desk.token}", "Accept": "text/html"}
    async with httpx2.AsyncClient(timeout=30) as http:
        other = day.people["b"][Role.PRESS_OFFICER]
        stranger = {"Authorization": f"Bearer {other.token}", "Accept": "text/html"}
        denied = await http.post(stage.url + form.get("action"), data={"publish": "yes"}, headers=stranger)
        assert denied.status_code in (403, 404, 409)
        assert text not in html.document_fromstring((await ask(stage, path)).text).text_content()
        done = await http.post(stage.url + form.get("action"), data={"publish": "yes"}, headers=headers)
        assert done.status_code == 303
    assert text in html.document_fromstring((await ask(stage, path)).text).text_content()


async def test_the_feed_is_what_agencies_take(stage: Stage, day: Day) -> None:
    """Atom, one entry for each release and language, each with its permalink; nothing of the other side."""
    path = await release(day, await clear(day, "For the agencies."))
    answer = await ask(stage, f"/newsroom/{day.sides['a']}/feed.atom")
    assert answer.headers["content-type"].startswith("application/atom+xml")
    feed = etree.fromstring(answer.content)
    links = feed.xpath("//a:entry/a:link[@rel='alternate']/@href", namespaces=ATOM)
    assert f"{stage.url}{path}?lang=en" in links
    assert f"{stage.url}{path}?lang=ru" in links
    same = await ask(
        stage, f"/newsroom/{day.sides['a']}/feed.atom", **{"If-None-Match": answer.headers["etag"]}
    )
    assert same.status_code == 304
    other = etree.fromstring((await ask(stage, f"/newsroom/{day.sides['b']}/feed.atom")).content)
    assert not other.xpath("//a:entry", namespaces=ATOM)


async def test_comments_have_a_budget(stage: Stage, day: Day) -> None:
    """One address leaves so many comments an hour, and is told when it is enough."""
    path = await release(day, await clear(day, "Much is said about this."))
    answers = [(await leave(stage, path, text=f"Comment number {n}")).status_code for n in range(25)]
    assert set(answers) == {303, 429}
    assert answers == sorted(answers)
