"""Debian's Chromium at a node's door. For tests.

Lives here: how it is started, `Key` (the authenticator of a page), `until`, `at_the_door`.
Not here: the node (`stage`), what is done in the browser (the tests).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

import anyio
from playwright.async_api import Browser, CDPSession, Page

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


@dataclass(frozen=True, slots=True)
class Key:
    """The authenticator that a page asks: Chromium's virtual one, as much the page's own as its address.

    It answers by itself, and says that it has verified its user until it is told otherwise.
    """

    session: CDPSession
    id: str

    @classmethod
    async def of(cls, page: Page) -> Key:
        session = await page.context.new_cdp_session(page)
        await session.send("WebAuthn.enable")
        options = {
            "protocol": "ctap2",
            "ctap2Version": "ctap2_1",
            "transport": "internal",
            "hasResidentKey": True,
            "hasUserVerification": True,
            "isUserVerified": True,
            "automaticPresenceSimulation": True,
        }
        added = await session.send("WebAuthn.addVirtualAuthenticator", {"options": options})
        return cls(session, str(added["authenticatorId"]))

    async def verifies(self, verified: bool) -> None:
        """From now on it does, or does not, verify its user."""
        of_whom = {"authenticatorId": self.id, "isUserVerified": verified}
        await self.session.send("WebAuthn.setUserVerified", of_whom)

    async def uses(self) -> int:
        """How often its passkeys were asked and answered."""
        held = await self.session.send("WebAuthn.getCredentials", {"authenticatorId": self.id})
        return sum(int(each["signCount"]) for each in held["credentials"])


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


async def at_the_door(
    browser: Browser, officer: Delegate, side: str, problems: list[str]
) -> tuple[Page, Key]:
    """A principal opens their one-time link in a browser, and is admitted. Their page and its authenticator."""
    invited = await officer.post(
        f"/api/dialogues/{officer.dialogue}/invitations",
        {"name": f"Principal of side {side}", "role": "principal"},
    )
    context = await browser.new_context(permissions=["camera", "microphone"])
    page = await context.new_page()
    key = await Key.of(page)
    page.on("pageerror", lambda error: problems.append(f"{side}: {error}"))
    await page.goto(invited["link"])
    await page.click("form[data-enrol] button[type=submit]")
    path = f"/api/dialogues/{officer.dialogue}/enrolments"

    async def proposed() -> list[Mapping[str, Any]]:
        return list((await officer.get(path))["enrolments"])

    (enrolment,) = await until("the enrolment", proposed)
    # The page goes on by itself when its passkey is made, and again when it is admitted: a test that then goes
    # elsewhere must not meet it on its way.
    await page.wait_for_url(lambda url: "/enter/" not in url)
    await page.goto(f"{officer.url}/health")  # of the node, and without a script
    await officer.act("dialogue.admit", enrolment=enrolment["id"], role="principal")
    return page, key
