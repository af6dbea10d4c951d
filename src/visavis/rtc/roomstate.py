"""The state of one room, and what its turn so far wants done. No IO, no clock, no randomness.

Lives here: `RoomState`: who is in, whose track is whose, what is to be told at the turn's end; telling a
participant, everybody, the engine and the log.
Not here: what changes it: `membership`, `publishing`, `subscribing`, `permissions`, `meters`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final

from livekit.protocol import models as m
from livekit.protocol import rtc as r

from visavis.rtc.effects import (
    CallEvent,
    Effect,
    Happened,
    Note,
    ParticipantSid,
    Seat,
    Send,
    TrackSid,
)
from visavis.rtc.participant import Participant
from visavis.rtc.policy import RoomPolicy

MAX_MISSED: Final = 256

STALE: Final = -1
"""In place of an offer's id: its answer was for a socket that is gone."""

_CODECS: Final = ("audio/opus", "audio/red", "video/VP8", "video/H264")


class RoomState:
    """One room between two turns, and the effects of the turn.

    owner: who publishes a track that a section carries. missed: the farewells that whoever has no socket
    did not get. requalified, heard: tracks and participants whose subscribers' layers and whose loudness
    are told at the turn's end. emptied: how often the last participant left. nonces: of data that the
    server API sent, oldest first.
    """

    def __init__(
        self,
        name: str,
        number: int,
        *,
        policy: RoomPolicy,
        new_sid: Callable[[str], str],
        now_ms: int,
        metadata: str,
    ) -> None:
        self.name, self.number, self.policy = name, number, policy
        self.new_sid = new_sid
        self.info = m.Room(
            sid=new_sid("RM_"),
            name=name,
            creation_time=now_ms // 1000,
            creation_time_ms=now_ms,
            empty_timeout=policy.empty_s,
            departure_timeout=policy.departure_s,
            max_participants=policy.max_participants,
            metadata=metadata,
        )
        for codec in _CODECS:
            self.info.enabled_codecs.add(mime=codec)
        self.by_identity: dict[str, Participant] = {}
        self.by_sid: dict[ParticipantSid, Participant] = {}
        self.owner: dict[TrackSid, Participant] = {}
        self.missed: dict[ParticipantSid, list[m.ParticipantInfo]] = {}
        self.requalified: set[TrackSid] = set()
        self.heard: set[ParticipantSid] = set()
        self.told_numbers = (0, 0)
        self.emptied = 0
        self.nonces: dict[bytes, None] = {}
        self._out: list[Effect] = []

    def room_info(self) -> m.Room:
        self.info.num_participants = sum(not p.grants.hidden for p in self.by_sid.values())
        self.info.num_publishers = sum(any(t.mid for t in p.tracks.values()) for p in self.by_sid.values())
        return self.info

    def announce(self, p: Participant, to: Iterable[Participant] | None = None) -> None:
        """Tell how a participant is now; whoever has no socket and would miss a farewell gets it on
        resuming.
        """
        info = p.describe(version_up=True)
        update = r.SignalResponse(update=r.ParticipantUpdate(participants=[info]))
        if p.grants.hidden:
            to = [p] if to is None else []
        for o in self.by_sid.values() if to is None else to:
            if o.connection is not None:
                self.do(Send(o.connection, update))
            elif info.state == m.ParticipantInfo.DISCONNECTED:
                missed = self.missed.setdefault(o.sid, [])
                missed.append(info)
                del missed[:-MAX_MISSED]

    def tell_room(self) -> None:
        for p in self.by_sid.values():
            self.tell(p, room_update=r.RoomUpdate(room=self.room_info()))

    def seat(self, p: Participant) -> None:
        g = p.grants
        self.do(Seat(self.number, p.identity, p.sid, p.up, p.down.transport, g.can_publish_data, g.hidden))

    def tell(self, p: Participant, **message: Any) -> None:
        if p.connection is not None:
            self.do(Send(p.connection, r.SignalResponse(**message)))

    def happened(self, event: CallEvent) -> None:
        self.do(Happened(event))

    def note(self, event: str, p: Participant, *, warning: bool = False, **fields: object) -> None:
        self.do(Note(event, {"room": self.name, "identity": p.identity, "sid": p.sid, **fields}, warning))

    def do(self, effect: Effect) -> None:
        self._out.append(effect)

    def take(self) -> list[Effect]:
        """What is to be done so far; the turn goes on with nothing."""
        out, self._out = self._out, []
        return out
