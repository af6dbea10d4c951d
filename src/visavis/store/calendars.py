"""The store of calendars' feeds. Beside the record, not in it.

Lives here: `SqliteFeeds`: each call is one transaction.
Not here: tables (`schema`), use cases (`calendars.service`).
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import delete, insert, select

from visavis.calendars.ports import Feed
from visavis.store import schema as t
from visavis.store.sqlite import SqliteStore, instant_of, instant_text


class SqliteFeeds:
    """`calendars.ports.FeedStore`."""

    def __init__(self, store: SqliteStore) -> None:
        self._store = store

    async def keep(self, feed: Feed) -> None:
        row = {name: getattr(feed, name) for name in feed.__dataclass_fields__}
        row |= {"made": instant_text(feed.made), "titled": int(feed.titled)}
        async with self._store.connection() as db:
            await db.execute(delete(t.feeds).where(*_where(feed.dialogue, feed.side, feed.delegate)))
            await db.execute(insert(t.feeds), row)

    async def by_token(self, token_hash: str) -> Feed | None:
        return await self._select(t.feeds.c.token_hash == token_hash)

    async def of(self, dialogue: str, side: str, delegate: str) -> Feed | None:
        return await self._select(*_where(dialogue, side, delegate))

    async def drop(self, dialogue: str, side: str, delegate: str) -> None:
        async with self._store.connection() as db:
            await db.execute(delete(t.feeds).where(*_where(dialogue, side, delegate)))

    async def _select(self, *where: Any) -> Feed | None:
        async with self._store.connection() as db:
            row = (await db.execute(select(t.feeds).where(*where))).mappings().one_or_none()
        if row is None:
            return None
        return Feed(**{**row, "made": instant_of(row["made"]), "titled": bool(row["titled"])})


def _where(dialogue: str, side: str, delegate: str) -> tuple[Any, ...]:
    c = t.feeds.c
    return (c.dialogue == dialogue, c.side == side, c.delegate == delegate)
