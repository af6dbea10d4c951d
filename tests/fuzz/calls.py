"""The targets of a call's signalling: tokens, the socket's address and messages, descriptions, the server API.

Lives here: as in `targets`, functions of bytes that may refuse and must do nothing else; and how their inputs change.
Not here: media and data packets (Rust: `crates/sfu/fuzz`).
"""

from __future__ import annotations

import itertools
import json
import struct
from collections.abc import Coroutine, Iterable
from contextlib import suppress
from functools import cache
from random import Random
from typing import Any, TypeVar

import jwt
from google.protobuf.message import DecodeError, Message
from livekit.protocol import models as m
from livekit.protocol import rtc as r
from starlette.requests import Request
from starlette.websockets import WebSocket
from tests.fuzz.mutate import changed, json_, lines, raw
from tests.fuzz.registry import either, target

from visavis.errors import Malformed, Untrusted, VisavisError
from visavis.rtc import effects as fx
from visavis.rtc import roomservice, sdp, signalling, tokens
from visavis.rtc.engines.fake import FakeEngine
from visavis.rtc.errors import SignalMalformed
from visavis.rtc.ports import TransportId
from visavis.rtc.rooms import Arrival, Room, RoomPolicy
from visavis.rtc.service import CallService
from visavis.rtc.tokens import AS_LIVEKIT, Grants, RoomConfig, TokenKey, mint

NOW_MS = 1_638_878_400_000
KEY = TokenKey("visavis", "a secret of at least thirty-two bytes")
PEOPLE = ("a1", "a2", "b1")
METHODS = sorted(roomservice.METHODS)


T = TypeVar("T")


def at_once(work: Coroutine[Any, Any, T]) -> T:
    """What a coroutine that waits for nothing gives."""
    try:
        work.send(None)
    except StopIteration as done:
        return done.value  # type: ignore[no-any-return]
    raise AssertionError("it waits")


# --- tokens ------------------------------------------------------------------------------------------


def _reminted(data: bytes, random: Random) -> bytes:
    """The claims changed, and truly signed again."""
    try:
        claims = jwt.decode(data, options={"verify_signature": False})
        return jwt.encode(changed(claims, random), KEY.secret, algorithm="HS256").encode()
    except (jwt.InvalidTokenError, ValueError, TypeError, RecursionError):
        return raw(data, random)


@target(either(_reminted, _reminted, raw), 40)
def token(data: bytes) -> None:
    """A token grants a bounded identity in a bounded room, or is refused."""
    text = data.decode("utf-8", "replace")
    assert isinstance(tokens.issuer(text), str)
    grants = tokens.verify(KEY, text, now_ms=NOW_MS, rules=AS_LIVEKIT)
    assert 1 <= len(grants.identity) <= tokens.MAX_IDENTITY
    assert 1 <= len(grants.room) <= tokens.MAX_ROOM
    again = mint(KEY, grants, now_ms=NOW_MS, rules=AS_LIVEKIT)
    assert tokens.verify(KEY, again, now_ms=NOW_MS, rules=AS_LIVEKIT).identity == grants.identity
    with suppress(Untrusted):
        assert not tokens.verify(KEY, text, now_ms=NOW_MS).hidden, "a node lets nobody listen unseen"


@cache
def _engine() -> FakeEngine:
    return FakeEngine()


def _service() -> CallService:
    return CallService(
        _engine(),
        KEY,
        rules=AS_LIVEKIT,
        policy=lambda _: RoomPolicy(encrypted=None, configurable=True),
        now_ms=lambda: NOW_MS,
    )


@target(raw, 40)
def handshake(data: bytes) -> None:
    """The address of a signal socket, whatever its query says, after a token that is right."""
    good = mint(KEY, Grants("talk", "a1"), now_ms=NOW_MS)
    query = data if b"access_token" in data else b"access_token=" + good.encode() + b"&" + data
    scope = {
        "type": "websocket",
        "query_string": query,
        "headers": [(b"authorization", data)],
        "path": "/rtc",
    }
    hello = signalling._handshake(_service(), WebSocket(scope, None, None))  # type: ignore[arg-type]
    assert len(hello.sid) <= 64
    assert 0 <= hello.client_protocol < 10_000


