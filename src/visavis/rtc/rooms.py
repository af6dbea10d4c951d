"""A room of a call, as LiveKit's dual-connection signalling has it. No IO, no clock, no randomness.

Lives here: `Room`, the one way into a room: it takes what clients ask and what the engine tells, and returns
what is to be done (`effects.Effect`, in order).
Not here: what each of these changes: who is in it (`membership`), what they publish (`publishing`), who
receives it (`subscribing`), what they may do (`permissions`), what is measured (`meters`), what the server API
sends (`messages`), which message means what (`requests`), all on one state (`roomstate`); sockets
(`signalling`), doing the effects, timers, tokens (`service`).

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

from collections.abc import Callable, Iterable, Sequence

from livekit.protocol import models as m
from livekit.protocol import room as api
from livekit.protocol import rtc as r

from visavis.errors import VisavisError
from visavis.rtc import membership, messages, meters, permissions, publishing, requests, subscribing
from visavis.rtc.effects import (
    AcceptAnswer,
    AcceptOffer,
    Asked,
    ConnectionId,
    Effect,
    Gather,
    MakeOffer,
    ParticipantSid,
    TrackSid,
)
from visavis.rtc.errors import SignalMalformed
from visavis.rtc.membership import Action, Arrival, Reason
from visavis.rtc.participant import Participant
from visavis.rtc.policy import MAX_METADATA, RoomPolicy
from visavis.rtc.ports import Loudness, Mid, Offer, Quality, Throttled, TransportId
from visavis.rtc.roomstate import RoomState


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
        self._state = RoomState(
            name, number, policy=policy, new_sid=new_sid, now_ms=now_ms, metadata=metadata
        )

    # --- seen from outside ------------------------------------------------

    @property
    def name(self) -> str:
        return self._state.name

    @property
    def number(self) -> int:
        """The engine's name of the room."""
        return self._state.number

    @property
    def emptied(self) -> int:
        """How often the last participant left."""
        return self._state.emptied

    @property
    def empty(self) -> bool:
        return not self._state.by_sid

    @property
    def size(self) -> int:
        """How many are in it, hidden ones too."""
        return len(self._state.by_sid)

    @property
    def participants(self) -> tuple[Participant, ...]:
        return tuple(self._state.by_sid.values())

    @property
    def linger_s(self) -> int:
        """How long the room stays while it is empty."""
        return self._state.policy.departure_s if self.emptied else self._state.policy.empty_s

    def describe(self) -> m.Room:
        """The room as LiveKit's clients know it. A copy."""
        told = m.Room()
        told.CopyFrom(self._state.room_info())
        return told

    def find(self, identity: str) -> Participant | None:
        return self._state.by_identity.get(identity)

    def participant(self, sid: ParticipantSid) -> Participant | None:
        return self._state.by_sid.get(sid)

    def sid_of(self, identity: str) -> ParticipantSid | None:
        p = self._state.by_identity.get(identity)
        return None if p is None else p.sid

    # --- coming and going -------------------------------------------------

    def check_space(self, identity: str) -> None:
        """Raises `TooMany` if the room is full for this identity."""
        membership.check_space(self._state, identity)

    def join(self, a: Arrival, now_ms: int) -> list[Effect]:
        """Somebody comes in; who was there under the same identity goes. Raises `TooMany`."""
        membership.join(self._state, a, now_ms)
        return self._done()

    def resume(
        self,
        identity: str,
        sid: str,
        connection: ConnectionId,
        last_sequence: int = 0,
        ice_servers: Sequence[r.ICEServer] = (),
    ) -> tuple[ParticipantSid, list[Effect]]:
        """A client is back with a new socket, its media untouched.

        sid: what the client calls its session; "" if it does not say. last_sequence: of the reliable data that came
        from it; it sends again what it numbered higher. ice_servers: as in `Arrival`.
        Raises `SessionUnknown`: it must join anew.
        """
        found = membership.resume(self._state, identity, sid, connection, last_sequence, ice_servers)
        return found, self._done()

    def detached(self, sid: ParticipantSid, connection: ConnectionId) -> int | None:
        """A socket is gone. How often that happened to its participant, for `expire`; None if it was
        replaced.
        """
        return membership.detached(self._state, sid, connection)

    def expire(self, sid: ParticipantSid, cut: int, now_ms: int) -> list[Effect]:
        """Whoever has no socket since its `cut` is out."""
        membership.expire(self._state, sid, cut, now_ms)
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
        p = self._state.by_sid.get(sid)
        if p is not None and connection in (None, p.connection):
            membership.dismiss(self._state, p, reason, action, now_ms, code)
        return self._done()

    def close(
        self, reason: Reason, now_ms: int, *, action: Action = r.LeaveRequest.DISCONNECT
    ) -> list[Effect]:
        """Everybody has to go."""
        for p in list(self._state.by_sid.values()):
            membership.dismiss(self._state, p, reason, action, now_ms)
        return self._done()

    def refresh(self, sid: ParticipantSid, token: str) -> list[Effect]:
        """Give a participant a fresh token, for its next resume or join."""
        p = self._state.by_sid.get(sid)
        if p is not None:
            self._state.tell(p, refresh_token=token)
        return self._done()

    def numbers_changed(self) -> list[Effect]:
        """Tell everybody how many are in the room, if that changed since it was last asked."""
        info = self._state.room_info()
        if (numbers := (info.num_participants, info.num_publishers)) != self._state.told_numbers:
            self._state.told_numbers = numbers
            self._state.tell_room()
        return self._done()

    # --- what the server API asks (`roomservice`) ----------------------------

    def set_metadata(self, metadata: str) -> list[Effect]:
        """The room's metadata, told to everybody. Raises `SignalMalformed` if it is too long."""
        if len(metadata.encode()) > MAX_METADATA:
            raise SignalMalformed("The room's metadata is too long.", bytes=MAX_METADATA)
        self._state.info.metadata = metadata
        self._state.tell_room()
        return self._done()

    def update_participant(
        self,
        p: Participant,
        change: r.UpdateParticipantMetadata,
        permission: m.ParticipantPermission | None,
        now_ms: int,
    ) -> list[Effect]:
        """Change what a participant is called and what it may do. Raises `TooLong`."""
        permissions.set_metadata(self._state, p, change)
        if permission is not None:
            permissions.set_permission(self._state, p, permission, now_ms)
        return self._done()

    def mute_track(self, p: Participant, sid: TrackSid, muted: bool, now_ms: int) -> list[Effect]:
        """Mute a track and tell its publisher, whose SDK stops sending."""
        publishing.mute_track(self._state, p, sid, muted, now_ms)
        return self._done()

    def send_data(self, q: api.SendDataRequest) -> list[Effect]:
        """Send data to those whom the request names, or to everybody. Raises `SignalMalformed`."""
        messages.send(self._state, q)
        return self._done()

    def update_subscriptions(
        self, p: Participant, tracks: Iterable[TrackSid], subscribe: bool
    ) -> list[Effect]:
        """Let a participant receive these tracks, or no more."""
        subscribing.subscribe(self._state, p, tracks, subscribe)
        return self._done()

    # --- what the engine tells ---------------------------------------------

    def offer_accepted(self, asked: AcceptOffer, answer: str, now_ms: int) -> list[Effect]:
        """The engine answered a publisher's offer."""
        publishing.offer_accepted(self._state, asked, answer, now_ms)
        return self._done()

    def gathered(self, asked: Gather) -> list[Effect]:
        """A moment after a subscriber asked for tracks."""
        subscribing.gathered(self._state, asked.participant)
        return self._done()

    def offer_made(self, asked: MakeOffer, offer: Offer) -> list[Effect]:
        """The engine made an offer for a subscriber."""
        subscribing.offer_made(self._state, asked, offer)
        return self._done()

    def answer_accepted(self, asked: AcceptAnswer) -> list[Effect]:
        """The engine took a subscriber's answer: its new tracks flow."""
        subscribing.answer_accepted(self._state, asked)
        return self._done()

    def engine_failed(self, asked: Asked, error: VisavisError, now_ms: int) -> list[Effect]:
        """The engine refused. A malformed description ends its participant; else it shall join anew."""
        membership.engine_failed(self._state, asked, error, now_ms)
        return self._done()

    def connected(self, sid: ParticipantSid, transport: TransportId) -> list[Effect]:
        """A transport stands. A participant is active once it can receive."""
        membership.connected(self._state, sid, transport)
        return self._done()

    def media_started(
        self, sid: ParticipantSid, transport: TransportId, mid: Mid, now_ms: int
    ) -> list[Effect]:
        """The first packet of a published section: now the others may know its track."""
        publishing.media_started(self._state, sid, transport, mid, now_ms)
        return self._done()

    def loudness(self, sid: ParticipantSid, event: Loudness) -> list[Effect]:
        """A publisher's sound is louder or softer."""
        meters.loudness(self._state, sid, event)
        return self._done()

    def quality(self, sid: ParticipantSid, event: Quality) -> list[Effect]:
        """A participant's connection is better or worse: the worse of its two transports counts."""
        meters.quality(self._state, sid, event)
        return self._done()

    def throttled(self, sid: ParticipantSid, event: Throttled) -> list[Effect]:
        """The engine paused a track for a subscriber, or goes on."""
        subscribing.throttled(self._state, sid, event)
        return self._done()

    def verify(self, sid: ParticipantSid, now_ms: int) -> list[Effect]:
        """Whoever joined a while ago and still cannot receive has to go."""
        membership.verify(self._state, sid, now_ms)
        return self._done()

    def transport_closed(self, sid: ParticipantSid, now_ms: int) -> list[Effect]:
        """A transport ended by itself, and its participant has not left: it shall join anew, if it still listens."""
        membership.transport_closed(self._state, sid, now_ms)
        return self._done()

    # --- what clients ask ---------------------------------------------------

    def request(
        self, sid: ParticipantSid, connection: ConnectionId, q: r.SignalRequest, now_ms: int
    ) -> list[Effect]:
        """One message of a client; nothing if its socket was replaced.

        Raises `Malformed` for what no client sends; the participant is then to be expelled. What is only
        not allowed is answered by a `RequestResponse` that says why.
        """
        requests.handle(self._state, sid, connection, q, now_ms)
        return self._done()

    def _done(self) -> list[Effect]:
        """The effects of this turn; last of all, an offer for everybody who is due one and can be reached."""
        meters.settle(self._state)
        subscribing.settle(self._state)
        return self._state.take()
