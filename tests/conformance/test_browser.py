"""What LiveKit's unmodified browser client does in Chromium holds on our engine as on LiveKit's own server.

Lives here: the lines where the browser's client differs from the Python one, or has more: adaptive stream, dynacast,
its own ways to break off. Not here: the rest (`test_call`); what the page can do (`pages/page.js`).
"""

from __future__ import annotations

import contextlib
import http.server
import threading
from pathlib import Path

import anyio
import pytest
from playwright.async_api import async_playwright
from tests.conformance.servers import ROOT
from tests.flows.chromium import CHROMIUM, FLAGS, until

pytestmark = [pytest.mark.anyio, pytest.mark.browser, pytest.mark.media]

SCRIPTS = {
    "livekit.js": ROOT / "client/node_modules/livekit-client/dist/livekit-client.umd.js",
    "page.js": Path(__file__).parent / "pages/page.js",
}
HTML = '<!doctype html><meta charset="utf-8"><body>' + "".join(
    f'<script src="/{name}"></script>' for name in SCRIPTS
)


class _Files(http.server.BaseHTTPRequestHandler):
    """The page and its two scripts."""

    def do_GET(self):
        script = SCRIPTS.get(self.path[1:])
        self.send_response(200)
        self.send_header("Content-Type", "text/javascript" if script else "text/html")
        self.end_headers()
        self.wfile.write(script.read_bytes() if script else HTML.encode())

    def log_message(self, *args):
        pass


@pytest.fixture(scope="module")
def address():
    """Where the page is, on a loopback port: browsers give a camera to localhost."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Files)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    thread.join()
    server.server_close()


class Page:
    """The page, and what it can be told: each function of `pages/page.js` by its name."""

    def __init__(self, page, server, room):
        self._page, self._server, self._room = page, server, room

    async def do(self, function, *args):
        """Call a function of the page; its answer."""
        return await self._page.evaluate("([f, args]) => window[f](...args)", [function, list(args)])

    async def join(self, name, options=None, connect=None, **token):
        """A participant joins; its sid. options: of its room; connect: of its connection."""
        grant = self._server.token(name, self._room, **token)
        return await self.do("join", name, self._server.url, grant, options or {}, connect or {})

    async def told(self, name, event, *args):
        """Wait until a participant is told something; its arguments, as words."""

        async def ask():
            told = await self.do("told", name, event)
            return [each for each in told if each[: len(args)] == list(args)]

        return (await until(f"{name} is told {event} {args}", ask))[0]

    async def sees(self, name, sid="", more=10):
        """Wait until a participant is shown pictures, anew."""
        before = await self.do("pictures", name, sid)

        async def ask():
            return await self.do("pictures", name, sid) >= before + more

        await until(f"{name} sees {sid or 'a picture'}", ask)

    async def hears(self, name):
        """Wait until sound comes to a participant, anew."""
        before = await self.do("sound", name)

        async def ask():
            return await self.do("sound", name) > before + 1000

        await until(f"{name} hears", ask)

    async def becomes(self, wanted, function, *args):
        """Wait until a function of the page answers so."""

        async def ask():
            return (await self.do(function, *args)) == wanted

        await until(f"{function}{args} is {wanted}", ask)


@pytest.fixture
def browse(server, room, address):
    """`async with browse() as page`: a page of Chromium, closed at the end."""

    @contextlib.asynccontextmanager
    async def start():
        async with async_playwright() as playwright:
            browser = await playwright.chromium.launch(
                executable_path=CHROMIUM, headless=True, args=list(FLAGS)
            )
            try:
                context = await browser.new_context(permissions=["camera", "microphone"])
                page = await context.new_page()
                await page.goto(address)
                yield Page(page, server, room)
            finally:
                await browser.close()

    return start


async def test_call(browse):
    """Two participants see, hear, read and call each other; muting and leaving is told."""
    async with browse() as page:
        await page.join("a1")
        await page.join("b1")
        await page.do("publish", "a1")
        await page.do("publish", "b1")
        for name in ("a1", "b1"):
            await page.sees(name)
            await page.hears(name)
        await page.do("say", "a1", "hello")
        await page.becomes([["a1", "hello"]], "data", "b1")
        await page.do("serve", "b1", "greet")
        assert await page.do("call", "a1", "b1", "greet", "hello") == "hello, a1"
        await page.do("mute", "a1", True)
        await page.told("b1", "trackMuted")
        await page.do("mute", "a1", False)
        await page.told("b1", "trackUnmuted")
        await page.hears("b1")
        await page.do("leave", "a1")
        await page.told("b1", "participantDisconnected", "a1")
        await page.becomes([], "others", "b1")


async def test_layers_that_nobody_needs(browse):
    """A publisher with dynacast stops the layers that no subscriber's screen needs, and starts them again."""
    async with browse() as page:
        await page.join("a1", {"dynacast": True})
        await page.join("b1", {"adaptiveStream": {"pixelDensity": 1}})
        await page.do("publish", "a1")
        await page.sees("b1")
        await page.do("resize", "b1", 160)
        await page.becomes([True, False], "layers", "a1")
        await page.sees("b1")
        await page.do("resize", "b1", 640)
        await page.becomes([True, True], "layers", "a1")
        await page.sees("b1")


