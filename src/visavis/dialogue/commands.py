"""Commands: what a person asks for, turned into an act and the contents it commits to. Pure.

Lives here: `Command`, `Drafted`, `NewContent`, `View`, `Fresh`.
Not here: the commands themselves (each slice's `service.py` exports `COMMANDS`), drafting and entering
(`service`).
Spec: docs/spec/http.md §3.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Protocol

from visavis.dialogue.acts import FieldsType
from visavis.dialogue.join import Joint, Said
from visavis.record.content import commit
from visavis.record.proof import Passkey


class Audience(StrEnum):
    """Who may read a content: its own side, both sides, everybody. It only ever widens."""

    OWN = "own"
    BOTH = "both"
    PUBLIC = "public"

    def narrower_than(self, other: Audience) -> bool:
        widths = list(Audience)
        return widths.index(self) < widths.index(other)


@dataclass(frozen=True, slots=True)
class NewContent:
    """One content, beside the log. language: BCP 47, or "" where it has none."""

    commitment: str
    salt: bytes
    data: bytes
    language: str
    audience: Audience


class Fresh(Protocol):
    """Randomness, given from outside: a command draws none itself."""

    def id(self) -> str:
        """A random id, 16 characters of base64url."""
        ...

    def salt(self) -> bytes:
        """32 random bytes."""
        ...


@dataclass(frozen=True, slots=True)
class Enrolment:
    """A passkey that waits to be admitted. name: as the invitation had it."""

    id: str
    delegate: str
    passkey: Passkey
    name: str
    role: str

    @property
    def credential(self) -> str:
        return self.passkey.credential


@dataclass(frozen=True, slots=True)
class View:
    """What a command may look at.

    joint: both logs' state; its index 0 is `joint.sides[0]`. us: the index of the asker's side, 0 or 1.
    now:   aware, UTC. text: a content's words by commitment, where the asker may read them.
    founding: the own side's founding statement, as JSON, once both sides have stated themselves.
    shown: entries of a checkpoint of the own log that a reader has shown and that is larger than it; 0: none.
    audience: who may read a content, where the asker may; None where they may not.
    damaged: commitments whose contents the asker might read, if they were not damaged on the node's disk.
    paper: (talk, item or "", id) → what that paper of the own side is, in an act's words; None: there is none.
    """

    joint: Joint
    us: int
    delegate: str
    now: datetime
    text: Callable[[str], str | None]
    enrolments: Mapping[str, Enrolment]
    founding: Mapping[str, Any] | None = None
    shown: int = 0
    audience: Callable[[str], Audience | None] = lambda _commitment: None
    damaged: frozenset[str] = frozenset()
    paper: Callable[[str, str, str], str | None] = lambda _talk, _item, _paper: None

    @property
    def side(self) -> str:
        return self.joint.sides[self.us].id

    @property
    def other(self) -> str:
        return self.joint.sides[1 - self.us].id


@dataclass(frozen=True, slots=True)
class Summary:
    """What is about to be signed, in words. title: one sentence; lines: what it says, one thing each."""

    title: str
    lines: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Rotation:
    """A log key that is to take the place of the one in force. key: public, seed: private; 32 bytes each.

    seed, address: as in `ports.LogKeyRow`: without a seed it is the key of another node, at `address`.
    disowned: entries of a checkpoint that was shown and that the side declares false; 0: none.
    """

    key: bytes
    seed: bytes | None
    address: str = ""
    disowned: int = 0


@dataclass(frozen=True, slots=True)
class Drafted:
    """An act ready to be signed.

    contents: new contents it commits to. widen: contents, known already, whose audience it widens.
    rotation: set for `side.rotate-key`. paper: the id of a paper of the own side, and the commitment to what it is.
    anew: what the side has said so far of what it says anew, oldest first, where that is not the history of the act's
    own register: the versions of a release.
    """

    act: Mapping[str, Any]
    summary: Summary
    contents: tuple[NewContent, ...] = ()
    widen: tuple[tuple[str, Audience], ...] = ()
    rotation: Rotation | None = None
    anew: Callable[[Joint], Sequence[Said]] | None = None
    paper: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Command:
    """One thing that a delegate can ask for. name: "talks.propose"; fields: the msgspec.Struct of its fields.

    build raises `Refused` or `Malformed`; it writes nothing.
    """

    name: str
    fields: FieldsType
    build: Callable[[View, Any, Fresh], Drafted]


def new_content(fresh: Fresh, words: str, language: str, audience: Audience) -> NewContent:
    """Commit to `words` under a fresh salt."""
    salt, data = fresh.salt(), words.encode()
    return NewContent(commit(salt, data), salt, data, language, audience)
