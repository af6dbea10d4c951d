"""The common state: `join(fold(a), fold(b))`. Pure, symmetric, incremental.

Lives here: `Joint` (the walk over both logs, final verdicts, what is in force and what waits), `mirror`,
`preview` (would this entry stand?).
Not here: what one log alone decides (`fold`), rules of consent (`accord`), sessions and ends (`sessions`).
Spec: docs/spec/record.md §§3–8; rule book 2a §§3–5, 8, 12, 13.

Each entry is judged once, at its cut: its own log before it, and the other's log as far as its own log had
truly acknowledged. Nothing that arrives later is looked at, so a verdict never changes, and the order in
which the logs are walked does not matter, as long as it respects true acknowledgements.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from heapq import heappop, heappush
from typing import Any

from visavis.dialogue import verdicts
from visavis.dialogue.accord import Accord, Accords, Offer, OfferStatus, SlotState
from visavis.dialogue.acts import (
    Begin,
    Consent,
    Decline,
    End,
    Erase,
    Receive,
    Register,
    Rulebook,
    Slot,
    Stop,
    Subject,
    Table,
    Withdraw,
)
from visavis.dialogue.fold import ALONE, FOLDED, Judged, SideState
from visavis.dialogue.model import RULES
from visavis.dialogue.sessions import DIALOGUE, Ends, Place, Sessions
from visavis.record.entry import Entry, Seen
from visavis.record.merkle import EMPTY_ROOT, leaf_hash

Key = tuple[str, ...]
"""Of a register: ("rank", talk)."""


@dataclass(frozen=True, slots=True)
class Since:
    """From when an accord is known. There is no instant: only order, and two bounds that acks prove.

    first: 0 or 1, the side whose consent precedes the other's; None if they are concurrent.
    known: per side, the first entry of its log that is proven to know both consents; None: not shown yet.
    """

    first: int | None
    known: tuple[int | None, int | None]


@dataclass(frozen=True, slots=True)
class Waiting:
    """Something that waits for a side. what: "consent" (slot, hash) or "session" (kind, talk, n as text).

    for_side: 0 or 1, who could answer. status: of the offer.
    """

    for_side: int
    what: str
    slot: Slot
    hash: str
    status: OfferStatus


class Joint:
    """Walks two folds. `advance()` takes whatever is ready; every question is answered from what was taken.

    Index 0 is the first side given, 1 the second; `mirror` shows that nothing depends on which is which.
    order: which log to walk first each time (0 or 1), to show that it does not matter.
    """

    def __init__(
        self, a: SideState, b: SideState, rulebook: Rulebook, order: Callable[[], int] | None = None
    ) -> None:
        self.sides = (a, b)
        self.rulebook = rulebook
        self.eff: tuple[list[int], list[int]] = ([], [])
        self.verdicts: tuple[list[str | None], list[str | None]] = ([], [])
        self.ends = Ends()
        self.sessions = Sessions(self.ends)
        self.machine = Accords(self.eff, self.ends)
        self.forked = [False, False]
        """Proven: this side signed a checkpoint that its log given here does not have."""
        self._registers: tuple[dict[Key, list[Said]], dict[Key, list[Said]]] = ({}, {})
        self.erased: tuple[dict[str, int], dict[str, int]] = ({}, {})
        self.received: tuple[dict[str, int], dict[str, int]] = ({}, {})
        """Per side: where it first said that all contents of a subject are at hand, by the subject's hash."""
        self._claims = (_Claims(b, a), _Claims(a, b))  # [s]: what the other's log claims to have seen of s's
        self._beyond: tuple[list[_Beyond], list[_Beyond]] = (
            [],
            [],
        )  # [s]: false acks by s, of what is to come
        self._order = order
        self.advance()

    # --- walking ----------------------------------------------------------------------------------

    def advance(self) -> None:
        """Judge every entry that is ready. O(log n) for each, whenever it arrived."""
        for s in (0, 1):
            self._look_again(s)
        moved = True
        while moved:
            moved = False
            first = self._order() if self._order is not None else 0
            for s in (first, 1 - first):
                if self._order is not None:
                    moved = self._step(s) or moved
                    continue
                while self._step(s):
                    moved = True

    def _step(self, s: int) -> bool:
        side, index = self.sides[s], len(self.verdicts[s])
        if index >= side.size:
            return False
        judged = side.judged[index]
        taken = self._take_ack(s, index, judged.ack)
        if taken is None:
            return False
        eff, false_ack = taken
        self.eff[s].append(eff)
        place = _place(s, index, eff, judged)
        verdict = self._judge(place, judged, false_ack)
        self.verdicts[s].append(verdict)
        if verdict is None:
            self._apply(place, judged)
        if isinstance(judged.move, Erase):
            self.machine.settle(place, judged.move.commitment)
        return True

    def _take_ack(self, s: int, index: int, ack: Seen | None) -> tuple[int, bool] | None:
        """The entry's effective ack, and whether its own ack is false; None if the entry is held."""
        taken = self._settled_ack(s, ack)
        if taken is not None or ack is None:
            return taken
        other = self.sides[1 - s]
        if ack.size <= other.size:
            if other.root(ack.size) == ack.root:
                # True, and the other's entries come first. None of them acknowledges this one: its signer
                # had their hashes, and hashes make no circle.
                return None
            self.forked[1 - s] = True
        # An entry of the other's, below that size, acknowledges this very one: it cannot have been seen here
        # before it was written there. Decided before waiting, or a lie would stop both logs.
        if self._claims[s].hears(index, below=ack.size):
            if ack.size > other.size:
                heappush(self._beyond[s], (ack.size, index, ack))
            return self.eff_now(s), True
        return None

    def _look_again(self, s: int) -> None:
        """Acks that were false whatever came: now that the other's log has come so far, do they prove a fork?"""
        beyond, other = self._beyond[s], self.sides[1 - s]
        while beyond and beyond[0][0] <= other.size:
            size, _, ack = heappop(beyond)
            if other.root(size) != ack.root and other.signed(ack):
                self.forked[1 - s] = True

    def _settled_ack(self, s: int, ack: Seen | None) -> tuple[int, bool] | None:
        """The same, if the other's log as judged so far is enough to say it."""
        eff, other = self.eff_now(s), self.sides[1 - s]
        if ack is None:
            return eff, False
        if ack.size == 0:
            return eff, ack.root != EMPTY_ROOT or bool(ack.sig)
        if ack.size > other.size:
            return None
        if not other.signed(ack):
            return eff, True
        if ack.size > len(self.verdicts[1 - s]) or other.root(ack.size) != ack.root:
            return None
        return max(eff, ack.size), False

    def eff_now(self, s: int) -> int:
        """How much of the other's log side s has truly acknowledged, as far as judged."""
        return self.eff[s][-1] if self.eff[s] else 0

    # --- judging: only the place, the signer's view, and what stood before ------------------------

    def _judge(self, place: Place, judged: Judged, false_ack: bool) -> str | None:
        verdict, spec, move = judged.verdict, judged.spec, judged.move
        if verdict in verdicts.BEFORE_THE_ACT or spec is None:
            return verdict
        if spec.edition > 1 and spec.edition > self.edition_at(place):
            return verdicts.UNKNOWN_ACT  # whatever else: software that does not know the act says the same
        if verdict is not None or isinstance(move, FOLDED):
            return verdict
        if false_ack and not isinstance(move, ALONE):
            return verdicts.FALSE_ACKNOWLEDGEMENT
        match move:
            case Table(subject):
                verdict = self.machine.judge_table(place, subject)
            case Consent():
                verdict = self.machine.judge_consent(place, move)
            case Withdraw():
                verdict = self.machine.judge_withdraw(place, move)
            case Decline():
                verdict = self.machine.judge_decline(place, move)
            case End(what):
                consented = self.machine.ever_consented(place.side, what)
                verdict = self.ends.judge(place, what, ever_consented=consented)
            case Begin():
                verdict = self.sessions.judge_begin(place, move)
            case Stop():
                verdict = self.sessions.judge_stop(place, move)
            case Erase(commitment):
                verdict = self.machine.judge_erase(place, commitment)
            case Receive(hash_) if hash_ and self.machine.seen_tabled(place, hash_) is None:
                verdict = verdicts.NOT_TABLED
            case _:
                verdict = None
        return verdict if verdict is not None else spec.rule(judged.fields, _Cut(self, place))

    def edition_at(self, place: Place) -> int:
        """The edition of the rule book in force at a cut."""
        accord = self.machine.current(place, RULES)
        return 1 if accord is None else int(self.machine.tabled[accord.hash].body["edition"])

    @property
    def edition(self) -> int:
        """The edition of the rule book in force, as far as both logs go."""
        subject = self.in_force(RULES)
        return 1 if subject is None else int(subject.body["edition"])

    # --- applying ---------------------------------------------------------------------------------

    def _apply(self, place: Place, judged: Judged) -> None:
        s, index = place.side, place.index
        match judged.move:
            case Table(subject):
                self.machine.table(place, subject, judged.subject)
            case Consent() as move:
                self.machine.consent(place, move)
            case Withdraw() as move:
                self.machine.withdraw(place, move)
            case Decline() as move:
                self.machine.decline(place, move)
            case End(what):
                self.ends.apply(place, what)
            case Begin() as move:
                self.sessions.begin(place, move)
            case Stop() as move:
                self.sessions.stop(place, move)
            case Register(key, value):
                self._registers[s].setdefault(key, []).append((index, value))
            case Receive(hash_) if hash_:
                self.received[s].setdefault(hash_, index)
            case Erase(commitment):
                self.erased[s].setdefault(commitment, index)
            case _:
                pass

    # --- what people see: accords -----------------------------------------------------------------

    @property
    def slots(self) -> Mapping[Slot, SlotState]:
        """Every slot in which anybody consented."""
        return self.machine.slots

    @property
    def tabled(self) -> Mapping[str, Subject]:
        """Every subject tabled by either, by its hash."""
        return self.machine.tabled

    @property
    def tabled_at(self) -> tuple[Mapping[str, int], Mapping[str, int]]:
        """Per side: where it first tabled a subject, by hash."""
        return self.machine.tabled_at

    def accords(self, slot: Slot) -> tuple[Accord, ...]:
        """The slot's chain of accords, oldest first."""
        state = self.slots.get(slot)
        return () if state is None else tuple(state.accords)

    def accord_in_force(self, slot: Slot) -> Accord | None:
        """The latest accord, unless what it rests on has ended. The dialogue's end leaves it standing."""
        accord = self.machine.latest(slot)
        return None if accord is None or self.machine.is_ended(slot) else accord

    def in_force(self, slot: Slot) -> Subject | None:
        """What is in force in the slot; None if nothing is. For "together" see `accord_in_force`."""
        accord = self.accord_in_force(slot)
        return None if accord is None else self.tabled.get(accord.hash)

    def offers(self, s: int, slot: Slot) -> tuple[Offer, ...]:
        """All consents of side s in the slot, oldest first."""
        state = self.slots.get(slot)
        return () if state is None else tuple(state.offers[s])

    def offer_status(self, s: int, slot: Slot, offer: Offer) -> OfferStatus:
        return self.machine.status(s, slot, offer)

    def open_offer(self, s: int, slot: Slot) -> Offer | None:
        """Side s's consent that the other may still answer (its withdrawal, if any, unheard), or None."""
        state = self.slots.get(slot)
        if state is None or not state.offers[s]:
            return None
        last = state.offers[s][-1]
        status = self.machine.status(s, slot, last)
        return last if status in (OfferStatus.OPEN, OfferStatus.PENDING) else None

    def since(self, slot: Slot) -> Since | None:
        """From when the slot's latest accord is known to whom; None if there is no accord."""
        accord = self.machine.latest(slot)
        if accord is None:
            return None
        a, b = accord.at
        first = 0 if self.eff[1][b] > a else 1 if self.eff[0][a] > b else None
        known_a = max(a, bisect_right(self.eff[0], b))
        known_b = max(b, bisect_right(self.eff[1], a))
        return Since(
            first,
            (
                known_a if known_a < len(self.eff[0]) else None,
                known_b if known_b < len(self.eff[1]) else None,
            ),
        )

    def binds(self, s: int, commitment: str) -> bool:
        """Whether an erasure by side s would be void now: of what is or was in force, or is open to the other."""
        own, ack = len(self.verdicts[s]), len(self.verdicts[1 - s])
        return self.machine.judge_erase(Place(s, own, ack, own, ack), commitment) is not None

    # --- what people see: the rest ----------------------------------------------------------------

    def running(self, kind: str, talk: str) -> int | None:
        """Number of the session of that kind that runs in the talk, or None."""
        return self.sessions.running(kind, talk)

    def ended(self, what: Slot) -> bool:
        """Whether either side has ended it: ("text", u), ("talk", t), ("dialogue",)."""
        return self.ends.ended(what)

    def ended_by(self, what: Slot) -> tuple[bool, bool]:
        return what in self.ends.at[0], what in self.ends.at[1]

    def register(self, s: int, key: Key) -> Mapping[str, Any] | None:
        """Side s's register: the latest value, or None."""
        said = self._registers[s].get(key)
        return said[-1][1] if said else None

    def register_history(self, s: int, key: Key) -> tuple[Said, ...]:
        """All that side s entered in the register, as (index in its log, value), oldest first."""
        return tuple(self._registers[s].get(key, ()))

    def registers(self, s: int, prefix: Key = ()) -> dict[Key, Mapping[str, Any]]:
        """The latest value of each of side s's registers whose key begins with `prefix`."""
        return {key: said[-1][1] for key, said in self._registers[s].items() if key[: len(prefix)] == prefix}

    @property
    def held(self) -> tuple[int, int]:
        """How many entries at the end of each log wait for entries of the other that are not at hand."""
        return (
            self.sides[0].size - len(self.verdicts[0]),
            self.sides[1].size - len(self.verdicts[1]),
        )

    def owes_receipt(self, s: int) -> bool:
        """Whether side s has not acknowledged something of the other's that is more than receipts (2a §6)."""
        return self.sides[1 - s].matters > self.sides[s].acked

    def waiting(self) -> tuple[Waiting, ...]:
        """What waits for whom: open consents for the other's answer, sessions begun by one side."""
        found = []
        for slot, state in self.slots.items():
            if self.machine.is_ended(slot) or self.ends.ended(DIALOGUE):
                continue
            for s in (0, 1):
                offer = state.offers[s][-1] if state.offers[s] else None
                if offer is not None:
                    status = self.machine.status(s, slot, offer)
                    if status in (OfferStatus.OPEN, OfferStatus.PENDING):
                        found.append(Waiting(1 - s, "consent", slot, offer.hash, status))
        for kind, talk in self.sessions.latest:
            asked = self.sessions.asked(kind, talk)
            if asked is not None:
                slot = (kind, talk, str(asked[1]))
                found.append(Waiting(1 - asked[0], "session", slot, "", OfferStatus.OPEN))
        return tuple(found)

    def state(self) -> dict[str, Any]:
        """Everything, as one comparable value. Index 0 is the first side given."""
        slots = {
            slot: (
                tuple(state.accords),
                tuple(
                    tuple((o.hash, o.at, self.machine.status(s, slot, o)) for o in state.offers[s])
                    for s in (0, 1)
                ),
            )
            for slot, state in self.slots.items()
        }
        return {
            "verdicts": tuple(tuple(v) for v in self.verdicts),
            "slots": slots,
            "in_force": {slot: a.hash if (a := self.accord_in_force(slot)) else None for slot in slots},
            "ends": tuple(dict(x) for x in self.ends.at),
            "begun": tuple(dict(x) for x in self.sessions.begun),
            "stopped": tuple(dict(x) for x in self.sessions.stopped),
            "running": {at: self.running(*at) for at in self.sessions.latest},
            "registers": tuple({k: tuple(v) for k, v in x.items()} for x in self._registers),
            "erased": tuple(dict(x) for x in self.erased),
            "received": tuple(dict(x) for x in self.received),
            "forked": tuple(self.forked),
            "tabled": frozenset(self.tabled),
            "tabled_at": tuple(dict(x) for x in self.tabled_at),
            "waiting": frozenset(self.waiting()),
        }


