"""The room by keyboard, in Chromium: the lobby, drawers, an item and its clock by agreement; and the call goes on.

Two principals meet; everything is done by the keys that the controls name.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from playwright.async_api import Locator, expect
from tests.flows.browser import LIMIT_MS, Table, Visitor, laid_table, meet
from tests.flows.chromium import until
from tests.flows.test_browser_keyboard import press, tab_to

pytestmark = [pytest.mark.anyio, pytest.mark.browser, pytest.mark.media]

COVERED = """() => {
  const drawer = document.querySelector('.drawer:not([hidden])').getBoundingClientRect();
  const pictures = [...document.querySelectorAll('.half > figure')].map(each => each.getBoundingClientRect());
  return pictures.some(each => each.bottom > drawer.top + 1) || pictures.some(each => each.height < 40)
    || drawer.bottom > innerHeight + 1;
}"""
"""Whether an open drawer hides anything of a picture, leaves none of it, or itself hangs below the screen."""

FOCUS = "() => document.activeElement.id || document.activeElement.dataset.drawer || document.activeElement.tagName"


async def frames(who: Visitor) -> int:
    script = "() => Number(document.querySelector('#theirs figure.delegate').dataset.frames)"
    return int(await who.page.evaluate(script))


async def goes_on(who: Visitor) -> None:
    """Until more of the other's picture has come."""
    first = await frames(who)

    async def more() -> bool:
        return await frames(who) > first

    await until("more frames", more)


def opened(who: Visitor) -> Locator:
    return who.page.locator(".drawer:not([hidden])")


async def open_drawer(who: Visitor, letter: str, drawer: str) -> None:
    """By its key: it is the only one, the focus is in it, and it covers nobody."""
    await who.page.keyboard.press(f"Alt+Key{letter}")
    await expect(opened(who)).to_have_count(1, timeout=LIMIT_MS)
    await expect(opened(who)).to_have_id(drawer)
    assert await who.page.evaluate(FOCUS) == drawer
    assert not await who.page.evaluate(COVERED)


async def esc(who: Visitor, drawer: str) -> None:
    """Closed; the focus is back on its control."""
    await who.page.keyboard.press("Escape")
    await expect(opened(who)).to_have_count(0, timeout=LIMIT_MS)
    assert await who.page.evaluate(FOCUS) == drawer


async def sign(who: Visitor) -> None:
    await who.wait("dialog[open]")
    await press(who, "BUTTON", "Sign")


async def behind_more(a: Visitor) -> None:
    """A control that is rarely needed: More shows it, Esc and a drawer fold it away, and the focus is never lost."""
    more, captions = a.page.locator("#more"), a.page.locator("[data-drawer=captions-drawer]")
    await expect(captions).to_be_hidden()
    await a.page.keyboard.press("Alt+KeyX")
    await tab_to(a, "BUTTON", "Captions")
    await a.page.keyboard.press("Escape")
    await expect(captions).to_be_hidden()
    assert await a.page.evaluate(FOCUS) == "more"
    await a.page.keyboard.press("Enter")
    await press(a, "BUTTON", "Captions")
    await expect(opened(a)).to_have_id("captions-drawer")
    await expect(more).to_have_attribute("aria-expanded", "false")
    await esc(a, "more")
    await expect(captions).to_be_hidden()


async def lobby(table: Table, talk: str, a: Visitor, b: Visitor) -> None:
    """B looks at their devices; A, at the door, sees it, and then that they are in."""
    room = f"/d/{table.dialogue}/talks/{talk}/room"
    await a.open(room)
    await b.open(room)
    for who, half in ((a, "theirs"), (b, "ours")):
        await who.wait(f"#lobby .{half} [data-presence=ready]")
    await b.page.get_by_role("button", name="Go in").click()
    await a.wait("#lobby .theirs [data-presence=in]")
    await expect(a.page.locator("#lobby .theirs li")).to_have_text("Principal of side B in the room")
    await a.page.locator("[data-control=join]").click()
    for who in (a, b):
        await who.wait("#theirs figure.delegate[data-frames]:not([data-frames='0'])")


