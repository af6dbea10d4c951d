"""What a node asks of whatever serves its calls holds of its own engine, and of a LiveKit deployment.

Lives here: `rtc.calls.Calls`, with real clients; what a deployment alone needs; a rehearsed day, and the room in
Chromium, on a deployment.
Not here: signalling and media themselves (`test_call`).
"""

from __future__ import annotations

import contextlib
import os
from contextlib import asynccontextmanager
from dataclasses import dataclass

import anyio
import pytest
import uvicorn
from livekit import rtc
from livekit.rtc.participant import PublishTrackError
from livekit.rtc.room import ConnectError
from starlette.applications import Starlette
from tests.conformance.peers import Peer, until
from tests.conformance.servers import KEY, SECRET
from tests.flows.browser import inbound, laid_table, meet
from tests.flows.test_rehearsal import LIMIT_S, SCENARIO, command, report_of, short

from visavis.rtc.engines.embedded import EmbeddedEngine
from visavis.rtc.engines.livekit import LiveKitCalls
from visavis.rtc.places import Place
from visavis.rtc.routes import rtc_routes
from visavis.rtc.service import CallService
from visavis.rtc.tokens import TokenKey
from visavis.serving import address, bind

pytestmark = [pytest.mark.anyio, pytest.mark.media]

KEYS = TokenKey(KEY, SECRET)


@asynccontextmanager
async def own_calls():
    """The node's own engine and service, mounted on a loopback port; and that address."""
    engine = EmbeddedEngine([Place("127.0.0.1")])
    with bind("127.0.0.1", 0) as sock:
        async with CallService(engine, KEYS) as calls, anyio.create_task_group() as tasks:
            config = uvicorn.Config(Starlette(routes=rtc_routes(calls)), lifespan="off", log_config=None)
            server = uvicorn.Server(config)
            tasks.start_soon(lambda: server.serve(sockets=[sock]))
            yield calls, f"http://{address(sock)}"
            server.should_exit = True


@asynccontextmanager
async def deployed_calls(livekit):
    """A deployment, looked after; and an address of a node, which nobody is to connect to."""
    calls = LiveKitCalls(livekit.http, KEYS)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(calls.run)
        yield calls, "http://node.invalid"
        tasks.cancel_scope.cancel()


@dataclass
class Seat:
    """What a node gives a client: where to, and a token. Stands where the other tests have a server."""

    url: str
    jwt: str

    def token(self, identity, room):
        return self.jwt


@dataclass
class Table:
    """A call's server, and those who sit in one room of it."""

    calls: object
    own: str
    room: str
    tasks: anyio.abc.TaskGroup
    peers: list

    def seat(self, identity):
        url = self.calls.url(self.own).replace("http", "ws", 1)
        return Seat(url, self.calls.mint(self.room, identity))

    async def join(self, identity, *, encrypted=True, seat=None):
        peer = Peer(identity, self.tasks)
        self.peers.append(peer)
        options = rtc.RoomOptions()
        if encrypted:
            shared = rtc.KeyProviderOptions(shared_key=b"of both sides")
            options.e2ee = rtc.E2EEOptions(key_provider_options=shared)
        await peer.connect(seat or self.seat(identity), self.room, options)
        return peer


async def try_to_show(peer):
    """The SDK may wait for an answer that whoever is put out does not get."""
    with contextlib.suppress(PublishTrackError, TimeoutError):
        await peer.show()


@asynccontextmanager
async def table(calls, own, room):
    async with anyio.create_task_group() as tasks:
        laid = Table(calls, own, room, tasks, [])
        try:
            yield laid
        finally:
            for peer in laid.peers:
                await peer.leave()
            tasks.cancel_scope.cancel()


@pytest.fixture(params=["own", "deployed"])
def serve(request, room):
    """`async with serve() as table`, on each of the two."""

    @asynccontextmanager
    async def start():
        both = own_calls() if request.param == "own" else deployed_calls(request.getfixturevalue("livekit"))
        async with both as (calls, own), table(calls, own, room) as laid:
            yield laid

    return start


async def test_a_seat(serve):
    """Who is given a token gets in where the node says, is seen and counted, and sees what others show."""
    async with serve() as laid:
        a, b = await laid.join("a1"), await laid.join("b1")
        shown = await a.show()
        await b.receives(shown.sid)
        await until(
            lambda: laid.calls.stats()["participants"] == 2, lambda: f"two are counted: {laid.calls.stats()}"
        )
        assert laid.calls.stats()["rooms"] == 1


