"""Strangers, and participants who behave badly, go unnoticed by a call that stands on `visavis engine`.

Lives here: what must never break (issue 5, part 5). Not here: what it costs (`bench/robustness.py`), malformed bytes
in themselves (`tests/fuzz`), one socket's rules (`tests/rtc/test_signalling.py`, `tests/test_edge.py`).
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import socket
import struct
import sys
from pathlib import Path

import anyio
import anyio.to_thread
import pytest
from anyio.streams.text import TextReceiveStream
from bench.engines.trial import client_program
from livekit import rtc
from livekit.protocol import models as m
from livekit.protocol import rtc as r
from tests.conformance.peers import LIMIT_S, until
from tests.conformance.servers import KEY, SECRET, sound_engine
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

pytestmark = [pytest.mark.anyio, pytest.mark.media]

AUDIO, VIDEO = rtc.TrackKind.KIND_AUDIO, rtc.TrackKind.KIND_VIDEO
ROOT = Path(__file__).resolve().parents[2]
STRAYS = 20_000
FLOOD_PACKETS, PACKET_BYTES = 1000, 14_000
MEANWHILE, GARBAGE = 30, 500
"""So much of each track comes beside so many packets of garbage at least."""
GROWN_MB = 40
"""What a process may grow by for reasons of its own; one table of so many addresses alone takes more."""


SILENCE_S = 8
"""As long as the SDK waits for an answer; a real minute of waiting shows no more."""


@pytest.fixture
def server(request):
    """Ours alone: what livekit-server bears is no concern of ours."""
    return request.getfixturevalue(getattr(request, "param", "engine"))


@pytest.fixture
def brisk(tmp_path_factory):
    """One of ours that takes a client for lost after `SILENCE_S`."""
    with sound_engine(tmp_path_factory.mktemp("engine"), silence_s=SILENCE_S) as running:
        yield running


@contextlib.asynccontextmanager
async def call(meet):
    """Two who see and hear each other, before the block and after it, and neither of whom was cut off meanwhile."""
    async with meet() as join:
        peers = [await join("a1"), await join("b1")]
        for peer in peers:
            await peer.show()
            await peer.speak()
        tracks = [
            (peer, (await peer.publication(other.identity, kind)).sid)
            for peer, other in (peers, peers[::-1])
            for kind in (AUDIO, VIDEO)
        ]
        for peer, sid in tracks:
            await peer.receives(sid)
        told = [len(peer.told) for peer in peers]
        yield join
        for peer, sid in tracks:
            await peer.receives(sid)
        for peer, before in zip(peers, told, strict=True):
            later = peer.told[before:]
            assert not {name for name, _ in later} & {
                "disconnected",
                "reconnecting",
                "connection_state_changed",
            }
            lost = {args[1].sid for name, args in later if name == "track_unsubscribed"}
            assert not lost & {sid for _, sid in tracks}


def resident_mb(pid):
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE") / 1e6


def media_port(server):
    """The engine's UDP port: the only one that its process holds."""
    inodes = set()
    for link in Path(f"/proc/{server.pid}/fd").iterdir():
        with contextlib.suppress(OSError):
            inodes.add(os.readlink(link).removeprefix("socket:[").rstrip("]"))
    rows = [line.split() for line in Path("/proc/net/udp").read_text().splitlines()[1:]]
    (port,) = {int(row[1].rpartition(":")[2], 16) for row in rows if row[9] in inodes}
    return port


def strays(seed=1):
    """What strangers may send, without end: noise, STUN of nobody, DTLS greetings, RTP of any source."""
    dice = random.Random(seed)
    while True:
        noise = dice.randbytes(dice.randrange(1, 1200))
        yield noise
        name = b"stranger:them..."
        attributes = struct.pack("!HH", 6, len(name)) + name + struct.pack("!HH", 8, 20) + dice.randbytes(20)
        yield struct.pack("!HHI", 1, len(attributes), 0x2112A442) + dice.randbytes(12) + attributes
        yield bytes([22, 0xFE, 0xFD]) + bytes(8) + struct.pack("!H", len(noise)) + b"\x01" + noise[1:]
        yield bytes([dice.randrange(20, 64)]) + noise
        yield bytes([0x80, dice.randrange(256)]) + noise


