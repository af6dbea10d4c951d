"""Two delegates of two sides meet in the room, in Debian's Chromium: they see and hear each other, encrypted.

The browser's part is the built bundle; the node is the real one; nothing is stubbed. What the two say is a tone
that comes and goes, each with its own frequency, so that hearing the right one is a fact and not a guess.
"""

from __future__ import annotations

import math
import struct
import wave
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from playwright.async_api import Browser, Page, async_playwright
from tests.flows.chromium import CHROMIUM, FLAGS, LIMIT_S, at_the_door, until
from tests.flows.stage import Stage, found_dialogue, running_node

from visavis.rehearsal.delegate import Delegate

pytestmark = [pytest.mark.anyio, pytest.mark.browser, pytest.mark.media]

TONES_HZ = {"A": 1000.0, "B": 500.0}


def write_tone(path: Path, hz: float) -> None:
    """Four seconds of a tone, 300 ms on and 200 ms off: steady tones are taken for noise and filtered away."""
    rate = 48_000
    samples = (
        int(12_000 * math.sin(2 * math.pi * hz * i / rate)) if i % (rate // 2) < rate * 3 // 10 else 0
        for i in range(4 * rate)
    )
    with wave.open(str(path), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(rate)
        out.writeframes(b"".join(struct.pack("<h", each) for each in samples))


@asynccontextmanager
async def browsers(folder: Path) -> AsyncIterator[dict[str, Browser]]:
    """One Chromium for each side: what a fake microphone plays is a matter of the whole process."""
    async with async_playwright() as playwright:
        found = {}
        for side, hz in TONES_HZ.items():
            tone = folder / f"{side}.wav"
            write_tone(tone, hz)
            args = [*FLAGS, f"--use-file-for-fake-audio-capture={tone}"]
            found[side] = await playwright.chromium.launch(executable_path=CHROMIUM, headless=True, args=args)
        try:
            yield found
        finally:
            for browser in found.values():
                await browser.close()


async def open_the_room(a: Delegate, b: Delegate, pages: Mapping[str, Page]) -> tuple[str, list[str]]:
    """A talk in force with an agenda of two items; side A opens its half of sitting 1. The talk, the items' ids."""
    act = await a.act(
        "talks.propose",
        title={"en": "A talk by video"},
        start="2031-12-07T15:00:00Z",
        minutes=90,
        mode="video",
    )
    talk = act["talk"]
    view = (await a.state())["talks"][0]["talk"]
    for officer in (a, b):
        await officer.act("talks.accept", talk=talk, hash=view["times"][0]["hash"])
    items = []
    for title in ("Tension", "Expansion"):
        act = await a.act("talks.propose-item", talk=talk, title={"en": title}, kind="issue")
        items.append(act["item"])
    await a.act(
        "talks.table-agenda", talk=talk, items=items, press_call="if-necessary", statement="not-expected"
    )
    view = (await a.state())["talks"][0]["talk"]
    for officer in (a, b):
        await officer.act("talks.approve-agenda", talk=talk, hash=view["agendas"][0]["hash"])
    for officer, page in ((a, pages["A"]), (b, pages["B"])):
        principal = await page.evaluate("fetch('/api/session').then(answer => answer.json())")
        await officer.act("talks.delegation", talk=talk, delegates=[principal["delegate"]])
    await a.act("talks.open-sitting", talk=talk, n=1)
    return talk, items


async def frames(page: Page) -> int:
    """Frames of the other side that were shown so far."""
    script = "Number(document.querySelector('#theirs figure.delegate')?.dataset.frames ?? 0)"
    return int(await page.evaluate(script))


async def go_in(page: Page) -> None:
    await page.wait_for_selector("#devicecheck[data-ready]", timeout=LIMIT_S * 1000)
    await page.click("[data-control=join]")
    await page.wait_for_selector("#room[data-state=in]", timeout=LIMIT_S * 1000)


async def meet(stage: Stage, folder: Path) -> None:
    problems: list[str] = []
    a, b = await found_dialogue(stage)
    async with browsers(folder) as found:
        pages = {
            "A": (await at_the_door(found["A"], a, "A", problems))[0],
            "B": (await at_the_door(found["B"], b, "B", problems))[0],
        }
        talk, items = await open_the_room(a, b, pages)
        url = f"{stage.url}/d/{a.dialogue}/talks/{talk}/room"
        for page in pages.values():
            await page.goto(url)
            assert await page.get_attribute("#room", "data-sitting") == ""

        # The door opens before their eyes when the second side opens its half.
        await b.act("talks.open-sitting", talk=talk, n=1)
        for page in pages.values():
            await go_in(page)

        # They see each other, and go on doing so.
        for side, page in pages.items():
            first = await until(f"a frame on side {side}", lambda page=page: frames(page))

            async def more(page: Page = page, first: int = first) -> bool:
                return await frames(page) > first + 10

            await until(f"more frames on side {side}", more)

        # Each hears the other's tone.
        for side, page in pages.items():
            other = TONES_HZ["B" if side == "A" else "A"]

            async def tone(page: Page = page, other: float = other) -> bool:
                stats = await page.evaluate("window.visavisCall.stats()")
                return any(
                    each["level"] > 0.01 and abs(each["peakHz"] - other) < 30 for each in stats["heard"]
                )

            await until(f"the other's tone on side {side}", tone)

        # Encrypted by keys that never were at the node; who is in is said, with what it was verified by.
        for page in pages.values():
            stats = await page.evaluate("window.visavisCall.stats()")
            # Who has heard the other before going in seals the first key to them: 0 is then the only one.
            assert stats["epoch"] >= 0
            inbound = [each for each in stats["subscriber"] if each["type"] == "inbound-rtp"]
            assert {each["kind"] for each in inbound} == {"audio", "video"}
            assert await page.get_attribute("#room", "data-in") == "2"
            assert "Principal of side" in str(await page.text_content("#lock"))

        # The item on the table changes in front of them, without leaving the call.
        before = await frames(pages["A"])
        for officer in (a, b):
            await officer.act("talks.put-item", talk=talk, item=items[1])
        for side, page in pages.items():

            async def on_the_table(page: Page = page) -> bool:
                return str(await page.text_content("#room-head h1")).strip() == "Expansion"

            await until(f"the item on side {side}", on_the_table)
            assert await page.get_attribute("#room", "data-state") == "in"
        assert await frames(pages["A"]) >= before

        # Whoever switches the microphone off is shown so, on both screens.
        for pressed, shown in (("false", True), ("true", False)):
            await pages["A"].click("[data-control=mute]")
            await pages["A"].wait_for_selector(f"[data-control=mute][aria-pressed={pressed}]")
            for page, half in ((pages["A"], "#ours"), (pages["B"], "#theirs")):
                state = "attached" if shown else "detached"
                await page.wait_for_selector(f"{half} figure.delegate[data-mute]", state=state)

        # One leaves; the other is told, and makes a new key that the one who left never gets.
        epoch = int(str(await pages["A"].get_attribute("#room", "data-epoch")))
        await pages["B"].click("[data-control=leave]")
        await pages["A"].wait_for_selector("#theirs figure.delegate", state="detached")

        async def turned() -> bool:
            return int(str(await pages["A"].get_attribute("#room", "data-epoch"))) > epoch

        await until("a new epoch", turned)

        # And comes back: the same device, a further epoch.
        await pages["B"].goto(url)
        await go_in(pages["B"])
        await until("frames again", lambda: frames(pages["A"]))
        await until("frames again on side B", lambda: frames(pages["B"]))
    assert problems == []


async def test_two_delegates_meet_in_the_room(tmp_path: Path) -> None:
    """Two principals enrol, go in, see and hear each other, see the agenda change, leave and come back."""
    async with running_node(tmp_path / "data") as stage:
        await meet(stage, tmp_path)
