"""In the room, in Chromium: what is written there, who is told of what, and a talk that pauses and goes on.

Everything is done by the keys that the controls name.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from playwright.async_api import expect
from tests.flows.browser import LIMIT_MS, Table, Visitor, laid_table, meet
from tests.flows.wire import Wire

from visavis.dialogue.model import Role

pytestmark = [pytest.mark.anyio, pytest.mark.browser, pytest.mark.media]

SHOTS = os.environ.get("VISAVIS_SHOTS", "")
"""A folder for pictures of what a person sees; none are taken otherwise."""

MUTED_AT_ONCE = """() => {
  const room = document.getElementById('room');
  new MutationObserver((_, watch) => {
    if (room.dataset.state !== 'in') return;
    watch.disconnect();
    document.querySelector('[data-control=mute]').click();
  }).observe(room, { attributes: true, attributeFilter: ['data-state'] });
}"""
"""Presses Mute as soon as it can be pressed: before the microphone has gone out."""

HOSTILE = "\u202eМы предлагаем <b>паузу</b>"


async def three(table: Table) -> tuple[str, Visitor, Visitor, Visitor]:
    """The room's address; side A's principal and adviser, side B's principal, all of their delegations."""
    talk, _, (a, b) = await meet(table)
    adviser = await table.admitted(0, Role.ADVISER, "Adviser of side A", 660.0)
    ours = [await table.delegate_of(each) for each in (a, adviser)]
    await table.officers[0].act("talks.delegation", talk=talk, delegates=ours)
    return f"/d/{table.dialogue}/talks/{talk}/room", a, adviser, b


async def shot(person: Visitor, name: str) -> None:
    if not SHOTS:
        return
    for width, height in ((360, 740), (1280, 800)):
        await person.page.set_viewport_size({"width": width, "height": height})
        await person.page.screenshot(path=f"{SHOTS}/{name}-{width}.png", full_page=True)


async def status(person: Visitor, words: str) -> None:
    await expect(person.page.locator("#status")).to_contain_text(words, timeout=LIMIT_MS)


async def captions(adviser: Visitor, a: Visitor, b: Visitor) -> None:
    """The adviser of A types what B says: both read it, with its language and who typed it; it is text and no more."""
    await adviser.page.keyboard.press("Alt+KeyK")
    whose = adviser.page.get_by_label("Whose words")
    (label,) = await whose.locator("option", has_text="Principal of side B").all_inner_texts()
    await whose.select_option(label=label)
    await adviser.page.get_by_label("Language of the caption").select_option("ru")
    await adviser.page.locator("#caption-text").fill(HOSTILE)
    await adviser.page.keyboard.press("Tab")
    await adviser.page.keyboard.press("Enter")
    for person, half in ((b, "ours"), (a, "theirs"), (adviser, "theirs")):
        caption = person.page.locator(f"#captions-{half} > .caption")
        words = caption.locator("bdi[lang=ru]")
        await expect(words).to_have_text(HOSTILE.replace("\u202e", "\ufffd"), timeout=LIMIT_MS)
        await expect(caption).to_contain_text("Principal of side B")
        await expect(caption).to_contain_text("typed by")
        await expect(caption).to_contain_text("Russian")
    # Who listens is told, and who typed it is not.
    await expect(b.page.locator("#captions-said")).to_contain_text("паузу", timeout=LIMIT_MS)
    assert await adviser.page.locator("#captions-said").inner_text() == ""
    await shot(b, "captions")
    await shot(adviser, "captions-drawer")
    await b.page.keyboard.press("Alt+KeyK")
    await b.page.get_by_label("Captions on this device").select_option("none")
    await expect(b.page.locator("#captions")).to_be_hidden()
    await b.page.keyboard.press("Alt+KeyK")


