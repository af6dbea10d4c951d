"""What an act is: a row of the rule book's table, and the move it makes in the two-log machine. Pure.

Lives here: powers, proof levels, `Subject`, the moves, `ActSpec`, `Rulebook`.
Not here: the acts themselves (each slice's `model.py` exports `ACTS`), the verdicts (`fold`, `join`).
Spec: docs/spec/record.md §§5–8.

A slice brings its acts as a tuple of `ActSpec`; `visavis.rulebook` composes all slices' into the edition.
So `fold` and `join` know a dozen moves and no slice, and a slice knows no log.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol

import msgspec

from visavis.errors import Malformed
from visavis.record import canonical
from visavis.record.digest import digest, to_text
from visavis.record.proof import Passkey

Slot = tuple[str, ...]
"""What may be agreed, or ended: ("text", understanding), ("agenda", talk), ("time", talk), ("talk", talk),
("readout", talk), ("together", talk, label), ("rules",), ("dialogue",). Spelt "agenda/<talk>" in JSON."""


def slot_text(slot: Slot) -> str:
    return "/".join(slot)


def slot_of(text: str) -> Slot:
    return tuple(text.split("/"))


class Power(StrEnum):
    """What a delegate may do for its side (rule book §6)."""

    ADMIT = "admit"
    SCHEDULE = "schedule"
    SIGN = "sign"
    RECORD = "record"
    RELEASE = "release"
    SPEAK = "speak"


class ProofLevel(StrEnum):
    """Who may prove an act: a user-verified delegate, a delegate or its admitted device, the node itself."""

    USER = "U"
    DEVICE = "D"
    NODE = "N"


@dataclass(frozen=True, slots=True)
class Subject:
    """What two consents can bring into force. Its hash covers slot, base, kind and every content.

    base:        hash of the subject now in force in the slot that this one replaces, or None.
    kind:        "guarantee", "understanding", "agenda", "time", …; a successor keeps it.
    body:        the slice's own structure, canonical-JSON-able; contents only as commitments.
    commitments: every commitment in `body`: what may not be erased while it binds.
    """

    slot: Slot
    base: str | None
    kind: str
    body: Mapping[str, Any]
    commitments: frozenset[str] = frozenset()

    @property
    def hash(self) -> str:
        """43 characters: base64url of H("subject", RFC 8785 of slot, base, kind, body)."""
        value = {"slot": slot_text(self.slot), "base": self.base, "kind": self.kind, "body": self.body}
        return to_text(digest("subject", canonical.encode(value)))


# --- moves: what `fold` and `join` understand -----------------------------------------------------


@dataclass(frozen=True, slots=True)
class Found:
    """Entry 0: the founding statement, as JSON."""

    founding: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Admit:
    """A passkey for a delegate, or (passkey: None) a device key for its own admitter.

    name: commitment to the person's name, or None: no personal data stands in the log.
    """

    delegate: str
    credential: str
    powers: frozenset[Power]
    role: str
    name: str | None = None
    passkey: Passkey | None = None


@dataclass(frozen=True, slots=True)
class Revoke:
    credential: str


@dataclass(frozen=True, slots=True)
class SetPowers:
    delegate: str
    powers: frozenset[Power]


@dataclass(frozen=True, slots=True)
class RotateKey:
    log_key: str


@dataclass(frozen=True, slots=True)
class Recover:
    delegate: str
    passkey: Passkey

    @property
    def credential(self) -> str:
        return self.passkey.credential


@dataclass(frozen=True, slots=True)
class Receive:
    """A receipt: its ack matters; and if it names a subject's hash, that all its contents are at hand."""

    subject: str = ""


@dataclass(frozen=True, slots=True)
class Spend:
    """nonce: of something that the same delegate signed and that is not in the log; 16 bytes."""

    nonce: bytes


@dataclass(frozen=True, slots=True)
class Table:
    subject: Subject


@dataclass(frozen=True, slots=True)
class Consent:
    """subject: where the act itself says all of it. In a slot whose subjects are tabled it tables it too (an
    offer, "understanding.offer"); where they are not ("rules.adopt") nothing needs tabling."""

    slot: Slot
    hash: str
    subject: Subject | None = None


def offers(subject: Subject) -> Consent:
    """One gesture: table `subject` and consent to it (ADR 7)."""
    return Consent(subject.slot, subject.hash, subject)


@dataclass(frozen=True, slots=True)
class Withdraw:
    slot: Slot
    hash: str


@dataclass(frozen=True, slots=True)
class Decline:
    slot: Slot
    hash: str


@dataclass(frozen=True, slots=True)
class End:
    what: Slot


