"""Coming into a room and leaving it. No IO, no clock, no randomness.

Lives here: joining, resuming, being put out, and what becomes of a participant whose socket, transport or
engine fails.
Not here: what it publishes (`publishing`), receives (`subscribing`) and may do (`permissions`); the timers of
who is waited for (`service`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from livekit.protocol import models as m
from livekit.protocol import rtc as r

from visavis.errors import Malformed, VisavisError
from visavis.rtc import permissions, subscribing
from visavis.rtc.effects import (
    Asked,
    ConnectionId,
    Hang,
    Joined,
    Left,
    MakeOffer,
    ParticipantSid,
    Refresh,
    Unseat,
)
from visavis.rtc.errors import SessionUnknown, TooMany
from visavis.rtc.participant import Downlink, Participant
from visavis.rtc.ports import NOTHING_TO_OFFER, TransportId
from visavis.rtc.roomstate import STALE, RoomState
from visavis.rtc.tokens import Grants

SERVER_VERSION: Final = "1.13.0"
"""The LiveKit server whose behaviour is followed; clients choose their paths by it."""

PROTOCOL: Final = 16
PING_INTERVAL_S: Final = 2
"""An interval of 0 crashes the Python SDK."""
PING_TIMEOUT_S: Final = 8
"""A client whose address changes notices it by this alone. livekit-server says 5 and 15 s. Six seconds without a
word are two losses in a row of one segment on a line of 1.5 s there and back (RFC 6298: after 1.5 and 4.5 s)."""

Reason = m.DisconnectReason
Action = r.LeaveRequest.Action

_BY_PACKET: Final = frozenset({"go"})
"""SDKs that learn of a track by its first packet (pion), where others go by the description."""

_KINDS: Final = frozenset(m.ParticipantInfo.Kind.keys())


@dataclass(frozen=True, slots=True)
class Arrival:
    """Who comes in: a verified token, two transports that the engine has made, a signal socket.

    ice_servers: the relays that it may use.
    """

    grants: Grants
    up: TransportId
    down: TransportId
    connection: ConnectionId
    auto_subscribe: bool = True
    client_protocol: int = 0
    sdk: str = ""
    firefox: bool = False
    safari: bool = False
    ice_servers: tuple[r.ICEServer, ...] = ()


def check_space(room: RoomState, identity: str) -> None:
    """Raises `TooMany` if the room is full for this identity."""
    most = room.policy.max_participants
    if most and identity not in room.by_identity and len(room.by_sid) >= most:
        raise TooMany("The room is full.", room=room.name)


def join(room: RoomState, a: Arrival, now_ms: int) -> None:
    """Somebody comes in; who was there under the same identity goes. Raises `TooMany`."""
    check_space(room, a.grants.identity)
    if (old := room.by_identity.get(a.grants.identity)) is not None:
        dismiss(room, old, m.DUPLICATE_IDENTITY, r.LeaveRequest.DISCONNECT, now_ms)
    g = a.grants
    info = m.ParticipantInfo(
        sid=room.new_sid("PA_"),
        identity=g.identity,
        name=g.name,
        metadata=g.metadata,
        state=m.ParticipantInfo.JOINED,
        joined_at=now_ms // 1000,
        joined_at_ms=now_ms,
        version=1,
        client_protocol=a.client_protocol,
        attributes=g.attributes,
        kind=g.kind.upper() if g.kind.upper() in _KINDS else "STANDARD",
        permission=permissions.permission(g),
    )
    others = [o.describe() for o in room.by_sid.values() if not o.grants.hidden]
    p = Participant(
        sid=ParticipantSid(info.sid),
        grants=g,
        up=a.up,
        down=Downlink(a.down),
        connection=a.connection,
        auto_subscribe=a.auto_subscribe,
        info=info,
        by_packet=a.sdk in _BY_PACKET,
        syncs=not a.firefox,
        takes_red=not (a.firefox or a.safari),
    )
    room.by_identity[p.identity] = room.by_sid[p.sid] = p
    room.seat(p)
    room.tell(
        p,
        join=r.JoinResponse(
            room=room.room_info(),
            participant=p.describe(),
            other_participants=others,
            server_version=SERVER_VERSION,
            server_info=_server_info(),
            subscriber_primary=True,
            # Whoever may publish opens its way up at once, beside the way down, and not when it first needs it.
            fast_publish=p.grants.can_publish,
            ping_interval=PING_INTERVAL_S,
            ping_timeout=PING_TIMEOUT_S,
            enabled_publish_codecs=list(room.info.enabled_codecs),
            ice_servers=a.ice_servers,
        ),
    )
    room.do(Refresh(p.sid))
    room.announce(p, to=[o for o in room.by_sid.values() if o is not p])
    subscribing.offer_wanted(room, p)
    room.note("call-joined", p, tracks=len(p.down.adding))
    room.happened(Joined(room.name, p.identity, p.sid, now_ms))


def resume(
    room: RoomState,
    identity: str,
    sid: str,
    connection: ConnectionId,
    last_sequence: int,
    ice_servers: Sequence[r.ICEServer] = (),
) -> ParticipantSid:
    """A client is back with a new socket, its media untouched.

    sid: what the client calls its session; "" if it does not say.
    Raises `SessionUnknown`: it must join anew.
    """
    p = room.by_identity.get(identity)
    if p is None or sid not in ("", p.sid):
        raise SessionUnknown("This session is over: join anew.", room=room.name)
    if p.connection is not None:
        room.do(Hang(p.connection))
    p.connection = connection
    p.offer_waiting = None
    p.offer_in_work = None if p.offer_in_work is None else STALE
    reconnect = r.ReconnectResponse(
        server_info=_server_info(), last_message_seq=last_sequence, ice_servers=ice_servers
    )
    room.tell(p, reconnect=reconnect)
    seen = [o.describe() for o in room.by_sid.values() if o is p or not o.grants.hidden]
    told = seen + room.missed.pop(p.sid, [])
    room.tell(p, update=r.ParticipantUpdate(participants=told))
    room.tell(p, room_update=r.RoomUpdate(room=room.room_info()))
    p.down.lost()
    room.note("call-resumed", p)
    return p.sid


def detached(room: RoomState, sid: ParticipantSid, connection: ConnectionId) -> int | None:
    """A socket is gone. How often that happened to its participant, for `expire`; None if it was
    replaced.
    """
    p = room.by_sid.get(sid)
    if p is None or p.connection != connection:
        return None
    p.connection = None
    p.cuts += 1
    return p.cuts


def expire(room: RoomState, sid: ParticipantSid, cut: int, now_ms: int) -> None:
    """Whoever has no socket since its `cut` is out."""
    p = room.by_sid.get(sid)
    if p is not None and p.connection is None and p.cuts == cut:
        remove(room, p, m.SIGNAL_CLOSE, now_ms)


def dismiss(
    room: RoomState, p: Participant, reason: Reason, action: Action, now_ms: int, code: int = 1000
) -> None:
    """A participant has to go, and is told why."""
    again = action != r.LeaveRequest.DISCONNECT
    room.tell(p, leave=r.LeaveRequest(can_reconnect=again, reason=reason, action=action))
    remove(room, p, reason, now_ms, code)


def remove(room: RoomState, p: Participant, reason: Reason, now_ms: int, code: int = 1000) -> None:
    """A participant is out. code: how its socket is closed."""
    del room.by_sid[p.sid]
    del room.by_identity[p.identity]
    room.missed.pop(p.sid, None)
    for track in p.tracks.values():
        subscribing.withdraw(room, track)
    room.requalified.update(p.down.receiving)
    p.tracks.clear()
    room.do(Unseat(p.sid, p.up, p.down.transport))
    room.emptied += not room.by_sid
    p.info.state = m.ParticipantInfo.DISCONNECTED
    p.info.disconnect_reason = reason
    room.announce(p, to=room.by_sid.values())
    if p.connection is not None:
        room.do(Hang(p.connection, code))
        p.connection = None
    room.note("call-left", p, reason=m.DisconnectReason.Name(reason))
    room.happened(Left(room.name, p.identity, p.sid, m.DisconnectReason.Name(reason), now_ms))


def connected(room: RoomState, sid: ParticipantSid, transport: TransportId) -> None:
    """A transport stands. A participant is active once it can receive."""
    p = room.by_sid.get(sid)
    if p is not None and transport == p.down.transport and p.info.state != m.ParticipantInfo.ACTIVE:
        p.info.state = m.ParticipantInfo.ACTIVE
        room.announce(p)
        room.note("call-active", p)


def transport_closed(room: RoomState, sid: ParticipantSid, now_ms: int) -> None:
    """A transport ended by itself, and its participant has not left: it shall join anew, if it still listens."""
    p = room.by_sid.get(sid)
    if p is not None:
        room.note("call-transport-ended", p, warning=True, listens=p.connection is not None)
        if p.connection is None:
            remove(room, p, m.SIGNAL_CLOSE, now_ms)
        else:
            dismiss(room, p, m.CONNECTION_TIMEOUT, r.LeaveRequest.RECONNECT, now_ms)


def verify(room: RoomState, sid: ParticipantSid, now_ms: int) -> None:
    """Whoever still cannot receive has to go."""
    p = room.by_sid.get(sid)
    if p is not None and p.info.state != m.ParticipantInfo.ACTIVE:
        dismiss(room, p, m.JOIN_FAILURE, r.LeaveRequest.DISCONNECT, now_ms)


def engine_failed(room: RoomState, asked: Asked, error: VisavisError, now_ms: int) -> None:
    """The engine refused. A malformed description ends its participant; else it shall join anew."""
    p = room.by_sid.get(asked.participant)
    if p is None:
        return
    if isinstance(asked, MakeOffer) and error.details.get("engine") == NOTHING_TO_OFFER:
        p.down.nothing()
        return
    room.note(
        "call-engine-refused",
        p,
        warning=True,
        asked=type(asked).__name__,
        code=error.code,
        engine=error.details.get("engine"),
    )
    if isinstance(error, Malformed):
        dismiss(room, p, m.STATE_MISMATCH, r.LeaveRequest.DISCONNECT, now_ms, 1007)
    else:
        dismiss(room, p, m.MEDIA_FAILURE, r.LeaveRequest.RECONNECT, now_ms)


def _server_info() -> m.ServerInfo:
    return m.ServerInfo(
        edition=m.ServerInfo.Standard, version=SERVER_VERSION, protocol=PROTOCOL, region="", node_id="visavis"
    )