Said = tuple[int, Mapping[str, Any]]
"""(index in the side's log, value)."""
_Beyond = tuple[int, int, Seen]
"""(size, index of the entry, what it acknowledges)."""


def join(a: SideState, b: SideState, rulebook: Rulebook, order: Callable[[], int] | None = None) -> Joint:
    """The common state of two sides."""
    return Joint(a, b, rulebook, order)


def mirror(state: Mapping[str, Any]) -> dict[str, Any]:
    """The same state, seen from the other chair: `join(b, a).state() == mirror(join(a, b).state())`."""
    out = dict(state)
    for name in (
        "verdicts",
        "ends",
        "begun",
        "stopped",
        "registers",
        "erased",
        "received",
        "tabled_at",
        "forked",
    ):
        out[name] = tuple(reversed(state[name]))
    out["slots"] = {
        slot: (tuple(Accord(a.hash, (a.at[1], a.at[0])) for a in accords), tuple(reversed(offers)))
        for slot, (accords, offers) in state["slots"].items()
    }
    out["waiting"] = frozenset(
        Waiting(1 - w.for_side, w.what, w.slot, w.hash, w.status) for w in state["waiting"]
    )
    return out


def preview(joint: Joint, s: int, entry: Entry, *, proven: bool = False) -> str | None:
    """Would this entry stand as the next of side s's log? The verdict that writing it would give.

    Changes nothing.
    proven: take the proof as good: it is yet to be made.
    `verdicts.HELD` if it could not be judged yet. Agrees exactly with `append` and `advance`.
    """
    side, other = joint.sides[s], joint.sides[1 - s]
    judged, index = side.judge(entry.leaf, proven=proven), side.size
    taken = joint._settled_ack(s, judged.ack) if index == len(joint.verdicts[s]) else None
    if taken is not None:
        eff, false_ack = taken
        return joint._judge(_place(s, index, eff, judged), judged, false_ack)
    # Something is held: the candidate itself may be what it waits for. Rare, so walk it all on a copy.
    grown = side.prefix(index)
    grown.add(judged, leaf_hash(entry.leaf))
    walked = Joint(*((grown, other) if s == 0 else (other, grown)), joint.rulebook)
    return walked.verdicts[s][index] if index < len(walked.verdicts[s]) else verdicts.HELD