# --- descriptions --------------------------------------------------------------------------------------


@target(either(lines, raw), 40)
def description(data: bytes) -> None:
    """The sections of a description, each with a mid of its own."""
    read = sdp.sections(data.decode("utf-8", "replace"))
    assert len({s.mid for s in read}) == len(read) <= sdp.MAX_SECTIONS


# --- messages ------------------------------------------------------------------------------------------


class Sitting:
    """Three people in a room, whose engine answers at once."""

    def __init__(self) -> None:
        numbers = itertools.count(1)
        policy = RoomPolicy(encrypted=None)
        self.room = Room("talk", 1, policy=policy, new_sid=lambda p: f"{p}{next(numbers)}", now_ms=NOW_MS)
        self.engine = FakeEngine()
        self.sids: dict[str, fx.ParticipantSid] = {}
        self.open: set[int] = set()
        self.left: set[str] = set()
        for n, identity in enumerate(PEOPLE):
            up, down = TransportId(2 * n + 1), TransportId(2 * n + 2)
            at_once(self.engine.create(up, "talk"))
            at_once(self.engine.create(down, "talk"))
            self.open.add(n)
            grants = Grants("talk", identity, can_update_own_metadata=n < 2)
            self.do(self.room.join(Arrival(grants, up, down, fx.ConnectionId(n)), NOW_MS))
            sid = self.room.sid_of(identity)
            assert sid is not None
            self.sids[identity] = sid

    def do(self, effects: Iterable[fx.Effect]) -> None:
        for e in effects:
            match e:
                case fx.Send():
                    assert e.connection in self.open
                    assert len(e.message.SerializeToString()) < signalling.QUEUE_BYTES
                case fx.Hang():
                    self.open.discard(e.connection)
                case fx.AcceptOffer() | fx.MakeOffer() | fx.AcceptAnswer():
                    self.do(self.ask(e))
                case fx.Route():
                    self.engine.route(
                        e.source, e.source_mid, e.target, e.target_mid, e.max_layer, rank=e.rank
                    )
                case fx.Unroute():
                    self.engine.unroute(e.target, e.target_mid)
                case fx.SetLayer():
                    assert 0 <= e.max_layer <= 2
                    self.engine.set_layer(e.target, e.target_mid, e.max_layer, paused=e.paused, rank=e.rank)
                case fx.Unseat():
                    self.engine.close(e.up)
                    self.engine.close(e.down)
                case fx.Happened(fx.Left() as gone):
                    self.left.add(gone.identity)

    def ask(self, e: fx.Asked) -> list[fx.Effect]:
        try:
            match e:
                case fx.AcceptOffer():
                    answer = at_once(self.engine.accept_offer(e.transport, e.sdp))
                    effects = self.room.offer_accepted(e, answer, NOW_MS)
                    for s in sdp.sections(e.sdp):
                        effects += self.room.media_started(e.participant, e.transport, s.mid, NOW_MS)
                    return effects
                case fx.MakeOffer():
                    made = self.engine.make_offer(
                        e.transport, e.add, e.stop, channels=e.channels, restart=e.restart
                    )
                    return self.room.offer_made(e, at_once(made))
                case fx.AcceptAnswer():
                    at_once(self.engine.accept_answer(e.transport, e.sdp))
                    return self.room.answer_accepted(e)
        except VisavisError as error:
            return self.room.engine_failed(e, error, NOW_MS)

    def hear(self, identity: str, data: bytes) -> None:
        """One message, as `signalling` takes it."""
        sid, connection = self.sids[identity], fx.ConnectionId(PEOPLE.index(identity))
        before = self.left | {identity}
        try:
            try:
                request = r.SignalRequest.FromString(data)
            except (DecodeError, RecursionError) as e:
                raise SignalMalformed("A message is no signal request.") from e
            self.do(self.room.request(sid, connection, request, NOW_MS))
        except VisavisError:
            self.do(self.room.expel(sid, m.STATE_MISMATCH, NOW_MS, connection=connection, code=1007))
        assert self.left <= before, "a message puts nobody out but its sender"


