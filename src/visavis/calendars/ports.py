"""What calendars' feeds need of a store. Protocols. Pure.

Lives here: `Feed`, `FeedStore`. Not here: SQL (`store.calendars`), use cases (`service`).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Feed:
    """A delegate's feed. token_hash: SHA-256 of its secret address's token, hex; the token is kept nowhere.

    language: of its words. titled: whether it says the talks' titles, places and the sides' names; else that there is
    a talk. made: aware, UTC.
    """

    token_hash: str
    dialogue: str
    side: str
    delegate: str
    language: str
    titled: bool
    made: datetime


class FeedStore(Protocol):
    async def keep(self, feed: Feed) -> None:
        """Keep a feed, in place of the one that this delegate had: one address each."""
        ...

    async def by_token(self, token_hash: str) -> Feed | None: ...

    async def of(self, dialogue: str, side: str, delegate: str) -> Feed | None: ...

    async def drop(self, dialogue: str, side: str, delegate: str) -> None: ...
