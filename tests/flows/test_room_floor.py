"""In the room, in Chromium: a hand and a point of order are the same on both screens, and a screen is shared.

Everything is done by the keys that the controls name; the fake display is Chromium's own.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.async_api import expect
from tests.flows.browser import LIMIT_MS, Visitor, laid_table, meet
from tests.flows.chromium import until

pytestmark = [pytest.mark.anyio, pytest.mark.browser, pytest.mark.media]

CONTROLS = (
    "Microphone on",
    "Camera on",
    "Share screen",
    "Raise hand",
    "Point of order",
    "Low bandwidth",
    "Leave",
)


BAR = """() => document.querySelector('#ours figure.screen video').srcObject.getVideoTracks()[0]
  .dispatchEvent(new Event('ended'))"""
"""What the browser's own bar does, which no script can press."""

FACE = "Boolean(document.querySelector('#theirs figure.delegate video').srcObject?.getVideoTracks().length)"


async def face(who: Visitor, there: bool) -> None:
    """Until the other's picture is there, or is not."""

    async def so() -> bool:
        return bool(await who.page.evaluate(FACE)) is there

    await until(f"a face: {there}", so)


async def shown(who: Visitor, half: str) -> None:
    """Until pictures of the screen that is shared in that half have come."""
    await who.wait(f"#{half} figure.screen[data-frames]:not([data-frames='0'])")
    first = await who.page.evaluate(f"document.getElementById('{half}').firstElementChild.className")
    assert first == "screen"


async def raised(people: tuple[Visitor, Visitor], own: int, kind: str, words: str) -> None:
    """Until it stands in `own`'s half on both screens."""
    for at, who in enumerate(people):
        rows = who.page.locator(f"#hands-{'ours' if at == own else 'theirs'} > li")
        await expect(rows.first).to_have_class(kind, timeout=LIMIT_MS)
        await expect(rows.first).to_contain_text(words)


async def test_a_hand_a_point_of_order_and_a_screen(tmp_path: Path) -> None:
    """A and B raise and lower; A goes without pictures and back, shares a screen that ends in each way, and leaves."""
    async with laid_table(tmp_path) as table:
        talk, _, (a, b) = await meet(table)
        for who in (a, b):
            await who.sit_down(f"/d/{table.dialogue}/talks/{talk}/room")
        people = (a, b)
        for who in people:
            await who.wait("#theirs figure.delegate[data-frames]:not([data-frames='0'])")
        await a.page.keyboard.press("Alt+KeyX")
        for name in CONTROLS:
            await expect(a.page.get_by_role("button", name=name, exact=True)).to_be_enabled()

        await a.page.keyboard.press("Alt+KeyH")
        await raised(people, 0, "hand", "1. Principal of side A")
        await expect(b.page.locator("#status")).to_contain_text("raises a hand: number 1 of the other side")
        await a.page.keyboard.press("Alt+KeyO")
        await raised(people, 0, "order", "Point of order: Principal of side A")
        await b.page.keyboard.press("Alt+KeyH")
        await raised(people, 1, "hand", "1. Principal of side B")
        for letter in "OH":
            await a.page.keyboard.press(f"Alt+Key{letter}")
        for who, half in ((a, "ours"), (b, "theirs")):
            await expect(who.page.locator(f"#hands-{half} > li")).to_have_count(0, timeout=LIMIT_MS)
        await raised(people, 1, "hand", "1. Principal of side B")

        # Sound first: no picture of a face either way, until it is pressed again.
        await a.page.keyboard.press("Alt+KeyB")
        await a.wait("#room[data-lean]")
        await a.wait("[data-control=camera][aria-pressed=false]")
        await face(a, there=False)
        await a.page.keyboard.press("Alt+KeyB")
        await a.wait("[data-control=camera][aria-pressed=true]")
        await face(a, there=True)

        await a.page.keyboard.press("Alt+KeyS")
        await shown(a, "ours")
        await shown(b, "theirs")
        await a.page.evaluate(BAR)
        for who in people:
            await expect(who.page.locator("figure.screen")).to_have_count(0, timeout=LIMIT_MS)
        await a.page.keyboard.press("Alt+KeyS")
        await shown(b, "theirs")
        await a.page.get_by_role("button", name="Screen shared", exact=True).click()
        for who in people:
            await expect(who.page.locator("figure.screen")).to_have_count(0, timeout=LIMIT_MS)
        await a.page.keyboard.press("Alt+KeyS")
        await shown(b, "theirs")
        await a.page.get_by_role("button", name="Leave", exact=True).click()
        await expect(b.page.locator("figure.screen")).to_have_count(0, timeout=LIMIT_MS)
        await a.wait("#room[data-state=left]")
        # What A pressed is over with the call, and there is a way back in.
        await expect(a.page.get_by_role("link", name="Go in again")).to_be_visible()
        await expect(a.page.locator("[data-control=hand]")).to_have_attribute("aria-pressed", "false")

        # A's side concludes: B's call ends with the sitting, and B's page says why.
        await table.officers[0].act("talks.conclude", talk=talk)
        await expect(b.page.get_by_role("heading", name="The room is not open")).to_be_visible(
            timeout=LIMIT_MS
        )
        await expect(b.page.get_by_role("link", name="Back to the talk").last).to_be_visible()
