"""A room of a call, as LiveKit's dual-connection signalling has it. No IO, no clock, no randomness.

Lives here: `Room`: who is in it, who publishes, who receives; it takes what clients ask and what the
engine tells, and returns what is to be done (`effects.Effect`, in order).
Not here: sockets (`signalling`), doing the effects, timers, tokens (`service`), a participant's own state
(`participant`).

The order that LiveKit's clients need (design 3, "What is known of the protocol"):

    client                         room                                 the others
      |--- socket with token -------->|
      |<-- JoinResponse --------------|--- ParticipantUpdate ------------->|
      |<-- offer (data channels) -----|
      |--- answer ------------------->|
      |--- AddTrackRequest ---------->|
      |<-- TrackPublishedResponse ----|
      |--- offer -------------------->|
      |<-- answer --------------------|
      |=== first packet ============>(engine)--- ParticipantUpdate, offer->|

There is no host: nothing here lets one participant mute, move or remove another. What LiveKit's server API may
do (`update_participant`, `mute_track`, …) is asked through `roomservice` alone, which no node mounts.
Who speaks, how good a connection is and what is paused for want of room is told when the engine tells it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from livekit.protocol import models as m
from livekit.protocol import rtc as r

from visavis.errors import Malformed, Refused, VisavisError
from visavis.rtc import sdp
from visavis.rtc.effects import (
    AcceptAnswer,
    AcceptOffer,
    Asked,
    CallEvent,
    ConnectionId,
    Effect,
    Hang,
    Happened,
    Joined,
    Left,
    MakeOffer,
    Muted,
    Note,
    ParticipantSid,
    Published,
    Refresh,
    Route,
    Seat,
    Send,
    SetLayer,
    TrackSid,
    Unpublished,
    Unroute,
    Unseat,
)
from visavis.rtc.errors import (
    EncryptedTrackRefused,
    PlainTrackRefused,
    PublishRefused,
    SessionUnknown,
    SignalMalformed,
    TooMany,
)
from visavis.rtc.participant import SILENCE, Downlink, Participant, Setting, Track
from visavis.rtc.ports import (
    HIGHEST_LAYER,
    NOTHING_TO_OFFER,
    Loudness,
    Mid,
    Offer,
    Quality,
    Sending,
    Throttled,
    TransportId,
)
from visavis.rtc.tokens import Grants, RoomConfig

SERVER_VERSION: Final = "1.13.0"
"""The LiveKit server whose behaviour is followed; clients choose their paths by it."""

PROTOCOL: Final = 16
PING_INTERVAL_S: Final = 5
"""LiveKit's own figures. An interval of 0 crashes the Python SDK."""
PING_TIMEOUT_S: Final = 15

MAX_TRACKS: Final = 16
"""Of one participant: camera, microphone, screen with sound, and language channels."""
MAX_TEXT: Final = 256
MAX_METADATA: Final = 64_000
"""Bytes of a participant's metadata, and of its attributes; LiveKit's own figure."""
MAX_LAYERS: Final = 4
MAX_SUBSCRIPTIONS: Final = 1024
MAX_MISSED: Final = 256

STALE: Final = -1
"""In place of an offer's id: its answer was for a socket that is gone."""

_CODECS: Final = ("audio/opus", "video/VP8", "video/H264")
_RIDS: Final = "qhf"
_SOURCES: Final = frozenset(m.TrackSource.keys())
_IGNORED: Final = frozenset({"trickle", "sync_state", "update_layers"})
"""Without meaning here: the engine is ICE-lite and learns addresses from the client's checks; what a
resumed client publishes and receives is still known; `update_layers` is LiveKit's own past."""

NONE: Final = m.Encryption.Type.Value("NONE")
Reason = m.DisconnectReason
Action = r.LeaveRequest.Action


@dataclass(frozen=True, slots=True)
class RoomPolicy:
    """What a room is for.

    encrypted: True: a call; a track that says it is not encrypted is refused, and its client leaves.
    False: for everybody to hear; an encrypted track is refused likewise (design 3a §6). None: whatever comes.
    max_participants: 0: no limit. max_tracks: of one participant.
    empty_s, departure_s: how long a room stays that nobody has come to yet, and one that everybody has left.
    simulations: whether clients may ask for LiveKit's test scenarios.
    configurable: whether whoever makes a room may say how long it stays, how many it holds, and its metadata.
    """

    encrypted: bool | None = True
    max_participants: int = 64
    max_tracks: int = MAX_TRACKS
    empty_s: int = 0
    departure_s: int = 0
    simulations: bool = False
    configurable: bool = False

    def configured(self, config: RoomConfig | None) -> RoomPolicy:
        """This policy as a token or the server API wants it for a room that is made, where that is allowed."""
        if config is None or not self.configurable:
            return self
        return replace(
            self,
            empty_s=config.empty_timeout or self.empty_s,
            departure_s=config.departure_timeout or self.departure_s,
            max_participants=config.max_participants or self.max_participants,
        )


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
    ice_servers: tuple[r.ICEServer, ...] = ()


