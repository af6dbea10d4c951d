"""Debian's Chromium at the node's pages, one context for each delegate. For tests.

Lives here: `chromium`, `Visitor`, `Table`, `laid_table`, `meet`.
Not here: what is played (the tests), delegates without a browser (`visavis.rehearsal.delegate`).

Each context's microphone is an oscillator of a frequency of its own, so that a listener knows whom it hears;
the camera is Chromium's fake device.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import anyio
from playwright.async_api import Browser, BrowserContext, Page, async_playwright
from playwright.async_api import TimeoutError as BrowserTimeout
from tests.flows.chromium import CHROMIUM, FLAGS, Key

from visavis.dialogue.model import Role
from visavis.rehearsal.delegate import Delegate
from visavis.rehearsal.stage import ServerProcess

LIMIT_MS = 60_000.0
"""For one thing to happen on a page, on a machine that builds something else meanwhile."""

NAMES = ({"en": "Side A", "ru": "Сторона А"}, {"en": "Side B", "ru": "Сторона Б"})
ZONES = ("Europe/Moscow", "America/New_York")

VOICES_HZ = (440.0, 940.0)

MICROPHONE = """
(() => {
  const real = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
  let context;
  navigator.mediaDevices.getUserMedia = async constraints => {
    if (!constraints.audio) return real(constraints);
    context ??= new AudioContext();  // one for all: browsers allow few
    await context.resume();
    const voice = new OscillatorNode(context, { frequency: HZ });
    const out = context.createMediaStreamDestination();
    voice.connect(new GainNode(context, { gain: 0.3 })).connect(out);
    voice.start();
    const tracks = out.stream.getAudioTracks();
    if (constraints.video) tracks.push(...(await real({ video: constraints.video })).getTracks());
    return new MediaStream(tracks);
  };
})();
"""


@asynccontextmanager
async def chromium() -> AsyncIterator[Browser]:
    """One browser process, ended with the block."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, headless=True, args=FLAGS)
        try:
            yield browser
        finally:
            await browser.close()


@dataclass(slots=True)
class Visitor:
    """A person at a browser of their own. said: what the browser's console and its pages complained of."""

    name: str
    hz: float
    context: BrowserContext
    page: Page
    key: Key
    url: str
    said: list[str] = field(default_factory=list)

    async def enrol(self, link: str) -> None:
        """Open the one-time link and press its button; ends on the page that waits for the officer."""
        await self.open(link)
        await self.page.get_by_role("button", name="Make my passkey and come in").click()
        await self.page.wait_for_url(lambda url: "/enter/" not in url, timeout=LIMIT_MS)

    async def open(self, address: str) -> None:
        """Go to a page, and wait until its forms can sign."""
        await self.page.goto(address if "://" in address else self.url + address, timeout=LIMIT_MS)
        await self.wait("html[data-signs=ready]")

    async def sit_down(self, room: str) -> None:
        """Open the room, go in by the device check's button, and wait until the call has us."""
        await self.open(room)
        await self.wait("#devicecheck[data-ready=true]")
        await self.page.locator("[data-control=join]").click()
        await self.wait("#room[data-state=in]")

    async def wait(self, selector: str) -> None:
        """Until it is there. Raises `TimeoutError` with what the page says instead."""
        try:
            await self.page.wait_for_selector(selector, state="attached", timeout=LIMIT_MS)
        except BrowserTimeout as error:
            words = await self.page.locator("body").inner_text()
            raise TimeoutError(
                f"{self.name} at {self.page.url}: no {selector}; {words}; {self.said}"
            ) from error

    async def call(self) -> dict[str, Any]:
        """The call as this browser's own counters have it."""
        stats: dict[str, Any] = await self.page.evaluate("() => window.visavisCall.stats()")
        return stats

    async def until(self, what: Callable[[Mapping[str, Any]], bool]) -> dict[str, Any]:
        """Read the counters until they say `what`. Raises `TimeoutError` with what they said last."""
        stats: dict[str, Any] = {}
        with anyio.move_on_after(LIMIT_MS / 1000):
            while True:
                stats = await self.call()
                if what(stats):
                    return stats
                await anyio.sleep(0.2)
        raise TimeoutError(f"{self.name}: {inbound(stats)}, {stats.get('heard')}, {self.said}")