async def review_in_a_drawer(a: Visitor) -> None:
    """Another page, whole, with its forms; words typed there are there again when it is opened again."""
    await open_drawer(a, "D", "page-drawer")
    await tab_to(a, "INPUT", "Title (English)")
    await a.page.keyboard.type("A quiet line")
    await esc(a, "page-drawer")
    await open_drawer(a, "R", "page-drawer")
    await expect(opened(a).get_by_role("heading", name="Review of the understandings")).to_be_visible()
    await a.page.keyboard.press("Alt+KeyD")
    await expect(a.page.locator("#title-en")).to_have_value("A quiet line", timeout=LIMIT_MS)
    await expect(opened(a)).to_have_count(1)


async def table_and_sign(table: Table, a: Visitor) -> None:
    """What was typed is completed and tabled, and the other side signs in its own drawer: nobody leaves the call."""
    page = a.page
    await page.locator("#title-ru").fill("Тихая линия")
    await page.locator("#body-en").fill("We keep a line open.")
    await page.locator("#body-ru").fill("Мы держим линию открытой.")
    await press(a, "BUTTON", "Table it and sign it")
    await sign(a)
    await expect(opened(a).get_by_role("link", name="A quiet line")).to_be_visible(timeout=LIMIT_MS)


async def sign_theirs(b: Visitor) -> None:
    await open_drawer(b, "U", "page-drawer")
    await press(b, "A", "A quiet line")
    await press(b, "BUTTON", "Sign the text")
    await sign(b)
    await b.wait("#page-drawer [data-force=yes]")
    await press(b, "BUTTON", "Back")
    await expect(opened(b).get_by_role("link", name="A quiet line")).to_be_visible(timeout=LIMIT_MS)
    await esc(b, "page-drawer")


async def item_and_clock(a: Visitor, b: Visitor) -> None:
    """A proposes an item and ten minutes; B follows both by one key, and both have the same clock."""
    await open_drawer(a, "A", "agenda-drawer")
    await tab_to(a, "INPUT", "Minutes to propose")
    await a.page.keyboard.type("10")
    await press(a, "BUTTON", "Put on the table")
    await sign(a)
    await a.wait("#drawer-agenda .ours")
    await a.page.keyboard.press("Escape")
    await expect(b.page.locator("#clock-offer")).to_have_text(
        "The other side proposes 10 min for it.", timeout=LIMIT_MS
    )
    assert await b.page.locator("#item-clock").inner_text() == ""
    await b.page.keyboard.press("Alt+KeyG")
    await sign(b)
    for who in (a, b):
        await expect(who.page.locator("#item-clock")).to_contain_text("of 10 min", timeout=LIMIT_MS)
        await expect(who.page.locator("#room-head h1")).to_have_text("The relation between the two sides")
    # Five more, proposed by the other side; what is set stays until it is followed.
    await b.page.keyboard.press("Alt+KeyA")
    await b.page.locator("#clock-minutes").fill("15")
    await b.page.keyboard.press("Enter")
    await a.wait("#clock-offer button")
    await expect(a.page.locator("#item-clock")).to_contain_text("of 10 min")
    await a.page.keyboard.press("Alt+KeyG")
    for who in (a, b):
        await expect(who.page.locator("#item-clock")).to_contain_text("of 15 min", timeout=LIMIT_MS)
        await expect(who.page.locator("#clock-offer")).to_be_empty()
    await esc(b, "agenda-drawer")


async def test_drawers_item_and_clock(tmp_path: Path) -> None:
    """From the lobby to a text in force, without the pointer and without leaving the call."""
    async with laid_table(tmp_path) as table:
        talk, _, (a, b) = await meet(table)
        for who in (a, b):
            who.page.set_default_timeout(LIMIT_MS)
        expect.set_options(timeout=LIMIT_MS)
        await lobby(table, talk, a, b)
        await behind_more(a)
        parts: list[Callable[[], Awaitable[None]]] = [
            lambda: review_in_a_drawer(a),
            lambda: table_and_sign(table, a),
            lambda: sign_theirs(b),
            lambda: item_and_clock(a, b),
        ]
        for part in parts:
            await part()
            for who in (a, b):
                await goes_on(who)
        # On a phone the picture is above the drawer too.
        await b.page.set_viewport_size({"width": 360, "height": 740})
        await open_drawer(b, "W", "lock-drawer")
        await expect(b.page.locator("#lock")).to_contain_text("Principal of side A")
        for who in (a, b):
            assert await who.page.get_attribute("#room", "data-state") == "in"
            assert [each for each in who.said if "Error" in each] == []