def packed(messages: Iterable[tuple[int, Message | bytes]]) -> bytes:
    """Messages, each behind the number of who sends it and its length (two bytes, big-endian)."""
    out = b""
    for who, message in messages:
        body = message if isinstance(message, bytes) else message.SerializeToString()
        out += struct.pack(">BH", who, len(body)) + body
    return out


def unpacked(data: bytes) -> list[tuple[int, bytes]]:
    """The messages of `packed`; the last may be cut short."""
    out = []
    while len(data) >= 3:
        who, length = struct.unpack_from(">BH", data)
        out.append((who, data[3 : 3 + length]))
        data = data[3 + length :]
    return out


def _messages(data: bytes, random: Random) -> bytes:
    """A message dropped, doubled, swapped, given to another, or changed; or a piece of one put into another."""
    whole = unpacked(data)
    if not whole:
        return raw(data, random)
    one, other = (random.randrange(len(whole)) for _ in range(2))
    who, body = whole[one]
    match random.randrange(7):
        case 0:
            del whole[one]
        case 1:
            whole[other:other] = [whole[one]] * random.choice((1, 2, 5))
        case 2:
            whole[one], whole[other] = whole[other], whole[one]
        case 3:
            whole[one] = (random.randrange(len(PEOPLE)), body)
        case 4:
            whole[one] = (who, (body + whole[other][1])[:65_535])
        case _:
            whole[one] = (who, raw(body, random)[:65_535])
    return packed(whole[:64])


@target(either(_messages, _messages, raw), 30, (Malformed,))
def signal(data: bytes) -> None:
    """Any messages of three people: each is done or refused, and puts nobody out but its sender."""
    sitting = Sitting()
    messages = unpacked(data)[:64]
    try:
        for who, body in messages:
            sitting.hear(PEOPLE[who % len(PEOPLE)], body)
        for identity in PEOPLE:
            sitting.do(sitting.room.expel(sitting.sids[identity], m.SERVER_SHUTDOWN, NOW_MS))
        assert sitting.room.empty
        assert not sitting.engine.transports
        assert not sitting.engine.routes
    finally:
        at_once(sitting.engine.shutdown())
    if not messages:
        raise Malformed("No message.")


# --- the server API ----------------------------------------------------------------------------------


@cache
def _api_token() -> str:
    rights = {"room_admin": True, "room_create": True, "room_list": True}
    return mint(KEY, Grants("talk", "api", **rights), now_ms=NOW_MS, rules=AS_LIVEKIT)


def _posted(data: bytes, random: Random) -> bytes:
    """The body changed, as JSON or as bytes; or another method."""
    if random.random() < 0.2:
        return bytes([random.randrange(2 * len(METHODS))]) + data[1:]
    return data[:1] + random.choice((json_, raw))(data[1:], random)


@target(either(_posted, _posted, raw), 30, (roomservice.Fault,))
def twirp(data: bytes) -> None:
    """A body posted to a method, in JSON if the first byte is odd; done, or refused with a code of Twirp's."""
    chosen = data[0] if data else 0
    kind = roomservice.JSON if chosen & 1 else roomservice.PROTOBUF
    headers = {"content-type": kind, "authorization": f"Bearer {_api_token()}"}
    scope = {
        "type": "http",
        "method": "POST",
        "path_params": {"method": METHODS[(chosen >> 1) % len(METHODS)]},
        "headers": [(k.encode(), v.encode()) for k, v in headers.items()],
    }
    calls = _service()
    room = calls.open_room("talk", RoomConfig(60))
    arrival = Arrival(Grants("talk", "a1"), TransportId(1), TransportId(2), fx.ConnectionId(1))
    calls.perform(room, room.join(arrival, NOW_MS))
    answer = roomservice._answer(calls, Request(scope), data[1:])
    assert answer.status_code == 200
    if kind == roomservice.JSON:
        json.loads(answer.body)