def _place(s: int, index: int, eff: int, judged: Judged) -> Place:
    if judged.entry is None:
        return Place(s, index, eff, 0, 0)
    signed = judged.entry.signed
    return Place(s, index, eff, signed.own.size, signed.ack.size)


class _Claims:
    """Which entries of `hearer`'s log truly acknowledge entries of `spoken`'s: what decides whether an ack
    that reaches beyond the entries at hand is a lie. Amortised O(log n) for each entry."""

    def __init__(self, hearer: SideState, spoken: SideState) -> None:
        self.hearer = hearer
        self.spoken = spoken
        self._read = 0  # entries of the hearer taken in
        self._unsure: list[_Beyond] = []  # (size, index, ack) beyond `spoken` as it is; a heap
        self._front: list[
            tuple[int, int]
        ] = []  # (index, size), both ascending: who heard more, earliest first

    def hears(self, index: int, *, below: int) -> bool:
        """Whether an entry of the hearer before `below` truly acknowledges `spoken`'s entry `index`."""
        self._take()
        at = bisect_right(self._front, index, key=_heard)
        return at < len(self._front) and self._front[at][0] < below

    def _take(self) -> None:
        while self._unsure and self._unsure[0][0] <= self.spoken.size:
            _, j, ack = heappop(self._unsure)
            self._weigh(j, ack)
        for j in range(self._read, self.hearer.size):
            ack_of_j = self.hearer.judged[j].ack
            if ack_of_j is not None and ack_of_j.size > self.spoken.size:
                heappush(self._unsure, (ack_of_j.size, j, ack_of_j))
            elif ack_of_j is not None:
                self._weigh(j, ack_of_j)
        self._read = self.hearer.size

    def _weigh(self, j: int, ack: Seen) -> None:
        """Keep (j, size) unless an earlier entry heard as much; drop later ones that heard no more."""
        front, size = self._front, ack.size
        at = bisect_right(front, (j, size))
        if size == 0 or (at and front[at - 1][1] >= size):
            return
        if self.spoken.root(size) != ack.root or not self.spoken.signed(ack):
            return
        end = at
        while end < len(front) and front[end][1] <= size:
            end += 1
        front[at:end] = [(j, size)]


