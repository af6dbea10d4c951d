"""The press desk's store: readers' comments, releases in the making. Beside the record, not in it.

Lives here: `SqliteComments`, `SqliteDrafts`: each call is one transaction.
Not here: tables (`schema`), moderation (`press.service`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from sqlalchemy import delete, func, insert, select, update

from visavis.press.ports import Comment, CommentState, Draft
from visavis.store import schema as t
from visavis.store.sqlite import SqliteStore, instant_of, instant_text


class SqliteComments:
    """`press.ports.Comments`."""

    def __init__(self, store: SqliteStore) -> None:
        self._store = store

    async def add(self, comment: Comment) -> None:
        row = {name: getattr(comment, name) for name in comment.__dataclass_fields__}
        row |= {"at": instant_text(comment.at), "state": comment.state.value}
        async with self._store.connection() as db:
            await db.execute(insert(t.comments), row)

    async def get(self, dialogue: str, comment: str) -> Comment | None:
        found = await self._select(t.comments.c.dialogue == dialogue, t.comments.c.id == comment)
        return found[0] if found else None

    async def set_state(self, dialogue: str, comment: str, state: CommentState) -> None:
        where = (t.comments.c.dialogue == dialogue, t.comments.c.id == comment)
        async with self._store.connection() as db:
            await db.execute(update(t.comments).where(*where).values(state=state.value))

    async def of(self, dialogue: str, side: str, release: str, state: CommentState) -> Sequence[Comment]:
        c = t.comments.c
        return await self._select(
            c.dialogue == dialogue, c.side == side, c.release == release, c.state == state.value
        )

    async def held(self, dialogue: str, side: str) -> Sequence[Comment]:
        c = t.comments.c
        return await self._select(c.dialogue == dialogue, c.side == side, c.state == CommentState.HELD.value)

    async def count_held(self, dialogue: str, side: str) -> int:
        c = t.comments.c
        query = (
            select(func.count())
            .select_from(t.comments)
            .where(c.dialogue == dialogue, c.side == side, c.state == CommentState.HELD.value)
        )
        async with self._store.connection() as db:
            return int((await db.execute(query)).scalar_one())

    async def _select(self, *where: Any) -> list[Comment]:
        query = select(t.comments).where(*where).order_by(t.comments.c.at, t.comments.c.id)
        async with self._store.connection() as db:
            rows = (await db.execute(query)).mappings().all()
        return [
            Comment(**{**row, "at": instant_of(row["at"]), "state": CommentState(row["state"])})
            for row in rows
        ]


class SqliteDrafts:
    """`press.ports.Drafts`."""

    def __init__(self, store: SqliteStore) -> None:
        self._store = store

    async def keep(self, draft: Draft) -> None:
        key = {"dialogue": draft.dialogue, "side": draft.side, "id": draft.id}
        async with self._store.connection() as db:
            await db.execute(delete(t.drafts).where(*_where(draft.dialogue, draft.side, draft.id)))
            body = msgspec.json.encode(draft)
            await db.execute(insert(t.drafts), key | {"talk": draft.talk, "body": body})

    async def get(self, dialogue: str, side: str, draft: str) -> Draft | None:
        query = select(t.drafts.c.body).where(*_where(dialogue, side, draft))
        async with self._store.connection() as db:
            body = (await db.execute(query)).scalar_one_or_none()
        return None if body is None else msgspec.json.decode(body, type=Draft)

    async def of(self, dialogue: str, side: str, talk: str) -> Sequence[Draft]:
        c = t.drafts.c
        query = select(c.body).where(c.dialogue == dialogue, c.side == side, c.talk == talk).order_by(c.id)
        async with self._store.connection() as db:
            bodies = (await db.execute(query)).scalars().all()
        return [msgspec.json.decode(body, type=Draft) for body in bodies]

    async def drop(self, dialogue: str, side: str, draft: str) -> None:
        async with self._store.connection() as db:
            await db.execute(delete(t.drafts).where(*_where(dialogue, side, draft)))


def _where(dialogue: str, side: str, draft: str) -> tuple[Any, ...]:
    c = t.drafts.c
    return (c.dialogue == dialogue, c.side == side, c.id == draft)
