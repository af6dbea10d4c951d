"""What a room asks its shell to do, and what it tells those who watch. Values only.

Lives here: `Effect` (messages, commands to the engine, log notes) and `CallEvent` (what happened, for
observers).
Not here: deciding them (`rooms` and what is behind it), doing them (`service`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NewType

from livekit.protocol import rtc as r

from visavis.rtc.ports import Mid, Sending, TransportId

ConnectionId = NewType("ConnectionId", int)
"""One signal socket."""

ParticipantSid = NewType("ParticipantSid", str)
TrackSid = NewType("TrackSid", str)


@dataclass(frozen=True, slots=True)
class Joined:
    """A participant is in a room; its media may not stand yet."""

    room: str
    identity: str
    sid: ParticipantSid
    at_ms: int


@dataclass(frozen=True, slots=True)
class Left:
    """A participant is out. reason: LiveKit's `DisconnectReason`, by name."""

    room: str
    identity: str
    sid: ParticipantSid
    reason: str
    at_ms: int


@dataclass(frozen=True, slots=True)
class Published:
    """The first packet of a track came. source: LiveKit's `TrackSource`, by name."""

    room: str
    identity: str
    sid: ParticipantSid
    track: TrackSid
    source: str
    video: bool
    at_ms: int


@dataclass(frozen=True, slots=True)
class Unpublished:
    """A track that was published is no more."""

    room: str
    identity: str
    sid: ParticipantSid
    track: TrackSid
    at_ms: int


@dataclass(frozen=True, slots=True)
class Muted:
    """A participant muted or unmuted a track of its own; nobody else can."""

    room: str
    identity: str
    sid: ParticipantSid
    track: TrackSid
    muted: bool
    at_ms: int


CallEvent = Joined | Left | Published | Unpublished | Muted


@dataclass(frozen=True, slots=True)
class Send:
    """A message to one signal socket."""

    connection: ConnectionId
    message: r.SignalResponse


@dataclass(frozen=True, slots=True)
class Hang:
    """Close a signal socket once what was sent has gone. code: RFC 6455 §7.4."""

    connection: ConnectionId
    code: int = 1000


@dataclass(frozen=True, slots=True)
class AcceptOffer:
    """Answered by `Room.offer_accepted`."""

    participant: ParticipantSid
    transport: TransportId
    sdp: str


@dataclass(frozen=True, slots=True)
class Gather:
    """A subscriber asked for tracks, and may ask for more at once. Answered by `Room.gathered`, in a moment."""

    participant: ParticipantSid


@dataclass(frozen=True, slots=True)
class MakeOffer:
    """Answered by `Room.offer_made`."""

    participant: ParticipantSid
    transport: TransportId
    add: tuple[Sending, ...]
    stop: tuple[Mid, ...]
    channels: bool
    restart: bool


@dataclass(frozen=True, slots=True)
class AcceptAnswer:
    """Answered by `Room.answer_accepted`."""

    participant: ParticipantSid
    transport: TransportId
    sdp: str


@dataclass(frozen=True, slots=True)
class Route:
    """Forward a published section to a subscriber's."""

    source: TransportId
    source_mid: Mid
    target: TransportId
    target_mid: Mid
    max_layer: int
    rank: int


@dataclass(frozen=True, slots=True)
class Wake:
    """Let a subscriber's client know of a routed section that may stay silent."""

    target: TransportId
    target_mid: Mid


@dataclass(frozen=True, slots=True)
class Unroute:
    """Stop forwarding to a subscriber's section."""

    target: TransportId
    target_mid: Mid


@dataclass(frozen=True, slots=True)
class SetLayer:
    """Forward at most this layer, or nothing while paused."""

    target: TransportId
    target_mid: Mid
    max_layer: int
    paused: bool
    rank: int


@dataclass(frozen=True, slots=True)
class Seat:
    """Tell the engine whose two transports these are."""

    room: int
    identity: str
    sid: ParticipantSid
    up: TransportId
    down: TransportId
    can_publish_data: bool
    hidden: bool


@dataclass(frozen=True, slots=True)
class Unseat:
    """Close both transports of who left."""

    sid: ParticipantSid
    up: TransportId
    down: TransportId


@dataclass(frozen=True, slots=True)
class SendData:
    """Send a data packet of the server's own to these transports."""

    targets: tuple[TransportId, ...]
    packet: bytes
    reliable: bool


@dataclass(frozen=True, slots=True)
class Refresh:
    """Mint a participant a token of what it is granted now. Answered by `Room.refresh`."""

    participant: ParticipantSid


@dataclass(frozen=True, slots=True)
class Happened:
    """Tell the observers."""

    event: CallEvent


@dataclass(frozen=True, slots=True)
class Note:
    """A line for the log: ids and codes, never contents."""

    event: str
    fields: Mapping[str, object]
    warning: bool = False


Asked = AcceptOffer | MakeOffer | AcceptAnswer
"""Effects that the engine answers."""

Effect = (
    Asked
    | Gather
    | Send
    | Hang
    | Route
    | Wake
    | Unroute
    | SetLayer
    | Seat
    | Unseat
    | SendData
    | Refresh
    | Happened
    | Note
)
