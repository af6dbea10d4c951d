"""One participant of a room: what it publishes and what it receives. No IO, no clock.

Lives here: `Participant`, its published `Track`s, and `Downlink`, the negotiation of what it receives, as
a table.
Not here: who gets what (`subscribing`), messages on a socket (`signalling`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Final

from livekit.protocol import models as m

from visavis.rtc.effects import ConnectionId, ParticipantSid, TrackSid
from visavis.rtc.ports import HIGHEST_LAYER, Mid, TransportId
from visavis.rtc.tokens import Grants

SILENCE: Final = 127
"""Of a level as RFC 6464 has it."""


class Phase(Enum):
    """Where the subscriber's negotiation stands."""

    IDLE = "idle"
    MAKING = "making"  # the engine makes an offer
    OFFERED = "offered"  # the client has it
    TAKING = "taking"  # the engine takes the answer


class Step(Enum):
    """What moves it."""

    PLAN = "plan"
    MADE = "made"
    ANSWER = "answer"
    TAKEN = "taken"
    NOTHING = "nothing"  # there was nothing to offer
    LOST = "lost"  # the signal socket was replaced: what was on its way did not arrive


TRANSITIONS: Final[Mapping[tuple[Phase, Step], Phase]] = {
    (Phase.IDLE, Step.PLAN): Phase.MAKING,
    (Phase.IDLE, Step.LOST): Phase.IDLE,
    (Phase.MAKING, Step.MADE): Phase.OFFERED,
    (Phase.MAKING, Step.NOTHING): Phase.IDLE,
    (Phase.MAKING, Step.LOST): Phase.MAKING,
    (Phase.OFFERED, Step.ANSWER): Phase.TAKING,
    (Phase.OFFERED, Step.LOST): Phase.IDLE,
    (Phase.TAKING, Step.TAKEN): Phase.IDLE,
    (Phase.TAKING, Step.LOST): Phase.TAKING,
}
"""Every step that is allowed; all others are out of turn."""


@dataclass(frozen=True, slots=True)
class Setting:
    """What a subscriber asks of one track."""

    max_layer: int = HIGHEST_LAYER
    paused: bool = False


@dataclass(slots=True)
class Downlink:
    """What one participant receives, and the offers by which it comes to.

    A track is in at most one of `adding` (to be offered), `making` (in the offer being made), `offered`
    (in the offer the client has) and `receiving` (answered, routed). `stopping` are sections to be made
    inactive, `unanswered` those that no answer has confirmed. `declined` and `asked` is what the client said of a
    track itself, `denied` what it was told that a publisher keeps from it. While `gathering`, a moment is
    waited for more to offer.
    """

    transport: TransportId
    phase: Phase = Phase.IDLE
    gathering: bool = False
    channels_due: bool = True
    restart_due: bool = False
    offer_id: int = 0
    adding: list[TrackSid] = field(default_factory=list)
    stopping: list[Mid] = field(default_factory=list)
    making: list[TrackSid | None] = field(default_factory=list)
    offered: dict[TrackSid, Mid] = field(default_factory=dict)
    receiving: dict[TrackSid, Mid] = field(default_factory=dict)
    unanswered: set[Mid] = field(default_factory=set)
    declined: set[TrackSid] = field(default_factory=set)
    asked: set[TrackSid] = field(default_factory=set)
    denied: set[TrackSid] = field(default_factory=set)
    settings: dict[TrackSid, Setting] = field(default_factory=dict)
    sections: dict[TrackSid, int] = field(default_factory=dict)

    def msid_track(self, track: TrackSid) -> str:
        """The track half of the msid of the section that offers `track` next.

        A section that stopped keeps its msid for good, and a description with one msid twice is refused by
        browsers and ends the SDK's process: a track that is received again comes under another name. Clients
        take the track from the stream half.
        """
        n = self.sections.get(track, 0)
        self.sections[track] = n + 1
        return f"{track}.{n}" if n else track

    def _step(self, step: Step) -> bool:
        after = TRANSITIONS.get((self.phase, step))
        if after is None:
            return False
        self.phase = after
        return True

    def want(self, track: TrackSid) -> None:
        """Receive a track, unless it is on its way already or was declined."""
        on_its_way = track in self.adding or track in self.making or track in self.offered
        if not (on_its_way or track in self.receiving or track in self.declined):
            self.adding.append(track)

    def drop(self, track: TrackSid) -> Mid | None:
        """Receive a track no more; the section to unroute, if it was routed."""
        if track in self.adding:
            self.adding.remove(track)
        if track in self.making:
            self.making[self.making.index(track)] = None
        if (mid := self.offered.pop(track, None)) is not None:
            self.stopping.append(mid)
        if (mid := self.receiving.pop(track, None)) is not None:
            self.stopping.append(mid)
        return mid

    def forget(self, track: TrackSid) -> None:
        """A track is gone for good: forget what was asked of it."""
        self.declined.discard(track)
        self.asked.discard(track)
        self.denied.discard(track)
        self.settings.pop(track, None)
        self.sections.pop(track, None)

    @property
    def due(self) -> bool:
        """There is something to offer, and nothing under way or waited for."""
        if self.phase is not Phase.IDLE or self.gathering:
            return False
        return self.channels_due or self.restart_due or bool(self.adding) or bool(self._stoppable())

    def _stoppable(self) -> list[Mid]:
        """Sections to stop that have been answered; the engine cannot stop what it only offered."""
        return [mid for mid in self.stopping if mid not in self.unanswered]

    def plan(self) -> tuple[tuple[TrackSid, ...], tuple[Mid, ...], bool, bool]:
        """Begin an offer: (tracks to add, sections to stop, channels, restart). Only when `due`."""
        self._step(Step.PLAN)
        stop = tuple(self._stoppable())
        plan = (tuple(self.adding), stop, self.channels_due, self.restart_due)
        self.making, self.adding = [*self.adding], []
        self.stopping = [mid for mid in self.stopping if mid not in stop]
        self.channels_due = self.restart_due = False
        return plan

    def made(self, mids: Iterable[Mid]) -> int:
        """The engine made the offer: its id, to be sent with it."""
        self._step(Step.MADE)
        for track, mid in zip(self.making, mids, strict=True):
            self.unanswered.add(mid)
            if track is None:
                self.stopping.append(mid)
            else:
                self.offered[track] = mid
        self.making = []
        self.offer_id += 1
        return self.offer_id

    def nothing(self) -> None:
        """The engine found nothing to offer."""
        self.making = []
        self._step(Step.NOTHING)

    def answered(self, offer_id: int) -> bool:
        """Whether this answer is to be taken: the one to the offer the client has (0: a client that says
        no id).
        """
        return offer_id in (0, self.offer_id) and self._step(Step.ANSWER)

    def taken(self) -> dict[TrackSid, Mid]:
        """The engine took the answer: the tracks that can be routed now."""
        self._step(Step.TAKEN)
        self.unanswered.clear()
        ready, self.offered = self.offered, {}
        self.receiving.update(ready)
        return ready

    def lost(self) -> None:
        """The signal socket was replaced: offer anew, with an ICE restart.

        What the client may not have got is part of the new offer: an engine's offer holds those not answered.
        """
        self.restart_due = True
        self._step(Step.LOST)