async def notes(adviser: Visitor, a: Visitor, b: Visitor) -> None:
    """The adviser writes to their principal: the principal is told that a note came, and reads it; B gets nothing."""
    await adviser.page.keyboard.press("Alt+KeyN")
    await expect(adviser.page.locator("#notes-to")).to_contain_text("Principal of side A")
    await adviser.page.keyboard.type("Ask for a pause")
    await adviser.page.keyboard.press("Enter")
    await status(a, "A note of our side from Adviser of side A")
    await expect(a.page.locator("#notes-unread")).to_have_text("(1 new)")
    await a.page.keyboard.press("Alt+KeyN")
    await expect(a.page.locator("#notes-log > li")).to_contain_text("Ask for a pause")
    await expect(a.page.locator("#notes-unread")).to_be_empty()
    await shot(a, "notes-drawer")
    await a.page.keyboard.press("Alt+KeyN")
    # What the same device said afterwards is there, so the note would be.
    await adviser.page.keyboard.press("Alt+KeyK")
    await adviser.page.keyboard.type("Да")
    await adviser.page.keyboard.press("Enter")
    await expect(b.page.locator("#captions-log > li")).to_have_count(2, timeout=LIMIT_MS)
    await expect(b.page.locator("#notes-log > li")).to_have_count(0)


async def reply(a: Visitor, b: Visitor) -> None:
    """B asks to reply to whoever of A spoke last, not to who is muted; it stands on both screens until taken back."""
    await b.page.keyboard.press("Alt+KeyY")
    for person, half in ((b, "ours"), (a, "theirs")):
        row = person.page.locator(f"#hands-{half} > li.reply")
        await expect(row).to_contain_text("Right of reply: Principal of side B", timeout=LIMIT_MS)
        await expect(row).to_contain_text("to Adviser of side A")
    await shot(a, "reply")
    await b.page.keyboard.press("Alt+KeyY")
    await expect(a.page.locator("#hands-theirs > li")).to_have_count(0, timeout=LIMIT_MS)


async def cut_and_back(a: Visitor, b: Visitor, wire: Wire) -> None:
    """All of B drop out: the talk pauses for A, B is told and comes back by itself, with what was pressed meanwhile."""
    wire.cut()
    await b.wait("#room[data-state=lost]")
    await status(b, "The connection is lost. You go in again by yourself")
    await a.wait("#room[data-paused]")
    await expect(a.page.locator("#theirs figure.absent")).to_contain_text("has dropped out")
    await expect(a.page.locator("#paused")).to_be_visible()
    await shot(a, "paused")
    await b.page.keyboard.press("Alt+KeyM")
    wire.mend()
    await b.wait("#room[data-state=in]")
    await a.wait("#room:not([data-paused])")
    await expect(a.page.locator("#paused")).to_be_hidden()
    await expect(a.page.locator("#theirs figure.absent")).to_have_count(0)
    await a.wait("#theirs figure.delegate[data-mute]")
    await b.wait("[data-control=mute][aria-pressed=false]")


async def test_what_is_written_and_what_is_lost(tmp_path: Path) -> None:
    """Captions, a note, a reply, a slip of the hand, a poor line and a cut, in one sitting."""
    async with laid_table(tmp_path) as table:
        room, a, adviser, b = await three(table)
        line_a, line_b = await Wire.of(a.page), await Wire.of(b.page)
        for person in (adviser, b):
            # Sound alone: nothing here is about pictures, and two cores have enough to do.
            await person.context.add_init_script("localStorage.setItem('visavis/low-bandwidth', 'on')")
            await person.sit_down(room)
        await a.open(room)
        await a.wait("#devicecheck[data-ready=true]")
        await a.page.evaluate(MUTED_AT_ONCE)
        await a.page.locator("[data-control=join]").click()
        await b.wait("#theirs figure.delegate[data-mute]")
        await a.wait("[data-control=mute][aria-pressed=false]")
        await a.wait("#ours figure.delegate[data-mute]")
        # Offered after some seconds: what follows goes on meanwhile.
        line_a.poor()

        await captions(adviser, a, b)
        await notes(adviser, a, b)
        await reply(a, b)

        # A slip of the hand ends nothing.
        await a.page.keyboard.press("Alt+KeyL")
        await expect(a.page.get_by_role("dialog")).to_contain_text("Leave the room?")
        await a.page.keyboard.press("Escape")
        await expect(a.page.get_by_role("dialog")).to_have_count(0)
        assert await a.page.get_attribute("#room", "data-state") == "in"

        await cut_and_back(a, b, line_b)

        await a.page.get_by_role("button", name="Sound first").click(timeout=LIMIT_MS)
        await a.wait("#room[data-lean]")

        await a.page.keyboard.press("Alt+KeyL")
        await a.page.get_by_role("button", name="Leave the room").press("Enter")
        await a.wait("#room[data-state=left]")