def _heard(claim: tuple[int, int]) -> int:
    return claim[1]


class _Cut:
    """The state at one entry's cut, as a slice's own rule may see it (`acts.Cut`)."""

    def __init__(self, joint: Joint, place: Place) -> None:
        self._joint = joint
        self._place = place

    def in_force(self, slot: Slot) -> Subject | None:
        return None if self._joint.machine.ended_within(self._place, slot) else self.formed(slot)

    def formed(self, slot: Slot) -> Subject | None:
        accord = self._joint.machine.current(self._place, slot)
        return None if accord is None else self._joint.tabled.get(accord.hash)

    def exchanged(self, slot: Slot) -> bool:
        return self._joint.machine.current(self._place, slot) is not None

    def tabled(self, hash_: str) -> Subject | None:
        return self._joint.machine.seen_tabled(self._place, hash_)

    def own_consent(self, slot: Slot) -> str | None:
        offer = self._joint.machine.own_latest(self._place, slot)
        return None if offer is None else offer.hash

    def ended(self, what: Slot) -> bool:
        return self._joint.ends.within(self._place, what)

    def own_ended(self, what: Slot) -> bool:
        return self._joint.ends.own(self._place, what)

    def own_register(self, key: Key) -> Mapping[str, Any] | None:
        return self._register(self._place.side, key, self._place.index)

    def other_register(self, key: Key) -> Mapping[str, Any] | None:
        return self._register(1 - self._place.side, key, self._place.eff)

    def _register(self, s: int, key: Key, below: int) -> Mapping[str, Any] | None:
        said = self._joint._registers[s].get(key, [])
        at = bisect_right(said, below - 1, key=lambda one: one[0])
        return said[at - 1][1] if at else None

    def own_begun(self, kind: str, talk: str, n: int) -> bool:
        return (kind, talk, n) in self._joint.sessions.begun[self._place.side]
