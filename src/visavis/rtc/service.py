"""The call service: engine, rooms, tokens and timers together.

Lives here: `CallService`, what the rest of the node uses of the call; doing the rooms' effects.
Not here: what a room decides (`rooms`), sockets (`signalling`), paths (`routes`).

Everything happens on one event loop. A room is told one thing at a time and never waits; what the engine
has to answer is asked in a task of its own, and the answer is told to the room. Observers are told in a
task of their own each: one that fails or stands still harms nobody.
"""

from __future__ import annotations

import asyncio
import itertools
import secrets
import time
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack, ExitStack, aclosing, asynccontextmanager
from dataclasses import dataclass
from types import TracebackType
from typing import Final, Protocol

import anyio
import anyio.abc
import structlog
from anyio.streams.memory import MemoryObjectSendStream
from livekit.protocol import models as m
from livekit.protocol import rtc as r

from visavis.errors import VisavisError
from visavis.rtc import tokens
from visavis.rtc.effects import (
    AcceptAnswer,
    AcceptOffer,
    Asked,
    CallEvent,
    ConnectionId,
    Effect,
    Gather,
    Hang,
    Happened,
    MakeOffer,
    Note,
    ParticipantSid,
    Refresh,
    Route,
    Seat,
    Send,
    SendData,
    SetLayer,
    Unroute,
    Unseat,
    Wake,
)
from visavis.rtc.errors import CallStopped, EngineFailed, SessionUnknown, TokenInvalid, TooMany
from visavis.rtc.membership import Arrival, Reason
from visavis.rtc.policy import RoomPolicy
from visavis.rtc.ports import (
    Closed,
    Connected,
    EngineEvent,
    Loudness,
    MediaEngine,
    MediaStarted,
    Quality,
    Throttled,
    TransportId,
)
from visavis.rtc.relays import Relay, ice_servers
from visavis.rtc.rooms import Room
from visavis.rtc.signalling import Connection
from visavis.rtc.tokens import Grants, RoomConfig, TokenKey, TokenRules

RESUME_GRACE_S: Final = 15.0
"""How long a participant whose socket broke is kept, its media flowing; LiveKit's clients come back within
that.
"""

JOIN_LIMIT_S: Final = 60.0
"""How long who joins may take until it can receive; LiveKit's own figure."""

FAREWELL_S: Final = 1.0
"""A client that leaves closes its transports and says so on the socket; which comes first is chance."""

GATHER_S: Final = 0.005
"""What a client asks to receive within so long is offered together; livekit-client sends a message for each track."""

REFRESH_S: Final = 240.0
"""How often who stays gets a fresh token; less than half a token's life."""

NUMBERS_S: Final = 5.0
"""How often a room tells how many are in it, if that changed; LiveKit's own figure."""

FAREWELLS_S: Final = 2.0
"""How long a server that ends waits for its clients to read why."""

MAX_ROOMS: Final = 1000
OBSERVER_QUEUE: Final = 10_000

log = structlog.get_logger(__name__)


class CallObserver(Protocol):
    """Who wants to know what happens in the rooms, in order. It may fail or be slow: the call goes on."""

    async def call_event(self, event: CallEvent) -> None:
        """Something happened. Events that come while 10,000 wait are dropped, with a line in the log."""
        ...


@dataclass(frozen=True, slots=True)
class Presence:
    """One participant as the rest of the node sees it."""

    identity: str
    sid: ParticipantSid
    active: bool
    tracks: tuple[str, ...]


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


def _new_sid(prefix: str) -> str:
    return prefix + secrets.token_hex(6)


