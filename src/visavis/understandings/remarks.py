"""Remarks: what the people of one side say to each other about a clause. Beside the record, never in it.

Lives here: `Remark`, `RemarkStore` (the port), `Remarks` (leaving, reading and erasing them).
Not here: SQL (`store`), pages (`web`), acts: a remark is none. It stands in no log, no bundle, no paper and no mail;
the other side is told neither what it says nor that it is.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from visavis.dialogue.commands import Fresh
from visavis.errors import Malformed, Refused

REMARK_LIMIT = 4000
"""Characters."""
MAX_REMARKS = 500
"""Of one side on one text."""


class TooManyRemarks(Refused):
    """The side has as many remarks on that text as it may have."""

    code = "too-many-remarks"


class NoSuchRemark(Refused):
    """There is no such remark, or it is another's to erase."""

    code = "no-such-remark"


@dataclass(frozen=True, slots=True)
class Remark:
    """side: whose it is, and who alone reads it. text: hash of the text. clause: its number there, from 1; 0: the text
    as a whole. delegate: who wrote it. at: aware, UTC."""

    id: str
    dialogue: str
    side: str
    text: str
    clause: int
    delegate: str
    words: str
    at: datetime


class RemarkStore(Protocol):
    async def add(self, remark: Remark) -> None:
        """Keep a remark. On disk when this returns."""
        ...

    async def get(self, dialogue: str, side: str, remark: str) -> Remark | None: ...

    async def of(self, dialogue: str, side: str, texts: Collection[str]) -> Sequence[Remark]:
        """A side's remarks on those texts, oldest first."""
        ...

    async def count(self, dialogue: str, side: str, text: str) -> int: ...

    async def drop(self, dialogue: str, side: str, remark: str) -> None:
        """Delete a remark; nothing of it is left in the store's files, unless another process reads them just now."""
        ...


class Remarks:
    """A side's remarks, for its own delegates."""

    def __init__(self, store: RemarkStore, clock: Callable[[], datetime], fresh: Fresh) -> None:
        self._store = store
        self._clock = clock
        self._fresh = fresh

    async def leave(
        self, dialogue: str, side: str, delegate: str, *, text: str, clause: int, words: str
    ) -> Remark:
        """Keep a remark; the caller has checked that the text has that clause. Raises `Malformed`, `TooManyRemarks`."""
        words = words.replace("\r\n", "\n").strip()
        if not words:
            raise Malformed("a remark needs some words", field="words")
        if len(words) > REMARK_LIMIT:
            raise Malformed(
                "a remark has at most %(limit)s characters; this one has %(length)s",
                field="words",
                limit=REMARK_LIMIT,
                length=len(words),
            )
        if any(
            unicodedata.category(character) in {"Cc", "Cs"} for character in words if character not in "\n\t"
        ):
            raise Malformed("a remark holds words, no control characters", field="words")
        if await self._store.count(dialogue, side, text) >= MAX_REMARKS:
            raise TooManyRemarks(
                "your side has %(limit)s remarks on this text, the most that there may be", limit=MAX_REMARKS
            )
        remark = Remark(self._fresh.id(), dialogue, side, text, clause, delegate, words, self._clock())
        await self._store.add(remark)
        return remark

    async def of(self, dialogue: str, side: str, texts: Collection[str]) -> Sequence[Remark]:
        """A side's remarks on those texts, oldest first. side: the asker's own."""
        return await self._store.of(dialogue, side, texts)

    async def erase(self, dialogue: str, side: str, remark: str, by: str, *, any_of_ours: bool) -> Remark:
        """Erase a remark for good. by: a delegate, who may erase their own; any_of_ours: every one of their side.

        Raises `NoSuchRemark`, for one of the other side as for none at all.
        """
        found = await self._store.get(dialogue, side, remark)
        if found is None or not (any_of_ours or found.delegate == by):
            raise NoSuchRemark("there is no such remark of yours")
        await self._store.drop(dialogue, side, remark)
        return found
