"""The accord: the one machine for all that takes both. Pure.

Lives here: slots, offers, accords; the rules of consent R-T … R-F (rule book 2a §5), tabling, withdrawing,
declining, and what may not be erased because it binds.
Not here: whether an act is well-formed and its signer may do it (`fold`), walking two logs (`join`), what a
subject says (the slices).
Spec: docs/spec/record.md §§5–7.

A slot holds a chain of accords, null → v1 → v2 …; a consent of one side is an offer to the other. What becomes of
it is `COURSE`, drawn in docs/states.md.

Every question is asked at a `Place`, the entry's own cut, and never of anything outside it.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

from visavis.dialogue import verdicts
from visavis.dialogue.acts import Consent, Decline, Power, Slot, Subject, Withdraw
from visavis.dialogue.sessions import DIALOGUE, NEVER, Ends, Place


@dataclass(frozen=True, slots=True)
class SlotKind:
    """What may be agreed under one name.

    parts:   of the slot, the kind included.
    tabled:  its subjects are tabled first (R-T). carried: the consent itself carries the subject. Neither:
             each side consents to a hash of its own, once ("together"). Where subjects are tabled, a consent
             may carry its own: it tables and consents at once.
    ends:    a slot of this kind takes no consent once its talk, or it itself, has ended.
    """

    parts: int
    power: Power
    tabled: bool = True
    carried: bool = False
    ends: str = ""


SLOTS: dict[str, SlotKind] = {
    "time": SlotKind(2, Power.SCHEDULE, ends="talk"),
    "agenda": SlotKind(2, Power.SCHEDULE, ends="talk"),
    "text": SlotKind(2, Power.SIGN, ends="text"),
    "readout": SlotKind(2, Power.RELEASE),
    "opening": SlotKind(2, Power.RECORD),
    "rules": SlotKind(1, Power.SIGN, tabled=False, carried=True),
    "together": SlotKind(3, Power.RELEASE, tabled=False),
}
MAX_PART = 64

EXCHANGED = "exchanged"
"""What stands as the hash of an accord in "together", where each side deposited its own."""


def is_slot(slot: Slot) -> bool:
    """Whether both sides can agree anything under this name."""
    kind = SLOTS.get(slot[0]) if slot else None
    return (
        kind is not None
        and len(slot) == kind.parts
        and all(1 <= len(part) <= MAX_PART and "/" not in part for part in slot)
    )


def ended_by(slot: Slot) -> Slot | None:
    """The end that closes this slot for good, beside the dialogue's; None if nothing does."""
    kind = SLOTS[slot[0]]
    return (kind.ends, slot[1]) if kind.ends else None


class OfferStatus(StrEnum):
    OPEN = "open"
    PENDING = "withdrawal pending"
    CLOSED = "closed"
    FORMED = "formed"


class OfferEvent(StrEnum):
    """What can happen to an offer. Of "the other": the side to which it is open."""

    MATCHED = "the other consents to the same hash"
    WITHDRAWN = "its own side withdraws it, or ends what it is about"
    HEARD = "the other's log acknowledges the withdrawal"
    ANSWERED = "the other, having heard it, declines it or offers another"


COURSE: Mapping[tuple[OfferStatus, OfferEvent], OfferStatus] = {
    (OfferStatus.OPEN, OfferEvent.MATCHED): OfferStatus.FORMED,
    (OfferStatus.OPEN, OfferEvent.WITHDRAWN): OfferStatus.PENDING,
    (OfferStatus.OPEN, OfferEvent.ANSWERED): OfferStatus.CLOSED,
    (OfferStatus.PENDING, OfferEvent.MATCHED): OfferStatus.FORMED,
    (OfferStatus.PENDING, OfferEvent.HEARD): OfferStatus.CLOSED,
    (OfferStatus.PENDING, OfferEvent.ANSWERED): OfferStatus.CLOSED,
}
"""What becomes of an offer, by state and event; nothing where there is no row. Matched while the withdrawal is
pending: it came too late. `Accords.status` reckons the state from indices in both logs, whatever their order; the
tests hold it to this table."""


