"""One signal socket: LiveKit's protobufs over a WebSocket, within a budget. The shell around `rooms`.

Lives here: the handshake, reading and writing messages, what ends a socket.
Not here: what messages mean (`rooms`), rooms and timers (`service`), paths (`routes`).

How others are, and how good their connections, is gathered for a moment where much of it comes: a room that five
hundred enter would else tell each of them a thousand things one by one. The first is told at once, and whatever else is
to be said pushes out what was gathered, so nothing overtakes anything.

A socket has a budget of messages and bytes; text, a message that is no protobuf, one over 1 MiB, and a
flood each end with a `Leave` and one close code, and only this participant is out:

    1003 text    1007 malformed    1008 flood, or not allowed    1009 too large    1013 does not read
"""

from __future__ import annotations

import asyncio
import contextlib
import math
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import anyio
import structlog
from google.protobuf.message import DecodeError
from livekit.protocol import models as m
from livekit.protocol import rtc as r
from starlette.requests import HTTPConnection
from starlette.responses import PlainTextResponse
from starlette.websockets import WebSocket, WebSocketDisconnect

from visavis.errors import Refused, Untrusted, VisavisError
from visavis.rtc.effects import ConnectionId, ParticipantSid
from visavis.rtc.errors import SessionUnknown, SignalFlood, SignalMalformed, SignalText, SignalTooLarge
from visavis.rtc.rooms import Room
from visavis.rtc.tokens import Grants

if TYPE_CHECKING:
    from visavis.rtc.service import CallService

MAX_MESSAGE_BYTES: Final = 1 << 20
"""Give the server the same limit, where it has one: it then refuses before reading."""

BURST_MESSAGES: Final = 500
MESSAGES_PER_S: Final = 50
"""A browser joining sends some 60 (offers, candidates, settings), then a ping each 2 s."""

BURST_BYTES: Final = 4 << 20
BYTES_PER_S: Final = 1 << 18
QUEUE_MESSAGES: Final = 1024
QUEUE_BYTES: Final = 8 << 20
SILENCE_S: Final = 45.0
"""Clients ping every 2 s, as told; one that says nothing for so long is gone, and its socket did not notice."""

CLOSE_TIMEOUT_S: Final = 2.0
STALL_S: Final = 15.0
"""How long a message may wait for a socket that takes none."""

GATHER_S: Final = 0.25
GATHER_EACH_S: Final = 0.02
GATHER_MOST_S: Final = 3.0
"""How long news waits for more news: at least, for each who is in the room, and at most, which is livekit-server's.
What each costs the others grows with how many hear it; in a talk of two sides nobody waits for more than the least."""

_NEWS: Final = frozenset({"update", "connection_quality"})
"""What says how somebody is now: of two, the later one is enough."""

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class Budget:
    """A token bucket: `burst` at once, refilled by `per_s`. Pure: time is an argument, in seconds."""

    burst: float
    per_s: float
    _left: float = field(init=False)
    _at: float | None = field(init=False, default=None)

    def __post_init__(self) -> None:
        self._left = self.burst

    def spend(self, cost: float, now_s: float) -> bool:
        """Whether there was so much left; if not, nothing is taken."""
        if self._at is not None:
            self._left = min(self.burst, self._left + max(0.0, now_s - self._at) * self.per_s)
        self._at = now_s
        if cost > self._left:
            return False
        self._left -= cost
        return True


def gather_s(size: int) -> float:
    """How long news waits for more in a room of so many, in seconds."""
    return min(GATHER_MOST_S, max(GATHER_S, size * GATHER_EACH_S))


class Gathered:
    """News that waits for more: of each participant its last state, and how good its connection was last."""

    def __init__(self) -> None:
        self.participants: dict[str, m.ParticipantInfo] = {}
        self.qualities: dict[str, r.ConnectionQualityInfo] = {}
        self.size = 0

    def add(self, message: r.SignalResponse) -> int:
        """Take an update of participants or of qualities; its bytes."""
        for p in message.update.participants:
            self.participants[p.sid] = p
        for q in message.connection_quality.updates:
            self.qualities[q.participant_sid] = q
        size = message.ByteSize()
        self.size += size
        return size

    def messages(self) -> list[bytes]:
        """What is to be sent for it."""
        told = []
        if self.participants:
            update = r.ParticipantUpdate(participants=self.participants.values())
            told.append(r.SignalResponse(update=update))
        if self.qualities:
            quality = r.ConnectionQualityUpdate(updates=self.qualities.values())
            told.append(r.SignalResponse(connection_quality=quality))
        return [x.SerializeToString() for x in told]


