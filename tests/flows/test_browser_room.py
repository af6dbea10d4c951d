"""Two delegates of two sides in real Chromium: they meet in the room, see and hear each other, see the agenda move."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import anyio
import pytest
from tests.flows.browser import LIMIT_MS, Table, Visitor, inbound, laid_table

from visavis.dialogue.model import Role

pytestmark = [pytest.mark.anyio, pytest.mark.browser]

VOICES_HZ = (440.0, 940.0)
BLUR_HZ = 40.0
"""Two bins of the page's own analyser at 48 kHz."""


@pytest.fixture
async def table(tmp_path: Path) -> AsyncIterator[Table]:
    async with laid_table(tmp_path) as laid:
        yield laid


async def meet(table: Table) -> tuple[str, dict[str, str], list[Visitor]]:
    """Both principals enrol through their links, the officers admit and list them and open the sitting."""
    people = [
        await table.admitted(side, Role.PRINCIPAL, f"Principal of side {'AB'[side]}", VOICES_HZ[side])
        for side in (0, 1)
    ]
    talk, items = await table.talk({"tension": "Tension in the disputed area", "guarantees": "Guarantees"})
    for officer, person in zip(table.officers, people, strict=True):
        await officer.act("talks.delegation", talk=talk, delegates=[await table.delegate_of(person)])
    await table.both("talks.open-sitting", talk=talk, n=1)
    return talk, items, people


async def test_two_sides_meet_in_the_room(table: Table) -> None:
    """Each sees the other's frames grow, hears the other's own tone, and sees the agenda move without a reload."""
    talk, items, people = await meet(table)
    room = f"/d/{table.dialogue}/talks/{talk}/room"
    await table.both("talks.put-item", talk=talk, item=items["tension"])
    async with anyio.create_task_group() as tasks:
        for person in people:
            tasks.start_soon(person.sit_down, room)
    for person, other in zip(people, people[::-1], strict=True):
        first = await person.until(lambda s: inbound(s).get("video", {}).get("framesDecoded", 0) >= 10)
        before = inbound(first)["video"]["framesDecoded"]
        await person.until(lambda s, n=before: inbound(s)["video"]["framesDecoded"] >= n + 20)

        def hears(stats, hz=other.hz):
            return any(h["level"] > 0.01 and abs(h["peakHz"] - hz) <= BLUR_HZ for h in stats["heard"])

        await person.until(hears)
        # Seen on the page, not only counted: a figure in the other half whose picture plays.
        await person.page.wait_for_function(
            "() => Number(document.querySelector('#theirs figure.delegate')?.dataset.frames ?? 0) > 10",
            timeout=LIMIT_MS,
        )
        assert await person.page.locator("#ours figure.delegate").count() == 1
        assert await person.page.locator("#theirs figure.delegate").count() == 1
        assert await person.page.evaluate("() => document.querySelector('#theirs video').videoWidth > 0")
        mark = await person.page.evaluate("() => (window.loadedOnce = {}) && performance.timeOrigin")
        assert mark > 0
        assert "Tension in the disputed area" in await person.page.locator("#room-head h1").inner_text()
    await table.both("talks.put-item", talk=talk, item=items["guarantees"])
    for person in people:
        await person.page.wait_for_function(
            "() => document.querySelector('#room-head h1')?.innerText.includes('Guarantees')",
            timeout=LIMIT_MS,
        )
        # The same document: nobody was thrown out of the call by a reload.
        assert await person.page.evaluate("() => !!window.loadedOnce")
        assert await person.page.locator("#room").get_attribute("data-state") == "in"
    one, other = people
    await one.page.locator("[data-control=leave]").click()
    await one.wait("#room[data-state=left]")
    await other.page.wait_for_function(
        "() => document.querySelectorAll('#theirs figure.delegate').length === 0", timeout=LIMIT_MS
    )
    for person in people:
        assert [words for words in person.said if "Content Security Policy" in words] == []
