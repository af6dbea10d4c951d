"""A caucus in the middle of the talk, in Chromium: two of a side speak with one another; the other side hears nothing.

What is heard is a tone of each person's own; the one who goes aside is gone from the floor, and back by the same key,
or muted when a connection is lost.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.async_api import expect
from tests.flows.browser import LIMIT_MS, VOICES_HZ, Visitor, laid_table, meet
from tests.flows.chromium import until
from tests.flows.wire import Wire

from visavis.dialogue.model import Role

pytestmark = [pytest.mark.anyio, pytest.mark.browser, pytest.mark.media]

ADVISER_HZ = 1500.0
ALONE = "Nobody else of our side is here yet."
TOLD = """() => {
  window.told = [];
  const status = document.getElementById('status');
  new MutationObserver(() => window.told.push(status.textContent)).observe(status, { childList: true });
}"""
"""Keeps what a person is told, which the next word replaces."""
SHOWN = (
    "device => document.querySelector(`figure.delegate[data-device='${device}'] video`).srcObject !== null"
)


async def hears(who: Visitor, hz: float, where: str) -> None:
    """Until a tone of that frequency is heard on the floor ("heard"), or in the caucus ("caucus")."""

    async def so() -> bool:
        heard = (await who.call())[where] or []
        return any(each["level"] > 0.01 and abs(each["peakHz"] - hz) < 30 for each in heard)

    try:
        await until(f"{who.name} hears {hz} Hz ({where})", so)
    except AssertionError as error:
        calls = {
            key: value for key, value in (await who.call()).items() if key in ("heard", "caucus", "epoch")
        }
        raise AssertionError(f"{error}: {calls}; {await who.page.locator('main').inner_text()}") from error


async def hears_no(who: Visitor, hz: float) -> None:
    """Until no track of that tone is heard on the floor."""

    async def so() -> bool:
        heard = (await who.call())["heard"]
        return all(each["level"] < 0.001 or abs(each["peakHz"] - hz) > 30 for each in heard)

    await until(f"{who.name} hears no {hz} Hz", so)


async def told(who: Visitor, words: str) -> None:
    """Until they have been told so, whatever they were told then."""

    async def so() -> bool:
        return any(words in each for each in await who.page.evaluate("() => window.told"))

    await until(f"{who.name} is told: {words}", so)


async def unheard(a: Visitor, b: Visitor) -> None:
    """A is back on the floor, by no act of theirs: shown there, and not heard before they say so."""
    await a.wait("#room[data-state=in]:not([data-caucus])")
    await b.wait(f"#theirs figure[data-device='{(await a.call())['device']}'][data-mute]:not([data-away])")
    assert await a.page.get_attribute("[data-control=mute]", "aria-pressed") == "false"
    await hears_no(b, VOICES_HZ[0])


async def lost(a: Visitor, adviser: Visitor, b: Visitor, line: Wire) -> None:
    """The caucus loses its connection while A is in it, and then both do: each time A is back on the floor, muted."""
    line.cut_last()
    await told(a, "The connection of the caucus is lost. You are back in the talk; your microphone is off.")
    await unheard(a, b)
    await expect(adviser.page.locator("#caucus-who")).to_have_text(ALONE)

    await a.page.keyboard.press("Alt+KeyC")
    await hears(adviser, VOICES_HZ[0], "caucus")
    line.cut()
    await a.wait("#room[data-state=lost]:not([data-caucus])")
    await told(a, "and with it the caucus")
    await expect(adviser.page.locator("#caucus-who")).to_have_text(ALONE)
    line.mend()
    await told(a, "You are in the talk again, by a new connection. Your microphone is off.")
    await unheard(a, b)
    await a.page.keyboard.press("Alt+KeyM")
    await hears(b, VOICES_HZ[0], "heard")


async def test_a_caucus_is_heard_by_its_own_side_alone(tmp_path: Path) -> None:
    """A's principal and adviser go aside: each other's tone is in the caucus, none on B's floor; then one is back, by
    their own act, and then because a connection is lost.
    """
    async with laid_table(tmp_path) as table:
        talk, _, (a, b) = await meet(table)
        adviser = await table.admitted(0, Role.ADVISER, "Adviser of side A", ADVISER_HZ)
        listed = [await table.delegate_of(each) for each in (a, adviser)]
        await table.officers[0].act("talks.delegation", talk=talk, delegates=listed)
        expect.set_options(timeout=LIMIT_MS)
        # What counts is what is heard: three pictures would cost this machine more than they show.
        for who in (b, adviser):
            await who.context.add_init_script("localStorage.setItem('visavis/low-bandwidth', 'on')")
        line = await Wire.of(a.page)
        for who in (a, b, adviser):
            await who.sit_down(f"/d/{table.dialogue}/talks/{talk}/room")
        await a.page.evaluate(TOLD)
        for hz in (VOICES_HZ[0], ADVISER_HZ):
            await hears(b, hz, "heard")

        for who in (a, adviser):
            await who.page.keyboard.press("Alt+KeyC")
            await who.wait("#room[data-caucus]")
            await expect(who.page.locator("[data-control=camera]")).to_have_attribute("aria-pressed", "false")
            assert not await who.page.evaluate(SHOWN, (await who.call())["device"])
        await hears(adviser, VOICES_HZ[0], "caucus")
        await hears(a, ADVISER_HZ, "caucus")
        await expect(a.page.locator("#caucus-who")).to_have_text(
            "With you: Adviser of side A", timeout=LIMIT_MS
        )
        # The talk is heard by who is aside, and hears nothing of them.
        await hears(a, VOICES_HZ[1], "heard")
        for hz in (VOICES_HZ[0], ADVISER_HZ):
            await hears_no(b, hz)
        assert await b.page.get_attribute("#room", "data-state") == "in"
        await expect(b.page.locator("#theirs figure[data-away]")).to_have_count(2, timeout=LIMIT_MS)
        assert (await b.call())["caucus"] is None
        epoch = (await b.call())["epoch"]

        await a.page.keyboard.press("Alt+KeyC")
        await a.wait("#room:not([data-caucus])")
        await hears(b, VOICES_HZ[0], "heard")
        await hears_no(b, ADVISER_HZ)
        await hears(b, VOICES_HZ[0], "heard")
        await expect(b.page.locator("#theirs figure[data-away]")).to_have_count(1, timeout=LIMIT_MS)
        await expect(adviser.page.locator("#caucus-who")).to_have_text(ALONE)
        # Nobody left the floor, so its keys stayed.
        assert (await b.call())["epoch"] == epoch
        # And aside again, by the same device.
        await a.page.keyboard.press("Alt+KeyC")
        await hears(adviser, VOICES_HZ[0], "caucus")
        await hears(a, ADVISER_HZ, "caucus")
        await expect(a.page.locator("#caucus-who")).to_have_text("With you: Adviser of side A")

        await lost(a, adviser, b, line)
        await hears_no(b, ADVISER_HZ)
        for who in (a, b, adviser):
            assert [each for each in who.said if "Error" in each] == []
