"""What one chair sees of the common state: who said what, what is sealed by whom. Pure.

Lives here: `Mark` (who, when), `Seal` and `DoubleSeal`, `Word` (a register with its mark), reading helpers that
all slices' views share.
Not here: verdicts and accords (`join`, `accord`), what a slot or a register means (the slices), words for people.

`us` is always the reader's own chair, 0 or 1 as in `joint.sides`; every view has `ours` and `theirs`, and
exchanging the chairs exchanges the two and nothing else.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from visavis.dialogue.accord import Offer, OfferStatus
from visavis.dialogue.acts import Power, Slot, Subject
from visavis.dialogue.join import Joint
from visavis.dialogue.memo import remembered
from visavis.dialogue.model import PROFILE
from visavis.dialogue.steps import Step, Steps
from visavis.dialogue.times import instant

DEFAULT_ZONE = "Etc/UTC"
DEFAULT_LANGUAGE = "en"


@dataclass(frozen=True, slots=True)
class Mark:
    """Who entered an act, in which capacity, where and when.

    side: the side's id. name: commitment to the delegate's name, or None. time: as that side's node states it;
    no rule reads it. index: of the entry in that side's log.
    """

    side: str
    delegate: str
    role: str
    name: str | None
    time: str
    index: int


@dataclass(frozen=True, slots=True)
class Word:
    """A register of one side: key, latest value, who entered it."""

    key: tuple[str, ...]
    value: Mapping[str, Any]
    mark: Mark


class SealState(StrEnum):
    """Half of a double seal."""

    EMPTY = "empty"
    PENDING = "pending"
    """The other half is sealed: this one is waited for."""
    SEALED = "sealed"
    WITHDRAWING = "withdrawing"
    """Withdrawn, not heard by the other yet: they may still seal."""
    WITHDRAWN = "withdrawn"
    DECLINED = "declined"
    """This side declined it, or answered with another text."""
    FALLEN = "fallen"
    """Sealed once; the other side declined it."""


@dataclass(frozen=True, slots=True)
class Seal:
    """late: it was withdrawn, and the withdrawal came too late: the other had sealed before hearing it."""

    state: SealState
    mark: Mark | None = None
    late: bool = False

    @property
    def stands(self) -> bool:
        """Sealed, as far as the other side is known to know: a withdrawal that it has not heard does not undo it."""
        return self.state in (SealState.SEALED, SealState.WITHDRAWING)


@dataclass(frozen=True, slots=True)
class DoubleSeal:
    """Both consents to one hash in one slot.

    agreed: both sealed it, once. in_force: it is what stands there now.
    ended: what it rests on has ended, or the dialogue before it was agreed.
    replaced: a successor is agreed. acknowledged: both logs are known to know both seals.
    ours_first: our seal precedes theirs (True), theirs ours (False), or neither knew of the other's (None).
    """

    slot: str
    hash: str
    ours: Seal
    theirs: Seal
    agreed: bool
    in_force: bool
    ended: bool
    replaced: bool
    acknowledged: bool
    ours_first: bool | None

    @property
    def open(self) -> bool:
        """Whether somebody can still seal it, or has yet to."""
        dead = (SealState.DECLINED, SealState.FALLEN, SealState.WITHDRAWN)
        return not (self.agreed or self.ended or self.ours.state in dead or self.theirs.state in dead)


@dataclass(frozen=True, slots=True)
class Tabled:
    """A subject on the table: its hash, what it says, who tabled it (one mark for each side that did)."""

    hash: str
    subject: Subject
    marks: tuple[Mark, ...]


def mark(joint: Joint, s: int, index: int) -> Mark:
    """Who entered side s's entry `index`."""
    state = joint.sides[s]
    entry = state.entry(index)
    if entry is None:  # only a malformed leaf has none, and such a leaf has no effect to be marked
        return Mark(state.id, "", "", None, "", index)
    who = state.delegates.get(entry.signed.delegate)
    role, name = (who.role, who.name) if who is not None else ("", None)
    return Mark(state.id, entry.signed.delegate, role, name, entry.time, index)


def moment(time: str) -> datetime | None:
    """A node's stated time, aware, UTC; None if it is not a time (nobody checks it when it is written)."""
    return instant(time)


# --- registers ------------------------------------------------------------------------------------


