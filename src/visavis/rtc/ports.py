"""The seam between signalling and whatever forwards media.

Lives here: `MediaEngine`, what signalling asks of an engine, and the events an engine tells.
Not here: the engines (`engines/`), LiveKit's protocol (`rooms`).

A participant has two transports, as LiveKit's dual-connection path has it: it publishes on the one (the
client offers), it receives on the other (the engine offers). A media section of a transport is named by
its mid. Every engine passes `tests/rtc/engine_contract.py`.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass
from typing import NewType, Protocol

TransportId = NewType("TransportId", int)
"""One PeerConnection of one client; chosen by the caller, never used twice in a process."""

Mid = NewType("Mid", str)
"""A media section of one transport (RFC 9143)."""

HIGHEST_LAYER = 2
"""Simulcast layers are 0 (quarter), 1 (half), 2 (full)."""

NOTHING_TO_OFFER = "nothing-to-offer"
"""What `EngineFailed` says in `details["engine"]` if an offer would change nothing."""


@dataclass(frozen=True, slots=True)
class Sending:
    """A section that an offer adds: the engine sends, the client receives.

    codec:         its name in `a=rtpmap:`, the only one to offer; "": any of the engine's. With "red" (RFC 2198, in
                   sections of sound) goes "opus": who takes that alone gets what was said once.
    stream, track: the two halves of the msid (RFC 8830).
    """

    video: bool
    codec: str
    stream: str
    track: str


@dataclass(frozen=True, slots=True)
class Offer:
    """An offer of the engine, and the mid of each `Sending` asked for, in that order."""

    sdp: str
    mids: tuple[Mid, ...]


@dataclass(frozen=True, slots=True)
class Connected:
    """Both ICE and DTLS of a transport stand."""

    transport: TransportId


@dataclass(frozen=True, slots=True)
class Closed:
    """A transport ended by itself; the engine has forgotten it."""

    transport: TransportId


@dataclass(frozen=True, slots=True)
class IceChanged:
    """A transport's ICE state changed; `state` is for logs."""

    transport: TransportId
    state: str


@dataclass(frozen=True, slots=True)
class MediaStarted:
    """The first packet of a layer of a published section."""

    transport: TransportId
    mid: Mid
    layer: int


@dataclass(frozen=True, slots=True)
class ChannelOpened:
    """A data channel opened."""

    transport: TransportId
    label: str


@dataclass(frozen=True, slots=True)
class Loudness:
    """How loud a published section of sound is now: told when that changes, at most twice a second.

    level: as in RFC 6464, decibels below the loudest: 0 … 127; 127: nobody speaks.
    """

    transport: TransportId
    mid: Mid
    level: int


@dataclass(frozen=True, slots=True)
class Quality:
    """How good a transport's way is, told when that changes: 0 poor, 1 good, 2 excellent.

    Never of a transport that may be lost: at that word browsers' clients join anew.
    """

    transport: TransportId
    level: int


@dataclass(frozen=True, slots=True)
class Throttled:
    """The engine stopped sending in a subscriber's section, since its way has no room for it, or goes on."""

    transport: TransportId
    mid: Mid
    paused: bool


EngineEvent = Connected | Closed | IceChanged | MediaStarted | ChannelOpened | Loudness | Quality | Throttled


class MediaEngine(Protocol):
    """What signalling needs of an engine.

    Calls that parse or build session descriptions are awaited (milliseconds); the rest only leave a command.
    Awaited calls raise `SdpMalformed` (the client's description is at fault) or `EngineFailed` (no such
    transport, nothing to answer, the engine is gone). Commands for what no longer exists are without effect.
    """

    async def create(self, transport: TransportId, room: str) -> None:
        """Make a transport of a room; one is routed to others of its room alone. Raises `EngineFailed` if it exists."""
        ...

    async def accept_offer(self, transport: TransportId, sdp: str) -> str:
        """Take a publishing client's offer; the answer's SDP."""
        ...

    async def make_offer(
        self,
        transport: TransportId,
        add: tuple[Sending, ...],
        stop: tuple[Mid, ...],
        *,
        channels: bool = False,
        restart: bool = False,
    ) -> Offer:
        """An offer that adds and stops sections; it holds those of one that was not answered.

        stop:     sections that were answered; one that was only offered cannot be stopped yet.
        channels: also open the data channels `_reliable` and `_lossy`.
        restart:  also restart ICE.
        """
        ...

    async def accept_answer(self, transport: TransportId, sdp: str) -> None:
        """Take the answer to the last offer made."""
        ...

    def close(self, transport: TransportId) -> None:
        """End a transport and all routes from and to it."""
        ...

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
        """Forward a published section to a section of another transport, up to a layer.

        rank: 0 is served first where the path does not bear everything; within a rank, higher layers first.
        """
        ...

    def wake(self, target: TransportId, target_mid: Mid) -> None:
        """Send packets of nothing to a routed section until media comes, or for a few seconds.

        For clients that know of a track by its first packet.
        """
        ...

    def unroute(self, target: TransportId, target_mid: Mid) -> None:
        """Stop forwarding to a section."""
        ...

    def set_layer(
        self, target: TransportId, target_mid: Mid, max_layer: int, *, paused: bool, rank: int
    ) -> None:
        """Forward to a section at most this layer, or nothing while paused; `rank` as in `route`."""
        ...

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
        """Say whose two transports these are: data packets go to the members of the same room, stamped so.

        hidden: the others do not learn whose they are. Said again, it replaces what was said.
        """
        ...

    def send(self, targets: tuple[TransportId, ...], packet: bytes, *, reliable: bool) -> None:
        """Send a data packet of the server's own (LiveKit's `DataPacket`) to these transports, as it is.

        It waits for a channel that is not open yet.
        """
        ...

    async def last_sequence(self, transport: TransportId) -> int:
        """The highest number of a reliable data packet that came in on a transport; 0: none, or no such transport.

        A client that resumes sends again what it numbered higher; what comes twice goes on once.
        """
        ...

    def stats(self) -> Mapping[str, int]:
        """The engine's own counters."""
        ...

    def events(self) -> AsyncGenerator[EngineEvent, None]:
        """What happens in the engine, in order, until it is shut down. One reader."""
        ...

    async def shutdown(self) -> None:
        """End every transport and the engine. Idempotent."""
        ...
