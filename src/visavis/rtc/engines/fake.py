"""An engine in memory: every rule of the port, no packet. For tests of signalling.

Lives here: `FakeEngine`, which answers and makes plausible session descriptions, remembers routes and what
was sent, and lets a test say what would come from the network (`hear`, `lose`, …).
Not here: media.
"""

from __future__ import annotations

import math
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass, field

import anyio

from visavis.rtc import sdp as sdp_
from visavis.rtc.errors import EngineFailed, SdpMalformed
from visavis.rtc.ports import (
    NOTHING_TO_OFFER,
    ChannelOpened,
    Closed,
    Connected,
    EngineEvent,
    Loudness,
    MediaStarted,
    Mid,
    Offer,
    Quality,
    Sending,
    Throttled,
    TransportId,
)

_ANSWERS = {"sendrecv": "sendrecv", "sendonly": "recvonly", "recvonly": "sendonly", "inactive": "inactive"}


@dataclass(slots=True)
class FakeSection:
    """One section of a transport."""

    kind: str
    mid: Mid
    msid: str = ""
    direction: str = "sendonly"


@dataclass(slots=True)
class FakeTransport:
    """One transport: its sections, and the offer that waits for an answer."""

    sections: list[FakeSection] = field(default_factory=list)
    offered: int | None = None
    connected: bool = False


@dataclass(frozen=True, slots=True)
class FakeRoute:
    """Where a section's media comes from."""

    source: TransportId
    source_mid: Mid
    max_layer: int
    paused: bool = False
    rank: int = 1


@dataclass(frozen=True, slots=True)
class FakeMember:
    """Whose a publishing transport is."""

    room: int
    identity: str
    sid: str
    down: TransportId
    can_publish_data: bool
    hidden: bool


