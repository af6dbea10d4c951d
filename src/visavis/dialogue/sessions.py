"""Sessions and ends: what begins by both, and stops or ends by one alone. Pure.

Lives here: `Place`, `Ends`, `Sessions` (sitting, recording, off-record, press call; rule book 2a §8).
Not here: consents and accords (`accord`), walking two logs (`join`).
Spec: docs/spec/record.md §8.

What a session is, by what each side has done in it, is `SESSION`, drawn in docs/states.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

import msgspec

from visavis.dialogue import verdicts
from visavis.dialogue.acts import Begin, Power, Slot, Stop

NEVER = 1 << 60
"""An index that no log reaches."""

DIALOGUE: Slot = ("dialogue",)

ENDS: dict[str, tuple[int, Power]] = {
    "text": (2, Power.SIGN),
    "talk": (2, Power.SCHEDULE),
    "dialogue": (1, Power.SIGN),
}
"""What one side can end: kind → number of parts, power."""


class Place(msgspec.Struct, frozen=True, gc=False):
    """Where an entry is judged: its cut is the own log below `index` and the other's below `eff`.

    side: 0 or 1. own, ack: what its signer had before them of the own and of the other's log.
    """

    side: int
    index: int
    eff: int
    own: int
    ack: int


class Ends:
    """What each side has ended, and at which index of its log. An end is at once, alone and for ever."""

    def __init__(self) -> None:
        self.at: tuple[dict[Slot, int], dict[Slot, int]] = ({}, {})

    def own(self, place: Place, what: Slot) -> bool:
        """Whether the side itself had ended it."""
        return self.at[place.side].get(what, NEVER) < place.index

    def within(self, place: Place, what: Slot) -> bool:
        """Whether either side had, inside the cut."""
        return self.own(place, what) or self.at[1 - place.side].get(what, NEVER) < place.eff

    def ended(self, what: Slot) -> bool:
        """Whether either side has, as far as both logs go."""
        return what in self.at[0] or what in self.at[1]

    def judge(self, place: Place, what: Slot, *, ever_consented: bool) -> str | None:
        """ever_consented: whether the side ever consented in a text's slot; nobody ends what is not theirs."""
        if what in self.at[place.side]:
            return verdicts.ENDED_ALREADY
        if what[0] == "text" and not ever_consented:
            return verdicts.NOTHING_TO_END
        return None

    def apply(self, place: Place, what: Slot) -> None:
        self.at[place.side][what] = place.index


class Half(StrEnum):
    """What one side has done in a session."""

    NOT_BEGUN = "not begun"
    BEGUN = "begun"
    STOPPED = "stopped"


class SessionState(StrEnum):
    NONE = "none"
    ASKED = "asked"
    RUNNING = "running"
    OVER = "over"


SESSION: Mapping[tuple[Half, Half], SessionState] = {
    (Half.NOT_BEGUN, Half.NOT_BEGUN): SessionState.NONE,
    (Half.NOT_BEGUN, Half.BEGUN): SessionState.ASKED,
    (Half.BEGUN, Half.NOT_BEGUN): SessionState.ASKED,
    (Half.BEGUN, Half.BEGUN): SessionState.RUNNING,
    **{(Half.STOPPED, half): SessionState.OVER for half in Half},
    **{(half, Half.STOPPED): SessionState.OVER for half in Half},
}
"""A session's state, by both sides' halves. A stop is final."""

SessionKey = tuple[str, str, int]
"""kind, talk, n."""


class Sessions:
    """Who has begun and stopped the n-th session of a kind in a talk. A stop is final for its n."""

    def __init__(self, ends: Ends) -> None:
        self.ends = ends
        self.begun: tuple[dict[SessionKey, int], dict[SessionKey, int]] = ({}, {})
        self.stopped: tuple[dict[SessionKey, int], dict[SessionKey, int]] = ({}, {})
        self.latest: dict[tuple[str, str], int] = {}

    def judge_begin(self, place: Place, move: Begin) -> str | None:
        if self.ends.within(place, ("talk", move.talk)) or self.ends.within(place, DIALOGUE):
            return verdicts.ENDED
        s, n = place.side, move.n
        if (move.kind, move.talk, n) in self.begun[s]:
            return verdicts.BEGUN_ALREADY
        before = (move.kind, move.talk, n - 1)
        if n == 1:
            return None
        if n > 1 and (
            self.stopped[s].get(before, NEVER) < place.index
            or self.stopped[1 - s].get(before, NEVER) < place.eff
        ):
            return None
        return verdicts.NOT_ITS_TURN

    def judge_stop(self, place: Place, move: Stop) -> str | None:
        key = (move.kind, move.talk, move.n)
        if key not in self.begun[place.side]:
            return verdicts.NOTHING_TO_STOP
        if key in self.stopped[place.side]:
            return verdicts.STOPPED_ALREADY
        return None

    def begin(self, place: Place, move: Begin) -> None:
        self.begun[place.side][move.kind, move.talk, move.n] = place.index
        at = (move.kind, move.talk)
        self.latest[at] = max(move.n, self.latest.get(at, 0))

    def stop(self, place: Place, move: Stop) -> None:
        self.stopped[place.side][move.kind, move.talk, move.n] = place.index

    def half(self, s: int, key: SessionKey) -> Half:
        """What side s has done in the session, as far as both logs go."""
        if key in self.stopped[s]:
            return Half.STOPPED
        return Half.BEGUN if key in self.begun[s] else Half.NOT_BEGUN

    def state(self, key: SessionKey) -> SessionState:
        """The session by what each side has done in it, whatever it lies in has ended or not."""
        return SESSION[self.half(0, key), self.half(1, key)]

    def running(self, kind: str, talk: str) -> int | None:
        """The session that both have begun and neither has stopped, or None.

        Only the latest can run: it was begun upon a stop of the one before.
        """
        n = self.latest.get((kind, talk))
        if n is None or self.ends.ended(("talk", talk)) or self.ends.ended(DIALOGUE):
            return None
        return n if self.state((kind, talk, n)) is SessionState.RUNNING else None

    def asked(self, kind: str, talk: str) -> tuple[int, int] | None:
        """(side, n) of a session that one side has begun and the other has not, nobody having stopped it."""
        n = self.latest.get((kind, talk))
        if n is None or self.ends.ended(("talk", talk)) or self.ends.ended(DIALOGUE):
            return None
        key = (kind, talk, n)
        if self.state(key) is not SessionState.ASKED:
            return None
        return (0 if key in self.begun[0] else 1), n
