"""A delegate's calendar over HTTP: the talk as a file, the feed at its secret address."""

from __future__ import annotations

from collections.abc import AsyncIterator
from email.utils import parsedate_to_datetime
from pathlib import Path

import httpx2
import pytest
from icalendar import Calendar
from starlette.requests import Request
from tests.flows.stage import Stage, found_dialogue, running_node, seat_delegation
from tests.web.test_pages import Browser, lint

from visavis.access import place_of
from visavis.rehearsal.delegate import Delegate

pytestmark = pytest.mark.anyio


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    async with running_node(tmp_path) as running:
        yield running


async def agreed(a: Delegate, b: Delegate) -> str:
    """A talk whose time both officers accept."""
    offered = await a.act(
        "talks.offer", title={"en": "On tension"}, start="2031-12-07T15:00:00Z", minutes=60, mode="video"
    )
    talk = str(offered["talk"])
    view = await b.get(f"/api/dialogues/{b.dialogue}")
    await b.act("talks.accept", talk=talk, hash=view["talks"][0]["talk"]["times"][0]["hash"])
    return talk


async def made(browser: Browser, **fields: str) -> str:
    """A new address of the feed, from the page that shows it once: its path."""
    answer = await browser.post("/me/calendar", **fields)
    shown = answer.text.partition('id="feed" tabindex="0" dir="ltr">')[2].partition("<")[0]
    assert shown.startswith(browser._url)
    assert shown not in (await browser.get("/me")).text
    return shown.removeprefix(browser._url)


async def test_a_delegates_calendar(stage: Stage) -> None:
    """Made, polled, made anew, revoked; it opens with no session, and for its own delegate's side alone."""
    a, b = await found_dialogue(stage)
    talk = await agreed(a, b)
    ours, theirs = Browser(stage.url, a.token), Browser(stage.url, b.token)
    program = Browser(stage.url)
    file = f"/d/{a.dialogue}/talks/{talk}/talk.ics"

    page = await ours.page("/me")
    assert lint(page, "/me") == []
    assert (await program.get(file)).status_code == 401
    assert (await ours.get(f"/d/{a.dialogue}/talks/nothing/talk.ics")).status_code == 404
    assert f'href="{file}"' in (await ours.get(f"/d/{a.dialogue}/talks/{talk}")).text
    (event,) = Calendar.from_ical((await ours.get(file)).content).walk("VEVENT")
    assert str(event["summary"]) == "On tension"
    assert str(event["url"]) == f"{stage.url}/d/{a.dialogue}/talks/{talk}"
    assert "Their time: Sunday 7 December 2031, 18:00 (Moscow, UTC+03:00)" in str(event["description"])
    (mirrored,) = Calendar.from_ical((await theirs.get(file)).content).walk("VEVENT")
    assert str(mirrored["uid"]) == str(event["uid"]) and mirrored.start == event.start
    assert "Their time: Sunday 7 December 2031, 10:00 (New York, UTC−05:00)" in str(mirrored["description"])

    first = await made(ours)
    feed = await program.get(first)
    assert feed.headers["content-type"] == "text/calendar; charset=utf-8"
    assert "set-cookie" not in feed.headers
    for word in ("On tension", "Side A", "Side B"):
        assert word not in feed.text
    second = await made(ours, titled="1")
    assert (await program.get(first)).status_code == 404
    text = (await program.get(second)).text
    assert "On tension" in text and "Side A | Side B" in text

    await ours.post("/me/calendar/revoke")
    assert (await program.get(second)).status_code == 404
    for guess in ("x", "A" * 43, "%00" * 43, "A" * 4000):
        assert (await program.get(f"/calendar/{guess}.ics")).status_code == 404


async def test_a_calendar_that_has_the_feed_is_told_so(stage: Stage) -> None:
    """By tag or by time, what has not changed is not sent again; what has changed is."""
    a, b = await found_dialogue(stage)
    talk = await agreed(a, b)
    path = await made(Browser(stage.url, a.token))
    async with httpx2.AsyncClient(base_url=stage.url) as http:
        full = await http.get(path)
        etag, when = full.headers["etag"], full.headers["last-modified"]
        assert parsedate_to_datetime(when).tzinfo is not None
        for asked in ({"If-None-Match": etag}, {"If-None-Match": f"W/{etag}"}, {"If-Modified-Since": when}):
            again = await http.get(path, headers=asked)
            assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", etag)
        for asked in (
            {"If-None-Match": '"other"', "If-Modified-Since": when},
            {"If-Modified-Since": "never"},
            {"If-Modified-Since": "Tue, 07 Dec 2021 12:00:00 GMT"},
        ):
            assert (await http.get(path, headers=asked)).status_code == 200
        await b.act("talks.call-off", talk=talk)
        (event,) = Calendar.from_ical((await http.get(path, headers={"If-None-Match": etag})).content).walk(
            "VEVENT"
        )
        assert (str(event["status"]), event["sequence"]) == ("CANCELLED", 1)


@pytest.mark.parametrize("path", ["/calendar/secret.ics", "/enter/secret", "/calendar/x/../secret"])
def test_a_secret_address_stands_in_no_log(path: str) -> None:
    """Of a path that opens something, the log has only the beginning."""
    request = Request({"type": "http", "method": "GET", "path": path, "headers": [], "query_string": b""})
    assert place_of(request) == path[: path.index("/", 1) + 1] + "…"


async def test_a_feed_ends_with_its_delegate(stage: Stage) -> None:
    """Who is no longer of the side has no calendar of it; the token is not on the node's disk."""
    a, _ = await found_dialogue(stage)
    adviser = (await seat_delegation(stage, a, "A", "adviser"))["adviser"]
    path = await made(Browser(stage.url, adviser.token))
    program = Browser(stage.url)
    assert (await program.get(path)).status_code == 200
    token = path.removeprefix("/calendar/").removesuffix(".ics").encode()
    data = stage.node.settings.data
    assert not any(token in file.read_bytes() for file in data.rglob("*") if file.is_file())
    await a.act("dialogue.revoke", credential=adviser.credential)
    assert (await program.get(path)).status_code == 404