@dataclass(frozen=True, slots=True)
class Begin:
    """kind: "sitting", "recording", "off-record", "press-call"; n counts from 1 per talk and kind."""

    kind: str
    talk: str
    n: int


@dataclass(frozen=True, slots=True)
class Stop:
    kind: str
    talk: str
    n: int


@dataclass(frozen=True, slots=True)
class Register:
    """A side's own register: the latest in its log counts, all are kept, no effect on the other."""

    key: tuple[str, ...]
    value: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Erase:
    commitment: str


Move = (
    Found
    | Admit
    | Revoke
    | SetPowers
    | RotateKey
    | Recover
    | Receive
    | Spend
    | Table
    | Consent
    | Withdraw
    | Decline
    | End
    | Begin
    | Stop
    | Register
    | Erase
)


class Cut(Protocol):
    """The state at an entry's cut, as a slice's own rule may see it (rule book §3). `join` gives it.

    "own" is the side whose entry is judged; everything outside the cut is invisible.
    """

    def in_force(self, slot: Slot) -> Subject | None:
        """The slot's latest accord, unless what it rests on has ended. None for "together"."""
        ...

    def formed(self, slot: Slot) -> Subject | None:
        """The slot's latest accord, ended or not. None for "together"."""
        ...

    def exchanged(self, slot: Slot) -> bool:
        """Whether both have consented to one hash here, or deposited in "together"."""
        ...

    def tabled(self, hash_: str) -> Subject | None:
        """What was tabled under that hash inside the person's view, or None."""
        ...

    def own_consent(self, slot: Slot) -> str | None:
        """Hash of the own side's latest consent in the slot, whatever became of it."""
        ...

    def ended(self, what: Slot) -> bool: ...
    def own_ended(self, what: Slot) -> bool: ...
    def own_register(self, key: tuple[str, ...]) -> Mapping[str, Any] | None: ...
    def other_register(self, key: tuple[str, ...]) -> Mapping[str, Any] | None: ...
    def own_begun(self, kind: str, talk: str, n: int) -> bool: ...


Fields = Any
"""An act's fields, parsed into the msgspec.Struct that its `ActSpec.fields` names."""
FieldsType = type[msgspec.Struct]


def _no_form(_fields: Fields, _sides: frozenset[str]) -> str | None:
    return None


def _no_rule(_fields: Fields, _cut: Cut) -> str | None:
    return None


@dataclass(frozen=True, slots=True)
class ActSpec:
    """One row of the table of all acts (rule book §6).

    type:     "understanding.sign".
    fields:   msgspec.Struct (frozen, forbid_unknown_fields) of the act's members beside `type`.
    move:     what the act does, from its parsed fields.
    power:    the power it needs; None: any live credential of the side.
    proof:    the weakest proof that suffices. node_may: the node may write it unasked.
    form:     void reason decided from this log alone (`fold`): "one-sided guarantee"; None: stands.
    rule:     the act's own rule at its cut (`join`), beyond its move's rules; a void reason, or None.
    edition:  of the rule book, from which on it is known.
    """

    type: str
    fields: FieldsType
    move: Callable[[Fields], Move]
    power: Power | None
    proof: ProofLevel = ProofLevel.USER
    node_may: bool = False
    form: Callable[[Fields, frozenset[str]], str | None] = _no_form
    rule: Callable[[Fields, Cut], str | None] = _no_rule
    edition: int = 1


class Rulebook:
    """All acts of all slices, by type. explained: void reason → what it says to the person refused."""

    def __init__(self, specs: Iterable[ActSpec], explained: Mapping[str, str] | None = None) -> None:
        self.by_type: dict[str, ActSpec] = {}
        self.explained = explained or {}
        for spec in specs:
            if spec.type in self.by_type:
                raise ValueError(f"act {spec.type!r} is given twice")
            self.by_type[spec.type] = spec

    @property
    def edition(self) -> int:
        """The newest edition that this software knows."""
        return max((spec.edition for spec in self.by_type.values()), default=1)

    def parse(self, act: Mapping[str, Any]) -> tuple[ActSpec, Fields, Move] | None:
        """The act's row, fields and move; None for an unknown type. Raises `Malformed` on bad fields."""
        rest = dict(act)
        spec = self.by_type.get(str(rest.pop("type", "")))
        if spec is None:
            return None
        try:
            fields: Fields = msgspec.convert(rest, spec.fields, strict=True)
            return spec, fields, spec.move(fields)
        except (msgspec.ValidationError, RecursionError) as error:
            raise Malformed(f"{spec.type}: {error}") from error
