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
from livekit import api
from tests.conformance.servers import KEY, ROOT, SECRET
from tests.flows.browser import chromium as browsing
from tests.flows.chromium import until

pytestmark = [pytest.mark.anyio, pytest.mark.browser, pytest.mark.media]

SCRIPTS = {
    "livekit.js": ROOT / "client/node_modules/livekit-client/dist/livekit-client.umd.js",
    "page.js": Path(__file__).parent / "pages/page.js",
    "e2ee.js": ROOT / "client/node_modules/livekit-client/dist/livekit-client.e2ee.worker.js",
}
HTML = '<!doctype html><meta charset="utf-8"><body>' + "".join(
    f'<script src="/{name}"></script>' for name in ("livekit.js", "page.js")
)


DUAL = {"singlePeerConnection": False}
"""Options of a participant that receives on a connection of its own, by the server's offers."""


class _Files(http.server.BaseHTTPRequestHandler):
    """The page and its scripts."""

    def do_GET(self):
        script = SCRIPTS.get(self.path[1:])
        self.send_response(200)
        self.send_header("Content-Type", "text/javascript" if script else "text/html")
        self.end_headers()
        self.wfile.write(script.read_bytes() if script else HTML.encode())

    def log_message(self, *args):
        pass


@pytest.fixture(scope="module")
async def chromium():
    """One browser for all tests of a module."""
    async with browsing() as browser:
        yield browser


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

    async def comes(self, name, codec):
        """Wait until sound has come to a participant, in this codec and no other."""

        async def ask():
            return sum((await self.do("came", name)).values()) > 50

        await until(f"sound comes to {name}", ask)
        assert set(await self.do("came", name)) == {codec}

    async def becomes(self, wanted, function, *args):
        """Wait until a function of the page answers so."""

        async def ask():
            return (await self.do(function, *args)) == wanted

        await until(f"{function}{args} is {wanted}", ask)


@pytest.fixture
def browse(chromium, server, room, address):
    """`async with browse() as page`: a page of Chromium in a context of its own, closed at the end."""

    @contextlib.asynccontextmanager
    async def start():
        context = await chromium.new_context(permissions=["camera", "microphone"])
        try:
            page = await context.new_page()
            await page.goto(address)
            yield Page(page, server, room)
        finally:
            await context.close()

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


@pytest.mark.parametrize("together", [False, True])
async def test_streams_that_are_played_together(browse, server, room, together):
    """Sound and picture come in one stream, which a browser plays together, if the room is made so; else in two."""
    client = api.LiveKitAPI(server.http, KEY, SECRET)
    await client.room.create_room(api.CreateRoomRequest(name=room, sync_streams=together))
    await client.aclose()
    async with browse() as page:
        await page.join("a1")
        await page.join("b1")
        await page.do("publish", "a1")
        await page.sees("b1")
        await page.hears("b1")
        streams = await page.do("streams", "b1", "a1")
        assert len(streams) == 2
        assert (len(set(streams)) == 1) == together


@pytest.mark.parametrize("codec", ["vp8", "h264"])
async def test_codec(browse, codec):
    """What a publisher prefers is what it sends, and what the others are told and shown."""
    async with browse() as page:
        await page.join("a1")
        await page.join("b1")
        await page.do("show", "a1", {"videoCodec": codec, "simulcast": False})
        await page.sees("b1")
        assert (await page.do("sending", "a1")).lower() == f"video/{codec}"
        assert await page.do("kinds", "b1", "a1") == [["video", f"video/{codec}", False]]


async def test_redundant_sound(browse, meet):
    """Sound goes with redundancy to whoever takes it, and without to whoever does not; all hear it."""
    async with meet() as join, browse() as page:
        python = await join("c1")
        await page.join("a1")
        await page.join("b1", {"watch": True, **DUAL})
        await page.join("b2", {"plain": True, **DUAL})
        _, voice = await page.do("publish", "a1")
        await page.comes("b1", "audio/red")
        await page.comes("b2", "audio/opus")
        for name in ("b1", "b2"):
            await page.hears(name)
            assert ["audio", "audio/red", False] in await page.do("kinds", name, "a1")
        await python.receives(voice)


