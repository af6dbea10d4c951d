"""What a client of a room asks on its signal socket. No IO, no clock, no randomness.

Lives here: which handler takes which message, how a refusal is answered, the messages that touch the socket alone.
Not here: what tracks, subscriptions and permissions mean (`publishing`, `subscribing`, `permissions`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from livekit.protocol import models as m
from livekit.protocol import rtc as r

from visavis.errors import Refused, VisavisError
from visavis.rtc import membership, permissions, publishing, subscribing
from visavis.rtc.effects import ConnectionId, ParticipantSid, TrackSid
from visavis.rtc.errors import (
    EncryptedTrackRefused,
    NotFound,
    PlainTrackRefused,
    TooLong,
    TooMany,
    Unsupported,
)
from visavis.rtc.participant import Participant
from visavis.rtc.policy import MAX_SUBSCRIPTIONS
from visavis.rtc.roomstate import RoomState

_IGNORED: Final = frozenset({"trickle", "update_layers"})
"""Without meaning here: the engine is ICE-lite and learns addresses from the client's checks;
`update_layers` is LiveKit's own past."""

_REASONS: Final = (
    ((TooMany, TooLong), r.RequestResponse.LIMIT_EXCEEDED),
    (NotFound, r.RequestResponse.NOT_FOUND),
    (Unsupported, r.RequestResponse.UNSUPPORTED_TYPE),
)
"""How LiveKit calls a refusal; NOT_ALLOWED is any other."""

_ECHOED: Final = frozenset(
    {"add_track", "mute", "update_metadata", "update_audio_track", "update_video_track"}
)
"""Requests that their refusal repeats, so that the client knows which it was."""

_UNSUPPORTED: Final = frozenset(
    {
        "publish_data_track_request",
        "unpublish_data_track_request",
        "update_data_subscription",
        "store_data_blob_request",
        "get_data_blob_request",
    }
)
"""LiveKit has these, this server not: data tracks and blobs, which would pass by the call's keys."""


def handle(
    room: RoomState, sid: ParticipantSid, connection: ConnectionId, q: r.SignalRequest, now_ms: int
) -> None:
    """One message of a client; nothing if its socket was replaced.

    Raises `Malformed` for what no client sends; the participant is then to be expelled. What is only
    not allowed is answered by a `RequestResponse` that says why.
    """
    p = room.by_sid.get(sid)
    if p is None or p.connection != connection:
        return
    kind = q.WhichOneof("message")
    handler = _HANDLERS.get(kind or "")
    if handler is not None:
        try:
            handler(room, p, getattr(q, kind), now_ms)
        except Refused as e:
            _refuse(room, p, kind, q, e, now_ms)
        except VisavisError:
            room.take()
            raise
    elif kind in _UNSUPPORTED:
        _unsupported(room, p, kind)
    elif kind not in _IGNORED:
        room.note("call-unknown-message", p, kind=kind or "unknown")


def _unsupported(room: RoomState, p: Participant, kind: str | None) -> None:
    reason = r.RequestResponse.UNSUPPORTED_TYPE
    room.tell(p, request_response=r.RequestResponse(reason=reason, message="not offered here"))
    room.note("call-unsupported", p, kind=kind)


def _refuse(
    room: RoomState, p: Participant, kind: str | None, q: r.SignalRequest, e: Refused, now_ms: int
) -> None:
    reason = next(
        (reason for kinds, reason in _REASONS if isinstance(e, kinds)), r.RequestResponse.NOT_ALLOWED
    )
    answer = r.RequestResponse(reason=reason, message=f"{e.code}: {e.message}")
    if kind in _ECHOED:
        getattr(answer, kind).CopyFrom(getattr(q, kind))
    if kind == "update_metadata":
        answer.request_id = q.update_metadata.request_id
    room.tell(p, request_response=answer)
    room.note("call-refused", p, warning=True, kind=kind, code=e.code)
    if isinstance(e, PlainTrackRefused | EncryptedTrackRefused):
        # A slip here is plain sound in an encrypted room: whoever makes it is out (design 3a §6).
        membership.dismiss(room, p, m.PARTICIPANT_REMOVED, r.LeaveRequest.DISCONNECT, now_ms, 1008)


def _ping(room: RoomState, p: Participant, _: int, now_ms: int) -> None:
    room.tell(p, pong=now_ms)


def _ping_req(room: RoomState, p: Participant, q: r.Ping, now_ms: int) -> None:
    room.tell(p, pong_resp=r.Pong(last_ping_timestamp=q.timestamp, timestamp=now_ms))


def _leave(room: RoomState, p: Participant, _: r.LeaveRequest, now_ms: int) -> None:
    membership.remove(room, p, m.CLIENT_INITIATED, now_ms)


def _sync_state(room: RoomState, p: Participant, q: r.SyncState, now_ms: int) -> None:
    """What a client that resumed holds to be so. What it asked while it was cut off is done now.

    A track that it thinks it publishes and that is not known here means that both no longer speak of the same
    session. What it says of its transports and of data it received means nothing: they outlived the cut.
    """
    published = [t.track.sid for t in q.publish_tracks if t.HasField("track")]
    if any(TrackSid(sid) not in p.tracks for sid in published):
        room.note("call-state-mismatch", p, warning=True)
        membership.dismiss(room, p, m.STATE_MISMATCH, r.LeaveRequest.RECONNECT, now_ms)
        return
    subscribing.not_shown(room, p, map(TrackSid, q.track_sids_disabled[:MAX_SUBSCRIPTIONS]))
    subscribing.subscribe(room, p, subscribing.sids_of(q.subscription), q.subscription.subscribe)


def _simulate(room: RoomState, p: Participant, q: r.SimulateScenario, now_ms: int) -> None:
    """LiveKit's test scenarios, as far as they need no second node."""
    if not room.policy.simulations:
        _unsupported(room, p, "simulate")
        return
    match q.WhichOneof("scenario"):
        case "leave_request_full_reconnect" | "switch_candidate_protocol":
            membership.dismiss(room, p, m.UNKNOWN_REASON, r.LeaveRequest.RECONNECT, now_ms)
        case "migration":
            membership.dismiss(room, p, m.MIGRATION, r.LeaveRequest.RECONNECT, now_ms)
        case "server_leave":
            membership.dismiss(room, p, m.SERVER_SHUTDOWN, r.LeaveRequest.DISCONNECT, now_ms)
        case "node_failure":
            membership.remove(room, p, m.SERVER_SHUTDOWN, now_ms, 1011)
        case _:
            pass


_HANDLERS: Final[Mapping[str, Callable[[RoomState, Participant, Any, int], None]]] = {
    "ping": _ping,
    "ping_req": _ping_req,
    "leave": _leave,
    "add_track": publishing.add_track,
    "offer": publishing.offer,
    "answer": subscribing.answer,
    "mute": publishing.mute,
    "subscription": subscribing.subscription,
    "track_setting": subscribing.track_setting,
    "subscription_permission": subscribing.subscription_permission,
    "update_metadata": permissions.update_metadata,
    "update_audio_track": publishing.update_audio_track,
    "update_video_track": publishing.update_video_track,
    "simulate": _simulate,
    "sync_state": _sync_state,
}
