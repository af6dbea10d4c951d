"""Who waits at the room's door, in Debian's Chromium: connected, but neither in nor heard, nor given any key."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.flows.browser import LIMIT_MS, Visitor, laid_table, meet
from tests.flows.chromium import until

pytestmark = [pytest.mark.anyio, pytest.mark.browser, pytest.mark.media]


async def epoch(person: Visitor) -> int:
    return int(str(await person.page.get_attribute("#room", "data-epoch")))


async def alone(person: Visitor) -> int:
    """Nobody else is in any more; the epoch of the key that this one sends with then."""
    await person.wait("#room[data-in='1']")
    await person.page.wait_for_selector("#theirs figure.delegate", state="detached", timeout=LIMIT_MS)
    return await epoch(person)


async def shown(person: Visitor) -> int:
    script = "() => Number(document.querySelector('#theirs figure.delegate')?.dataset.frames ?? 0)"
    return int(await person.page.evaluate(script))


async def sees(person: Visitor) -> None:
    """Pictures of the other side are shown, one after the other."""

    async def more(than: int) -> bool:
        return await shown(person) > than

    await until(f"a picture for {person.name}", lambda: more(0))
    before = await shown(person)
    await until(f"more pictures for {person.name}", lambda: more(before))


async def test_who_waits_at_the_door_is_not_in(tmp_path: Path) -> None:
    """A device certified before is connected while its person looks at the camera: nobody sees it and no key is made
    for it until they go in; then each sees the other.
    """
    async with laid_table(tmp_path) as table:
        talk, _, (host, guest) = await meet(table)
        room = f"/d/{table.dialogue}/talks/{talk}/room"
        await host.sit_down(room)
        await guest.sit_down(room)
        for person in (host, guest):
            await sees(person)
        await guest.page.locator("[data-control=leave]").click()
        before = await alone(host)
        await guest.open(room)
        await guest.wait("#room[data-door=open]")
        assert await host.page.get_attribute("#room", "data-in") == "1"
        assert await host.page.locator("#theirs figure.delegate").count() == 0
        assert await epoch(host) == before
        assert not await guest.page.evaluate("() => 'visavisCall' in window")
        await guest.wait("#devicecheck[data-ready=true]")
        await guest.page.locator("[data-control=join]").click()
        for person in (host, guest):
            await sees(person)
        assert await epoch(host) > before


async def test_a_second_tab_at_the_door_puts_nobody_out(tmp_path: Path) -> None:
    """The room's page opened once more, by somebody who is in, waits unconnected; the call goes on."""
    async with laid_table(tmp_path) as table:
        talk, _, (host, guest) = await meet(table)
        room = f"/d/{table.dialogue}/talks/{talk}/room"
        await host.sit_down(room)
        await guest.sit_down(room)
        await sees(guest)
        second = await guest.context.new_page()
        await second.goto(table.url + room)
        await second.wait_for_selector("#room[data-door=closed]", state="attached", timeout=LIMIT_MS)
        assert await guest.page.get_attribute("#room", "data-state") == "in"
        for person in (host, guest):
            await sees(person)
