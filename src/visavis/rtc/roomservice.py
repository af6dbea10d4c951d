"""LiveKit's server API: the `RoomService` of its SDKs, in Twirp over HTTP, in protobuf and in JSON.

Lives here: its routes, who may call what, requests and answers. What each does is `Room`'s.
Not here: rooms (`rooms`), tokens (`tokens`); the paths of a call (`routes`).
Source: LiveKit's livekit_room.proto; Twirp's wire protocol v7.

Mounted by `visavis engine` alone. Whoever holds an API key is master of every room here: it removes people,
mutes them and sees who is there. A node has no such master. There neither side can act on the other's delegates,
so `visavis serve` mounts none of this, and its rooms are reached through the slices, which know the two sides.

    POST /twirp/livekit.RoomService/<Method>     Authorization: Bearer <token>
    Content-Type: application/protobuf | application/json     answered in kind
    errors: JSON {"code", "msg"}, with the status of the code

Data that `SendData` sends has no sender, and nothing seals it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from google.protobuf.json_format import MessageToJson, Parse, ParseError
from google.protobuf.message import DecodeError, Message
from livekit.protocol import models as m
from livekit.protocol import room as api
from livekit.protocol import rtc as r
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from visavis.errors import Malformed, Refused, VisavisError
from visavis.rtc.effects import TrackSid
from visavis.rtc.errors import TokenInvalid, TooLong
from visavis.rtc.messages import NONCE_BYTES
from visavis.rtc.participant import Participant
from visavis.rtc.policy import MAX_METADATA
from visavis.rtc.rooms import Room
from visavis.rtc.service import CallService
from visavis.rtc.signalling import MAX_MESSAGE_BYTES
from visavis.rtc.tokens import MAX_ROOM, Grants, RoomConfig

PREFIX: Final = "/twirp/livekit.RoomService"
JSON: Final = "application/json"
PROTOBUF: Final = "application/protobuf"

_STATUS: Final = {
    "bad_route": 404,
    "failed_precondition": 412,
    "internal": 500,
    "invalid_argument": 400,
    "malformed": 400,
    "not_found": 404,
    "resource_exhausted": 429,
    "unauthenticated": 401,
    "unimplemented": 501,
}


class Fault(Exception):
    """A request that is answered by an error: Twirp's code and a message."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code, self.message = code, message


@dataclass(frozen=True, slots=True)
class Call:
    """One request: the service, what the caller is granted, and the message."""

    calls: CallService
    grants: Grants
    request: Any

    def demand(self, right: bool) -> None:
        if not right:
            raise Fault("unauthenticated", "permissions denied")

    def room(self) -> Room:
        """The room of the request, which the caller administers."""
        name = self.request.room
        self.demand(self.grants.room_admin and self.grants.room == name)
        if (room := self.calls.find_room(name)) is None:
            raise Fault("not_found", "requested room does not exist")
        return room

    def participant(self) -> tuple[Room, Participant]:
        """The participant of the request, in a room which the caller administers."""
        self.demand(self.grants.room_admin and self.grants.room == self.request.room)
        room = self.calls.find_room(self.request.room)
        p = room.find(self.request.identity) if room is not None else None
        if room is None or p is None:
            raise Fault("not_found", "participant does not exist")
        return room, p


def create_room(c: Call) -> Message:
    """Make a room, or find it; its options are those it was made with."""
    q = c.request
    c.demand(c.grants.room_create)
    if not 1 <= len(q.name) <= MAX_ROOM:
        raise Fault("invalid_argument", "room name is empty or its length exceeds limits")
    if len(q.metadata.encode()) > MAX_METADATA:
        raise Fault("invalid_argument", "metadata size exceeds limits")
    config = RoomConfig(q.empty_timeout, q.departure_timeout, q.max_participants, q.metadata, q.sync_streams)
    if (room := c.calls.find_room(q.name)) is None:
        room = c.calls.open_room(q.name, config)
    elif q.metadata:
        c.calls.perform(room, room.set_metadata(q.metadata))
    return room.describe()


def list_rooms(c: Call) -> Message:
    """The rooms there are, or those named."""
    c.demand(c.grants.room_list)
    named = set(c.request.names)
    rooms = [room.describe() for room in c.calls.rooms if not named or room.name in named]
    return api.ListRoomsResponse(rooms=rooms)


def delete_room(c: Call) -> Message:
    """Put everybody out, and forget the room."""
    c.demand(c.grants.room_create)
    if (room := c.calls.find_room(c.request.room)) is None:
        raise Fault("not_found", "requested room does not exist")
    c.calls.end_room(room, m.ROOM_DELETED)
    return api.DeleteRoomResponse()


def list_participants(c: Call) -> Message:
    """Who is in a room; a room that does not exist has nobody in it."""
    c.demand(c.grants.room_admin and c.grants.room == c.request.room)
    room = c.calls.find_room(c.request.room)
    return api.ListParticipantsResponse(
        participants=[p.describe() for p in (room.participants if room is not None else ())]
    )


def get_participant(c: Call) -> Message:
    """One participant."""
    return c.participant()[1].describe()