class FakeEngine:
    """A `MediaEngine` without media. A transport connects with its first complete offer and answer."""

    def __init__(self) -> None:
        self.transports: dict[TransportId, FakeTransport] = {}
        self.routes: dict[tuple[TransportId, Mid], FakeRoute] = {}
        self.members: dict[TransportId, FakeMember] = {}
        self.woken: list[tuple[TransportId, Mid]] = []
        self.sent: list[tuple[TransportId, bytes, bool]] = []
        self.sequences: dict[TransportId, int] = {}
        self._down = False
        self._followed = False
        self._tell, self._told = anyio.create_memory_object_stream[EngineEvent](math.inf)

    # --- what a test says of the network -------------------------------------

    def hear(self, transport: TransportId, mid: Mid, layer: int = 0) -> None:
        """The first packet of a published section's layer arrives."""
        if any(s.mid == mid for s in self._transport(transport).sections):
            self._tell.send_nowait(MediaStarted(transport, mid, layer))

    def number(self, transport: TransportId, sequence: int) -> None:
        """A reliable data packet of this number arrives."""
        self.sequences[transport] = sequence

    def lose(self, transport: TransportId) -> None:
        """A transport dies by itself."""
        self.close(transport)
        self._tell.send_nowait(Closed(transport))

    def sound(self, transport: TransportId, mid: Mid, level: int) -> None:
        """A published section of sound is so loud now."""
        self._tell.send_nowait(Loudness(transport, mid, level))

    def judge(self, transport: TransportId, level: int) -> None:
        """A transport's way is so good now."""
        self._tell.send_nowait(Quality(transport, level))

    def throttle(self, transport: TransportId, mid: Mid, *, paused: bool) -> None:
        """There is no room for a subscriber's section on its way, or there is again."""
        self._tell.send_nowait(Throttled(transport, mid, paused))

    # --- the port --------------------------------------------------------------

    async def create(self, transport: TransportId, room: str) -> None:
        self._alive()
        if transport in self.transports:
            raise EngineFailed("This transport exists.", engine="transport-exists")
        self.transports[transport] = FakeTransport()

    async def accept_offer(self, transport: TransportId, sdp: str) -> str:
        t = self._transport(transport)
        offered = sdp_.sections(sdp)
        if not offered:
            raise SdpMalformed("An offer without a section.")
        t.sections = [FakeSection(s.kind, s.mid, s.msid, _ANSWERS[s.direction]) for s in offered]
        self._connect(transport, t)
        return _render(t.sections, setup="passive")

    async def make_offer(
        self,
        transport: TransportId,
        add: tuple[Sending, ...],
        stop: tuple[Mid, ...],
        *,
        channels: bool = False,
        restart: bool = False,
    ) -> Offer:
        t = self._transport(transport)
        if not (add or stop or channels or restart or t.offered is not None):
            raise EngineFailed("There is nothing to offer.", engine=NOTHING_TO_OFFER)
        for s in t.sections:
            if s.mid in stop:
                s.direction = "inactive"
        if channels and not any(s.kind == "application" for s in t.sections):
            t.sections.append(FakeSection("application", Mid(f"m{len(t.sections)}"), direction="sendrecv"))
        mids = []
        for a in add:
            mids.append(Mid(f"m{len(t.sections)}"))
            t.sections.append(FakeSection("video" if a.video else "audio", mids[-1], f"{a.stream} {a.track}"))
        t.offered = len(t.sections)
        return Offer(_render(t.sections, setup="actpass"), tuple(mids))

    async def accept_answer(self, transport: TransportId, sdp: str) -> None:
        t = self._transport(transport)
        if t.offered is None:
            raise EngineFailed("No offer waits for an answer.", engine="no-offer-pending")
        answered = sdp_.sections(sdp)
        if [s.mid for s in answered] != [s.mid for s in t.sections]:
            raise SdpMalformed("The answer's sections are not those of the offer.")
        t.offered = None
        self._connect(transport, t)

    def close(self, transport: TransportId) -> None:
        self.transports.pop(transport, None)
        self.members.pop(transport, None)
        self.sequences.pop(transport, None)
        for key, route in list(self.routes.items()):
            if transport in (key[0], route.source):
                del self.routes[key]

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
        if source in self.transports and target in self.transports:
            self.routes[target, target_mid] = FakeRoute(source, source_mid, max_layer, rank=rank)

    def wake(self, target: TransportId, target_mid: Mid) -> None:
        if (target, target_mid) in self.routes:
            self.woken.append((target, target_mid))

    def unroute(self, target: TransportId, target_mid: Mid) -> None:
        self.routes.pop((target, target_mid), None)

    def set_layer(
        self, target: TransportId, target_mid: Mid, max_layer: int, *, paused: bool, rank: int
    ) -> None:
        if (r := self.routes.get((target, target_mid))) is not None:
            self.routes[target, target_mid] = FakeRoute(r.source, r.source_mid, max_layer, paused, rank)

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
        if up in self.transports:
            self.members[up] = FakeMember(room, identity, sid, down, can_publish_data, hidden)

    def send(self, targets: tuple[TransportId, ...], packet: bytes, *, reliable: bool) -> None:
        self.sent += [(target, packet, reliable) for target in targets if target in self.transports]

    async def last_sequence(self, transport: TransportId) -> int:
        self._alive()
        return self.sequences.get(transport, 0)

    def stats(self) -> Mapping[str, int]:
        return {"transports": len(self.transports), "routes": len(self.routes)}

    async def events(self) -> AsyncGenerator[EngineEvent, None]:
        self._followed = True
        if self._down:
            return
        async with self._told:
            async for event in self._told:
                yield event

    async def shutdown(self) -> None:
        self._down = True
        self.transports.clear()
        self.routes.clear()
        self._tell.close()
        if not self._followed:
            self._told.close()

    def _alive(self) -> None:
        if self._down:
            raise EngineFailed("The engine is shut down.", engine="shut-down")

    def _transport(self, transport: TransportId) -> FakeTransport:
        self._alive()
        if (t := self.transports.get(transport)) is None:
            raise EngineFailed("There is no such transport.", engine="unknown-transport")
        return t

    def _connect(self, transport: TransportId, t: FakeTransport) -> None:
        if not t.connected:
            t.connected = True
            self._tell.send_nowait(Connected(transport))
            for s in t.sections:
                if s.kind == "application":
                    self._tell.send_nowait(ChannelOpened(transport, "_reliable"))
                    self._tell.send_nowait(ChannelOpened(transport, "_lossy"))


def _render(sections: list[FakeSection], *, setup: str) -> str:
    lines = ["v=0", "o=- 1 1 IN IP4 127.0.0.1", "s=-", "t=0 0", "a=ice-lite"]
    lines.append("a=group:BUNDLE " + " ".join(s.mid for s in sections))
    for s in sections:
        if s.kind == "application":
            lines += ["m=application 9 UDP/DTLS/SCTP webrtc-datachannel", "a=sctp-port:5000"]
        else:
            codec = "111 opus/48000/2" if s.kind == "audio" else "96 VP8/90000"
            lines += [f"m={s.kind} 9 UDP/TLS/RTP/SAVPF {codec.split()[0]}", f"a=rtpmap:{codec}"]
            lines.append(f"a={s.direction}")
            if s.msid and s.direction in ("sendonly", "sendrecv"):
                lines.append(f"a=msid:{s.msid}")
        lines += ["c=IN IP4 0.0.0.0", f"a=mid:{s.mid}", f"a=setup:{setup}"]
    return "\r\n".join(lines) + "\r\n"
