"""What a room is for, and the bounds of what its clients may say. Values only.

Lives here: `RoomPolicy` and the limits of names, metadata, tracks and lists in a message.
Not here: the budget of a socket (`signalling`), holding a room to its policy (`membership`, `publishing`).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from visavis.rtc.errors import SignalMalformed
from visavis.rtc.tokens import RoomConfig

MAX_TRACKS: Final = 16
"""Of one participant: camera, microphone, screen with sound, and language channels."""
MAX_TEXT: Final = 256
MAX_METADATA: Final = 64_000
"""Bytes of a participant's metadata, and of its attributes; LiveKit's own figure."""
MAX_LAYERS: Final = 4
MAX_SUBSCRIPTIONS: Final = 1024


@dataclass(frozen=True, slots=True)
class RoomPolicy:
    """What a room is for.

    encrypted: True: a call; a track that says it is not encrypted is refused, and its client leaves.
    False: for everybody to hear; an encrypted track is refused likewise (design 3a §6). None: whatever comes.
    max_participants: 0: no limit. max_tracks: of one participant.
    empty_s, departure_s: how long a room stays that nobody has come to yet, and one that everybody has left.
    simulations: whether clients may ask for LiveKit's test scenarios.
    sync_streams: whether a client plays sound and picture of one camera, or of one screen, together: then one waits
    for the other; else each comes as soon as it can.
    configurable: whether whoever makes a room may say how long it stays, how many it holds, and its metadata.
    """

    encrypted: bool | None = True
    max_participants: int = 64
    max_tracks: int = MAX_TRACKS
    empty_s: int = 0
    departure_s: int = 0
    simulations: bool = False
    configurable: bool = False
    sync_streams: bool = False

    def configured(self, config: RoomConfig | None) -> RoomPolicy:
        """This policy as a token or the server API wants it for a room that is made, where that is allowed."""
        if config is None or not self.configurable:
            return self
        return replace(
            self,
            empty_s=config.empty_timeout or self.empty_s,
            departure_s=config.departure_timeout or self.departure_s,
            max_participants=config.max_participants or self.max_participants,
            sync_streams=config.sync_streams or self.sync_streams,
        )


def bounded(*texts: str) -> None:
    """Raises `SignalMalformed` if a name is too long."""
    if any(len(x) > MAX_TEXT for x in texts):
        raise SignalMalformed("A name is too long.", characters=MAX_TEXT)