def word(joint: Joint, s: int, key: tuple[str, ...]) -> Word | None:
    """Side s's register, as it stands; None if it never spoke."""
    history = joint.register_history(s, key)
    if not history:
        return None
    index, value = history[-1]
    return Word(key, value, mark(joint, s, index))


@remembered
def _keys(joint: Joint, s: int) -> Mapping[tuple[str, ...], tuple[tuple[str, ...], ...]]:
    """Every beginning of a key of side s's registers → the keys that begin so."""
    found: dict[tuple[str, ...], list[tuple[str, ...]]] = {}
    for key in joint.registers(s):
        for n in range(len(key) + 1):
            found.setdefault(key[:n], []).append(key)
    return {prefix: tuple(keys) for prefix, keys in found.items()}


@remembered
def words(joint: Joint, s: int, prefix: tuple[str, ...]) -> tuple[Word, ...]:
    """All registers of side s below `prefix`, in the order of their latest entries."""
    found = [w for key in _keys(joint, s).get(prefix, ()) if (w := word(joint, s, key)) is not None]
    return tuple(sorted(found, key=lambda w: w.mark.index))


def profile(joint: Joint, s: int) -> tuple[str, tuple[str, ...]]:
    """Side s's IANA zone and its languages; UTC and the languages of its name until it says otherwise."""
    said = joint.register(s, PROFILE)
    if said is not None:
        return str(said["zone"]), tuple(said["languages"])
    founding = joint.sides[s].founding
    names = tuple(language for language, _ in founding.names) if founding is not None else ()
    return DEFAULT_ZONE, names or (DEFAULT_LANGUAGE,)


def first_language(joint: Joint, s: int) -> str:
    return profile(joint, s)[1][0]


def spoken(joint: Joint, s: int, said: Mapping[str, str] | str | None) -> Mapping[str, str]:
    """What a person wrote, by language: one plain string stands in the side's first language."""
    if said is None:
        return {}
    return {first_language(joint, s): said} if isinstance(said, str) else said


# --- talks, as far as every slice needs to know them -------------------------------------------------


@remembered
def start_of(joint: Joint, talk: str | None) -> str:
    """A talk's start as agreed, else as proposed last: RFC 3339 UTC in one spelling, so it sorts as time does.

    "" for no talk, or one that nobody proposed.
    """
    if talk is None:
        return ""
    found = agreed(joint, ("time", talk))
    if found is None:
        proposed = tabled(joint, "time", talk)
        found = proposed[-1].subject if proposed else None
    return "" if found is None else str(found.body["start"])


def end_acts(joint: Joint, talk: str) -> frozenset[str]:
    """The types of the acts by which either side ended the talk; empty while nobody has."""
    found = set()
    for s in (0, 1):
        index = joint.ends.at[s].get(("talk", talk))
        entry = None if index is None else joint.sides[s].entry(index)
        if entry is not None:
            found.add(str(entry.signed.act["type"]))
    return frozenset(found)


def called_off(joint: Joint, talk: str) -> bool:
    """Whether the talk was called off, and concluded by nobody."""
    return end_acts(joint, talk) == {"talk.call-off"}


@remembered
def moved_on(joint: Joint, talk: str) -> bool:
    """Whether a later talk is agreed: then nobody is kept waiting about this one."""
    start = start_of(joint, talk)
    return any(
        slot[0] == "time"
        and slot[1] != talk
        and bool(joint.accords(slot))
        and start_of(joint, slot[1]) > start
        and not called_off(joint, slot[1])
        for slot in joint.slots
    )


# --- subjects and seals ---------------------------------------------------------------------------


@remembered
def _hashes(joint: Joint) -> Mapping[str, Mapping[str, tuple[str, ...]]]:
    """Hashes of all that was tabled: slot's kind → what it is about → as tabled."""
    found: dict[str, dict[str, list[str]]] = {}
    for hash_, subject in joint.tabled.items():
        found.setdefault(subject.slot[0], {}).setdefault("/".join(subject.slot[1:]), []).append(hash_)
    return {name: {of: tuple(hashes) for of, hashes in by.items()} for name, by in found.items()}


@remembered
def tabled(joint: Joint, name: str, of: str | None = None) -> tuple[Tabled, ...]:
    """All subjects tabled in slots (name, …), or in (name, of); earliest first by the time shown."""
    by = _hashes(joint).get(name, {})
    hashes = by.get(of, ()) if of is not None else tuple(h for hashes in by.values() for h in hashes)
    found = []
    for hash_ in hashes:
        at = tuple(mark(joint, s, joint.tabled_at[s][hash_]) for s in (0, 1) if hash_ in joint.tabled_at[s])
        found.append(Tabled(hash_, joint.tabled[hash_], tuple(sorted(at, key=lambda m: (m.time, m.side)))))
    return tuple(sorted(found, key=lambda t: (t.marks[0].time if t.marks else "", t.hash)))


