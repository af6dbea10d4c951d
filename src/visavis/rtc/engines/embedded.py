"""The engine inside the process: the binding `visavis._sfu` behind the port.

Lives here: `EmbeddedEngine`, which moves the slow calls off the event loop and turns the binding's tuples
into events; `found_interfaces`.
Not here: forwarding (`crates/sfu`), sockets and threads (`crates/sfu-io`).
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Final, TypeVar

import anyio
import anyio.to_thread
import structlog

from visavis.rtc.errors import EngineFailed, SdpMalformed
from visavis.rtc.places import Place
from visavis.rtc.ports import (
    ChannelOpened,
    Closed,
    Connected,
    EngineEvent,
    IceChanged,
    Loudness,
    MediaStarted,
    Mid,
    Offer,
    Quality,
    Sending,
    Throttled,
    TransportId,
)

if TYPE_CHECKING:
    from visavis import _sfu

T = TypeVar("T")

_CLIENTS_FAULT: Final = frozenset(
    {"malformed-offer", "malformed-answer", "description-too-large", "offer-refused", "answer-refused"}
)
"""Codes of the binding that blame a description; all others blame the state of the engine."""

log = structlog.get_logger(__name__)


class EmbeddedEngine:
    """A `MediaEngine` on a port of this process.

    places: where the port is opened, and how clients are told of it. port: 0: any free one (see `port`).
    udp:    take datagrams. tcp: take connections, from clients whose network lets no datagram out.
    threads: that forward media, at least 1; a room is on one of them.
    Raises `EngineFailed` if the binding is missing or the port cannot be had.
    """

    def __init__(
        self,
        places: Sequence[Place],
        port: int = 0,
        *,
        udp: bool = True,
        tcp: bool = True,
        threads: int = 1,
    ) -> None:
        try:
            from visavis import _sfu
        except ImportError as e:
            raise EngineFailed("The media engine is not built.", engine="missing") from e
        self._error: type[Exception] = _sfu.EngineError
        try:
            at = [(p.address, list(p.told)) for p in places]
            self._sfu: _sfu.Engine = _sfu.Engine(at, port, udp, tcp, threads)
        except _sfu.EngineError as e:
            # Nothing of a client's is in this text.
            raise EngineFailed(f"The call's port {port} cannot be opened: {e}", engine=e.code) from e
        # Parsing an SDK's offer takes about 3 ms without the GIL: two at a time keep the loop free and a
        # core too.
        self._threads = anyio.CapacityLimiter(2)
        self._ready = asyncio.Event()
        self._down = False

    @property
    def port(self) -> int:
        """The port that media comes to."""
        return self._sfu.port

    async def create(self, transport: TransportId, room: str) -> None:
        await self._ask(lambda: self._sfu.create(transport, room))

    async def accept_offer(self, transport: TransportId, sdp: str) -> str:
        return await self._ask(lambda: self._sfu.accept_offer(transport, sdp))

    async def make_offer(
        self,
        transport: TransportId,
        add: tuple[Sending, ...],
        stop: tuple[Mid, ...],
        *,
        channels: bool = False,
        restart: bool = False,
    ) -> Offer:
        sections = [(s.video, s.codec, s.stream, s.track) for s in add]
        sdp, mids = await self._ask(
            lambda: self._sfu.make_offer(transport, sections, list(stop), channels, restart)
        )
        return Offer(sdp, tuple(map(Mid, mids)))

    async def accept_answer(self, transport: TransportId, sdp: str) -> None:
        await self._ask(lambda: self._sfu.accept_answer(transport, sdp))

    def close(self, transport: TransportId) -> None:
        self._command(lambda: self._sfu.close(transport))

    def route(
        self,
        source: TransportId,
        source_mid: Mid,
        target: TransportId,
        target_mid: Mid,
        max_layer: int,
        *,
        rank: int,
    ) -> None:
        self._command(lambda: self._sfu.route(source, source_mid, target, target_mid, max_layer, rank))

    def wake(self, target: TransportId, target_mid: Mid) -> None:
        self._command(lambda: self._sfu.wake(target, target_mid))

    def unroute(self, target: TransportId, target_mid: Mid) -> None:
        self._command(lambda: self._sfu.unroute(target, target_mid))

    def set_layer(
        self, target: TransportId, target_mid: Mid, max_layer: int, *, paused: bool, rank: int
    ) -> None:
        self._command(lambda: self._sfu.set_layer(target, target_mid, max_layer, paused, rank))

    def member(
        self,
        room: int,
        identity: str,
        sid: str,
        up: TransportId,
        down: TransportId,
        *,
        can_publish_data: bool,
        hidden: bool,
    ) -> None:
        self._command(lambda: self._sfu.member(room, identity, sid, up, down, can_publish_data, hidden))

    def send(self, targets: tuple[TransportId, ...], packet: bytes, *, reliable: bool) -> None:
        self._command(lambda: self._sfu.send(list(targets), reliable, packet))

    async def last_sequence(self, transport: TransportId) -> int:
        return await self._ask(lambda: self._sfu.last_sequence(transport))

    def stats(self) -> Mapping[str, int]:
        return {} if self._down else self._sfu.stats()

    async def events(self) -> AsyncGenerator[EngineEvent, None]:
        if self._down:
            return
        loop, fd = asyncio.get_running_loop(), self._sfu.event_fd()
        loop.add_reader(fd, self._ready.set)
        try:
            while not await self._ended():
                self._ready.clear()
                for name, transport, arg, number in self._sfu.drain():
                    if (event := _event(name, TransportId(transport), arg, number)) is not None:
                        yield event
        finally:
            loop.remove_reader(fd)

    async def _ended(self) -> bool:
        await self._ready.wait()
        return self._down

    async def shutdown(self) -> None:
        if not self._down:
            self._down = True
            self._ready.set()
            await anyio.to_thread.run_sync(self._sfu.shutdown)

    def _command(self, command: Callable[[], None]) -> None:
        if not self._down:
            try:
                command()
            except self._error as e:  # its media thread is gone: what is asked for next says so
                log.warning("call-engine-command-failed", code=getattr(e, "code", "unknown"))

    async def _ask(self, call: Callable[[], T]) -> T:
        if self._down:
            raise EngineFailed("The media engine is shut down.", engine="shut-down")
        try:
            return await anyio.to_thread.run_sync(call, limiter=self._threads)
        except self._error as e:
            raise self._failed(e) from e

    @staticmethod
    def _failed(e: Exception) -> SdpMalformed | EngineFailed:
        # The text of a parse error may echo what a client sent, so only the code goes on.
        code = str(getattr(e, "code", "unknown"))
        if code in _CLIENTS_FAULT:
            return SdpMalformed("The engine cannot read this session description.", engine=code)
        return EngineFailed("The media engine could not do this.", engine=code)


def found_interfaces() -> list[tuple[str, str]]:
    """Interfaces of this machine that are up, each one's name and one of its addresses. Raises `EngineFailed`."""
    try:
        from visavis import _sfu

        return _sfu.interfaces()
    except ImportError as e:
        raise EngineFailed("The media engine is not built.", engine="missing") from e


def _event(name: str, transport: TransportId, arg: str, number: int) -> EngineEvent | None:
    match name:
        case "connected":
            return Connected(transport)
        case "closed":
            return Closed(transport)
        case "ice":
            return IceChanged(transport, arg)
        case "stream":
            return MediaStarted(transport, Mid(arg), number)
        case "channel":
            return ChannelOpened(transport, arg)
        case "level":
            return Loudness(transport, Mid(arg), number)
        case "quality":
            return Quality(transport, number)
        case "throttled":
            return Throttled(transport, Mid(arg), number != 0)
        case _:  # a newer binding may tell more
            return None
