"""Pictures of the pages: plays every scene on nodes of its own and photographs it in Chromium.

Lives here: which widths, themes and languages; the room's picture. Not here: the scenes (`tests/flows/scenes.py`),
looking.
Run: `make screenshots`, or `python scripts/screenshots.py [page …]` after the bundle is built.

    build/screenshots/<page>-<width>-<theme>-<language>.png   every picture
    docs/images/<page>.png                                    the few that the documents show, small

What is played is played with nobody in the call. The room is photographed at a further node, which two browsers have
entered: a real call, its picture drawn here.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path

import anyio
from PIL import Image, ImageDraw
from playwright.async_api import Browser

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT / "src"), str(ROOT)]

from tests.flows.browser import Table, Visitor, chromium, inbound, laid_table  # noqa: E402
from tests.flows.scenes import Scene, play_scenes  # noqa: E402

from visavis.access import COOKIE  # noqa: E402
from visavis.dialogue.model import Role  # noqa: E402

OUT = ROOT / "build" / "screenshots"
DOCS = ROOT / "docs" / "images"
PICTURE = (640, 480)
ROOM = "room"
SIZES = {360: 740, 820: 1100, 1440: 900}
THEMES = ("light", "dark")
LANGUAGES = ("en", "ar")
DOCS_WIDTH = 1000
"""Pixels: wide enough to read on a README, light enough to carry in the repository."""
DOCS_HEIGHT = 1100


@dataclass(slots=True)
class Photographer:
    """Photographs scenes in every size and language, light and dark. names: of the wanted pages; none for all.

    wide: what was wider than its screen, in words.
    """

    browser: Browser
    names: Sequence[str]
    wide: list[str] = field(default_factory=list)

    async def see(self, url: str, scenes: Sequence[Scene]) -> None:
        for scene in scenes:
            if self.names and scene.name not in self.names:
                continue
            async with anyio.create_task_group() as tasks:
                for language in LANGUAGES:
                    tasks.start_soon(self.photograph, url, scene, language)
            print(scene.name, flush=True)

    async def photograph(self, url: str, scene: Scene, language: str) -> None:
        """One scene in one language; each theme at each width of one opened page."""
        context = await self.browser.new_context(
            locale=language, reduced_motion="reduce", permissions=["camera", "microphone"]
        )
        if scene.token:
            await context.add_cookies([{"name": COOKIE, "value": scene.token, "url": url}])
        page = await context.new_page()
        await page.set_viewport_size({"width": 1440, "height": SIZES[1440]})
        await page.goto(url + scene.path)
        await scene.then(page)
        for width, height in SIZES.items():
            await page.set_viewport_size({"width": width, "height": height})
            await page.evaluate("() => { document.activeElement?.blur(); scrollTo(0, 0); }")
            for theme in THEMES:
                await page.emulate_media(color_scheme="dark" if theme == "dark" else "light")
                await page.evaluate("document.fonts.ready")
                name = f"{scene.name}-{width}-{theme}-{language}"
                over = await page.evaluate("document.documentElement.scrollWidth - innerWidth")
                if over > 0:
                    self.wide.append(f"{name}: {over} px too wide")
                png = await page.screenshot(path=OUT / f"{name}.png", full_page=scene.whole)
                if scene.docs and (width, theme, language) == (1440, "light", "en"):
                    keep(png, scene.name)
        await context.close()


def keep(png: bytes, name: str) -> None:
    """A small picture for the documents: at most DOCS_WIDTH × DOCS_HEIGHT, few colours."""
    image = Image.open(BytesIO(png)).convert("RGB")
    scale = DOCS_WIDTH / image.width
    image = image.resize((DOCS_WIDTH, round(image.height * scale)), Image.Resampling.LANCZOS)
    image = image.crop((0, 0, DOCS_WIDTH, min(image.height, DOCS_HEIGHT)))
    DOCS.mkdir(parents=True, exist_ok=True)
    image.quantize(256, dither=Image.Dither.NONE).save(DOCS / f"{name}.png", optimize=True)


# --- the room -----------------------------------------------------------------------------------------


def seat(shade: tuple[int, int, int], figure: tuple[int, int, int]) -> bytes:
    """A person at a table, as one JPEG: what the browser's camera shows in place of a face."""
    image = Image.new("RGB", PICTURE, shade)
    draw = ImageDraw.Draw(image)
    draw.ellipse((260, 110, 380, 265), fill=figure)
    draw.rounded_rectangle((150, 290, 490, 620), radius=120, fill=tuple(c * 2 // 5 for c in figure))
    draw.polygon(((285, 290), (355, 290), (320, 380)), fill=tuple((c + 255) // 2 for c in figure))
    written = BytesIO()
    image.save(written, "JPEG", quality=92)
    return written.getvalue()


CAMERA = """
(() => {
  const real = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
  navigator.mediaDevices.getUserMedia = async constraints => {
    const stream = await real(constraints);
    if (!constraints.video) return stream;
    const image = new Image();
    image.src = 'data:image/jpeg;base64,PICTURE';
    await image.decode();
    const canvas = Object.assign(document.createElement('canvas'), { width: image.width, height: image.height });
    const draw = () => canvas.getContext('2d').drawImage(image, 0, 0);
    draw();
    setInterval(draw, 100);
    const seated = new MediaStream(stream.getAudioTracks());
    seated.addTrack(canvas.captureStream(10).getVideoTracks()[0]);
    return seated;
  };
})();
"""
SEATS = (((45, 63, 82), (125, 145, 166)), ((84, 64, 43), (165, 138, 109)))


async def meet(table: Table) -> list[Visitor]:
    """Both principals in the room, each seeing the other."""
    people = [
        await table.admitted(side, Role.PRINCIPAL, f"Principal of side {'AB'[side]}", 300.0 + 200 * side)
        for side in (0, 1)
    ]
    items = {"tension": "Tension in the disputed area", "guarantees": "Guarantees of security"}
    talk, ids = await table.talk(items)
    for officer, person, colours in zip(table.officers, people, SEATS, strict=True):
        await officer.act("talks.delegation", talk=talk, delegates=[await table.delegate_of(person)])
        picture = b64encode(seat(*colours)).decode()
        await person.context.add_init_script(CAMERA.replace("PICTURE", picture))
    await table.both("talks.open-sitting", talk=talk, n=1)
    await table.both("talks.put-item", talk=talk, item=ids["guarantees"])
    for person in people:
        await person.page.set_viewport_size({"width": 1440, "height": SIZES[1440]})
        await person.sit_down(f"/d/{table.dialogue}/talks/{talk}/room")
    for person in people:
        await person.until(lambda stats: inbound(stats).get("video", {}).get("framesDecoded", 0) > 20)
    return people


async def photograph_room() -> None:
    """The room with both sides in the call: side A's screen for the documents, side B's in every size."""
    with tempfile.TemporaryDirectory() as data:
        async with laid_table(Path(data)) as table:
            one, other = await meet(table)
            keep(await one.page.screenshot(), ROOM)
            for width, height in SIZES.items():
                await other.page.set_viewport_size({"width": width, "height": height})
                await other.page.screenshot(path=OUT / f"{ROOM}-in-{width}-dark-en.png")
                for letter, inside in (
                    ("A", "#drawer-agenda"),
                    ("R", "#review-rows"),
                    ("U", "#understandings"),
                ):
                    await other.page.keyboard.press(f"Alt+Key{letter}")
                    await other.wait(f".drawer:not([hidden]) {inside}")
                    await other.page.screenshot(path=OUT / f"{ROOM}-drawer-{letter}-{width}-dark-en.png")
                await other.page.keyboard.press("Escape")
    print(ROOM, flush=True)


# --- all ------------------------------------------------------------------------------------------------


async def main(names: list[str]) -> int:
    OUT.mkdir(parents=True, exist_ok=True)
    wide: list[str] = []
    if names != [ROOM]:
        with tempfile.TemporaryDirectory() as folder:
            async with chromium() as browser:
                photographer = Photographer(browser, names)
                await play_scenes(Path(folder), photographer.see)
                wide = photographer.wide
    if not names or ROOM in names:
        await photograph_room()
    print(*wide, sep="\n")
    return 1 if wide else 0


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Pictures of the pages, played on nodes of their own.")
    parser.add_argument("pages", nargs="*", help="names of pages; all of them if none is given")
    sys.exit(anyio.run(main, parser.parse_args().pages))
