"""What a participant is called and what it may do, and the change of both. No IO, no clock, no randomness.

Lives here: its own change of name, metadata and attributes; the server API's change of these and of its permission.
Not here: reading what a token grants (`tokens`), whom a publisher lets receive (`subscribing`).
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from livekit.protocol import models as m
from livekit.protocol import rtc as r

from visavis.rtc import publishing, subscribing
from visavis.rtc.effects import Refresh
from visavis.rtc.errors import PublishRefused, TooLong
from visavis.rtc.participant import Participant, source_name
from visavis.rtc.policy import MAX_METADATA, MAX_TEXT
from visavis.rtc.roomstate import RoomState
from visavis.rtc.tokens import Grants

_SOURCES: Final = frozenset(m.TrackSource.keys())


def update_metadata(room: RoomState, p: Participant, u: r.UpdateParticipantMetadata, now_ms: int) -> None:
    """A client changes its own name, metadata or attributes."""
    if not p.grants.can_update_own_metadata:
        raise PublishRefused("This token does not allow changing name or metadata.")
    set_metadata(room, p, u)
    room.tell(p, request_response=r.RequestResponse(request_id=u.request_id, update_metadata=u))


def set_metadata(room: RoomState, p: Participant, u: r.UpdateParticipantMetadata) -> None:
    """What is empty stays as it is, but an attribute that is empty goes, as LiveKit has it. Raises `TooLong`."""
    attributes = {**p.info.attributes, **u.attributes}
    length = sum(len(k.encode()) + len(v.encode()) for k, v in attributes.items())
    if len(u.name) > MAX_TEXT or len(u.metadata.encode()) > MAX_METADATA or length > MAX_METADATA:
        raise TooLong("Name, metadata or attributes are too long.")
    if not (u.metadata or u.name or u.attributes):
        return
    p.info.metadata = u.metadata or p.info.metadata
    p.info.name = u.name or p.info.name
    p.info.attributes.clear()
    p.info.attributes.update({k: v for k, v in attributes.items() if v})
    p.grants = replace(
        p.grants,
        name=p.info.name,
        metadata=p.info.metadata,
        attributes=dict(p.info.attributes),
    )
    room.announce(p)
    room.do(Refresh(p.sid))


def set_permission(room: RoomState, p: Participant, to: m.ParticipantPermission, now_ms: int) -> None:
    """Change what a participant may do: what it no longer may publish or receive ends."""
    grants = replace(
        p.grants,
        can_publish=to.can_publish,
        can_subscribe=to.can_subscribe,
        can_publish_data=to.can_publish_data,
        sources=frozenset(map(source_name, to.can_publish_sources)),
        can_update_own_metadata=to.can_update_metadata,
        hidden=to.hidden,
    )
    if grants == p.grants:
        return
    p.grants = grants
    p.info.permission.CopyFrom(permission(grants))
    room.seat(p)
    for track in [t for t in p.tracks.values() if not grants.may_publish(source_name(t.info.source))]:
        publishing.unpublish(room, p, track, now_ms)
    if grants.can_subscribe:
        subscribing.offer_wanted(room, p)
    else:
        for sid in list(room.owner):
            subscribing.unsubscribe(room, p, sid)
    room.announce(p)
    room.do(Refresh(p.sid))


def permission(g: Grants) -> m.ParticipantPermission:
    """What a token grants, in LiveKit's words."""
    return m.ParticipantPermission(
        can_subscribe=g.can_subscribe,
        can_publish=g.can_publish,
        can_publish_data=g.can_publish_data,
        can_publish_sources=sorted(g.sources & _SOURCES),
        can_update_metadata=g.can_update_own_metadata,
        hidden=g.hidden,
    )