def inbound(stats: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """kind → the subscriber connection's inbound stream."""
    return {s["kind"]: s for s in stats.get("subscriber", []) if s["type"] == "inbound-rtp"}


@dataclass(slots=True)
class Table:
    """A node in a process of its own, a dialogue founded on it, Chromium beside it."""

    server: ServerProcess
    browser: Browser
    officers: tuple[Delegate, Delegate]
    stack: AsyncExitStack

    @property
    def url(self) -> str:
        return self.server.url

    @property
    def dialogue(self) -> str:
        return self.officers[0].dialogue

    async def visitor(self, name: str, hz: float = 440.0) -> Visitor:
        """A context of their own; nobody is enrolled yet. hz: what their microphone hears.

        It ends with the browser, not by itself: Chromium may never answer who closes a context while a page of it
        loads, as it does after whatever was signed last.
        """
        context = await self.browser.new_context(
            locale="en-GB", viewport={"width": 1280, "height": 800}, permissions=["camera", "microphone"]
        )
        await context.add_init_script(MICROPHONE.replace("HZ", str(hz)))
        page = await context.new_page()
        made = Visitor(name, hz, context, page, await Key.of(page), self.url)
        page.on("console", lambda m: made.said.append(m.text) if m.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: made.said.append(str(error)))
        return made

    async def admitted(self, side: int, role: Role, name: str, hz: float = 440.0) -> Visitor:
        """A visitor whom the officer of side 0 or 1 has invited, and admitted once they enrolled."""
        visitor = await self.visitor(name, hz)
        officer = self.officers[side]
        base = f"/api/dialogues/{self.dialogue}"
        invited = await officer.post(f"{base}/invitations", {"name": name, "role": role})
        await visitor.enrol(invited["link"])
        waiting = (await officer.get(f"{base}/enrolments"))["enrolments"]
        enrolment = next(e["id"] for e in waiting if e["delegate"] == invited["delegate"])
        await officer.act("dialogue.admit", enrolment=enrolment, role=role)
        await visitor.wait("main section.dialogue")
        return visitor

    async def delegate_of(self, visitor: Visitor) -> str:
        session = await visitor.page.evaluate("() => fetch('/api/session').then(r => r.json())")
        return str(session["delegate"])

    async def both(self, command: str, /, **fields: Any) -> None:
        """The same act by both officers."""
        for officer in self.officers:
            await officer.act(command, **fields)

    async def talk(self, items: Mapping[str, str]) -> tuple[str, dict[str, str]]:
        """A talk whose time and agenda both have agreed. items: key → English title; back: key → item's id."""
        one = self.officers[0]
        title = {"en": "Talks by video conference", "ru": "Переговоры по видеосвязи"}
        start = "2021-12-07T15:00:00Z"
        proposed = await one.act("talks.propose", title=title, start=start, minutes=60, mode="video")
        view = await one.state()
        found = view["talks"][-1]["talk"]
        assert found["id"] in str(proposed)
        await self.both("talks.accept", talk=found["id"], hash=found["times"][0]["hash"])
        ids = {}
        for key, words in items.items():
            made = await one.act(
                "talks.propose-item", talk=found["id"], title={"en": words, "ru": words}, kind="issue"
            )
            ids[key] = str(made["item"])
        await self.both("talks.rank", talk=found["id"], items=list(ids.values()))
        await one.act(
            "talks.table-agenda", talk=found["id"], press_call="if-necessary", statement="not-expected"
        )
        view = await one.state()
        offered = view["talks"][-1]["talk"]["agendas"][0]["hash"]
        await self.both("talks.approve-agenda", talk=found["id"], hash=offered)
        return str(found["id"]), ids


@asynccontextmanager
async def laid_table(data: Path) -> AsyncIterator[Table]:
    """A node, a founded dialogue whose officers have no browser, and Chromium."""
    server = ServerProcess(data / "data", data / "node.log")
    officers: list[Delegate] = []
    async with AsyncExitStack() as stack:

        async def found() -> None:
            serving = await server.start()
            for side in "AB":
                officer = Delegate(server.url, f"Protocol officer of side {side}")
                officers.append(await stack.enter_async_context(officer))
            for officer, link, name in zip(officers, serving.founding_links, NAMES, strict=True):
                await officer.enrol(link)
                await officer.post("/api/foundings", {"name": name})
            for officer, zone in zip(officers, ZONES, strict=True):
                await officer.place()
                await officer.act("dialogue.found")
                await officer.act("dialogue.profile", zone=zone, languages=["en", "ru"])

        stack.push_async_callback(server.stop)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(found)
            browser = await stack.enter_async_context(chromium())
        yield Table(server, browser, (officers[0], officers[1]), stack)


async def meet(table: Table) -> tuple[str, dict[str, str], list[Visitor]]:
    """Both principals enrol through their links, the officers admit and list them and open the sitting.

    The talk, its items' ids, the two visitors.
    """
    people = [
        await table.admitted(side, Role.PRINCIPAL, f"Principal of side {'AB'[side]}", VOICES_HZ[side])
        for side in (0, 1)
    ]
    talk, items = await table.talk({"tension": "Tension in the disputed area", "guarantees": "Guarantees"})
    for officer, person in zip(table.officers, people, strict=True):
        await officer.act("talks.delegation", talk=talk, delegates=[await table.delegate_of(person)])
    await table.both("talks.open-sitting", talk=talk, n=1)
    return talk, items, people
