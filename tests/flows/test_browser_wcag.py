"""Every page and state in Chromium under axe-core: no violation of WCAG 2.2 AA, and nothing wider than the screen.

English at a desk's width and Arabic at a phone's; in dark what the colours can change.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import anyio
import pytest
from playwright.async_api import Browser, BrowserContext, Page
from tests.flows.browser import Table, chromium, laid_table, meet
from tests.flows.scenes import Scene, play_scenes

from visavis.access import COOKIE

pytestmark = [pytest.mark.anyio, pytest.mark.browser]

AXE = Path(__file__).parents[2] / "client" / "node_modules" / "axe-core" / "axe.min.js"
TAGS = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa")
SCREENS = {"en": (1280, 800), "ar": (360, 740)}
"""language → width and height, px."""

VIOLATIONS = """
async only => {
  const options = { runOnly: only, resultTypes: ['violations'] };
  const { violations } = await axe.run(document, options);
  return violations.flatMap(({ id, nodes }) => nodes.map(node =>
    `${id}: ${node.target.join(' ')}: ${(node.any[0] ?? node.all[0] ?? node.none[0])?.message}`));
}
"""
PRESSED = """
() => Array.from(document.querySelectorAll('button, input, select, textarea, summary, nav'))
  .filter(each => each.checkVisibility() && each.getBoundingClientRect().height > 0)
  .map(each => each.outerHTML.slice(0, 80))
"""
PRINTED = (
    "Five rounds were held.",
    "Проведено пять раундов.",
    "https://example.org/minutes?round=5",
    "list of applications.pdf",
)
"""Of the review, on paper: what stands folded or in the other language on the screen, too."""
DRAWERS = {
    "A": "#drawer-agenda li",
    "W": "#lock li",
    "R": "#review-rows",
    "K": "#caption-text",
    "N": "#note-text",
}
"""letter → what of the room's drawer tells that it is open"""

LARGE = ((320, 480), (740, 360), (820, 1180), (1920, 1080))
"""Further widths and heights, px, at which the room is left."""

OUT_OF_REACH = """
() => ['rtl', 'ltr'].filter(dir => {
  document.documentElement.dir = dir;
  const leave = document.querySelector('[data-control=leave]');
  const { left, top, right, bottom } = leave.getBoundingClientRect();
  const at = document.elementFromPoint((left + right) / 2, (top + bottom) / 2);
  return left < 0 || top < 0 || right > innerWidth || bottom > innerHeight || right - left < 44 || bottom - top < 44
    || !leave.contains(at);
})
"""
"""The directions of writing in which Leave is not wholly in sight, or covered, or small, as the page stands."""

WIDER = "() => document.documentElement.scrollWidth - innerWidth"


async def found_on(page: Page, name: str, languages: str = "") -> list[str]:
    """What axe finds on the page as it stands, light and dark, and by how much it is too wide."""
    at = f"{name} {languages}".strip()
    await page.emulate_media(color_scheme="light")
    found = await page.evaluate(VIOLATIONS, {"type": "tag", "values": TAGS})
    await page.emulate_media(color_scheme="dark")
    dark = await page.evaluate(VIOLATIONS, {"type": "rule", "values": ["color-contrast"]})
    wider = await page.evaluate(WIDER)
    said = [f"{at}: {each}" for each in found] + [f"{at} dark: {each}" for each in dark]
    return said + ([f"{at}: {wider} px too wide"] if wider > 0 else [])


async def on_paper(page: Page, name: str, language: str) -> list[str]:
    """What is wrong with the page as Chromium prints it: A4, nothing to press, no text cut off, both languages."""
    await page.emulate_media(media="print", color_scheme="light")
    pressed = await page.evaluate(PRESSED)
    pdf = await page.pdf(prefer_css_page_size=True)
    await page.emulate_media(media="screen")

    def poppler(program: str, *more: str) -> str:
        done = subprocess.run([program, *more], input=pdf, capture_output=True, check=True)
        return done.stdout.decode()

    size = re.search("Page size: .*", await anyio.to_thread.run_sync(poppler, "pdfinfo", "-"))
    words = await anyio.to_thread.run_sync(poppler, "pdftotext", "-", "-")
    found = [f"{each} is printed" for each in pressed]
    found += [f"{each!r} is not printed" for each in PRINTED if each not in words]
    if size is None or "(A4)" not in size[0]:
        found.append(f"it is no A4: {size and size[0]}")
    return [f"{name} {language} on paper: {each}" for each in found]