@dataclass(slots=True)
class Offer:
    """One consent of one side.

    at:        its index in its side's log.
    withdrawn: index of its withdrawal. formed: index of the other's matching consent, in the other's log.
    closed:    index in the other's log from which it is closed to the other; kept once known, since it never
               changes.
    """

    hash: str
    at: int
    withdrawn: int | None = None
    formed: int | None = None
    closed: int | None = None


class Turn(NamedTuple):
    """An act of a side that may answer an offer of the other: a consent or a decline."""

    at: int
    eff: int
    hash: str
    declines: bool


class Accord(NamedTuple):
    """Two consents to one hash, at index at[0] of the first side's log and at[1] of the second's."""

    hash: str
    at: tuple[int, int]


@dataclass(slots=True)
class SlotState:
    """All that was done in one slot. Index 0, 1: by which side."""

    offers: tuple[list[Offer], list[Offer]] = field(default_factory=lambda: ([], []))
    turns: tuple[list[Turn], list[Turn]] = field(default_factory=lambda: ([], []))
    touched: list[int] = field(default_factory=lambda: [-1, -1])
    accords: list[Accord] = field(default_factory=list)


class Accords:
    """The machine. `eff`: per side, the running greatest true acknowledgement of each judged entry."""

    def __init__(self, eff: tuple[list[int], list[int]], ends: Ends) -> None:
        self.eff = eff
        self.ends = ends
        self.slots: dict[Slot, SlotState] = {}
        self.tabled: dict[str, Subject] = {}
        self.tabled_at: tuple[dict[str, int], dict[str, int]] = ({}, {})
        # commitment → slots in which that side consented to a subject that holds it; and accords on such
        self._consented: tuple[dict[str, dict[Slot, None]], dict[str, dict[Slot, None]]] = ({}, {})
        self._accorded: dict[str, list[Accord]] = {}

    # --- at a place -------------------------------------------------------------------------------

    def current(self, place: Place, slot: Slot) -> Accord | None:
        """The slot's latest accord both of whose consents are in the cut."""
        state = self.slots.get(slot)
        if state is not None:
            for accord in reversed(state.accords):
                if _in_cut(place, accord):
                    return accord
        return None

    def ended_within(self, place: Place, slot: Slot) -> bool:
        """Whether, inside the cut, an end has closed the slot (the dialogue's aside)."""
        end = ended_by(slot)
        return end is not None and self.ends.within(place, end)

    def own_latest(self, place: Place, slot: Slot) -> Offer | None:
        """The side's own latest consent in the slot, whatever became of it."""
        state = self.slots.get(slot)
        return state.offers[place.side][-1] if state is not None and state.offers[place.side] else None

    def ever_consented(self, side: int, slot: Slot) -> bool:
        state = self.slots.get(slot)
        return state is not None and bool(state.offers[side])

    def seen_tabled(self, place: Place, hash_: str) -> Subject | None:
        """What was tabled under that hash inside the person's view, or None."""
        return self.tabled.get(hash_) if self._saw(place, hash_) else None

    def _saw(self, place: Place, hash_: str) -> bool:
        """Whether it was tabled inside what the signer had before them (not: inside the cut)."""
        s = place.side
        return (
            self.tabled_at[s].get(hash_, NEVER) < place.own
            or self.tabled_at[1 - s].get(hash_, NEVER) < place.ack
        )

    def _gone_at(self, s: int, slot: Slot, offer: Offer) -> int:
        """Index of the own withdrawal of an offer of side s, or of the own end that withdraws it; else NEVER."""
        gone = NEVER if offer.withdrawn is None else offer.withdrawn
        for end in (DIALOGUE, slot):
            if (index := self.ends.at[s].get(end, NEVER)) > offer.at:
                gone = min(gone, index)
        return gone

    def closed_at(self, s: int, slot: Slot, offer: Offer) -> int:
        """Index in the other's log from which `offer`, of side s, is closed to it; NEVER while it is open.

        R-W: a withdrawal (or an end) counts from the other's first entry that has heard it.
        R-C: so does the other's decline, or its consent to another hash, if it had heard the offer.
        """
        if offer.closed is not None:
            return offer.closed
        o = 1 - s
        gone = self._gone_at(s, slot, offer)
        at = NEVER
        if gone < NEVER:
            heard = bisect_right(self.eff[o], gone)
            if heard < len(self.eff[o]):
                at = heard
        if slot[0] != "together":
            turns = self.slots[slot].turns[o] if slot in self.slots else []
            for k in range(bisect_right(turns, offer.at, key=_turn_eff), len(turns)):
                turn = turns[k]
                if turn.at >= at:
                    break
                if (turn.hash == offer.hash) is turn.declines:
                    at = turn.at
                    break
        if at < NEVER:
            offer.closed = at
        return at

    def pen_free(self, place: Place, slot: Slot) -> bool:
        """R-P: whether the side has no consent in the slot that is still open at the cut."""
        last = self.own_latest(place, slot)
        if last is None or (last.formed is not None and last.formed < place.eff):
            return True
        return self.closed_at(place.side, slot, last) < place.eff

    # --- judging ----------------------------------------------------------------------------------

    def judge_table(self, place: Place, subject: Subject) -> str | None:
        if subject.base is None:
            return None
        base = self.tabled.get(subject.base)
        if base is None or not self._saw(place, subject.base):
            return verdicts.BASE_NOT_TABLED
        if base.slot != subject.slot:
            return verdicts.BASE_OF_ANOTHER
        return None if base.kind == subject.kind else verdicts.KIND_CHANGED

    def judge_consent(self, place: Place, move: Consent) -> str | None:
        slot, kind = move.slot, SLOTS[move.slot[0]]
        if self.ends.within(place, DIALOGUE):
            return verdicts.DIALOGUE_ENDED
        current = self.current(place, slot)
        if kind.tabled or kind.carried:
            subject = move.subject
            if subject is not None:
                refused = self.judge_table(place, subject) if kind.tabled else None
                if refused is not None:
                    return refused
            else:
                subject = self.seen_tabled(place, move.hash)
                if subject is None:
                    return verdicts.NOT_TABLED
                if subject.slot != slot:
                    return verdicts.WRONG_SLOT
            if self.ended_within(place, slot):
                return verdicts.ENDED
            if (None if current is None else current.hash) != subject.base:
                return verdicts.BASE_NOT_IN_FORCE
        elif current is not None:
            return verdicts.EXCHANGED_ALREADY
        state = self.slots.get(slot)
        if state is not None and state.touched[place.side] >= place.own:
            return verdicts.STALE
        return None if self.pen_free(place, slot) else verdicts.PEN_IN_USE

    def judge_withdraw(self, place: Place, move: Withdraw) -> str | None:
        last = self.own_latest(place, move.slot)
        if last is None or last.hash != move.hash or last.withdrawn is not None:
            return verdicts.NOTHING_TO_WITHDRAW
        if last.formed is not None and last.formed < place.eff:
            return verdicts.IN_FORCE_ALREADY
        return None

    def judge_decline(self, place: Place, move: Decline) -> str | None:
        o = 1 - place.side
        state = self.slots.get(move.slot)
        offers: Sequence[Offer] = state.offers[o] if state is not None else ()
        heard = bisect_left(offers, place.eff, key=_offer_at)
        offer = offers[heard - 1] if heard else None
        if (
            offer is None
            or offer.hash != move.hash
            or (offer.formed is not None and offer.formed < place.index)
            or self.closed_at(o, move.slot, offer) < place.index
        ):
            return verdicts.NOTHING_TO_DECLINE
        return None

    def judge_erase(self, place: Place, commitment: str) -> str | None:
        """What is in force, ever was, or is open to the other in an own consent, keeps its contents."""
        if any(_in_cut(place, accord) for accord in self._accorded.get(commitment, ())):
            return verdicts.BINDS_YOU
        for slot in self._consented[place.side].get(commitment, ()):
            if self._binds(place, slot, commitment):
                return verdicts.BINDS_YOU
        return None

    def _binds(self, place: Place, slot: Slot, commitment: str) -> bool:
        last = self.own_latest(place, slot)
        subject = self.tabled.get(last.hash) if last is not None else None
        return subject is not None and commitment in subject.commitments and not self.pen_free(place, slot)

    # --- applying ---------------------------------------------------------------------------------

    def table(self, place: Place, subject: Subject, hash_: str) -> None:
        self.tabled.setdefault(hash_, subject)
        self.tabled_at[place.side].setdefault(hash_, place.index)

    def consent(self, place: Place, move: Consent) -> None:
        """Add the offer; R-F: with the other's matching one, neither closed to the other, it is an accord."""
        s, o, slot, hash_ = place.side, 1 - place.side, move.slot, move.hash
        state = self.slots.get(slot)
        if state is None:
            state = self.slots[slot] = SlotState()
        if move.subject is not None and SLOTS[slot[0]].tabled:
            self.table(place, move.subject, hash_)
        elif move.subject is not None:
            self.tabled.setdefault(hash_, move.subject)
        mine = Offer(hash_, place.index)
        state.offers[s].append(mine)
        state.turns[s].append(Turn(place.index, place.eff, hash_, declines=False))
        state.touched[s] = place.index
        subject = self.tabled.get(hash_)
        commitments = subject.commitments if subject is not None and subject.slot == slot else frozenset()
        for commitment in commitments:
            self._consented[s].setdefault(commitment, {})[slot] = None
        if not state.offers[o]:
            return
        theirs = state.offers[o][-1]
        together = slot[0] == "together"
        if (
            (theirs.hash == hash_ or together)
            and theirs.formed is None
            and theirs.at < self.closed_at(s, slot, mine)
            and place.index < self.closed_at(o, slot, theirs)
        ):
            mine.formed, theirs.formed = theirs.at, place.index
            at = (place.index, theirs.at) if s == 0 else (theirs.at, place.index)
            accord = Accord(EXCHANGED if together else hash_, at)
            state.accords.append(accord)
            for commitment in commitments:
                self._accorded.setdefault(commitment, []).append(accord)

    def withdraw(self, place: Place, move: Withdraw) -> None:
        state = self.slots[move.slot]
        state.offers[place.side][-1].withdrawn = place.index
        state.touched[place.side] = place.index

    def decline(self, place: Place, move: Decline) -> None:
        self.slots[move.slot].turns[place.side].append(Turn(place.index, place.eff, move.hash, declines=True))

    def settle(self, place: Place, commitment: str) -> None:
        """Forget, upon an erasure, slots whose consent holds the commitment no more: they will not bind it
        again but by a new consent. Keeps many erasures linear."""
        slots = self._consented[place.side].get(commitment)
        while slots:
            slot = next(iter(slots))
            if self._binds(place, slot, commitment):
                return
            del slots[slot]

    # --- as both logs go --------------------------------------------------------------------------

    def status(self, s: int, slot: Slot, offer: Offer) -> OfferStatus:
        """What became of an offer of side s, as far as both logs go."""
        if offer.formed is not None:
            return OfferStatus.FORMED
        if self.closed_at(s, slot, offer) < NEVER:
            return OfferStatus.CLOSED
        return OfferStatus.OPEN if self._gone_at(s, slot, offer) == NEVER else OfferStatus.PENDING

    def latest(self, slot: Slot) -> Accord | None:
        """The slot's latest accord, ended or not."""
        state = self.slots.get(slot)
        return state.accords[-1] if state is not None and state.accords else None

    def is_ended(self, slot: Slot) -> bool:
        """Whether either side has ended what the slot rests on (the dialogue's end leaves it standing)."""
        end = ended_by(slot)
        return end is not None and self.ends.ended(end)


def _in_cut(place: Place, accord: Accord) -> bool:
    return accord.at[place.side] < place.index and accord.at[1 - place.side] < place.eff


def _turn_eff(turn: Turn) -> int:
    return turn.eff


def _offer_at(offer: Offer) -> int:
    return offer.at
