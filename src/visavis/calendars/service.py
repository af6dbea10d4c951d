"""Secret addresses of calendars' feeds: made, found, revoked.

Lives here: `Feeds`. An address is all that a calendar program has: no session and no cookie. It opens the times of one
dialogue's talks and nothing else, for as long as its delegate is one of the side, or until it is made anew.
Not here: what stands in a feed (`model`), HTTP (`web.pages.calendars`).
Spec: docs/spec/http.md §7.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from visavis.calendars.ports import Feed, FeedStore
from visavis.dialogue.service import Dialogues
from visavis.dialogue.tokens import TOKEN, hash_of, new_token
from visavis.errors import VisavisError


class Feeds:
    """Use cases of a delegate's feed."""

    def __init__(self, store: FeedStore, dialogues: Dialogues, clock: Callable[[], datetime]) -> None:
        self._store = store
        self._dialogues = dialogues
        self._clock = clock

    async def make(self, dialogue: str, side: str, delegate: str, *, language: str, titled: bool) -> str:
        """A new secret token; the one before opens nothing any more."""
        token = new_token()
        await self._store.keep(
            Feed(
                hash_of(token),
                dialogue,
                side,
                delegate,
                language,
                titled,
                self._clock().replace(microsecond=0),
            )
        )
        return token

    async def revoke(self, dialogue: str, side: str, delegate: str) -> None:
        await self._store.drop(dialogue, side, delegate)

    async def of(self, dialogue: str, side: str, delegate: str) -> Feed | None:
        return await self._store.of(dialogue, side, delegate)

    async def find(self, token: str) -> Feed | None:
        """The feed at that address; None if there is none, or its delegate is no longer one of the side."""
        if not TOKEN.fullmatch(token):
            return None
        feed = await self._store.by_token(hash_of(token))
        if feed is None:
            return None
        try:
            live = self._dialogues.is_live(feed.dialogue, feed.side, feed.delegate)
        except VisavisError:  # the dialogue cannot be read, or is no longer here
            return None
        return feed if live else None