@dataclass(slots=True)
class Reader:
    """Looks at scenes in one browser: a context for each language. found: what was wrong, in words."""

    contexts: dict[str, BrowserContext]
    found: list[str] = field(default_factory=list)

    async def see(self, url: str, scenes: Sequence[Scene]) -> None:
        async with anyio.create_task_group() as tasks:
            for language in self.contexts:
                tasks.start_soon(self.read, url, scenes, language)

    async def read(self, url: str, scenes: Sequence[Scene], language: str) -> None:
        context = self.contexts[language]
        page = await context.new_page()
        for scene in scenes:
            await context.clear_cookies()
            if scene.token:
                await context.add_cookies([{"name": COOKIE, "value": scene.token, "url": url}])
            await page.goto(url + scene.path)
            await scene.then(page)
            self.found += await found_on(page, scene.name, language)
            if scene.paper:
                self.found += await on_paper(page, scene.name, language)
        await page.close()


@asynccontextmanager
async def reader(browser: Browser) -> AsyncIterator[Reader]:
    contexts = {}
    for language, (width, height) in SCREENS.items():
        context = contexts[language] = await browser.new_context(
            locale=language,
            viewport={"width": width, "height": height},
            reduced_motion="reduce",
            permissions=["camera", "microphone"],
        )
        await context.add_init_script(path=AXE)
    yield Reader(contexts)
    for context in contexts.values():
        await context.close()


async def test_no_page_violates_wcag(tmp_path: Path) -> None:
    """Every page and state outside the call, as axe sees it, in both directions of writing."""
    async with chromium() as browser, reader(browser) as reading:
        page = await reading.contexts["en"].new_page()
        await page.set_content("<title>Faint</title><p style='color: #ccc; width: 3000px'>Faint</p>")
        assert len(await found_on(page, "what is wrong is found")) >= 2
        await play_scenes(tmp_path, reading.see)
    assert reading.found == []


async def leave_out_of_reach(page: Page, name: str) -> list[str]:
    return [f"{name}: Leave is out of reach, {each}" for each in await page.evaluate(OUT_OF_REACH)]


async def in_the_room(table: Table) -> list[str]:
    """What is wrong with the room while two sit in it, with and without drawers and the rarer controls, at both widths;
    and where Leave is out of reach, at more of them.
    """
    talk, items, people = await meet(table)
    await table.both("talks.put-item", talk=talk, item=items["guarantees"])
    person = people[0]
    await person.context.add_init_script(path=AXE)
    for each in people:
        await each.sit_down(f"/d/{table.dialogue}/talks/{talk}/room")
    await person.wait("#theirs figure.delegate")
    found = []
    for width, height in SCREENS.values():
        await person.page.set_viewport_size({"width": width, "height": height})
        found += await found_on(person.page, f"room {width}")
        for letter, inside in DRAWERS.items():
            await person.page.keyboard.press(f"Alt+Key{letter}")
            await person.wait(f".drawer:not([hidden]) {inside}")
            found += await found_on(person.page, f"room {width} {letter}")
            found += await leave_out_of_reach(person.page, f"room {width} {letter}")
        # Esc closes the drawer, and the rarer controls stay.
        for pressed, then in (("Alt+KeyX", "more, drawer"), ("Escape", "more"), ("Alt+KeyX", "")):
            await person.page.keyboard.press(pressed)
            found += await leave_out_of_reach(person.page, f"room {width} {then}")
            if then == "more":
                found += await found_on(person.page, f"room {width} more")
    for width, height in LARGE:
        await person.page.set_viewport_size({"width": width, "height": height})
        for _ in range(2):
            found += await leave_out_of_reach(person.page, f"room {width}")
            await person.page.keyboard.press("Alt+KeyW")
    return found


@pytest.mark.media
async def test_the_room_violates_no_wcag(tmp_path: Path) -> None:
    """In a sitting, with both sides in the call."""
    async with laid_table(tmp_path) as table:
        found = await in_the_room(table)
        assert found == []
