"""What the press's use cases need beside the record: drafts of the desk, readers' comments. Protocols. Pure.

Lives here: `Comment`, `Draft`, `Comments`, `Drafts`. Not here: SQL (`store`), use cases (`service`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Protocol


class CommentState(StrEnum):
    HELD = "held"
    PUBLISHED = "published"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Comment:
    """A reader's comment on a release. side: whose newsroom it was left in. at: aware, UTC."""

    id: str
    dialogue: str
    side: str
    release: str
    name: str
    text: str
    at: datetime
    state: CommentState = CommentState.HELD


@dataclass(frozen=True, slots=True)
class DraftText:
    """One language of a draft, in plain words."""

    title: str
    text: str
    dateline: str


@dataclass(frozen=True, slots=True)
class Draft:
    """A release in the making at one side's desk; the other side sees nothing of it. kind: "readout", …"""

    id: str
    dialogue: str
    side: str
    talk: str
    kind: str
    at: datetime
    texts: Mapping[str, DraftText] = field(default_factory=dict)
    initials: str = ""
    embargo: str | None = None


class Comments(Protocol):
    async def add(self, comment: Comment) -> None:
        """Keep a comment. On disk when this returns."""
        ...

    async def get(self, dialogue: str, comment: str) -> Comment | None: ...

    async def set_state(self, dialogue: str, comment: str, state: CommentState) -> None: ...

    async def of(self, dialogue: str, side: str, release: str, state: CommentState) -> Sequence[Comment]:
        """Comments on one release in one state, oldest first."""
        ...

    async def held(self, dialogue: str, side: str) -> Sequence[Comment]:
        """All of a side's comments that wait for its decision, oldest first."""
        ...

    async def count_held(self, dialogue: str, side: str) -> int: ...


class Drafts(Protocol):
    async def keep(self, draft: Draft) -> None:
        """Keep a draft, in place of the one with the same id."""
        ...

    async def get(self, dialogue: str, side: str, draft: str) -> Draft | None: ...

    async def of(self, dialogue: str, side: str, talk: str) -> Sequence[Draft]: ...

    async def drop(self, dialogue: str, side: str, draft: str) -> None: ...