def forged(source, target, payload):
    """An IPv4 datagram that says it comes from elsewhere (RFC 791 §3.1, RFC 768)."""
    addresses = socket.inet_aton(source[0]) + socket.inet_aton(target[0])
    head = struct.pack("!BBHHHBBH", 0x45, 0, 28 + len(payload), 0, 0, 64, socket.IPPROTO_UDP, 0)
    return head + addresses + struct.pack("!HHHH", source[1], target[1], 8 + len(payload), 0) + payload


def forger():
    try:
        return socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
    except PermissionError:
        pytest.skip("addresses are forged by root alone")


async def test_strangers(meet, server):
    """Packets of strangers, each from another address and port, are not noticed, and nothing is kept of them."""
    raw, target, dice = forger(), ("127.0.0.1", media_port(server)), random.Random(2)
    async with call(meet):
        before = resident_mb(server.pid)

        def flood():
            for packet, _ in zip(strays(), range(STRAYS), strict=False):
                source = (f"127.{dice.randrange(256)}.{dice.randrange(256)}.1", dice.randrange(1024, 65536))
                raw.sendto(forged(source, target, packet), target)

        with raw:
            await anyio.to_thread.run_sync(flood)
        assert resident_mb(server.pid) - before < GROWN_MB


async def test_forged_participants(meet, server):
    """Nor are packets that say they come from where the participants are: what is not theirs is not believed."""
    raw, target = forger(), ("127.0.0.1", media_port(server))
    async with call(meet):

        def flood():
            for packet, _ in zip(strays(), range(STRAYS // 10), strict=False):
                for source in own:
                    raw.sendto(forged(source, target, packet), target)

        own = own_addresses()
        assert own
        with raw:
            await anyio.to_thread.run_sync(flood)


def own_addresses():
    """The UDP sockets of this process, where the participants are."""
    inodes = set()
    for link in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(OSError):
            inodes.add(os.readlink(link).removeprefix("socket:[").rstrip("]"))
    found = set()
    for line in Path("/proc/net/udp").read_text().splitlines()[1:]:
        row = line.split()
        address, _, port = row[1].partition(":")
        if row[9] in inodes:
            # An engine on loopback sees who comes from there, whatever address a socket is bound to.
            host = socket.inet_ntoa(struct.pack("<I", int(address, 16)))
            found |= {(host if host.startswith("127.") else "127.0.0.1", int(port, 16))}
    return sorted(found)


@pytest.mark.parametrize("reliable", [True, False], ids=["reliable", "lossy"])
async def test_a_flood_of_data(meet, reliable):
    """Who sends data faster than the others take it is slowed down: nobody loses the call, and a reliable channel
    nothing.
    """
    async with call(meet) as join:
        flooder, listener, got = await join("c1"), await join("d1"), 0

        def received(packet):
            nonlocal got
            got += len(packet.data)

        listener.room.on("data_received", received)
        await listener.sees("c1")
        for _ in range(FLOOD_PACKETS):
            await flooder.me.publish_data(bytes(PACKET_BYTES), reliable=reliable)
        if reliable:
            whole = FLOOD_PACKETS * PACKET_BYTES
            await until(lambda: got == whole, lambda: f"{whole} bytes arrive: {got}")


@pytest.mark.parametrize("server", ["brisk"], indirect=True)
async def test_a_client_that_stands_still(meet, server, room):
    """A client that stands still with all it subscribed to, sound, picture and data, holds nobody up."""
    async with call(meet) as join:
        talker = await join("c1")
        program = [
            sys.executable,
            "-m",
            "tests.conformance.test_robustness",
            server.url,
            server.token("d1", room),
        ]
        still = await anyio.open_process(program, cwd=ROOT)
        try:
            with anyio.fail_after(LIMIT_S):
                assert await still.stdout.receive() == b"receives\n"
            still.send_signal(signal.SIGSTOP)
            for _ in range(FLOOD_PACKETS):
                await talker.me.publish_data(bytes(PACKET_BYTES), reliable=True)
            await talker.leave()
        finally:
            still.kill()
            await still.aclose()


async def test_signals_that_come_too_fast(meet, server, room):
    """A socket that floods, one that says too much and one that says nothing sensible are closed, each with a code."""
    ping = r.SignalRequest(ping=1).SerializeToString()
    async with call(meet):
        for frames, code in (
            ([ping] * 5000, 1008),
            ([bytes(2 << 20)], 1009),
            ([b"\xff"], 1007),
            (["{}"], 1003),
        ):
            async with connect(f"{server.url}/rtc?access_token={server.token('c1', room)}", proxy=None) as ws:
                with contextlib.suppress(ConnectionClosed):
                    for frame in frames:
                        await ws.send(frame)
                with anyio.fail_after(LIMIT_S), pytest.raises(ConnectionClosed):
                    while True:
                        await ws.recv()
                assert ws.close_code == code


async def test_a_publisher_of_garbage(meet, server, room):
    """Who publishes packets that hold anything at all, past DTLS and SRTP, darkens nobody: what the others send each
    other goes on meanwhile.
    """
    program = await anyio.to_thread.run_sync(client_program)
    where = [f"-url={server.url}", f"-key={KEY}", f"-secret={SECRET}", f"-room={room}"]
    async with call(meet) as join:
        listener = await join("d1")
        hostile = await anyio.open_process([str(program), "hostile", "-kind=rtp", *where])
        try:
            said = TextReceiveStream(hostile.stdout)
            await until_said(said, "hostile")
            for kind in (AUDIO, VIDEO):
                garbage = await listener.publication("hostile", kind)
                await until(lambda garbage=garbage: garbage.track, "the others are given it")
            for identity in ("a1", "b1"):
                for kind in (AUDIO, VIDEO):
                    await listener.receives((await listener.publication(identity, kind)).sid, MEANWHILE)
            await hostile.stdin.send(b"\n")
            assert (await until_said(said, "over"))["sent"] > GARBAGE
        finally:
            with contextlib.suppress(ProcessLookupError):
                hostile.kill()
            await hostile.aclose()


async def until_said(pieces, event):
    """Wait for a line of the load client."""
    told = ""
    with anyio.fail_after(LIMIT_S):
        async for piece in pieces:
            told += piece
            for line in told.split("\n")[:-1]:
                if (said := json.loads(line))["event"] == event:
                    return said
    pytest.fail(f"it ended, and said {told}")


async def test_a_publisher_that_sends_nothing(meet, server, room):
    """Tracks that are declared and offered, and never come, are told to nobody."""
    async with call(meet) as join:
        a = await join("e1")
        async with connect(f"{server.url}/rtc?access_token={server.token('c1', room)}", proxy=None) as ws:
            for n in range(10):
                track = r.AddTrackRequest(cid=f"cid-{n}", name="camera", type=m.TrackType.VIDEO)
                await ws.send(r.SignalRequest(add_track=track).SerializeToString())
            silent = await a.sees("c1")
            assert not silent.track_publications


async def stand(url, token):
    """The client that is to stand still: it says when it receives."""
    room, came = rtc.Room(), anyio.Event()
    room.on("track_subscribed", lambda *_: came.set())
    await room.connect(url, token)
    await came.wait()
    print("receives", flush=True)  # noqa: T201 - to the test
    await anyio.sleep_forever()


if __name__ == "__main__":
    anyio.run(stand, *sys.argv[1:])