class Room:
    """One room. Every method returns effects, to be done in their order."""

    def __init__(
        self,
        name: str,
        number: int,
        *,
        policy: RoomPolicy,
        new_sid: Callable[[str], str],
        now_ms: int,
        metadata: str = "",
    ) -> None:
        """number: the engine's name of the room. new_sid: prefix → an id never given before."""
        self.name, self.number, self.policy = name, number, policy
        self._new_sid = new_sid
        self._info = m.Room(
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
            self._info.enabled_codecs.add(mime=codec)
        self._by_identity: dict[str, Participant] = {}
        self._by_sid: dict[ParticipantSid, Participant] = {}
        self._owner: dict[TrackSid, Participant] = {}
        self._missed: dict[ParticipantSid, list[m.ParticipantInfo]] = {}
        self._requalified: set[TrackSid] = set()
        self._heard: set[ParticipantSid] = set()
        self._told_numbers = (0, 0)
        self._out: list[Effect] = []
        self.emptied = 0

    # --- seen from outside ------------------------------------------------

    @property
    def empty(self) -> bool:
        return not self._by_sid

    @property
    def participants(self) -> tuple[Participant, ...]:
        return tuple(self._by_sid.values())

    @property
    def linger_s(self) -> int:
        """How long the room stays while it is empty."""
        return self.policy.departure_s if self.emptied else self.policy.empty_s

    def describe(self) -> m.Room:
        """The room as LiveKit's clients know it. A copy."""
        told = m.Room()
        told.CopyFrom(self._room_info())
        return told

    def find(self, identity: str) -> Participant | None:
        return self._by_identity.get(identity)

    def participant(self, sid: ParticipantSid) -> Participant | None:
        return self._by_sid.get(sid)

    def sid_of(self, identity: str) -> ParticipantSid | None:
        p = self._by_identity.get(identity)
        return None if p is None else p.sid

    # --- coming and going -------------------------------------------------

    def check_space(self, identity: str) -> None:
        """Raises `TooMany` if the room is full for this identity."""
        most = self.policy.max_participants
        if most and identity not in self._by_identity and len(self._by_sid) >= most:
            raise TooMany("The room is full.", room=self.name)

    def join(self, a: Arrival, now_ms: int) -> list[Effect]:
        """Somebody comes in; who was there under the same identity goes. Raises `TooMany`."""
        self.check_space(a.grants.identity)
        if (old := self._by_identity.get(a.grants.identity)) is not None:
            self._dismiss(old, m.DUPLICATE_IDENTITY, r.LeaveRequest.DISCONNECT, now_ms)
        g = a.grants
        info = m.ParticipantInfo(
            sid=self._new_sid("PA_"),
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
            permission=_permission(g),
        )
        others = [o.describe() for o in self._by_sid.values() if not o.grants.hidden]
        p = Participant(
            sid=ParticipantSid(info.sid),
            grants=g,
            up=a.up,
            down=Downlink(a.down),
            connection=a.connection,
            auto_subscribe=a.auto_subscribe,
            info=info,
        )
        self._by_identity[p.identity] = self._by_sid[p.sid] = p
        self._seat(p)
        self._tell(
            p,
            join=r.JoinResponse(
                room=self._room_info(),
                participant=p.describe(),
                other_participants=others,
                server_version=SERVER_VERSION,
                server_info=_server_info(),
                subscriber_primary=True,
                ping_interval=PING_INTERVAL_S,
                ping_timeout=PING_TIMEOUT_S,
                enabled_publish_codecs=list(self._info.enabled_codecs),
                ice_servers=a.ice_servers,
            ),
        )
        self._do(Refresh(p.sid))
        self._announce(p, to=[o for o in self._by_sid.values() if o is not p])
        self._offer_wanted(p)
        self._note("call-joined", p, tracks=len(p.down.adding))
        self._happened(Joined(self.name, p.identity, p.sid, now_ms))
        return self._done()

    def resume(
        self,
        identity: str,
        sid: str,
        connection: ConnectionId,
        ice_servers: Sequence[r.ICEServer] = (),
    ) -> tuple[ParticipantSid, list[Effect]]:
        """A client is back with a new socket, its media untouched.

        sid: what the client calls its session; "" if it does not say. ice_servers: as in `Arrival`.
        Raises `SessionUnknown`: it must join anew.
        """
        p = self._by_identity.get(identity)
        if p is None or sid not in ("", p.sid):
            raise SessionUnknown("This session is over: join anew.", room=self.name)
        if p.connection is not None:
            self._do(Hang(p.connection))
        p.connection = connection
        p.offer_waiting = None
        p.offer_in_work = None if p.offer_in_work is None else STALE
        self._tell(p, reconnect=r.ReconnectResponse(server_info=_server_info(), ice_servers=ice_servers))
        seen = [o.describe() for o in self._by_sid.values() if o is p or not o.grants.hidden]
        told = seen + self._missed.pop(p.sid, [])
        self._tell(p, update=r.ParticipantUpdate(participants=told))
        self._tell(p, room_update=r.RoomUpdate(room=self._room_info()))
        p.down.lost()
        self._note("call-resumed", p)
        return p.sid, self._done()

    def detached(self, sid: ParticipantSid, connection: ConnectionId) -> int | None:
        """A socket is gone. How often that happened to its participant, for `expire`; None if it was
        replaced.
        """
        p = self._by_sid.get(sid)
        if p is None or p.connection != connection:
            return None
        p.connection = None
        p.cuts += 1
        return p.cuts

    def expire(self, sid: ParticipantSid, cut: int, now_ms: int) -> list[Effect]:
        """Whoever has no socket since its `cut` is out."""
        p = self._by_sid.get(sid)
        if p is not None and p.connection is None and p.cuts == cut:
            self._remove(p, m.SIGNAL_CLOSE, now_ms)
        return self._done()

    def expel(
        self,
        sid: ParticipantSid,
        reason: Reason,
        now_ms: int,
        *,
        connection: ConnectionId | None = None,
        action: Action = r.LeaveRequest.DISCONNECT,
        code: int = 1000,
    ) -> list[Effect]:
        """A participant has to go, and is told why.

        connection: only if this is still its socket. code: how its socket is closed.
        """
        p = self._by_sid.get(sid)
        if p is not None and connection in (None, p.connection):
            self._dismiss(p, reason, action, now_ms, code)
        return self._done()

    def close(
        self, reason: Reason, now_ms: int, *, action: Action = r.LeaveRequest.DISCONNECT
    ) -> list[Effect]:
        """Everybody has to go."""
        for p in list(self._by_sid.values()):
            self._dismiss(p, reason, action, now_ms)
        return self._done()

    def refresh(self, sid: ParticipantSid, token: str) -> list[Effect]:
        """Give a participant a fresh token, for its next resume or join."""
        p = self._by_sid.get(sid)
        if p is not None:
            self._tell(p, refresh_token=token)
        return self._done()

    def numbers_changed(self) -> list[Effect]:
        """Tell everybody how many are in the room, if that changed since it was last asked."""
        info = self._room_info()
        if (numbers := (info.num_participants, info.num_publishers)) != self._told_numbers:
            self._told_numbers = numbers
            self._tell_room()
        return self._done()

    # --- what the server API asks (`roomservice`) ----------------------------

    def set_metadata(self, metadata: str) -> list[Effect]:
        """The room's metadata, told to everybody. Raises `SignalMalformed` if it is too long."""
        if len(metadata.encode()) > MAX_METADATA:
            raise SignalMalformed("The room's metadata is too long.", bytes=MAX_METADATA)
        self._info.metadata = metadata
        self._tell_room()
        return self._done()

    def update_participant(
        self,
        p: Participant,
        change: r.UpdateParticipantMetadata,
        permission: m.ParticipantPermission | None,
        now_ms: int,
    ) -> list[Effect]:
        """Change what a participant is called and what it may do. Raises `SignalMalformed` for what is too long."""
        self._set_metadata(p, change)
        if permission is not None:
            self._set_permission(p, permission, now_ms)
        return self._done()

    def mute_track(self, p: Participant, sid: TrackSid, muted: bool, now_ms: int) -> list[Effect]:
        """Mute a track and tell its publisher, whose SDK stops sending."""
        if (track := p.tracks.get(sid)) is not None:
            self._tell(p, mute=r.MuteTrackRequest(sid=sid, muted=muted))
            self._set_muted(p, track, muted, now_ms)
        return self._done()

    def update_subscriptions(
        self, p: Participant, tracks: Iterable[TrackSid], subscribe: bool
    ) -> list[Effect]:
        """Let a participant receive these tracks, or no more."""
        self._subscribe(p, tracks, subscribe)
        return self._done()

    # --- what the engine tells ---------------------------------------------

    def offer_accepted(self, asked: AcceptOffer, answer: str, now_ms: int) -> list[Effect]:
        """The engine answered a publisher's offer."""
        p = self._by_sid.get(asked.participant)
        if p is None:
            return self._done()
        offer_id, offer = p.offer_in_work, asked.sdp
        p.offer_in_work = None
        self._place(p, sdp.sections(offer), sdp.sections(answer), now_ms)
        if offer_id != STALE:
            self._tell(p, answer=r.SessionDescription(type="answer", sdp=answer, id=offer_id))
        self._next_offer(p)
        return self._done()

    def offer_made(self, asked: MakeOffer, offer: Offer) -> list[Effect]:
        """The engine made an offer for a subscriber."""
        p = self._by_sid.get(asked.participant)
        if p is not None:
            offer_id = p.down.made(offer.mids)
            self._tell(p, offer=r.SessionDescription(type="offer", sdp=offer.sdp, id=offer_id))
        return self._done()

    def answer_accepted(self, asked: AcceptAnswer) -> list[Effect]:
        """The engine took a subscriber's answer: its new tracks flow."""
        p = self._by_sid.get(asked.participant)
        if p is None:
            return self._done()
        for track_sid, mid in p.down.taken().items():
            owner = self._owner.get(track_sid)
            track = owner and owner.tracks.get(track_sid)
            if not owner or not track or track.mid is None:
                p.down.drop(track_sid)
                continue
            setting = p.down.settings.get(track_sid, Setting())
            self._requalified.add(track_sid)
            rank = _rank(track.info)
            self._do(Route(owner.up, track.mid, p.down.transport, mid, setting.max_layer, rank))
            if setting.paused:
                self._do(SetLayer(p.down.transport, mid, setting.max_layer, True, rank))
            if not track.heard:
                track.heard = True
                self._tell(owner, track_subscribed=r.TrackSubscribed(track_sid=track_sid))
        return self._done()

    def engine_failed(self, asked: Asked, error: VisavisError, now_ms: int) -> list[Effect]:
        """The engine refused. A malformed description ends its participant; else it shall join anew."""
        p = self._by_sid.get(asked.participant)
        if p is None:
            return self._done()
        if isinstance(asked, MakeOffer) and error.details.get("engine") == NOTHING_TO_OFFER:
            p.down.nothing()
            return self._done()
        self._note(
            "call-engine-refused",
            p,
            warning=True,
            asked=type(asked).__name__,
            code=error.code,
            engine=error.details.get("engine"),
        )
        if isinstance(error, Malformed):
            self._dismiss(p, m.STATE_MISMATCH, r.LeaveRequest.DISCONNECT, now_ms, 1007)
        else:
            self._dismiss(p, m.MEDIA_FAILURE, r.LeaveRequest.RECONNECT, now_ms)
        return self._done()

    def connected(self, sid: ParticipantSid, transport: TransportId) -> list[Effect]:
        """A transport stands. A participant is active once it can receive."""
        p = self._by_sid.get(sid)
        if p is not None and transport == p.down.transport and p.info.state != m.ParticipantInfo.ACTIVE:
            p.info.state = m.ParticipantInfo.ACTIVE
            self._announce(p)
            self._note("call-active", p)
        return self._done()

    def media_started(
        self, sid: ParticipantSid, transport: TransportId, mid: Mid, now_ms: int
    ) -> list[Effect]:
        """The first packet of a published section: now the others may know its track."""
        p = self._by_sid.get(sid)
        track = p.by_mid(mid) if p is not None and transport == p.up else None
        if p is not None and track is not None and track.silent:
            self._unveil(p, track, now_ms)
        return self._done()

    def loudness(self, sid: ParticipantSid, event: Loudness) -> list[Effect]:
        """A publisher's sound is louder or softer."""
        p = self._by_sid.get(sid)
        track = p.by_mid(event.mid) if p is not None and event.transport == p.up else None
        if track is not None and track.info.type == m.TrackType.AUDIO:
            track.level = max(0, min(event.level, SILENCE))
            self._heard.add(sid)
        return self._done()

    def quality(self, sid: ParticipantSid, event: Quality) -> list[Effect]:
        """A participant's connection is better or worse: the worse of its two transports counts."""
        p = self._by_sid.get(sid)
        if p is not None:
            before = min(p.qualities.values(), default=None)
            p.qualities[event.transport] = max(0, min(event.level, len(_QUALITIES) - 1))
            if (worse := min(p.qualities.values())) != before:
                score, quality = _QUALITIES[worse]
                told = r.ConnectionQualityInfo(participant_sid=p.sid, quality=quality, score=score)
                update = r.ConnectionQualityUpdate(updates=[told])
                for o in [p] if p.grants.hidden else self._by_sid.values():
                    self._tell(o, connection_quality=update)
        return self._done()

    def throttled(self, sid: ParticipantSid, event: Throttled) -> list[Effect]:
        """The engine paused a track for a subscriber, or goes on."""
        p = self._by_sid.get(sid)
        found = p and next((t for t, mid in p.down.receiving.items() if mid == event.mid), None)
        owner = self._owner.get(found) if found else None
        if p is not None and found and owner is not None and event.transport == p.down.transport:
            state = r.StreamState.PAUSED if event.paused else r.StreamState.ACTIVE
            told = r.StreamStateInfo(participant_sid=owner.sid, track_sid=found, state=state)
            self._tell(p, stream_state_update=r.StreamStateUpdate(stream_states=[told]))
        return self._done()

    def transport_closed(self, sid: ParticipantSid, now_ms: int) -> list[Effect]:
        """A transport ended by itself, and its participant has not left: it shall join anew, if it still listens."""
        p = self._by_sid.get(sid)
        if p is not None:
            self._note("call-transport-ended", p, warning=True, listens=p.connection is not None)
            if p.connection is None:
                self._remove(p, m.SIGNAL_CLOSE, now_ms)
            else:
                self._dismiss(p, m.MEDIA_FAILURE, r.LeaveRequest.RECONNECT, now_ms)
        return self._done()

    # --- what clients ask ---------------------------------------------------

    def request(
        self, sid: ParticipantSid, connection: ConnectionId, q: r.SignalRequest, now_ms: int
    ) -> list[Effect]:
        """One message of a client; nothing if its socket was replaced.

        Raises `Malformed` for what no client sends; the participant is then to be expelled. What is only
        not allowed is answered by a `RequestResponse` that says why.
        """
        p = self._by_sid.get(sid)
        if p is None or p.connection != connection:
            return self._done()
        kind = q.WhichOneof("message")
        handler = _HANDLERS.get(kind or "")
        if handler is not None:
            try:
                handler(self, p, getattr(q, kind), now_ms)
            except Refused as e:
                self._refuse(p, kind, q, e, now_ms)
            except VisavisError:
                self._out.clear()
                raise
        elif kind in _UNSUPPORTED:
            self._unsupported(p, kind)
        elif kind not in _IGNORED:
            self._note("call-unknown-message", p, kind=kind or "unknown")
        return self._done()

    def _unsupported(self, p: Participant, kind: str | None) -> None:
        reason = r.RequestResponse.UNSUPPORTED_TYPE
        self._tell(p, request_response=r.RequestResponse(reason=reason, message="not offered here"))
        self._note("call-unsupported", p, kind=kind)

    def _refuse(self, p: Participant, kind: str | None, q: r.SignalRequest, e: Refused, now_ms: int) -> None:
        reason = r.RequestResponse.LIMIT_EXCEEDED if isinstance(e, TooMany) else r.RequestResponse.NOT_ALLOWED
        answer = r.RequestResponse(reason=reason, message=f"{e.code}: {e.message}")
        if kind == "add_track":
            answer.add_track.CopyFrom(q.add_track)
        elif kind == "update_metadata":
            answer.request_id = q.update_metadata.request_id
            answer.update_metadata.CopyFrom(q.update_metadata)
        self._tell(p, request_response=answer)
        self._note("call-refused", p, warning=True, kind=kind, code=e.code)
        if isinstance(e, PlainTrackRefused | EncryptedTrackRefused):
            # A slip here is plain sound in an encrypted room: whoever makes it is out (design 3a §6).
            self._dismiss(p, m.PARTICIPANT_REMOVED, r.LeaveRequest.DISCONNECT, now_ms, 1008)

    def _ping(self, p: Participant, _: int, now_ms: int) -> None:
        self._tell(p, pong=now_ms)

    def _ping_req(self, p: Participant, q: r.Ping, now_ms: int) -> None:
        self._tell(p, pong_resp=r.Pong(last_ping_timestamp=q.timestamp, timestamp=now_ms))

    def _leave(self, p: Participant, _: r.LeaveRequest, now_ms: int) -> None:
        self._remove(p, m.CLIENT_INITIATED, now_ms)

    def _add_track(self, p: Participant, a: r.AddTrackRequest, now_ms: int) -> None:
        _bounded(a.cid, a.name, a.stream)
        if not a.cid or len(a.layers) > MAX_LAYERS or len(a.simulcast_codecs) > MAX_LAYERS:
            raise SignalMalformed("A track has no cid, or too many layers.")
        if a.type not in (m.TrackType.AUDIO, m.TrackType.VIDEO):
            raise PublishRefused("Only sound and picture are published here.")
        if not p.grants.may_publish(_source(a.source)):
            raise PublishRefused("This token does not allow publishing this.", source=_source(a.source))
        if self.policy.encrypted is True and a.encryption == NONE:
            raise PlainTrackRefused("This room takes encrypted tracks only.")
        if self.policy.encrypted is False and a.encryption != NONE:
            raise EncryptedTrackRefused("This room is for everybody to hear: no encrypted tracks.")
        if (known := p.by_cid(a.cid)) is None:
            if len(p.tracks) >= (most := self.policy.max_tracks):
                raise TooMany("A participant publishes at most so many tracks.", tracks=most)
            known = _new_track(a, self._new_sid("TR_"))
            p.tracks[known.sid] = known
        self._tell(p, track_published=r.TrackPublishedResponse(cid=a.cid, track=known.info))

    def _offer(self, p: Participant, d: r.SessionDescription, now_ms: int) -> None:
        sdp.sections(d.sdp)  # its budget, before the engine sees it
        p.offer_waiting = (d.id, d.sdp)
        self._next_offer(p)

    def _next_offer(self, p: Participant) -> None:
        """One offer in work at a time; of those that come meanwhile the newest counts, as it holds the
        others.
        """
        if p.offer_waiting is not None and p.offer_in_work is None:
            (p.offer_in_work, offer), p.offer_waiting = p.offer_waiting, None
            self._do(AcceptOffer(p.sid, p.up, offer))

    def _answer(self, p: Participant, d: r.SessionDescription, now_ms: int) -> None:
        sdp.sections(d.sdp)
        if p.down.answered(d.id):
            self._do(AcceptAnswer(p.sid, p.down.transport, d.sdp))
        else:
            self._note("call-answer-out-of-turn", p)

    def _mute(self, p: Participant, q: r.MuteTrackRequest, now_ms: int) -> None:
        if (track := p.tracks.get(TrackSid(q.sid))) is None:
            self._tell(p, request_response=r.RequestResponse(reason=r.RequestResponse.NOT_FOUND, mute=q))
        else:
            self._set_muted(p, track, q.muted, now_ms)

    def _set_muted(self, p: Participant, track: Track, muted: bool, now_ms: int) -> None:
        if track.info.muted != muted:
            track.info.muted = muted
            if muted:
                track.level = SILENCE
            self._heard.add(p.sid)
            if track.announced:
                self._announce(p)
                self._happened(Muted(self.name, p.identity, p.sid, track.sid, muted, now_ms))

    def _subscription(self, p: Participant, q: r.UpdateSubscription, now_ms: int) -> None:
        named = [*q.track_sids, *(s for t in q.participant_tracks for s in t.track_sids)]
        if len(named) > MAX_SUBSCRIPTIONS:
            raise SignalMalformed("A subscription names too many tracks.", tracks=len(named))
        if q.subscribe and not p.grants.can_subscribe:
            raise PublishRefused("This token does not allow receiving.")
        self._subscribe(p, map(TrackSid, named), q.subscribe)

    def _subscribe(self, p: Participant, tracks: Iterable[TrackSid], subscribe: bool) -> None:
        for track in tracks:
            if track not in self._owner:
                continue
            if subscribe:
                p.down.declined.discard(track)
                p.down.asked.add(track)
                self._offer_track(p, track)
            else:
                p.down.asked.discard(track)
                p.down.declined.add(track)
                self._unsubscribe(p, track)

    def _track_setting(self, p: Participant, q: r.UpdateTrackSettings, now_ms: int) -> None:
        if len(q.track_sids) > MAX_SUBSCRIPTIONS:
            raise SignalMalformed("Settings name too many tracks.", tracks=len(q.track_sids))
        for sid in map(TrackSid, q.track_sids):
            owner = self._owner.get(sid)
            if owner is None:
                continue
            setting = Setting(_layer(owner.tracks[sid].info, q.quality, q.width), q.disabled)
            p.down.settings[sid] = setting
            self._requalified.add(sid)
            if (mid := p.down.receiving.get(sid)) is not None:
                rank = _rank(owner.tracks[sid].info)
                self._do(SetLayer(p.down.transport, mid, setting.max_layer, setting.paused, rank))

    def _subscription_permission(self, p: Participant, q: r.SubscriptionPermission, now_ms: int) -> None:
        if len(q.track_permissions) > MAX_SUBSCRIPTIONS:
            raise SignalMalformed("A permission names too many participants.")
        if q.all_participants:
            p.permitted = None
        else:
            p.permitted = {}
            for t in q.track_permissions:
                by_sid = self._by_sid.get(ParticipantSid(t.participant_sid))
                identity = t.participant_identity or (by_sid.identity if by_sid else "")
                _bounded(identity)
                p.permitted[identity] = None if t.all_tracks else frozenset(map(TrackSid, t.track_sids))
        for o in self._by_sid.values():
            for track in [t for t in p.tracks.values() if t.announced and o is not p]:
                if not p.permits(o.identity, track.sid):
                    self._unsubscribe(o, track.sid)
                if o.wants(track.sid):
                    self._offer_track(o, track.sid)

    def _update_metadata(self, p: Participant, u: r.UpdateParticipantMetadata, now_ms: int) -> None:
        if not p.grants.can_update_own_metadata:
            raise PublishRefused("This token does not allow changing name or metadata.")
        self._set_metadata(p, u)
        self._tell(p, request_response=r.RequestResponse(request_id=u.request_id, update_metadata=u))

    def _set_metadata(self, p: Participant, u: r.UpdateParticipantMetadata) -> None:
        """What is empty stays as it is, but an attribute that is empty goes, as LiveKit has it."""
        attributes = {**p.info.attributes, **u.attributes}
        length = sum(len(k.encode()) + len(v.encode()) for k, v in attributes.items())
        if len(u.metadata.encode()) > MAX_METADATA or length > MAX_METADATA:
            raise SignalMalformed("Name, metadata or attributes are too long.")
        _bounded(u.name)
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
        self._announce(p)
        self._do(Refresh(p.sid))

    def _set_permission(self, p: Participant, to: m.ParticipantPermission, now_ms: int) -> None:
        grants = replace(
            p.grants,
            can_publish=to.can_publish,
            can_subscribe=to.can_subscribe,
            can_publish_data=to.can_publish_data,
            sources=frozenset(map(_source, to.can_publish_sources)),
            can_update_own_metadata=to.can_update_metadata,
            hidden=to.hidden,
        )
        if grants == p.grants:
            return
        p.grants = grants
        p.info.permission.CopyFrom(_permission(grants))
        self._seat(p)
        for track in [t for t in p.tracks.values() if not grants.may_publish(_source(t.info.source))]:
            self._unpublish(p, track, now_ms)
        if grants.can_subscribe:
            self._offer_wanted(p)
        else:
            for sid in list(self._owner):
                self._unsubscribe(p, sid)
        self._announce(p)
        self._do(Refresh(p.sid))

    def _update_audio_track(self, p: Participant, q: r.UpdateLocalAudioTrack, now_ms: int) -> None:
        track = p.tracks.get(TrackSid(q.track_sid))
        if track is not None:
            del track.info.audio_features[:]
            track.info.audio_features.extend(sorted(set(q.features)))
            self._announce(p)

    def _update_video_track(self, p: Participant, q: r.UpdateLocalVideoTrack, now_ms: int) -> None:
        track = p.tracks.get(TrackSid(q.track_sid))
        if track is not None:
            track.info.width, track.info.height = q.width, q.height
            self._announce(p)

    def _simulate(self, p: Participant, q: r.SimulateScenario, now_ms: int) -> None:
        """LiveKit's test scenarios, as far as they need no second node."""
        if not self.policy.simulations:
            self._unsupported(p, "simulate")
            return
        match q.WhichOneof("scenario"):
            case "leave_request_full_reconnect" | "migration" | "switch_candidate_protocol":
                self._dismiss(p, m.UNKNOWN_REASON, r.LeaveRequest.RECONNECT, now_ms)
            case "server_leave":
                self._dismiss(p, m.SERVER_SHUTDOWN, r.LeaveRequest.DISCONNECT, now_ms)
            case "node_failure":
                self._remove(p, m.UNKNOWN_REASON, now_ms, 1011)
            case _:
                pass

    # --- tracks -------------------------------------------------------------

    def _place(
        self, p: Participant, offered: Sequence[sdp.Section], answered: Sequence[sdp.Section], now_ms: int
    ) -> None:
        """Find which section carries which declared track; what is carried no more is unpublished."""
        codec_of = {s.mid: s.codec for s in answered}
        placed: set[TrackSid] = set()
        sending = [s for s in offered if s.kind in ("audio", "video") and s.sends]
        by_msid = {s.mid: track for s in sending if (track := p.by_cid(s.msid)) is not None}
        named = {track.sid for track in by_msid.values()}
        for s in sending:
            # A cid is usually the msid's track id; else what the section carried before, else the oldest track of
            # the kind that has no section yet. A section may go on sending a track that the server unpublished.
            track = by_msid.get(s.mid) or next(
                (t for t in p.tracks.values() if t.sid not in named and t.mid == s.mid), None
            )
            if track is None:
                video = s.kind == "video"
                track = next(
                    (
                        t
                        for t in p.tracks.values()
                        if t.mid is None
                        and t.sid not in named
                        and (t.info.type == m.TrackType.VIDEO) == video
                    ),
                    None,
                )
            if track is None or track.sid in placed:
                continue  # undeclared: the engine may take its packets, nobody gets them
            placed.add(track.sid)
            if track.mid != s.mid:
                track.mid, track.silent = s.mid, True
            track.info.mid = s.mid
            if codec := codec_of.get(s.mid):
                track.info.mime_type = track.info.codecs[0].mime_type = f"{s.kind}/{codec}"
            self._owner[track.sid] = p
        for track in [t for t in p.tracks.values() if t.mid is not None and t.sid not in placed]:
            self._unpublish(p, track, now_ms)

    def _unveil(self, p: Participant, track: Track, now_ms: int) -> None:
        track.silent = False
        self._announce(p)
        for o in self._by_sid.values():
            if o is not p and o.wants(track.sid):
                self._offer_track(o, track.sid)
        video = track.info.type == m.TrackType.VIDEO
        self._note("call-published", p, track=track.sid, source=_source(track.info.source))
        self._happened(
            Published(self.name, p.identity, p.sid, track.sid, _source(track.info.source), video, now_ms)
        )

    def _unpublish(self, p: Participant, track: Track, now_ms: int) -> None:
        announced = track.announced
        del p.tracks[track.sid]
        self._heard.add(p.sid)
        self._withdraw(track)
        self._tell(p, track_unpublished=r.TrackUnpublishedResponse(track_sid=track.sid))
        if announced:
            self._announce(p)
            self._happened(Unpublished(self.name, p.identity, p.sid, track.sid, now_ms))

    def _withdraw(self, track: Track) -> None:
        """Nobody receives this track any more."""
        self._owner.pop(track.sid, None)
        for o in self._by_sid.values():
            self._unsubscribe(o, track.sid)
            o.down.forget(track.sid)

    def _offer_wanted(self, p: Participant) -> None:
        for sid in list(self._owner):
            if p.wants(sid):
                self._offer_track(p, sid)

    def _offer_track(self, p: Participant, sid: TrackSid) -> None:
        """Let a participant receive a track, if it is another's, announced, and its publisher permits.

        Whoever wants one that its publisher keeps from it is told so, and told when that ends.
        """
        owner = self._owner.get(sid)
        if (
            owner is None
            or owner is p
            or owner.grants.hidden
            or not owner.tracks[sid].announced
            or not p.grants.can_subscribe
        ):
            return
        if (allowed := owner.permits(p.identity, sid)) == (sid in p.down.denied):
            (p.down.denied.discard if allowed else p.down.denied.add)(sid)
            told = r.SubscriptionPermissionUpdate(participant_sid=owner.sid, track_sid=sid, allowed=allowed)
            self._tell(p, subscription_permission_update=told)
        if allowed:
            p.down.want(sid)

    def _unsubscribe(self, p: Participant, sid: TrackSid) -> None:
        if (mid := p.down.drop(sid)) is not None:
            self._requalified.add(sid)
            self._do(Unroute(p.down.transport, mid))

    def _requalify(self, sid: TrackSid) -> None:
        """Tell a publisher which layers of a picture anybody receives (LiveKit's dynacast).

        Not before somebody receives it; a client without dynacast does not listen.
        """
        owner = self._owner.get(sid)
        if owner is None or (track := owner.tracks[sid]).info.type != m.TrackType.VIDEO:
            return
        wanted = [
            setting.max_layer
            for o in self._by_sid.values()
            if sid in o.down.receiving
            for setting in [o.down.settings.get(sid, Setting())]
            if not setting.paused
        ]
        highest = max(wanted, default=-1)
        if highest == track.told_layer:
            return
        track.told_layer = highest
        qualities = [
            r.SubscribedQuality(quality=layer, enabled=layer <= highest)  # type: ignore[arg-type]
            for layer in range(HIGHEST_LAYER + 1)
        ]
        codec = r.SubscribedCodec(codec=track.info.mime_type.partition("/")[2].lower(), qualities=qualities)
        told = r.SubscribedQualityUpdate(
            track_sid=sid, subscribed_qualities=qualities, subscribed_codecs=[codec]
        )
        self._tell(owner, subscribed_quality_update=told)

    # --- out ----------------------------------------------------------------

    def _dismiss(self, p: Participant, reason: Reason, action: Action, now_ms: int, code: int = 1000) -> None:
        again = action != r.LeaveRequest.DISCONNECT
        self._tell(p, leave=r.LeaveRequest(can_reconnect=again, reason=reason, action=action))
        self._remove(p, reason, now_ms, code)

    def _remove(self, p: Participant, reason: Reason, now_ms: int, code: int = 1000) -> None:
        del self._by_sid[p.sid]
        del self._by_identity[p.identity]
        self._missed.pop(p.sid, None)
        for track in p.tracks.values():
            self._withdraw(track)
        self._requalified.update(p.down.receiving)
        p.tracks.clear()
        self._do(Unseat(p.sid, p.up, p.down.transport))
        self.emptied += not self._by_sid
        p.info.state = m.ParticipantInfo.DISCONNECTED
        p.info.disconnect_reason = reason
        self._announce(p, to=self._by_sid.values())
        if p.connection is not None:
            self._do(Hang(p.connection, code))
            p.connection = None
        self._note("call-left", p, reason=m.DisconnectReason.Name(reason))
        self._happened(Left(self.name, p.identity, p.sid, m.DisconnectReason.Name(reason), now_ms))

    def _announce(self, p: Participant, to: Iterable[Participant] | None = None) -> None:
        """Tell how a participant is now; whoever has no socket and would miss a farewell gets it on
        resuming.
        """
        info = p.describe(version_up=True)
        update = r.ParticipantUpdate(participants=[info])
        if p.grants.hidden:
            to = [p] if to is None else []
        for o in self._by_sid.values() if to is None else to:
            if o.connection is not None:
                self._tell(o, update=update)
            elif info.state == m.ParticipantInfo.DISCONNECTED:
                missed = self._missed.setdefault(o.sid, [])
                missed.append(info)
                del missed[:-MAX_MISSED]

    def _room_info(self) -> m.Room:
        self._info.num_participants = sum(not p.grants.hidden for p in self._by_sid.values())
        self._info.num_publishers = sum(any(t.mid for t in p.tracks.values()) for p in self._by_sid.values())
        return self._info

    def _speaks(self, p: Participant) -> None:
        if p.level == p.told_level:
            return
        p.told_level = p.level
        loud = 10 ** (-p.level / 20) if p.level < SILENCE else 0.0
        told = m.SpeakerInfo(sid=p.sid, level=loud, active=p.level < SILENCE)
        for o in [p] if p.grants.hidden else self._by_sid.values():
            self._tell(o, speakers_changed=r.SpeakersChanged(speakers=[told]))

    def _tell_room(self) -> None:
        for p in self._by_sid.values():
            self._tell(p, room_update=r.RoomUpdate(room=self._room_info()))

    def _seat(self, p: Participant) -> None:
        may = p.grants.can_publish_data
        self._do(Seat(self.number, p.identity, p.sid, p.up, p.down.transport, may))

    def _tell(self, p: Participant, **message: Any) -> None:
        if p.connection is not None:
            self._do(Send(p.connection, r.SignalResponse(**message)))

    def _happened(self, event: CallEvent) -> None:
        self._do(Happened(event))

    def _note(self, event: str, p: Participant, *, warning: bool = False, **fields: object) -> None:
        self._do(Note(event, {"room": self.name, "identity": p.identity, "sid": p.sid, **fields}, warning))

    def _do(self, effect: Effect) -> None:
        self._out.append(effect)

    def _done(self) -> list[Effect]:
        """The effects of this turn; last of all, an offer for everybody who is due one and can be reached."""
        for p in [self._by_sid[sid] for sid in sorted(self._heard & self._by_sid.keys())]:
            self._speaks(p)
        self._heard.clear()
        for sid in sorted(self._requalified):
            self._requalify(sid)
        self._requalified.clear()
        for p in self._by_sid.values():
            if p.connection is not None and p.down.due:
                add, stop, channels, restart = p.down.plan()
                sending = tuple(
                    Sending(
                        owner.tracks[sid].info.type == m.TrackType.VIDEO,
                        f"{owner.sid}|{sid}",
                        p.down.msid_track(sid),
                    )
                    for sid in add
                    for owner in [self._owner[sid]]
                )
                self._do(MakeOffer(p.sid, p.down.transport, sending, stop, channels, restart))
        out, self._out = self._out, []
        return out


_HANDLERS: Final[Mapping[str, Callable[[Room, Participant, Any, int], None]]] = {
    "ping": Room._ping,
    "ping_req": Room._ping_req,
    "leave": Room._leave,
    "add_track": Room._add_track,
    "offer": Room._offer,
    "answer": Room._answer,
    "mute": Room._mute,
    "subscription": Room._subscription,
    "track_setting": Room._track_setting,
    "subscription_permission": Room._subscription_permission,
    "update_metadata": Room._update_metadata,
    "update_audio_track": Room._update_audio_track,
    "update_video_track": Room._update_video_track,
    "simulate": Room._simulate,
}

_QUALITIES: Final = (
    (1.5, m.ConnectionQuality.POOR),
    (3.0, m.ConnectionQuality.GOOD),
    (4.5, m.ConnectionQuality.EXCELLENT),
)
"""LiveKit's words, and scores in the middle of what it calls so (1 … 5)."""

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


_KINDS: Final = frozenset(m.ParticipantInfo.Kind.keys())


def _permission(g: Grants) -> m.ParticipantPermission:
    return m.ParticipantPermission(
        can_subscribe=g.can_subscribe,
        can_publish=g.can_publish,
        can_publish_data=g.can_publish_data,
        can_publish_sources=sorted(g.sources & _SOURCES),
        can_update_metadata=g.can_update_own_metadata,
        hidden=g.hidden,
    )


def _server_info() -> m.ServerInfo:
    return m.ServerInfo(
        edition=m.ServerInfo.Standard, version=SERVER_VERSION, protocol=PROTOCOL, region="", node_id="visavis"
    )


def _source(source: int) -> str:
    """LiveKit's name of a source; unknown numbers are UNKNOWN."""
    return m.TrackSource.Name(source) if source in m.TrackSource.values() else "UNKNOWN"


def _bounded(*texts: str) -> None:
    if any(len(x) > MAX_TEXT for x in texts):
        raise SignalMalformed("A name is too long.", characters=MAX_TEXT)


def _new_track(a: r.AddTrackRequest, sid: str) -> Track:
    kind, codec = ("audio", "opus") if a.type == m.TrackType.AUDIO else ("video", "VP8")
    first = a.simulcast_codecs[0].codec if a.simulcast_codecs else ""
    _bounded(first, *(c.cid for c in a.simulcast_codecs))
    mime = first if "/" in first else f"{kind}/{first or codec}"
    info = m.TrackInfo(
        sid=sid,
        type=a.type,
        name=a.name,
        muted=a.muted,
        width=a.width,
        height=a.height,
        source=a.source,
        disable_dtx=a.disable_dtx,
        stereo=a.stereo,
        disable_red=a.disable_red,
        encryption=a.encryption,
        stream=a.stream,
        mime_type=mime,
        layers=a.layers,
        audio_features=list(a.audio_features)[:16],
        backup_codec_policy=a.backup_codec_policy,
        packet_trailer_features=list(a.packet_trailer_features)[:16],
        simulcast=len(a.layers) > 1,
    )
    for n, layer in enumerate(info.layers):
        layer.spatial_layer = n
        layer.rid = _RIDS[n] if n < len(_RIDS) else ""
    info.codecs.add(mime_type=mime, cid=a.cid, layers=info.layers)
    return Track(info, frozenset({a.cid, *(c.cid for c in a.simulcast_codecs if c.cid)}))


def _rank(info: m.TrackInfo) -> int:
    """Who is served first where a path does not bear everything: what is shown on a screen, then faces."""
    return 0 if info.source == m.TrackSource.SCREEN_SHARE else 1


def _layer(info: m.TrackInfo, quality: int, width: int) -> int:
    """The layer for what a subscriber asks: the smallest that is as wide as its picture, else by quality."""
    if width:
        wide_enough = [i for i, layer in enumerate(info.layers) if layer.width >= width]
        return min(wide_enough[0] if wide_enough else HIGHEST_LAYER, HIGHEST_LAYER)
    return max(0, min(quality, HIGHEST_LAYER))