class Connection:
    """The way out to one socket: a bounded queue, and how it is to be closed.

    A socket that does not read fills its queue, or holds up its first message for too long; then it is closed,
    and the room does not wait for it.
    """

    def __init__(self, number: ConnectionId) -> None:
        self.number = number
        self.code = 1000
        self.scope: anyio.CancelScope | None = None
        self.gone = anyio.Event()
        self._closing = False
        self._queued_bytes = 0
        self._waiting: deque[bytes | Gathered] = deque()
        self._wake = asyncio.Event()
        self._gathering: Gathered | None = None
        self._push = asyncio.Event()
        self._told_s = -math.inf

    def send(self, message: r.SignalResponse) -> None:
        """Queue a message. Without effect once the connection closes."""
        if message.WhichOneof("message") in _NEWS:
            if self._gathering is None:
                self._gathering = Gathered()
                self._queue(self._gathering, 0)
            self._count(self._gathering.add(message))
        else:
            self._gathering = None
            self._push.set()
            data = message.SerializeToString()
            self._queue(data, len(data))

    def _queue(self, what: bytes | Gathered, size: int) -> None:
        if self._closing:
            return
        if len(self._waiting) >= QUEUE_MESSAGES:
            self.close(1013)
            return
        self._waiting.append(what)
        self._wake.set()
        self._count(size)

    def _count(self, size: int) -> None:
        self._queued_bytes += size
        if self._queued_bytes > QUEUE_BYTES:
            self.close(1013)

    def close(self, code: int = 1000) -> None:
        """Close once what is queued has gone, or soon if it does not go. The first code counts."""
        if not self._closing:
            self._closing, self.code = True, code
            self._gathering = None
            self._push.set()
            self._wake.set()
            if self.scope is not None:
                self.scope.deadline = anyio.current_time() + CLOSE_TIMEOUT_S

    async def drain(self, send: Callable[[bytes], Awaitable[None]], wait_s: Callable[[], float]) -> None:
        """Hand what is queued to `send` (awaited), until closed; close if that takes too long. wait_s: how long news
        waits for more now, in seconds."""
        while self._waiting or not self._closing:
            if not self._waiting:
                self._wake.clear()
                await self._wake.wait()
                continue
            with anyio.move_on_after(STALL_S) as stall:
                await self._send_waiting(send, wait_s, stall)
            if stall.cancelled_caught:
                self.close(1013)

    async def _send_waiting(
        self,
        send: Callable[[bytes], Awaitable[None]],
        wait_s: Callable[[], float],
        stall: anyio.CancelScope,
    ) -> None:
        """Send what waits; each message has its own time, told to the clock once a second at most."""
        begun_s = anyio.current_time()
        while self._waiting:
            what = self._waiting.popleft()
            messages = [what] if isinstance(what, bytes) else await self._gathered(what, wait_s())
            for data in messages:
                now_s = anyio.current_time()
                if now_s > begun_s + 1:
                    begun_s, stall.deadline = now_s, now_s + STALL_S
                await send(data)
            self._queued_bytes -= len(what) if isinstance(what, bytes) else what.size

    async def _gathered(self, gathered: Gathered, wait_s: float) -> list[bytes]:
        """Wait for more news, unless there was none for a while, or something waits behind it; what is to be sent."""
        if gathered is self._gathering:
            self._push.clear()
            with anyio.move_on_at(self._told_s + wait_s):
                await self._push.wait()
            if gathered is self._gathering:
                self._gathering = None
        self._told_s = anyio.current_time()
        return gathered.messages()

    def forget(self) -> None:
        """Nobody drains any more."""
        self._closing = True
        self._waiting.clear()


@dataclass(frozen=True, slots=True)
class Handshake:
    """What a client says of itself in the address of the socket."""

    grants: Grants
    resume: bool
    sid: str
    auto_subscribe: bool
    client_protocol: int
    sdk: str
    firefox: bool
    safari: bool


def read_token(connection: HTTPConnection) -> str:
    """The token of a request: the query's `access_token`, else the bearer."""
    bearer = connection.headers.get("authorization", "").removeprefix("Bearer ").strip()
    return connection.query_params.get("access_token") or bearer


