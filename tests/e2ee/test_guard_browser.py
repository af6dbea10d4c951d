"""The guarded worker in Chromium, by RTCRtpScriptTransform: docs/spec/keys.md §5.

livekit-client takes Chromium's other path (`createEncodedStreams`), which the room's own test drives.
"""

from __future__ import annotations

import functools
import http.server
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import anyio
import pytest
from playwright.async_api import Browser, Page, async_playwright

pytestmark = [pytest.mark.anyio, pytest.mark.browser, pytest.mark.media]

PAGES = Path(__file__).parent / "pages"
BUNDLE = Path(__file__).parents[2] / "src/visavis/web/static/bundle"
FLAGS = ("--no-sandbox", "--disable-dev-shm-usage", "--no-first-run", "--allow-loopback-in-peer-connection")
LIMIT_S = 60.0
SETTLED = 30
"""Packets after which a frame would have been decoded, were there any to decode."""

Calling = Callable[..., AbstractAsyncContextManager[Page]]


class _Files(http.server.SimpleHTTPRequestHandler):
    def translate_path(self, path: str) -> str:
        name = path.partition("?")[0].rpartition("/")[2]
        return str((BUNDLE if path.startswith("/bundle/") else PAGES) / name)

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """The page and the built bundle, on a loopback port: WebCrypto wants a secure context."""
    server = http.server.ThreadingHTTPServer(
        ("127.0.0.1", 0), functools.partial(_Files, directory=str(PAGES))
    )
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/guard.html"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    """One loop, for the browser that the tests share."""
    return "asyncio"


@pytest.fixture(scope="module")
async def browser() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        running = await playwright.chromium.launch(
            executable_path="/usr/bin/chromium", headless=True, args=list(FLAGS)
        )
        yield running
        await running.close()


@pytest.fixture
def calling(browser: Browser, address: str) -> Calling:
    """`async with calling(…) as page`: two connections of one page, which is closed at the end."""

    @asynccontextmanager
    async def start(**how: object) -> AsyncIterator[Page]:
        page = await browser.new_page()
        try:
            await page.goto(address)
            await page.wait_for_selector("html[data-ready]")
            await page.evaluate("how => window.call(how)", how)
            yield page
        finally:
            await page.close()

    return start


async def reach(page: Page, name: str, count: int) -> dict[str, int]:
    """The counts once one of them is reached; fails after `LIMIT_S`."""
    counts: dict[str, int] = {}
    with anyio.move_on_after(LIMIT_S):
        while counts.get(name, 0) < count:
            await anyio.sleep(0.05)
            counts = await page.evaluate("window.counts()")
    assert counts.get(name, 0) >= count, counts
    return counts


async def test_frames_pass_from_device_to_device(calling):
    """Frames that one side's worker sealed are decoded behind the other's."""
    async with calling() as page:
        await reach(page, "decoded", 10)


async def test_encryption_cannot_be_switched_off(calling):
    """A page or node that says "off" for an identity changes nothing: both ends go on encrypting."""
    async with calling(off=True) as page:
        await reach(page, "decoded", 10)


async def test_another_key_shows_nothing(calling):
    """Without the sender's key no frame is shown, though packets come."""
    async with calling(otherKey=8) as page:
        assert (await reach(page, "received", SETTLED))["decoded"] == 0


async def test_plain_frames_are_not_shown(calling):
    """What a sender or a node sends without encryption is dropped before the decoder."""
    async with calling(encode=None) as page:
        assert (await reach(page, "received", SETTLED))["decoded"] == 0


async def test_sealed_frames_need_the_worker(calling):
    """What the worker sends is no plain video: without decryption nothing of it is decoded."""
    async with calling(decode=None) as page:
        assert (await reach(page, "received", SETTLED))["decoded"] == 0


async def test_nobody_encodes_under_another_identity(calling):
    """A transform for an identity that is not the own device's lets no frame out."""
    async with calling(encode="C" * 43) as page:
        counts = await reach(page, "encoded", SETTLED)
        assert (counts["sent"], counts["decoded"]) == (0, 0)