class CallService:
    """The call's server side. Use as `async with CallService(…) as calls`, or start `run` in a task group.

    engine:    forwards the media; ended with the service.
    key:       of the access tokens. Keep it over restarts: a client that comes back after one brings its
    token. more_keys: whose tokens are taken too. rules: which tokens are.
    policy:    room name → what the room is for; by default a call, encrypted.
    observers: told of joining, leaving and publishing.
    relay:     that clients may use where their network lets no path to the engine through.
    now_ms:    milliseconds since the epoch.
    """

    def __init__(
        self,
        engine: MediaEngine,
        key: TokenKey,
        *,
        more_keys: Sequence[TokenKey] = (),
        rules: TokenRules = tokens.STRICT,
        policy: Callable[[str], RoomPolicy] = lambda _: RoomPolicy(),
        observers: Sequence[CallObserver] = (),
        relay: Relay | None = None,
        now_ms: Callable[[], int] = _now_ms,
        new_sid: Callable[[str], str] = _new_sid,
        resume_grace_s: float = RESUME_GRACE_S,
        farewell_s: float = FAREWELL_S,
        join_limit_s: float = JOIN_LIMIT_S,
        refresh_s: float = REFRESH_S,
    ) -> None:
        self._engine, self._key, self._policy, self._observers = engine, key, policy, tuple(observers)
        self._relay = relay
        self._keys, self._rules = {k.key: k for k in (*more_keys, key)}, rules
        self._now_ms, self._new_sid = now_ms, new_sid
        self._resume_grace_s, self._farewell_s, self._refresh_s = resume_grace_s, farewell_s, refresh_s
        self._join_limit_s = join_limit_s
        self._rooms: dict[str, Room] = {}
        self._connections: dict[ConnectionId, Connection] = {}
        self._seats: dict[TransportId, tuple[Room, ParticipantSid]] = {}
        self._revoked: dict[tuple[str, str | None], int] = {}
        self._lingering: dict[int, int] = {}
        self._numbers = itertools.count(1)
        self._tasks: anyio.abc.TaskGroup | None = None
        self._telling: list[MemoryObjectSendStream[CallEvent]] = []
        self._counts = {"joins": 0, "resumes": 0, "denied": 0}
        self._stack = AsyncExitStack()

    # --- life -----------------------------------------------------------------

    async def __aenter__(self) -> CallService:
        return await self._stack.enter_async_context(self.running())

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool | None:
        return await self._stack.__aexit__(kind, error, trace)

    async def run(self, *, task_status: anyio.abc.TaskStatus[None] = anyio.TASK_STATUS_IGNORED) -> None:
        """Serve until cancelled; then everybody is told to join anew, and the engine ends."""
        async with self.running():
            task_status.started()
            await anyio.sleep_forever()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[CallService]:
        """Serve while the block runs."""
        streams = ExitStack()
        try:
            async with anyio.create_task_group() as tasks:
                self._tasks = tasks
                tasks.start_soon(self._follow_engine)
                tasks.start_soon(self._refresh)
                tasks.start_soon(self._tell_numbers)
                for observer in self._observers:
                    give, take = anyio.create_memory_object_stream[CallEvent](OBSERVER_QUEUE)
                    streams.enter_context(give)
                    streams.enter_context(take)
                    self._telling.append(give)
                    tasks.start_soon(_tell, observer, take)
                try:
                    yield self
                finally:
                    self._shut_down()
                    self._tasks = None
                    tasks.cancel_scope.cancel()
        finally:
            self._telling.clear()
            streams.close()
            with anyio.CancelScope(shield=True):
                await self._engine.shutdown()

    def _shut_down(self) -> None:
        for room in list(self._rooms.values()):
            self.perform(room, room.close(m.SERVER_SHUTDOWN, self._now_ms(), action=r.LeaveRequest.RECONNECT))

    async def farewell(self) -> None:
        """Tell everybody to join anew, and wait until they have read it, or two seconds."""
        self._shut_down()
        with anyio.move_on_after(FAREWELLS_S):
            for connection in list(self._connections.values()):
                await connection.gone.wait()

    # --- for the rest of the node (`calls.Calls`, and more) ---------------------

    def url(self, own: str) -> str:
        """Where clients connect to: where the node is."""
        return own

    def expect(self, room: str, identity: str) -> None:
        """Nothing to be done: a token says by itself whether it is good."""

    def mint(
        self,
        room: str,
        identity: str,
        *,
        can_publish: bool = True,
        can_subscribe: bool = True,
        can_publish_data: bool = True,
        sources: Iterable[str] = (),
        lifetime_s: int = tokens.LIFETIME_S,
    ) -> str:
        """An access token for one participant in one room, with no name and no metadata (design 3a §2.1).

        sources: LiveKit's names, upper case (`CAMERA`, `MICROPHONE`, …); none: all.
        """
        grants = Grants(room, identity, can_publish, can_subscribe, can_publish_data, frozenset(sources))
        return tokens.mint(self._key, grants, now_ms=self._now_ms(), lifetime_s=lifetime_s)

    def authorise_api(self, token: str) -> Grants:
        """What a token grants to a user of the server API. Raises `TokenInvalid`."""
        return tokens.read(self._key_of(token), token, now_ms=self._now_ms(), rules=self._rules)

    def _key_of(self, token: str) -> TokenKey:
        return self._key if len(self._keys) == 1 else self._keys.get(tokens.issuer(token), self._key)

    def authorise(self, token: str) -> Grants:
        """What a token grants now. Raises `TokenInvalid`, also for one made before its holder was removed."""
        try:
            now_ms = self._now_ms()
            grants = tokens.verify(self._key_of(token), token, now_ms=now_ms, rules=self._rules)
            for of_whom in ((grants.room, grants.identity), (grants.room, None)):
                if grants.issued_ms <= self._revoked.get(of_whom, -1):
                    raise TokenInvalid("The access token was withdrawn.")
        except TokenInvalid:
            self._counts["denied"] += 1
            raise
        return grants

    def remove(self, room: str, identity: str, reason: Reason = m.PARTICIPANT_REMOVED) -> bool:
        """Put a participant out; tokens it holds are void. Whether it was there.

        The caller has the right to: a side removes its own delegates only.
        """
        self._revoke(room, identity)
        here = self._rooms.get(room)
        sid = here.sid_of(identity) if here is not None else None
        if here is None or sid is None:
            return False
        self.perform(here, here.expel(sid, reason, self._now_ms()))
        return True

    @property
    def rooms(self) -> tuple[Room, ...]:
        """The rooms there are."""
        return tuple(self._rooms.values())

    def find_room(self, name: str) -> Room | None:
        return self._rooms.get(name)

    def open_room(self, name: str, config: RoomConfig | None = None) -> Room:
        """The room of a name, made if it is not there; it stays as long as its policy says. Raises `TooMany`.

        config: what a room that is made is to be, where the service's policy for it allows that.
        """
        if name not in self._rooms and len(self._rooms) >= MAX_ROOMS:
            raise TooMany("This node has as many rooms as it may.")
        room = self._room(name, config)
        self.perform(room, ())
        return room

    def end_room(self, room: Room, reason: Reason) -> None:
        """Put everybody out, and forget the room. Their tokens stay good, as LiveKit has it."""
        self.perform(room, room.close(reason, self._now_ms()))
        self._forget(room)

    @property
    def now_ms(self) -> int:
        """The service's clock."""
        return self._now_ms()

    def close_room(self, room: str, reason: Reason = m.ROOM_CLOSED) -> None:
        """Put everybody out; tokens for the room made until now are void."""
        self._revoke(room, None)
        if (here := self._rooms.get(room)) is not None:
            self.perform(here, here.close(reason, self._now_ms()))

    def present(self, room: str) -> tuple[Presence, ...]:
        """Who is in a room."""
        here = self._rooms.get(room)
        return tuple(
            Presence(
                p.identity,
                p.sid,
                p.info.state == m.ParticipantInfo.ACTIVE,
                tuple(t.sid for t in p.tracks.values() if t.announced),
            )
            for p in (here.participants if here is not None else ())
        )

    def stats(self) -> Mapping[str, int]:
        """Counters: rooms, participants, sockets, joins, resumes, denials; the engine's own as `engine.…`."""
        return {
            **self._counts,
            "rooms": len(self._rooms),
            "participants": sum(len(x.participants) for x in self._rooms.values()),
            "sockets": len(self._connections),
            **{f"engine.{k}": v for k, v in self._engine.stats().items()},
        }

    # --- for signalling -----------------------------------------------------------

    def open_connection(self) -> Connection:
        """A socket arrives."""
        connection = Connection(ConnectionId(next(self._numbers)))
        self._connections[connection.number] = connection
        return connection

    def drop_connection(self, connection: Connection) -> None:
        """A socket is gone."""
        self._connections.pop(connection.number, None)
        connection.forget()
        connection.gone.set()

    async def join(
        self,
        grants: Grants,
        connection: Connection,
        *,
        auto_subscribe: bool,
        client_protocol: int,
        sdk: str = "",
        firefox: bool = False,
        safari: bool = False,
    ) -> tuple[Room, ParticipantSid]:
        """Let somebody in. Raises `TooMany`, `EngineFailed`, `CallStopped`."""
        if self._tasks is None:
            raise CallStopped("The call service is not running.")
        if grants.room not in self._rooms and len(self._rooms) >= MAX_ROOMS:
            raise TooMany("This node has as many rooms as it may.")
        if (here := self._rooms.get(grants.room)) is not None:
            here.check_space(grants.identity)
        up, down = TransportId(next(self._numbers)), TransportId(next(self._numbers))
        try:
            await self._engine.create(up, grants.room)
            await self._engine.create(down, grants.room)
            arrival = Arrival(
                grants,
                up,
                down,
                connection.number,
                auto_subscribe,
                client_protocol,
                sdk,
                firefox,
                safari,
                self._ice_servers(connection),
            )
            if self._tasks is None:
                raise CallStopped("The call service is not running.")
            room = self._room(grants.room, grants.room_config)
            effects = room.join(arrival, self._now_ms())
        except BaseException:
            self._engine.close(up)
            self._engine.close(down)
            raise
        sid = room.sid_of(grants.identity)
        if sid is None:
            raise EngineFailed("The room let nobody in.")
        self._seats[up] = self._seats[down] = (room, sid)
        self._counts["joins"] += 1
        self.perform(room, effects)
        # No task: each would be kept for a minute, though most have long been seen or are gone.
        asyncio.get_running_loop().call_later(self._join_limit_s, self._look_for_media, room, sid)
        return room, sid

    async def resume(self, grants: Grants, sid: str, connection: Connection) -> tuple[Room, ParticipantSid]:
        """A participant is back with a new socket. Raises `SessionUnknown`, `EngineFailed`."""
        room = self._rooms.get(grants.room)
        p = room.find(grants.identity) if room is not None else None
        if room is None or p is None:
            raise SessionUnknown("This session is over: join anew.", room=grants.room)
        last_sequence = await self._engine.last_sequence(p.up)
        found, effects = room.resume(
            grants.identity, sid, connection.number, last_sequence, self._ice_servers(connection)
        )
        self._counts["resumes"] += 1
        self.perform(room, effects)
        return room, found

    def _ice_servers(self, connection: Connection) -> tuple[r.ICEServer, ...]:
        # The connection's number says nothing of the person to the relay and its log.
        return ice_servers(self._relay, str(connection.number), self._now_ms())

    def request(self, room: Room, sid: ParticipantSid, connection: Connection, q: r.SignalRequest) -> None:
        """A message of a client. Raises `Malformed`."""
        self.perform(room, room.request(sid, connection.number, q, self._now_ms()))

    def expel(self, room: Room, sid: ParticipantSid, connection: Connection, code: int) -> None:
        """A client broke the protocol: it is out, and told so."""
        effects = room.expel(sid, m.STATE_MISMATCH, self._now_ms(), connection=connection.number, code=code)
        self.perform(room, effects)
        connection.close(code)

    def detached(self, room: Room, sid: ParticipantSid, connection: Connection) -> None:
        """A socket broke. Its participant has a while to come back."""
        if (cut := room.detached(sid, connection.number)) is not None and self._tasks is not None:
            self._tasks.start_soon(self._await_return, room, sid, cut)

    # --- doing ----------------------------------------------------------------------

    def _room(self, name: str, config: RoomConfig | None = None) -> Room:
        if (room := self._rooms.get(name)) is None:
            policy = self._policy(name)
            room = Room(
                name,
                next(self._numbers),
                policy=policy.configured(config),
                new_sid=self._new_sid,
                now_ms=self._now_ms(),
                metadata=config.metadata if config is not None and policy.configurable else "",
            )
            self._rooms[name] = room
        return room

    def perform(self, room: Room, effects: Iterable[Effect]) -> None:
        """Do what a room asks, in order. Nothing here waits, so nothing comes between."""
        for e in effects:
            match e:
                case Send():
                    if (c := self._connections.get(e.connection)) is not None:
                        c.send(e.message)
                case Hang():
                    if (c := self._connections.get(e.connection)) is not None:
                        c.close(e.code)
                case AcceptOffer() | MakeOffer() | AcceptAnswer():
                    if self._tasks is not None:
                        self._tasks.start_soon(self._ask, room, e)
                case Gather():
                    asyncio.get_running_loop().call_later(GATHER_S, self._gathered, room, e)
                case Route():
                    self._engine.route(
                        e.source, e.source_mid, e.target, e.target_mid, e.max_layer, rank=e.rank
                    )
                case Wake():
                    self._engine.wake(e.target, e.target_mid)
                case Unroute():
                    self._engine.unroute(e.target, e.target_mid)
                case SetLayer():
                    self._engine.set_layer(e.target, e.target_mid, e.max_layer, paused=e.paused, rank=e.rank)
                case Seat():
                    self._engine.member(
                        e.room,
                        e.identity,
                        e.sid,
                        e.up,
                        e.down,
                        can_publish_data=e.can_publish_data,
                        hidden=e.hidden,
                    )
                case SendData():
                    self._engine.send(e.targets, e.packet, reliable=e.reliable)
                case Unseat():
                    for transport in (e.up, e.down):
                        self._seats.pop(transport, None)
                        self._engine.close(transport)
                case Refresh():
                    self._refresh_one(room, e.participant)
                case Happened():
                    self._happened(e.event)
                case Note():
                    (log.warning if e.warning else log.info)(e.event, **e.fields)
        if room.empty and self._rooms.get(room.name) is room:
            if room.linger_s and self._tasks is not None:
                if self._lingering.get(room.number) != room.emptied:
                    self._lingering[room.number] = room.emptied
                    self._tasks.start_soon(self._await_company, room, room.emptied)
            else:
                self._forget(room)

    def _gathered(self, room: Room, asked: Gather) -> None:
        if self._tasks is not None:
            self.perform(room, room.gathered(asked))

    async def _ask(self, room: Room, asked: Asked) -> None:
        """Ask the engine and tell the room. Whatever goes wrong stays with this participant."""
        effects: list[Effect] = []
        try:
            match asked:
                case AcceptOffer():
                    answer = await self._engine.accept_offer(asked.transport, asked.sdp)
                    effects = room.offer_accepted(asked, answer, self._now_ms())
                case MakeOffer():
                    offer = await self._engine.make_offer(
                        asked.transport, asked.add, asked.stop, channels=asked.channels, restart=asked.restart
                    )
                    effects = room.offer_made(asked, offer)
                case AcceptAnswer():
                    await self._engine.accept_answer(asked.transport, asked.sdp)
                    effects = room.answer_accepted(asked)
        except VisavisError as e:
            effects = room.engine_failed(asked, e, self._now_ms())
        except Exception:
            log.exception("call-engine-broke", room=room.name, sid=asked.participant)
            failed = EngineFailed("The media engine broke.", engine="broken")
            effects = room.engine_failed(asked, failed, self._now_ms())
        self.perform(room, effects)

    async def _follow_engine(self) -> None:
        async with aclosing(self._engine.events()) as events:
            async for event in events:
                try:
                    self._engine_event(event)
                except Exception:
                    log.exception("call-engine-event-broke", transport=event.transport)

    def _engine_event(self, event: EngineEvent) -> None:
        if (seat := self._seats.get(event.transport)) is None:
            return
        room, sid = seat
        match event:
            case Connected():
                self.perform(room, room.connected(sid, event.transport))
            case MediaStarted():
                self.perform(room, room.media_started(sid, event.transport, event.mid, self._now_ms()))
            case Loudness():
                self.perform(room, room.loudness(sid, event))
            case Quality():
                self.perform(room, room.quality(sid, event))
            case Throttled():
                self.perform(room, room.throttled(sid, event))
            case Closed():
                if self._tasks is not None:
                    self._tasks.start_soon(self._await_farewell, room, sid)
            case _:
                log.debug("call-transport", room=room.name, sid=sid, told=type(event).__name__)

    def _forget(self, room: Room) -> None:
        self._lingering.pop(room.number, None)
        if self._rooms.get(room.name) is room:
            del self._rooms[room.name]

    async def _await_company(self, room: Room, emptied: int) -> None:
        """A room that has been empty for as long as it may is no more."""
        await anyio.sleep(room.linger_s)
        if room.empty and room.emptied == emptied:
            self._forget(room)

    async def _await_return(self, room: Room, sid: ParticipantSid, cut: int) -> None:
        await anyio.sleep(self._resume_grace_s)
        self.perform(room, room.expire(sid, cut, self._now_ms()))

    def _look_for_media(self, room: Room, sid: ParticipantSid) -> None:
        if self._tasks is not None:
            self.perform(room, room.verify(sid, self._now_ms()))

    async def _await_farewell(self, room: Room, sid: ParticipantSid) -> None:
        await anyio.sleep(self._farewell_s)
        self.perform(room, room.transport_closed(sid, self._now_ms()))

    async def _refresh(self) -> None:
        while True:
            await anyio.sleep(self._refresh_s)
            now_ms = self._now_ms()
            for room in list(self._rooms.values()):
                for p in room.participants:
                    self._refresh_one(room, p.sid)
            oldest = now_ms - 1000 * (tokens.LIFETIME_S + 2 * tokens.LEEWAY_S)
            self._revoked = {k: at for k, at in self._revoked.items() if at >= oldest}

    def _refresh_one(self, room: Room, sid: ParticipantSid) -> None:
        """A fresh token of what a participant is granted now; good no shorter than the one it came with."""
        if (p := room.participant(sid)) is not None:
            now_ms = self._now_ms()
            lifetime_s = tokens.LIFETIME_S
            if self._rules.longest_s is None:
                lifetime_s = max(lifetime_s, (p.grants.expires_ms - now_ms) // 1000)
            token = tokens.mint(self._key, p.grants, now_ms=now_ms, lifetime_s=lifetime_s, rules=self._rules)
            self.perform(room, room.refresh(sid, token))

    async def _tell_numbers(self) -> None:
        while True:
            await anyio.sleep(NUMBERS_S)
            for room in list(self._rooms.values()):
                self.perform(room, room.numbers_changed())

    def _revoke(self, room: str, identity: str | None) -> None:
        self._revoked[room, identity] = self._now_ms()

    def _happened(self, event: CallEvent) -> None:
        for give in self._telling:
            try:
                give.send_nowait(event)
            except anyio.WouldBlock:
                log.warning("call-observer-behind", lost=type(event).__name__)


async def _tell(observer: CallObserver, events: anyio.abc.ObjectReceiveStream[CallEvent]) -> None:
    async for event in events:
        try:
            await observer.call_event(event)
        except Exception:
            log.exception("call-observer-failed", observer=type(observer).__name__)
