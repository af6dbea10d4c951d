"""A call service on a loopback port, and a client that speaks LiveKit's protobufs by hand.

Lives here: `serve_calls`, `Client`.
Not here: real media (`test_media`).
"""

from __future__ import annotations

import socket
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import anyio
import pytest
import uvicorn
from livekit.protocol import models as m
from livekit.protocol import rtc as r
from starlette.applications import Starlette
from starlette.requests import HTTPConnection
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from visavis.rtc.engines.fake import FakeEngine
from visavis.rtc.routes import rtc_routes
from visavis.rtc.service import CallService
from visavis.rtc.signalling import read_token
from visavis.rtc.tokens import TokenKey

LIMIT_S = 20.0
GCM = m.Encryption.GCM


@dataclass
class Node:
    """A running call service and where it is."""

    calls: CallService
    port: int
    engine: object
    server: uvicorn.Server
    clients: list = field(default_factory=list)

    @property
    def url(self):
        return f"ws://127.0.0.1:{self.port}"

    async def client(self, identity, room="talk", *, query="", **rights):
        """Connect by hand, up to the JoinResponse."""
        token = self.calls.mint(room, identity, **rights)
        c = Client(self, identity, await self.socket(f"access_token={token}&protocol=17{query}"))
        self.clients.append(c)
        c.token = token
        c.join = (await c.get("join")).join
        return c

    async def socket(self, query):
        return await connect(f"{self.url}/rtc?{query}", max_size=None, proxy=None)

    def cut(self, identity):
        """Break the signal socket of an identity on the wire, abruptly; its media goes on. How many were broken."""
        broken = 0
        for protocol in list(self.server.server_state.connections):
            scope = getattr(protocol, "scope", None)
            if scope is None or scope["type"] != "websocket" or scope["path"] != "/rtc":
                continue
            if self.calls.authorise(read_token(HTTPConnection(scope))).identity == identity:
                protocol.transport.abort()
                broken += 1
        return broken

    async def settle(self):
        """Everybody has been told all there is to tell: a ping of each came back, twice."""
        for _ in range(2):
            for c in self.clients:
                if not c.closed:
                    await c.ping()


class Client:
    """A client by hand: sends requests, keeps every response."""

    def __init__(self, node, identity, ws):
        self.node, self.identity, self.ws = node, identity, ws
        self.got = []
        self.closed = False
        self.join = None

    async def send(self, **request):
        await self.ws.send(r.SignalRequest(**request).SerializeToString())

    async def receive(self):
        with anyio.fail_after(LIMIT_S):
            response = r.SignalResponse.FromString(await self.ws.recv())
        self.got.append(response)
        return response

    async def get(self, kind):
        """The next response of a kind."""
        while True:
            response = await self.receive()
            if response.WhichOneof("message") == kind:
                return response

    async def ping(self):
        await self.send(ping=1)
        await self.get("pong")

    async def end(self):
        """Read to the end of the socket; its close code."""
        try:
            while True:
                await self.receive()
        except ConnectionClosed as e:
            self.closed = True
            return e.rcvd.code if e.rcvd else None

    def all(self, kind):
        return [getattr(x, kind) for x in self.got if x.WhichOneof("message") == kind]

    @property
    def sid(self):
        return self.join.participant.sid

    async def answer(self):
        """Answer the next offer of the server; the offer."""
        offer = (await self.get("offer")).offer
        await self.send(answer=r.SessionDescription(type="answer", sdp=offer.sdp, id=offer.id))
        return offer

    async def add_track(self, cid, *, video=False, encryption=GCM, source=None, **more):
        kind = m.TrackType.VIDEO if video else m.TrackType.AUDIO
        source = source if source is not None else m.TrackSource.CAMERA if video else m.TrackSource.MICROPHONE
        await self.send(
            add_track=r.AddTrackRequest(
                cid=cid, name=cid, type=kind, source=source, encryption=encryption, **more
            )
        )

    async def publish(self, cid, *, video=False, offer_id=1, **more):
        """Declare and offer one track; its info."""
        await self.add_track(cid, video=video, **more)
        track = (await self.get("track_published")).track_published.track
        await self.offer([(cid, video)], offer_id)
        await self.get("answer")
        return track

    async def publish_and_send(self, cid, **more):
        """Publish a first track, whose first packet arrives."""
        track = await self.publish(cid, **more)
        self.node.engine.hear(self.up, "0")
        return track

    async def offer(self, tracks, offer_id):
        await self.send(offer=r.SessionDescription(type="offer", sdp=publisher_offer(tracks), id=offer_id))

    @property
    def up(self):
        """Its publishing transport, as the fake engine knows it."""
        return next(up for up, x in self.node.engine.members.items() if x.sid == self.sid)

    @property
    def down(self):
        """Its subscribing transport."""
        return self.node.engine.members[self.up].down


def publisher_offer(tracks):
    """A publisher's offer: [(cid, video)], in order of their sections; None is a section that stopped."""
    lines = ["v=0", "o=- 1 1 IN IP4 127.0.0.1", "s=-", "t=0 0"]
    for n, track in enumerate(tracks):
        cid, video = track or ("", False)
        codec = "96 VP8/90000" if video else "111 opus/48000/2"
        kind = "video" if video else "audio"
        direction = "sendonly" if track else "inactive"
        lines += [f"m={kind} 9 UDP/TLS/RTP/SAVPF {codec.split()[0]}", f"a=mid:{n}", f"a={direction}"]
        lines += [f"a=rtpmap:{codec}"] + ([f"a=msid:- {cid}"] if cid else [])
    return "\r\n".join(lines) + "\r\n"


@pytest.fixture
def serve_calls():
    """`async with serve_calls(engine=…, …) as node`: a real server on a loopback port."""

    @asynccontextmanager
    async def serve(engine=None, **options):
        engine = engine or FakeEngine()
        key = TokenKey("visavis", "a secret of at least thirty-two bytes")
        calls = CallService(engine, key, **options)
        app = Starlette(routes=rtc_routes(calls))
        config = uvicorn.Config(app, log_config=None, lifespan="off", timeout_graceful_shutdown=1)
        server = uvicorn.Server(config)
        listener = socket.socket()
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        ended = anyio.Event()

        async def run():
            await server.serve([listener])
            ended.set()

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(run)
            try:
                async with calls:
                    node = Node(calls, listener.getsockname()[1], engine, server)
                    try:
                        yield node
                    finally:
                        with anyio.CancelScope(shield=True):
                            for c in node.clients:
                                await c.ws.close()
            finally:
                server.should_exit = True
                with anyio.CancelScope(shield=True):
                    await ended.wait()

    return serve
