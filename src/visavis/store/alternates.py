"""The store of alternates. Beside the record, not in it.

Lives here: `SqliteAlternates`: each call is one transaction.
Not here: tables (`schema`), use cases (`talks.alternates`).
"""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import delete, insert, select

from visavis.store import schema as t
from visavis.store.sqlite import SqliteStore


class SqliteAlternates:
    """`talks.ports.AlternateStore`."""

    def __init__(self, store: SqliteStore) -> None:
        self._store = store

    async def keep(self, dialogue: str, side: str, talk: str, delegate: str, stands_for: str) -> None:
        key = {"dialogue": dialogue, "side": side, "talk": talk, "delegate": delegate}
        async with self._store.connection() as db:
            await db.execute(delete(t.alternates).where(*(t.alternates.c[n] == v for n, v in key.items())))
            await db.execute(insert(t.alternates), key | {"stands_for": stands_for})

    async def drop(self, dialogue: str, side: str, talk: str, delegate: str) -> None:
        c = t.alternates.c
        whose = (c.dialogue == dialogue, c.side == side, c.talk == talk, c.delegate == delegate)
        async with self._store.connection() as db:
            await db.execute(delete(t.alternates).where(*whose))

    async def of(self, dialogue: str, side: str, talk: str) -> Mapping[str, str]:
        c = t.alternates.c
        query = select(c.delegate, c.stands_for).where(c.dialogue == dialogue, c.side == side, c.talk == talk)
        async with self._store.connection() as db:
            return {
                row.delegate: row.stands_for for row in (await db.execute(query.order_by(c.delegate))).all()
            }
