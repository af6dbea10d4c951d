"""Pictures of the pages: plays the day of the report on a node of its own and photographs it in Chromium.

Lives here: which pages, in which widths, themes and languages. Not here: the day (`visavis.rehearsal.play`), looking.
Run: `make screenshots`, or `python scripts/screenshots.py [page …]` after the bundle is built.

    build/screenshots/<page>-<width>-<theme>-<language>.png   every picture
    docs/images/<page>.png                                    the few that the documents show, small

The day is played with nobody in the call. The room is photographed at a second node, which two browsers have
entered: a real call, its picture drawn here.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from base64 import b64encode
from collections.abc import Iterable
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import anyio
from PIL import Image, ImageDraw
from playwright.async_api import Browser, Page, async_playwright

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT / "src"), str(ROOT)]

from tests.flows.browser import Table, Visitor, inbound, laid_table  # noqa: E402
from tests.flows.chromium import FLAGS  # noqa: E402
from tests.flows.stage import Stage, running_node  # noqa: E402
from tests.flows.test_day import day_on  # noqa: E402

from visavis.access import COOKIE  # noqa: E402
from visavis.dialogue.model import Role  # noqa: E402
from visavis.rehearsal.play import Day  # noqa: E402

OUT = ROOT / "build" / "screenshots"
DOCS = ROOT / "docs" / "images"
CHROMIUM = "/usr/bin/chromium"
PICTURE = (640, 480)
ROOM = "room"
SIZES = {360: 740, 820: 1100, 1440: 900}
DOCS_WIDTH = 1000
"""Pixels: wide enough to read on a README, light enough to carry in the repository."""
DOCS_HEIGHT = 1100


@dataclass(frozen=True)
class Shot:
    """One page. whole: to its foot, not only what a screen shows."""

    name: str
    path: str
    whole: bool = True
    docs: bool = False


def shots(day: Day) -> list[Shot]:
    at = f"/d/{day.dialogue}"
    talk = f"{at}/talks/{day.talk}"
    texts = list(day.understandings.values())
    return [
        Shot("home", "/"),
        Shot("dialogue", at),
        Shot("talk", talk, docs=True),
        Shot("review", f"{talk}/review", docs=True),
        Shot("understanding", f"{at}/understandings/{texts[0]}"),
        Shot("guarantee", f"{at}/understandings/{day.guarantee}", docs=True),
        Shot("understanding-new", f"{at}/understandings/new?kind=guarantee"),
        Shot("room", f"{talk}/room", whole=False),
        Shot("press", f"{talk}/press"),
        Shot("record", f"{at}/record", whole=False),
        Shot("newsroom", f"/newsroom/{day.sides['a']}"),
        Shot("release", f"/newsroom/{day.sides['a']}/{day.releases['a']}", docs=True),
        Shot("quotes", "/quotes"),
        Shot("me", "/me"),
        Shot("missing", "/nowhere"),
    ]


async def open_page(browser: Browser, url: str, token: str, width: int, theme: str, language: str) -> Page:
    context = await browser.new_context(
        viewport={"width": width, "height": SIZES[width]},
        color_scheme="dark" if theme == "dark" else "light",
        locale=language,
        reduced_motion="reduce",
        permissions=["camera", "microphone"],
    )
    await context.add_cookies([{"name": COOKIE, "value": token, "url": url}])
    return await context.new_page()


async def photograph(browser: Browser, url: str, token: str, wanted: Iterable[Shot]) -> list[str]:
    """Every page in every size, theme and language; returns what was wider than its screen."""
    wide = []
    for shot in wanted:
        for width in SIZES:
            for theme in ("light", "dark"):
                for language in ("en", "ar"):
                    page = await open_page(browser, url, token, width, theme, language)
                    await page.goto(url + shot.path)
                    await page.evaluate("document.fonts.ready")
                    over = await page.evaluate("document.documentElement.scrollWidth - innerWidth")
                    name = f"{shot.name}-{width}-{theme}-{language}"
                    if over > 0:
                        wide.append(f"{name}: {over} px too wide")
                    await page.screenshot(path=OUT / f"{name}.png", full_page=shot.whole)
                    await page.context.close()
        print(shot.name, flush=True)
    return wide


def keep(png: bytes, name: str) -> None:
    """A small picture for the documents: at most DOCS_WIDTH × DOCS_HEIGHT, few colours."""
    image = Image.open(BytesIO(png)).convert("RGB")
    scale = DOCS_WIDTH / image.width
    image = image.resize((DOCS_WIDTH, round(image.height * scale)), Image.Resampling.LANCZOS)
    image = image.crop((0, 0, DOCS_WIDTH, min(image.height, DOCS_HEIGHT)))
    DOCS.mkdir(parents=True, exist_ok=True)
    image.quantize(256, dither=Image.Dither.NONE).save(DOCS / f"{name}.png", optimize=True)


async def for_documents(browser: Browser, url: str, token: str, wanted: Iterable[Shot]) -> None:
    for shot in wanted:
        if shot.docs:
            page = await open_page(browser, url, token, 1440, "light", "en")
            await page.goto(url + shot.path)
            await page.evaluate("document.fonts.ready")
            keep(await page.screenshot(full_page=True), shot.name)
            await page.context.close()


async def play(stage: Stage) -> Day:
    day = day_on(stage)
    for step in (day.admit, day.enter_earlier, day.prepare, day.sit, day.tell_the_press):
        if step == day.admit:
            await day.found(stage.links)
        await step()
        print(step.__name__.replace("_", " "), flush=True)
    return day


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
    with tempfile.TemporaryDirectory() as data:
        async with laid_table(Path(data)) as table:
            one, other = await meet(table)
            keep(await one.page.screenshot(), ROOM)
            for width, height in SIZES.items():
                await other.page.set_viewport_size({"width": width, "height": height})
                await other.page.wait_for_timeout(500)
                await other.page.screenshot(path=OUT / f"{ROOM}-in-{width}-dark-en.png")
    print(ROOM, flush=True)


# --- all ------------------------------------------------------------------------------------------------


async def photograph_day(names: list[str]) -> list[str]:
    with tempfile.TemporaryDirectory() as data:
        async with running_node(Path(data)) as stage, async_playwright() as playwright:
            day = await play(stage)
            principal = day.people["a"][Role.PRINCIPAL]
            token = next(person.token for person in stage.people if person is principal)
            wanted = [shot for shot in shots(day) if not names or shot.name in names]
            browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
            await for_documents(browser, stage.url, token, wanted)
            wide = await photograph(browser, stage.url, token, wanted)
            await browser.close()
            return wide


async def main(names: list[str]) -> int:
    OUT.mkdir(parents=True, exist_ok=True)
    wide: list[str] = []
    if names != [ROOM]:
        wide = await photograph_day(names)
    if not names or ROOM in names:
        await photograph_room()
    print(*wide, sep="\n")
    return 1 if wide else 0


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description="Pictures of the pages, from a day played on a node of its own."
    )
    parser.add_argument("pages", nargs="*", help="names of pages; all of them if none is given")
    sys.exit(anyio.run(main, parser.parse_args().pages))
