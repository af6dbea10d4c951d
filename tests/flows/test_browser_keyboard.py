"""A talk by keyboard alone in real Chromium, and what a screen reader is told of the room's controls."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from tests.flows.browser import LIMIT_MS, Table, Visitor, laid_table, meet

from visavis.dialogue.model import Role

pytestmark = [pytest.mark.anyio, pytest.mark.browser, pytest.mark.media]

FOCUSED = """
() => {
  const at = document.activeElement;
  const drawn = getComputedStyle(at);
  const place = at.getBoundingClientRect();
  return {
    tag: at.tagName,
    words: (at.getAttribute('aria-label') ?? at.labels?.[0]?.textContent ?? at.textContent ?? '').trim(),
    shown: at.matches(':focus-visible') && drawn.outlineStyle !== 'none' && parseFloat(drawn.outlineWidth) > 0,
    seen: place.bottom > 0 && place.top < innerHeight && place.right > 0 && place.left < innerWidth,
  };
}
"""
TABS = 150
"""More stops than any page has."""


@pytest.fixture
async def table(tmp_path: Path) -> AsyncIterator[Table]:
    async with laid_table(tmp_path) as laid:
        yield laid


async def focus(person: Visitor) -> dict[str, Any]:
    """Where the focus is. Raises `AssertionError` if it is somewhere and cannot be seen there."""
    at: dict[str, Any] = await person.page.evaluate(FOCUSED)
    assert at["tag"] == "BODY" or (at["shown"] and at["seen"]), at
    return at


async def tab_to(person: Visitor, tag: str, words: str) -> None:
    """Press Tab until the element of that tag and with these words, or more, has the focus.

    Each stop on the way has to be drawn as focused, and on the screen.
    """
    passed = []
    for _ in range(TABS):
        await person.page.keyboard.press("Tab")
        at = await focus(person)
        if at["tag"] == tag and at["words"].startswith(words):
            return
        passed.append((at["tag"], at["words"]))
    raise AssertionError(f"no Tab reaches “{words}”: {passed}")


async def press(person: Visitor, tag: str, words: str, key: str = "Enter") -> None:
    await tab_to(person, tag, words)
    await person.page.keyboard.press(key)


async def sign(person: Visitor, words: str, entered: str) -> None:
    """Press a button that signs, then “Sign” in the dialog; ends when the page shows `entered`."""
    await press(person, "BUTTON", words)
    await person.wait("dialog[open]")
    await press(person, "BUTTON", "Sign")
    await person.wait(entered)


async def test_a_talk_is_prepared_held_and_concluded_by_keyboard(table: Table) -> None:
    """Skip link, time, item, agenda, the room and its end: no pointer, and the focus is never out of sight or lost."""
    _one, other = table.officers
    person = await table.admitted(0, Role.PROTOCOL_OFFICER, "Second officer of side A")
    page = person.page
    title = {"en": "Talks by video conference", "ru": "Переговоры по видеосвязи"}
    await other.act("talks.propose", title=title, start="2031-12-07T15:00:00Z", minutes=60, mode="video")
    (part,) = (await other.state())["talks"]
    talk, offered = part["talk"]["id"], part["talk"]["times"][0]["hash"]
    await other.act("talks.accept", talk=talk, hash=offered)
    here = f"/d/{table.dialogue}/talks/{talk}"
    await person.open(here)

    # The first stop leads past the masthead.
    await press(person, "A", "Skip to the page")
    await page.keyboard.press("Tab")
    assert await page.evaluate("() => document.querySelector('main').contains(document.activeElement)")

    await sign(person, "Accept and seal", "#room-door")

    # An item, typed.
    await press(person, "SUMMARY", "Propose an item")
    await tab_to(person, "INPUT", "Title of the item")
    await page.keyboard.type("Tension in the disputed area")
    await sign(person, "Sign the proposal", "ol.agenda .agenda-note")
    await page.get_by_role("heading", name="Tension in the disputed area").wait_for(timeout=LIMIT_MS)

    await person.open(here)
    await press(person, "SUMMARY", "Table the agenda")
    await sign(person, "Table it and seal it", "#seals [data-seal=sealed]")

    # What the other side does swaps the region in which the focus stands: it stays there.
    await tab_to(person, "BUTTON", "Withdraw our seal")
    (part,) = (await other.state())["talks"]
    await other.act("talks.approve-agenda", talk=talk, hash=part["talk"]["agendas"][0]["hash"])
    await person.wait("#seals [data-force=yes]")
    assert (await focus(person))["tag"] != "BODY"
    assert await page.evaluate("() => document.querySelector('#seals').contains(document.activeElement)")

    await press(person, "SUMMARY", "Name our delegation")
    await sign(person, "Sign our delegation", "#delegations .ours ul.stack li")
    await other.act("talks.open-sitting", talk=talk, n=1)
    await person.open(f"{here}/room")
    await sign(person, "Open our half", "#devicecheck[data-ready=true]")
    await press(person, "BUTTON", "Go in")
    await person.wait("#room[data-state=in]")
    await page.get_by_role("button", name="Microphone on").wait_for(timeout=LIMIT_MS)
    await press(person, "BUTTON", "Microphone on", "Space")
    await person.wait("[data-control=mute][aria-pressed=false]")
    assert (await focus(person))["words"].startswith("Microphone")
    await press(person, "BUTTON", "Leave")
    await person.wait("#room:not([data-state=in])")

    await person.open(here)
    await press(person, "SUMMARY", "Conclude the talk")
    await sign(person, "Conclude the talk", ".lead .apart")
    assert (await other.state())["talks"][0]["talk"]["status"] == "concluded"


async def controls(person: Visitor) -> list[tuple[str, str]]:
    """(role, name) of everything in the page that can be worked, as the accessibility tree has it."""
    session = await person.context.new_cdp_session(person.page)
    nodes = (await session.send("Accessibility.getFullAXTree"))["nodes"]
    await session.detach()
    worked = {"button", "link", "checkbox", "combobox", "textbox", "switch", "DisclosureTriangle", "slider"}
    return [
        (node["role"]["value"], str(node.get("name", {}).get("value", "")).strip())
        for node in nodes
        if not node["ignored"] and node["role"]["value"] in worked
    ]


async def test_the_rooms_controls_have_names(table: Table) -> None:
    """Whatever can be worked in the room has a role and a name; those everybody needs are among them."""
    talk, _items, people = await meet(table)
    person = people[0]
    await person.sit_down(f"/d/{table.dialogue}/talks/{talk}/room")
    found = await controls(person)
    assert [role for role, name in found if not name] == []
    names = [name for _role, name in found]
    for needed in ("Microphone", "Camera", "Who is in", "Agenda", "More", "Leave", "Skip to the controls"):
        assert any(name.startswith(needed) for name in names), (needed, found)