async def test_resume(browse):
    """A client whose connection broke is back as it was, and sees and is seen."""
    async with browse() as page:
        sid = await page.join("a1")
        await page.join("b1")
        await page.do("publish", "a1")
        await page.do("publish", "b1")
        await page.sees("b1")
        await page.do("simulate", "a1", "signal-reconnect")
        await page.told("a1", "signalReconnecting")
        await page.told("a1", "reconnected")
        assert await page.do("me", "a1") == sid
        assert await page.do("told", "b1", "participantDisconnected") == []
        for name in ("a1", "b1"):
            await page.sees(name)
            await page.hears(name)


async def test_reliable_data_over_a_resume(browse):
    """Reliable messages sent while a connection breaks and is resumed come all, once and in order, both ways."""
    async with browse() as page:
        await page.join("a1")
        await page.join("b1")
        for name, other in (("a1", "b1"), ("b1", "a1")):
            await page.becomes([other], "others", name)
        wanted = [str(n) for n in range(200)]
        async with anyio.create_task_group() as counting:
            for name in ("a1", "b1"):
                counting.start_soon(page.do, "count", name, len(wanted))

            async def some():
                return len(await page.do("data", "b1")) > 20

            await until("B heard some", some)
            await page.do("simulate", "a1", "signal-reconnect")
        await page.told("a1", "reconnected")
        for name, other in (("a1", "b1"), ("b1", "a1")):
            last = [other, wanted[-1]]

            async def all_came(name=name, last=last):
                return last in await page.do("data", name)

            await until(f"the last message to {name}", all_came)
            assert await page.do("data", name) == [[other, n] for n in wanted]


@pytest.mark.parametrize("scenario", ["full-reconnect", "node-failure", "resume-reconnect"])
async def test_full_reconnect(browse, scenario):
    """A client that has to join anew is a new participant, and publishes its tracks again, once each.

    It decides so itself, or its server is gone, or its resume fails.
    """
    async with browse() as page:
        sid = await page.join("a1")
        await page.join("b1")
        await page.do("publish", "a1")
        await page.do("publish", "b1")
        await page.sees("b1")
        await page.do("simulate", "a1", scenario)
        await page.told("a1", "reconnected")
        assert await page.do("me", "a1") != sid

        async def anew():
            kinds = [kind for _, kind, _ in await page.do("tracks", "b1", "a1")]
            return sorted(kinds) == ["audio", "video"]

        await until("A's two tracks", anew)
        for name in ("a1", "b1"):
            await page.sees(name)
            await page.hears(name)


async def test_server_leave(browse):
    """A client that the server sends away stays away."""
    async with browse() as page:
        await page.join("a1")
        await page.do("simulate", "a1", "server-leave")
        await page.told("a1", "disconnected")
        await page.becomes("disconnected", "state", "a1")
