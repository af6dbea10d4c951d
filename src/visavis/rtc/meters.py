"""What the engine measures and a room tells everybody: who speaks, how good a connection is. No IO, no clock.

Lives here: LiveKit's words for both.
Not here: measuring (`crates/sfu`), what is paused for want of room (`subscribing`).
"""

from __future__ import annotations

from typing import Final

from livekit.protocol import models as m
from livekit.protocol import rtc as r

from visavis.rtc.effects import ParticipantSid
from visavis.rtc.participant import SILENCE, Participant
from visavis.rtc.ports import Loudness, Quality
from visavis.rtc.roomstate import RoomState

_QUALITIES: Final = (
    (1.5, m.ConnectionQuality.POOR),
    (3.0, m.ConnectionQuality.GOOD),
    (4.5, m.ConnectionQuality.EXCELLENT),
)
"""LiveKit's words, and scores in the middle of what it calls so (1 … 5)."""


def settle(room: RoomState) -> None:
    """At the end of a turn: tell who speaks louder or softer than everybody knows."""
    for p in [room.by_sid[sid] for sid in sorted(room.heard & room.by_sid.keys())]:
        _speaks(room, p)
    room.heard.clear()


def loudness(room: RoomState, sid: ParticipantSid, event: Loudness) -> None:
    """A publisher's sound is louder or softer."""
    p = room.by_sid.get(sid)
    track = p.by_mid(event.mid) if p is not None and event.transport == p.up else None
    if track is not None and track.info.type == m.TrackType.AUDIO:
        track.level = max(0, min(event.level, SILENCE))
        room.heard.add(sid)


def quality(room: RoomState, sid: ParticipantSid, event: Quality) -> None:
    """A participant's connection is better or worse: the worse of its two transports counts."""
    p = room.by_sid.get(sid)
    if p is not None:
        before = min(p.qualities.values(), default=None)
        p.qualities[event.transport] = max(0, min(event.level, len(_QUALITIES) - 1))
        if (worse := min(p.qualities.values())) != before:
            score, quality = _QUALITIES[worse]
            told = r.ConnectionQualityInfo(participant_sid=p.sid, quality=quality, score=score)
            update = r.ConnectionQualityUpdate(updates=[told])
            for o in [p] if p.grants.hidden else room.by_sid.values():
                room.tell(o, connection_quality=update)


def _speaks(room: RoomState, p: Participant) -> None:
    if p.level == p.told_level:
        return
    p.told_level = p.level
    loud = 10 ** (-p.level / 20) if p.level < SILENCE else 0.0
    told = m.SpeakerInfo(sid=p.sid, level=loud, active=p.level < SILENCE)
    for o in [p] if p.grants.hidden else room.by_sid.values():
        room.tell(o, speakers_changed=r.SpeakersChanged(speakers=[told]))