async def test_a_seat_taken_back(serve):
    """Who is removed goes and is told so, the others stay; the token lets nobody stay again, a new one does."""
    async with serve() as laid:
        a, b = await laid.join("a1"), await laid.join("b1")
        held = laid.seat("a1")
        await until(lambda: laid.calls.stats()["participants"] == 2, "two are counted")
        assert laid.calls.remove(laid.room, "a1")
        (reason,) = await a.event("disconnected")
        assert reason == rtc.DisconnectReason.PARTICIPANT_REMOVED
        await b.event("participant_disconnected", lambda who: who.identity == "a1")
        await until(lambda: laid.calls.stats()["participants"] == 1, "one is counted")
        assert not laid.calls.remove(laid.room, "a1")
        with contextlib.suppress(ConnectError):  # our engine does not let it in
            again = await laid.join("a1", seat=held)
            await again.event("disconnected")  # a deployment does, and the node puts it out
        anew = await laid.join("a1")
        await b.sees("a1")
        await anew.sees("b1")
        assert not b.events("disconnected")


async def test_a_plain_track(serve):
    """Who publishes a track that is not encrypted is out; who encrypts stays."""
    async with serve() as laid:
        a, b = await laid.join("a1"), await laid.join("b1", encrypted=False)
        shown = await a.show()
        await b.publication("a1")
        laid.tasks.start_soon(try_to_show, b)
        await b.event("disconnected")
        await a.event("participant_disconnected", lambda who: who.identity == "b1")
        c = await laid.join("c1")
        await c.receives(shown.sid)
        assert not a.events("disconnected")


async def test_a_node_that_comes_back(livekit, room):
    """A call on a deployment outlives its node, which then lets those stay whom it seated, and nobody else."""
    async with anyio.create_task_group() as tasks:
        before, after = LiveKitCalls(livekit.http, KEYS), LiveKitCalls(livekit.http, KEYS)
        laid = Table(before, "", room, tasks, [])
        a, b = await laid.join("a1"), await laid.join("b1")
        await a.sees("b1")
        after.expect(room, "a1")
        tasks.start_soon(after.run)
        await b.event("disconnected")
        await a.event("participant_disconnected")
        await until(lambda: after.stats()["participants"] == 1, "one is counted")
        assert not a.events("disconnected")
        await a.leave()
        tasks.cancel_scope.cancel()


async def test_a_deployment_that_is_away():
    """Seats are given all the same, and what is to be done is tried again."""
    calls = LiveKitCalls("http://127.0.0.1:9", KEYS)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(calls.run)
        assert calls.mint("talk", "a1")
        assert not calls.remove("talk", "a1")
        await until(lambda: calls.stats()["unreachable"] > 1, "it is asked again")
        tasks.cancel_scope.cancel()


@pytest.fixture
def setting(livekit, monkeypatch):
    """The setting by which a node has its calls on the deployment; for the processes that a test starts."""
    monkeypatch.setenv("VISAVIS_LIVEKIT_URL", livekit.http)
    monkeypatch.setenv("VISAVIS_LIVEKIT_KEY", f"{KEY}: {SECRET}")
    return dict(os.environ)


@pytest.mark.slow
def test_a_rehearsed_day(setting, tmp_path):
    """The day that is rehearsed on the node's own engine (`tests/flows`) holds on a deployment, fact by fact."""
    done = command(short(SCENARIO), tmp_path)
    said, complaints = done.communicate(timeout=LIMIT_S)
    assert done.returncode == 0, said + complaints
    assert report_of(tmp_path)["held"]
    told = (tmp_path / "out" / "node.log").read_text().splitlines()
    assert not [line for line in told if "call-removed" in line and "level=warning" in line]


@pytest.mark.browser
async def test_the_room_in_a_browser(setting, tmp_path):
    """Two delegates in Chromium see each other through a deployment: the page is allowed to reach it."""
    async with laid_table(tmp_path) as laid:
        talk, _, people = await meet(laid)
        for person in people:
            await person.sit_down(f"/d/{laid.dialogue}/talks/{talk}/room")
        for person in people:
            await person.until(lambda stats: inbound(stats).get("video", {}).get("framesDecoded", 0) > 10)
