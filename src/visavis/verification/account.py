"""The account of a record: what is in force, signed by whom, as of which sizes, and what fails. Pure.

Lives here: the account's parts as frozen values, and their JSON.
Not here: how they are found (`verify`), how they are printed (`cli.record`).
Spec: docs/spec/record.md §14.2.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from visavis.record.bundle import Fault


@dataclass(frozen=True, slots=True)
class Person:
    """A delegate, as its side's log has them. name: None if none was given, or the bundle does not open it."""

    delegate: str
    role: str
    name: str | None
    powers: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Receipt:
    """That the other side's log key cosigned this log at `size`, by its clock at `timestamp` (POSIX seconds)."""

    size: int
    timestamp: int


@dataclass(frozen=True, slots=True)
class Fork:
    """That a log's key has signed two logs of `size` entries. held: the root of this one. shown: of the other.

    log: the side's id. Roots are base64url.
    """

    log: str
    size: int
    held: str
    shown: str


@dataclass(frozen=True, slots=True)
class LogAccount:
    """One side and its log.

    names:        language → the side's name. languages: that it works in, its first one first.
    size, root:   of the log in the bundle (root: base64url).
    acknowledged: greatest size of this log that the other's log truly acknowledges.
    cosigned:     the latest receipt, or None.
    timestamps:   sizes at which a timestamp token lies in the bundle, ascending; it is not checked here.
    acts:         act type → how many of them stand.
    """

    side: str
    names: Mapping[str, str]
    languages: tuple[str, ...]
    size: int
    root: str
    acknowledged: int
    cosigned: Receipt | None
    delegates: tuple[Person, ...]
    acts: Mapping[str, int]
    timestamps: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Signed:
    """One side's consent: entry `index` of its log, who signed, when by its own node's clock.

    tabled:   the entry by which the side itself tabled it, or None.
    received: the entry of its log, before `index`, which says that all contents were at hand; None: no receipt.
    """

    side: str
    index: int
    act: str
    time: str
    delegate: str
    role: str
    name: str | None
    tabled: int | None = None
    received: int | None = None


class Standing(StrEnum):
    IN_FORCE = "in force"
    REPLACED = "replaced"
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class Ended:
    """Which entry ended it. index: in the log of `side`."""

    side: str
    index: int


@dataclass(frozen=True, slots=True)
class Agreement:
    """An accord: one hash that both sides consented to.

    slot, hash:  "text/<id>"; base64url. kind, body: of the subject, contents as commitments.
    contents:    commitment → its words, or None where the bundle does not open it.
    signed:      both consents, sides in ascending order.
    first:       the side whose consent precedes the other's; None if they crossed.
    known_since: side → the first entry of its log that is proven to know both consents; None: not shown.
                 For the slot's latest accord only.
    """

    slot: str
    hash: str
    kind: str
    standing: Standing
    body: Mapping[str, Any]
    contents: Mapping[str, str | None]
    signed: tuple[Signed, ...]
    first: str | None = None
    known_since: Mapping[str, int | None] | None = None
    ended: tuple[Ended, ...] = ()


@dataclass(frozen=True, slots=True)
class Void:
    """An entry without effect, and why. act: None if it cannot be read."""

    log: str
    index: int
    reason: str
    act: str | None
    delegate: str | None


@dataclass(frozen=True, slots=True)
class Waits:
    """What waits for a side's answer. what: "consent" or "session". status: "open" or "withdrawal pending"."""

    for_side: str
    what: str
    slot: str
    hash: str
    status: str


@dataclass(frozen=True, slots=True)
class Erasure:
    """That a side has erased its copy of a content: entry `index` of its log, by whom, when by its own node's clock.

    here: whether the bundle holds the content all the same: it is the other side's copy, or an older one.
    """

    commitment: str
    side: str
    index: int
    time: str
    delegate: str
    role: str
    name: str | None
    here: bool


@dataclass(frozen=True, slots=True)
class Account:
    """All that a bundle says and all that fails. dialogue: "" if the bytes could not be read as a bundle.

    erased:   what a side says it has erased, by commitment, then side, ascending.
    withheld: commitments of entries that stand, neither in the bundle nor erased by a side, ascending.
    forks:    those whose proof the bundle holds.
    """

    dialogue: str
    logs: tuple[LogAccount, ...]
    agreements: tuple[Agreement, ...]
    waiting: tuple[Waits, ...]
    void: tuple[Void, ...]
    faults: tuple[Fault, ...]
    entries: int
    contents: int
    erased: tuple[Erasure, ...] = ()
    withheld: tuple[str, ...] = ()
    forks: tuple[Fork, ...] = ()

    @property
    def holds(self) -> bool:
        """Whether every check of §14.1 holds: nothing fails, and no entry is void."""
        return not self.faults

    def erasures(self, commitment: str) -> tuple[Erasure, ...]:
        """Who has erased their copy of it, sides ascending."""
        return tuple(each for each in self.erased if each.commitment == commitment)

    def in_force(self) -> tuple[Agreement, ...]:
        return tuple(each for each in self.agreements if each.standing is Standing.IN_FORCE)

    def to_json(self) -> dict[str, Any]:
        """The account as JSON values, `holds` first."""
        return {"holds": self.holds, **dataclasses.asdict(self)}
