"""Debian's Chromium at a node's door. For tests.

Lives here: how it is started, `until`, `at_the_door`.
Not here: the node (`stage`), what is done in the browser (the tests).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import anyio
from playwright.async_api import Browser, Page

from visavis.rehearsal.delegate import Delegate

CHROMIUM = "/usr/bin/chromium"
FLAGS = (
    "--no-sandbox",
    "--use-fake-ui-for-media-stream",
    "--use-fake-device-for-media-stream=fps=15",
    "--allow-loopback-in-peer-connection",
    "--autoplay-policy=no-user-gesture-required",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-dev-shm-usage",
    "--disable-renderer-backgrounding",
    "--disable-background-timer-throttling",
    "--disable-backgrounding-occluded-windows",
    "--no-first-run",
    # No sound card is asked: under load its opening may time out, and then nothing is played or measured.
    "--disable-audio-output",
)
LIMIT_S = 60.0
"""Of anything in the call: it takes two seconds on an idle machine of two cores."""


async def until(what: str, ask: Callable[[], Awaitable[Any]]) -> Any:
    """Ask until the answer is true; fails after `LIMIT_S`, saying what was waited for.

    Asking is by `evaluate`: Playwright's own waiting evaluates a string, which the pages' policy forbids.
    """
    answer = None
    with anyio.move_on_after(LIMIT_S):
        while not (answer := await ask()):  # noqa: ASYNC110 — the page tells no event of this
            await anyio.sleep(0.05)
    assert answer, f"waited for: {what}"
    return answer


async def at_the_door(browser: Browser, officer: Delegate, side: str, problems: list[str]) -> Page:
    """A principal opens their one-time link in a browser, and is admitted. Their page."""
    invited = await officer.post(
        f"/api/dialogues/{officer.dialogue}/invitations",
        {"name": f"Principal of side {side}", "role": "principal"},
    )
    context = await browser.new_context(permissions=["camera", "microphone"])
    page = await context.new_page()
    page.on("pageerror", lambda error: problems.append(f"{side}: {error}"))
    await page.goto(invited["link"])
    await page.click("form[data-enrol] button[type=submit]")
    path = f"/api/dialogues/{officer.dialogue}/enrolments"

    async def proposed() -> list[Mapping[str, Any]]:
        return list((await officer.get(path))["enrolments"])

    (enrolment,) = await until("the enrolment", proposed)
    await officer.act("dialogue.admit", enrolment=enrolment["id"], role="principal")
    return page