@dataclass(slots=True)
class Track:
    """One published track. Silent until its first packet: only then do the others learn of it.

    LiveKit announces so too; at the offer is too early, the first frame would lack its metadata.
    """

    info: m.TrackInfo
    cids: frozenset[str]
    codec: str = ""  # which its publisher is to send, in lower case; "": which it likes
    mid: Mid | None = None
    silent: bool = True
    heard: bool = False  # somebody subscribed once, and its publisher was told
    level: int = SILENCE  # how loud it is; decibels below the loudest
    told_layer: int = HIGHEST_LAYER  # the highest that its publisher was told somebody receives; -1: none

    @property
    def sid(self) -> TrackSid:
        return TrackSid(self.info.sid)

    @property
    def announced(self) -> bool:
        return self.mid is not None and not self.silent


@dataclass(slots=True)
class Participant:
    """One participant, by its sid. A person who comes again is another participant of the same identity.

    by_packet: whether its client learns of a track by the first packet. syncs: whether it finds a track's sid in the
    msid's second half, so that the first can be one that several tracks share; Firefox does not. takes_red: whether
    redundant sound is offered to it; as on livekit-server, Firefox (which has none) and Safari get plain Opus.
    permitted: who may receive its tracks, by identity, as it said itself; None: everybody. The value is
    the tracks, None for all of them.
    """

    sid: ParticipantSid
    grants: Grants
    up: TransportId
    down: Downlink
    connection: ConnectionId | None
    auto_subscribe: bool
    info: m.ParticipantInfo
    by_packet: bool = False
    syncs: bool = True
    takes_red: bool = True
    cuts: int = 0
    tracks: dict[TrackSid, Track] = field(default_factory=dict)
    offer_in_work: int | None = None
    offer_sdp: str = ""
    offer_waiting: tuple[int, str] | None = None
    permitted: dict[str, frozenset[TrackSid] | None] | None = None
    told_level: int = SILENCE
    qualities: dict[TransportId, int] = field(default_factory=dict)

    @property
    def level(self) -> int:
        """How loud it speaks: its loudest track that is not muted."""
        audible = (t.level for t in self.tracks.values() if t.announced and not t.info.muted)
        return min(audible, default=SILENCE)

    @property
    def identity(self) -> str:
        return self.grants.identity

    def describe(self, *, version_up: bool = False) -> m.ParticipantInfo:
        """What the others are told: announced tracks only. A copy."""
        if version_up:
            self.info.version += 1
        told = m.ParticipantInfo()
        told.CopyFrom(self.info)
        told.tracks.extend(t.info for t in self.tracks.values() if t.announced)
        told.is_publisher = any(t.mid is not None for t in self.tracks.values())
        return told

    def wants(self, track: TrackSid) -> bool:
        """Whether it is to receive a track: by what it asked for, else by subscribing to all."""
        return track in self.down.asked or (self.auto_subscribe and track not in self.down.declined)

    def permits(self, identity: str, track: TrackSid) -> bool:
        """Whether this publisher lets an identity receive its track."""
        if self.permitted is None:
            return True
        if identity not in self.permitted:
            return False
        tracks = self.permitted[identity]
        return tracks is None or track in tracks

    def by_cid(self, cid: str) -> Track | None:
        return next((t for t in self.tracks.values() if cid and cid in t.cids), None)

    def by_mid(self, mid: Mid) -> Track | None:
        return next((t for t in self.tracks.values() if t.mid == mid), None)


def source_name(source: int) -> str:
    """LiveKit's name of a source; unknown numbers are UNKNOWN."""
    return m.TrackSource.Name(source) if source in m.TrackSource.values() else "UNKNOWN"