async def test_sound_without_redundancy(browse):
    """Who says that it sends none sends none."""
    async with browse() as page:
        await page.join("a1", {"publishDefaults": {"red": False}})
        await page.join("b1", {"watch": True, **DUAL})
        await page.do("publish", "a1")
        await page.comes("b1", "audio/opus")
        await page.hears("b1")
        assert ["audio", "audio/opus", False] in await page.do("kinds", "b1", "a1")


async def test_encrypted(browse):
    """Frames that are encrypted come to who has the key, and are said to be encrypted."""
    async with browse() as page:
        await page.join("a1", {"key": "of both sides"})
        await page.join("b1", {"key": "of both sides"})
        await page.do("publish", "a1")
        await page.sees("b1")
        await page.hears("b1")
        kinds = await page.do("kinds", "b1", "a1")
        assert sorted(kind for kind, _, _ in kinds) == ["audio", "video"]
        assert ["audio", "audio/opus", True] in kinds, "what is sealed is not repeated"
        assert all(encrypted for _, _, encrypted in kinds)


async def test_streams(browse):
    """Streams of text and bytes arrive whole, also those of many chunks."""
    async with browse() as page:
        await page.join("a1")
        await page.join("b1")
        await page.do("listen", "b1", "minutes")
        await page.do("tell", "a1", "minutes", 12)
        await page.becomes([["a1", 12]], "heard", "b1")
        await page.do("tell", "a1", "minutes", 100_000)
        await page.becomes([["a1", 12], ["a1", 100_000]], "heard", "b1")
        await page.do("hand", "a1", "minutes", 300_000)
        await page.becomes([["a1", 12], ["a1", 100_000], ["a1", 300_000]], "heard", "b1")


async def test_subscription(browse):
    """Who unsubscribes is shown nothing more, and is shown it anew after subscribing again."""
    async with browse() as page:
        await page.join("a1")
        await page.join("b1")
        await page.do("show", "a1", {})
        await page.sees("b1")
        await page.do("subscribe", "b1", "a1", False)
        await page.told("b1", "trackUnsubscribed")
        await page.do("subscribe", "b1", "a1", True)
        await page.sees("b1")


async def test_subscription_permission(browse):
    """Who may no longer receive a track loses it, and has it back once it may again."""
    async with browse() as page:
        await page.join("a1")
        await page.join("b1")
        await page.do("show", "a1", {})
        await page.sees("b1")
        await page.do("permit", "a1", False)
        await page.told("b1", "trackUnsubscribed")
        await page.told("b1", "trackSubscriptionPermissionChanged")
        await page.do("permit", "a1", True)
        await page.sees("b1")


async def test_publishing_again(browse):
    """A camera that was unpublished is gone for the others; published again, it is another track."""
    async with browse() as page:
        await page.join("a1")
        await page.join("b1")
        first = await page.do("show", "a1", {})
        await page.sees("b1", first)
        await page.do("unpublish", "a1")
        await page.told("b1", "trackUnpublished", first)
        second = await page.do("show", "a1", {})
        assert second != first
        await page.sees("b1", second)


async def test_what_a_participant_says_of_itself(browse):
    """Name, metadata and attributes that a participant changes are told to the others."""
    said = {"called": "Principal", "metadata": "of side A", "attributes": {"hand": "raised"}}
    async with browse() as page:
        await page.join("a1", can_update_own_metadata=True)
        await page.join("b1")
        await page.do("describe", "a1", said)
        await page.becomes(said, "described", "b1", "a1")


async def test_connection_quality(browse):
    """Everybody is told how good its own connection is."""
    async with browse() as page:
        await page.join("a1")
        await page.join("b1")
        await page.do("publish", "a1")
        await page.sees("b1")
        for name in ("a1", "b1"):
            await page.becomes("excellent", "quality", name)


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
