"""What a connection may cost before it has said anything, on a real server with real sockets."""

from __future__ import annotations

import asyncio
import socket
from contextlib import asynccontextmanager

import anyio
import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route, WebSocketRoute
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed
from websockets.frames import Frame, Opcode

from visavis import edge

pytestmark = pytest.mark.anyio

LIMIT_S = 20.0
REQUEST = b"GET / HTTP/1.1\r\nhost: x\r\n"


async def whole(request):
    return PlainTextResponse(str(len(await request.body())))


async def pour(ws):
    """Send more than any buffer holds, to a client that may not read; give up soon."""
    await ws.accept()
    with anyio.move_on_after(0.2):
        while True:
            await ws.send_bytes(b"x" * (1 << 20))


async def hear(ws):
    await ws.accept()
    async for _ in ws.iter_bytes():
        await ws.send_bytes(b"heard")


@asynccontextmanager
async def served():
    """The server, and where it listens."""
    routes = [Route("/", whole, methods=["GET", "POST"])]
    routes += [WebSocketRoute("/pour", pour), WebSocketRoute("/hear", hear)]
    server = uvicorn.Server(edge.server_config(Starlette(routes=routes), lifespan="off"))
    listener = socket.create_server(("127.0.0.1", 0))
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(server.serve, [listener])
        try:
            yield server, listener.getsockname()[1]
        finally:
            server.should_exit = True


async def ended(stream):
    """Read to the end of a TCP connection; what came."""
    got = b""
    with anyio.fail_after(LIMIT_S):
        try:
            while more := await stream.receive():
                got += more
        except (anyio.EndOfStream, anyio.BrokenResourceError):
            pass
    return got


async def answer(stream):
    """An answer of one digit, whole."""
    got = b""
    with anyio.fail_after(LIMIT_S):
        while not got.partition(b"\r\n\r\n")[2]:
            got += await stream.receive()
    return got


@pytest.mark.parametrize(
    "said", [b"", b"GET", REQUEST, b"\r\n"], ids=["nothing", "a word", "half a head", "an empty line"]
)
@pytest.mark.parametrize("later", [False, True], ids=["first", "later"])
async def test_a_request_has_to_come(monkeypatch, later, said):
    """A connection that does not say its request in time is cut, be it the first request or a later one."""
    if not later:
        monkeypatch.setattr(edge, "HEAD_S", 0.05)
    async with served() as (_, port), await anyio.connect_tcp("127.0.0.1", port) as stream:
        if later:
            await stream.send(REQUEST + b"\r\n")
            assert (await answer(stream)).startswith(b"HTTP/1.1 200 OK")
            monkeypatch.setattr(edge, "HEAD_S", 0.05)
        if said:
            await stream.send(said)
        assert await ended(stream) == b""


async def test_a_body_has_to_come(monkeypatch):
    """So is one that does not send the body that it announced."""
    monkeypatch.setattr(edge, "BODY_S", 0.1)
    async with served() as (_, port), await anyio.connect_tcp("127.0.0.1", port) as stream:
        await stream.send(b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 10\r\n\r\nhalf")
        assert await ended(stream) == b""


async def test_each_piece_of_a_body_has_its_time(monkeypatch):
    """A body that is long and comes is not cut; its clock begins anew with each piece, until it is answered."""
    begun, again, within = 0, anyio.Event(), edge.PromptHttp._within

    def counted(self, seconds):
        nonlocal begun
        begun += seconds == edge.BODY_S
        if begun == 2:
            again.set()
        within(self, seconds)

    monkeypatch.setattr(edge.PromptHttp, "_within", counted)
    monkeypatch.setattr(edge, "PIECE_BYTES", 4)
    async with served() as (_, port), await anyio.connect_tcp("127.0.0.1", port) as stream:
        await stream.send(b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n\r\nhalf")
        with anyio.fail_after(LIMIT_S):
            await again.wait()
        await stream.send(b" more")
        assert (await answer(stream)).startswith(b"HTTP/1.1 200 OK")


async def test_requests_that_come_are_answered(monkeypatch):
    """One connection carries many requests, and once they have come no clock runs; nor for a socket."""
    seen, within = [], edge.PromptHttp._within

    def watched(self, seconds):
        seen.append(self)
        within(self, seconds)

    monkeypatch.setattr(edge.PromptHttp, "_within", watched)
    async with served() as (_, port):
        async with await anyio.connect_tcp("127.0.0.1", port) as stream:
            for n in range(1, 4):
                await stream.send(b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 4\r\n\r\nbody")
                assert (await answer(stream)).endswith(b"\r\n\r\n4")
                assert len(seen) >= n
                assert seen[-1]._late is None
        async with connect(f"ws://127.0.0.1:{port}/hear", proxy=None) as ws:
            await ws.send(b"here")
            assert await ws.recv() == b"heard"
            await (await ws.ping())
            assert seen[-1]._late is None


async def test_a_socket_that_reads_nothing_is_gone(monkeypatch):
    """Once the server has done with a client that reads nothing, nothing is held for it."""
    monkeypatch.setattr(edge, "LINGER_S", 0.1)
    async with served() as (server, port):
        reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1024)
        key = b"upgrade: websocket\r\nconnection: upgrade\r\nsec-websocket-version: 13\r\n"
        key += b"sec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
        writer.write(REQUEST.replace(b"/ ", b"/pour ", 1) + key)
        assert b"101" in await reader.readline()  # and no more
        with anyio.fail_after(LIMIT_S):
            while server.server_state.connections:  # noqa: ASYNC110 - uvicorn tells no event of it
                await anyio.sleep(0.02)
        writer.transport.abort()


@pytest.mark.parametrize(
    "frame",
    [Frame(Opcode.PING, b"?"), Frame(Opcode.PONG, b"!"), Frame(Opcode.CONT, b"", fin=False)],
    ids=["pings", "pongs", "pieces"],
)
async def test_frames_are_counted(frame):
    """A client that floods with frames that are no message is cut off; others are heard."""
    async with served() as (_, port):
        url = f"ws://127.0.0.1:{port}/hear"
        async with connect(url, proxy=None) as other, connect(url, proxy=None) as ws:
            if frame.opcode is Opcode.CONT:
                ws.transport.write(Frame(Opcode.BINARY, b"x", fin=False).serialize(mask=True))
            for _ in range(3 * edge.BURST_FRAMES):
                ws.transport.write(frame.serialize(mask=True))
            with pytest.raises(ConnectionClosed), anyio.fail_after(LIMIT_S):
                await ws.recv()
            await other.send(b"here")
            assert await other.recv() == b"heard"