def tabled_subject(joint: Joint, slot: Slot, hash_: str) -> Subject | None:
    """What was tabled under that hash in that slot, or None."""
    subject = joint.tabled.get(hash_)
    return subject if subject is not None and subject.slot == slot else None


def agreed(joint: Joint, slot: Slot) -> Subject | None:
    """What both agreed last in the slot, whether or not it has ended since; None if they never did."""
    accords = joint.accords(slot)
    return joint.tabled.get(accords[-1].hash) if accords else None


def in_force(joint: Joint, slot: Slot) -> Subject | None:
    """What is in force in the slot now, or None."""
    return joint.in_force(slot)


@remembered
def double_seal(joint: Joint, us: int, slot: Slot, hash_: str) -> DoubleSeal:
    """Both halves of the seal on `hash_`, as seen from chair `us`."""
    accords = joint.accords(slot)
    accord = next((a for a in accords if a.hash == hash_), None)
    offers = tuple(_last(joint.offers(s, slot), hash_) for s in (us, 1 - us))
    seals = []
    for s, offer, other in ((us, offers[0], offers[1]), (1 - us, offers[1], offers[0])):
        seals.append(_seal(joint, s, slot, offer, other, agreed_at=None if accord is None else accord.at[s]))
    force = joint.accord_in_force(slot)
    acknowledged, first = False, None
    if accord is not None and accord is accords[-1] and (since := joint.since(slot)) is not None:
        acknowledged = None not in since.known
        first = None if since.first is None else since.first == us
    return DoubleSeal(
        "/".join(slot),
        hash_,
        seals[0],
        seals[1],
        agreed=accord is not None,
        in_force=force is not None and force.hash == hash_,
        ended=joint.machine.is_ended(slot) or (accord is None and joint.ended(("dialogue",))),
        replaced=accord is not None and accord is not accords[-1],
        acknowledged=acknowledged,
        ours_first=first,
    )


def _last(offers: Iterable[Offer], hash_: str) -> Offer | None:
    found = None
    for offer in offers:
        if offer.hash == hash_:
            found = offer
    return found


def _seal(
    joint: Joint, s: int, slot: Slot, offer: Offer | None, other: Offer | None, agreed_at: int | None
) -> Seal:
    if agreed_at is not None:
        late = offer is not None and offer.formed is not None and offer.withdrawn is not None
        return Seal(SealState.SEALED, mark(joint, s, agreed_at), late)
    if offer is None:
        if other is None:
            return Seal(SealState.EMPTY)
        status = joint.offer_status(1 - s, slot, other)
        if status is OfferStatus.CLOSED:
            # Closed by this side's word, unless its author took it back and was heard.
            return Seal(SealState.EMPTY if other.withdrawn is not None else SealState.DECLINED)
        return Seal(SealState.PENDING)
    made = mark(joint, s, offer.at)
    match joint.offer_status(s, slot, offer):
        case OfferStatus.OPEN:
            return Seal(SealState.SEALED, made)
        case OfferStatus.PENDING:
            return Seal(SealState.WITHDRAWING, made)
        case _:
            return Seal(SealState.WITHDRAWN if offer.withdrawn is not None else SealState.FALLEN, made)


def seal_steps(
    seal: DoubleSeal, *, seal_key: str, command: str, power: Power, params: Mapping[str, str]
) -> Steps:
    """What a double seal asks of either side: the half that is missing. Nothing, once it is settled.

    seal_key: "accept-time"; command: what our side would use.
    """
    if not seal.open:
        return Steps()
    told = {**params, "hash": seal.hash}
    ours, theirs = seal.ours.state, seal.theirs.state
    now: list[Step] = []
    waiting: list[Step] = []
    if ours in (SealState.EMPTY, SealState.PENDING):
        now.append(Step(seal_key, told, command, power, urgent=ours is SealState.PENDING))
    if theirs in (SealState.EMPTY, SealState.PENDING) and ours is SealState.SEALED:
        waiting.append(Step(seal_key, told, command, power))
    return Steps(tuple(now), tuple(waiting))
