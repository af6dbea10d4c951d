"""What notices need from outside: a store, and somebody who carries mails. Protocols. Pure.

Lives here: `Pending`, `NoticeStore`, `Post`, `Letter`. Not here: SQL (`store.notices`), SMTP (`visavis.post`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from email.message import EmailMessage
from typing import Protocol

from visavis.notices.model import Wishes


@dataclass(frozen=True, slots=True)
class Pending:
    """One mail to a delegate that is not sent yet. count: acts gathered in it. due: aware, UTC. tries: failures."""

    dialogue: str
    side: str
    delegate: str
    count: int
    due: datetime
    tries: int = 0


class NoticeStore(Protocol):
    async def keep_wishes(self, dialogue: str, side: str, delegate: str, wishes: Wishes) -> None: ...

    async def wishes(self, dialogue: str, side: str, delegate: str) -> Wishes | None: ...

    async def all_wishes(self) -> Sequence[tuple[str, str, str, Wishes]]:
        """(dialogue, side, delegate, wishes) of everybody."""
        ...

    async def noted(self) -> Mapping[tuple[str, str], int]:
        """(dialogue, side) → entries of that side's log that were gone through; a log that is not there: none."""
        ...

    async def note(self, dialogue: str, side: str, size: int, mails: Sequence[Pending]) -> None:
        """In one transaction: `size` entries of the log are gone through, and these mails are pending.

        A mail that is pending for the same delegate takes them in: it is due when the earlier of both is, unless it
        has failed before: then when it is tried again.
        """
        ...

    async def due(self, now: datetime, most: int) -> Sequence[Pending]:
        """Mails due by `now`, the longest due first."""
        ...

    async def next_due(self) -> datetime | None: ...

    async def put_off(self, mail: Pending, due: datetime, tries: int) -> None: ...

    async def done(self, mail: Pending, due: datetime | None = None) -> None:
        """The mail is sent or given up. If it has taken in more meanwhile, a mail of that stays, due at `due`."""
        ...


class Post(Protocol):
    async def send(self, mail: EmailMessage) -> None:
        """Have it carried. Raises `Undeliverable` if it never will be, `Unavailable` if a later try may help."""
        ...


class Asking(Protocol):
    """The words of the mail that asks whether an address is whose it was said to be."""

    def __call__(self, language: str, link: str, home: str) -> tuple[str, str]:
        """(subject, text). link: to the page that confirms it. home: the node's address."""
        ...


class Letter(Protocol):
    """A mail's words."""

    def __call__(
        self, language: str, home: str, settings: str, names: Sequence[Mapping[str, str]]
    ) -> tuple[str, str]:
        """(subject, text). home, settings: addresses. names: of our side and theirs, by language; none: not said."""
        ...