def remove_participant(c: Call) -> Message:
    """Put a participant out."""
    room, p = c.participant()
    c.calls.perform(room, room.expel(p.sid, m.PARTICIPANT_REMOVED, c.calls.now_ms))
    return api.RemoveParticipantResponse()


def mute_published_track(c: Call) -> Message:
    """Mute a track. Unmuting is its publisher's alone, as livekit-server has it unless it is set otherwise."""
    room, p = c.participant()
    if not c.request.muted:
        raise Fault("failed_precondition", "remote unmute not enabled")
    sid = TrackSid(c.request.track_sid)
    c.calls.perform(room, room.mute_track(p, sid, True, c.calls.now_ms))
    track = p.tracks.get(sid)
    return api.MuteRoomTrackResponse(track=track.info if track is not None else None)


def update_participant(c: Call) -> Message:
    """Change a participant's name, metadata, attributes and permission."""
    room, p = c.participant()
    q = c.request
    change = r.UpdateParticipantMetadata(name=q.name, metadata=q.metadata, attributes=q.attributes)
    permission = q.permission if q.HasField("permission") else None
    c.calls.perform(room, room.update_participant(p, change, permission, c.calls.now_ms))
    return p.describe()


def update_subscriptions(c: Call) -> Message:
    """Let a participant receive tracks, or no more."""
    room, p = c.participant()
    q = c.request
    sids = [*q.track_sids, *(sid for t in q.participant_tracks for sid in t.track_sids)]
    c.calls.perform(room, room.update_subscriptions(p, map(TrackSid, sids), q.subscribe))
    return api.UpdateSubscriptionsResponse()


def update_room_metadata(c: Call) -> Message:
    """Change a room's metadata."""
    room = c.room()
    c.calls.perform(room, room.set_metadata(c.request.metadata))
    return room.describe()


def send_data(c: Call) -> Message:
    """Send data to participants by identity or sid, or to everybody; once for each nonce."""
    room = c.room()
    if len(c.request.nonce) not in (0, NONCE_BYTES):
        raise Fault("invalid_argument", "a nonce has sixteen bytes")
    c.calls.perform(room, room.send_data(c.request))
    return api.SendDataResponse()


METHODS: Final[Mapping[str, tuple[Callable[[], Message], Callable[[Call], Message]]]] = {
    "CreateRoom": (api.CreateRoomRequest, create_room),
    "ListRooms": (api.ListRoomsRequest, list_rooms),
    "DeleteRoom": (api.DeleteRoomRequest, delete_room),
    "ListParticipants": (api.ListParticipantsRequest, list_participants),
    "GetParticipant": (api.RoomParticipantIdentity, get_participant),
    "RemoveParticipant": (api.RoomParticipantIdentity, remove_participant),
    "MutePublishedTrack": (api.MuteRoomTrackRequest, mute_published_track),
    "UpdateParticipant": (api.UpdateParticipantRequest, update_participant),
    "UpdateSubscriptions": (api.UpdateSubscriptionsRequest, update_subscriptions),
    "SendData": (api.SendDataRequest, send_data),
    "UpdateRoomMetadata": (api.UpdateRoomMetadataRequest, update_room_metadata),
}
"""Each method with the message that it takes."""


def room_service_routes(calls: CallService) -> list[BaseRoute]:
    """The routes of the server API of one call service."""

    async def answer(request: Request) -> Response:
        try:
            return _answer(calls, request, await _body(request))
        except Fault as fault:
            return JSONResponse({"code": fault.code, "msg": fault.message}, _STATUS.get(fault.code, 500))

    return [Route(f"{PREFIX}/{{method}}", answer, methods=["POST"])]


async def _body(request: Request) -> bytes:
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > MAX_MESSAGE_BYTES:
            raise Fault("resource_exhausted", "the request is too large")
    return body


def _answer(calls: CallService, request: Request, body: bytes) -> Response:
    method = METHODS.get(request.path_params["method"])
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if method is None or kind not in (JSON, PROTOBUF):
        raise Fault("bad_route", "no handler for this path and content type")
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    try:
        grants = calls.authorise_api(token.strip() if scheme == "Bearer" else "")
    except TokenInvalid as e:
        raise Fault("unauthenticated", e.message) from e
    empty, act = method
    try:
        message = empty()
        if kind == JSON:
            Parse(body or b"{}", message, ignore_unknown_fields=True)
        else:
            message.ParseFromString(body)
    except (DecodeError, ParseError, UnicodeDecodeError, RecursionError) as e:
        raise Fault("malformed", "the request is no message of this method") from e
    try:
        result = act(Call(calls, grants, message))
    except (Malformed, TooLong) as e:
        raise Fault("invalid_argument", e.message) from e
    except Refused as e:
        raise Fault("resource_exhausted", e.message) from e
    except VisavisError as e:
        raise Fault("internal", e.message) from e
    if kind == PROTOBUF:
        return Response(result.SerializeToString(), media_type=PROTOBUF)
    text = MessageToJson(
        result, preserving_proto_field_name=True, always_print_fields_with_no_presence=True, indent=None
    )
    return Response(text, media_type=JSON)