def _handshake(service: CallService, ws: WebSocket) -> Handshake:
    q = ws.query_params
    grants = service.authorise(read_token(ws))
    protocol = q.get("client_protocol", "")
    return Handshake(
        grants=grants,
        resume=q.get("reconnect") in ("1", "true"),
        sid=q.get("sid", "")[:64],
        auto_subscribe=q.get("auto_subscribe", "1") not in ("0", "false"),
        client_protocol=int(protocol)
        if protocol.isascii() and protocol.isdigit() and len(protocol) < 5
        else 0,
        sdk=q.get("sdk", "")[:16],
        firefox="firefox" in (q.get("browser", "") + ws.headers.get("user-agent", "")).lower(),
        safari=q.get("browser", "").lower() == "safari",
    )


async def serve(service: CallService, ws: WebSocket) -> None:
    """A signal socket, from its handshake to its end."""
    connection = service.open_connection()
    try:
        seat = await _enter(service, ws, connection)
        if seat is not None:
            try:
                await ws.accept()
                await _talk(service, ws, connection, *seat)
            finally:
                service.detached(*seat, connection)
    finally:
        service.drop_connection(connection)


async def _enter(
    service: CallService, ws: WebSocket, connection: Connection
) -> tuple[Room, ParticipantSid] | None:
    """Let a client in, or tell it why not: by HTTP status, or by `Leave` if it shall join anew."""
    try:
        hello = _handshake(service, ws)
        if hello.resume:
            seat = await service.resume(hello.grants, hello.sid, connection)
        else:
            seat = await service.join(
                hello.grants,
                connection,
                auto_subscribe=hello.auto_subscribe,
                client_protocol=hello.client_protocol,
                sdk=hello.sdk,
                firefox=hello.firefox,
                safari=hello.safari,
            )
    except SessionUnknown as e:
        log.info("call-session-unknown", code=e.code)
        await ws.accept()
        leave = r.LeaveRequest(can_reconnect=True, reason=m.STATE_MISMATCH, action=r.LeaveRequest.RECONNECT)
        await ws.send_bytes(r.SignalResponse(leave=leave).SerializeToString())
        await ws.close()
        return None
    except VisavisError as e:
        status = 401 if isinstance(e, Untrusted) else 403 if isinstance(e, Refused) else 503
        log.warning("call-denied", code=e.code, status=status)
        await ws.send_denial_response(PlainTextResponse(f"{e.code}: {e.message}", status))
        return None
    return seat


async def _talk(
    service: CallService, ws: WebSocket, connection: Connection, room: Room, sid: ParticipantSid
) -> None:
    async with anyio.create_task_group() as tasks:
        connection.scope = tasks.cancel_scope
        tasks.start_soon(_write, ws, connection, room, tasks.cancel_scope)
        try:
            await _read(service, ws, connection, room, sid)
        except VisavisError as e:
            log.warning("call-signal-refused", room=room.name, sid=sid, code=e.code)
            service.expel(room, sid, connection, _close_code(e))
        finally:
            connection.close()


async def _read(
    service: CallService, ws: WebSocket, connection: Connection, room: Room, sid: ParticipantSid
) -> None:
    messages, volume = Budget(BURST_MESSAGES, MESSAGES_PER_S), Budget(BURST_BYTES, BYTES_PER_S)
    while True:
        with anyio.move_on_after(SILENCE_S) as silence:
            event = await ws.receive()
        if silence.cancelled_caught:
            log.info("call-signal-silent", room=room.name, sid=sid)
            return
        if event["type"] == "websocket.disconnect":
            return
        data = event.get("bytes")
        if data is None:
            raise SignalText("The signal socket takes binary messages only.")
        if len(data) > MAX_MESSAGE_BYTES:
            raise SignalTooLarge("A message is too large.", bytes=len(data))
        now_s = anyio.current_time()
        if not (messages.spend(1, now_s) and volume.spend(len(data), now_s)):
            raise SignalFlood("Too many messages.")
        try:
            request = r.SignalRequest.FromString(data)
        except (DecodeError, RecursionError) as e:
            raise SignalMalformed("A message is no signal request.") from e
        service.request(room, sid, connection, request)


def _close_code(e: VisavisError) -> int:
    match e:
        case SignalText():
            return 1003
        case SignalTooLarge():
            return 1009
        case Refused():
            return 1008
        case _:
            return 1007


async def _write(ws: WebSocket, connection: Connection, room: Room, scope: anyio.CancelScope) -> None:
    """Send what is queued; once the connection closes, close the socket and end the reader."""
    with contextlib.suppress(WebSocketDisconnect, RuntimeError, OSError):
        await connection.drain(ws.send_bytes, lambda: gather_s(room.size))
        await ws.close(connection.code)
    scope.cancel()
