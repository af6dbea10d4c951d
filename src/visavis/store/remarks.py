"""The store of a side's remarks on clauses. Beside the record, not in it.

Lives here: `SqliteRemarks`: each call is one transaction. Every query names the side.
Not here: tables (`schema`), use cases (`understandings.remarks`), what goes with an erased text (`sqlite`).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import delete, func, insert, select

from visavis.store import schema as t
from visavis.store.sqlite import SqliteStore, instant_of, instant_text
from visavis.understandings.remarks import Remark


class SqliteRemarks:
    """`understandings.remarks.RemarkStore`."""

    def __init__(self, store: SqliteStore) -> None:
        self._store = store

    async def add(self, remark: Remark) -> None:
        row = {name: getattr(remark, name) for name in remark.__dataclass_fields__}
        async with self._store.connection() as db:
            await db.execute(insert(t.remarks), row | {"at": instant_text(remark.at)})

    async def get(self, dialogue: str, side: str, remark: str) -> Remark | None:
        found = await self._select(*_where(dialogue, side), t.remarks.c.id == remark)
        return found[0] if found else None

    async def of(self, dialogue: str, side: str, texts: Collection[str]) -> Sequence[Remark]:
        return await self._select(*_where(dialogue, side), t.remarks.c.text.in_(list(texts)))

    async def count(self, dialogue: str, side: str, text: str) -> int:
        where = (*_where(dialogue, side), t.remarks.c.text == text)
        query = select(func.count()).select_from(t.remarks).where(*where)
        async with self._store.connection() as db:
            return int((await db.execute(query)).scalar_one())

    async def drop(self, dialogue: str, side: str, remark: str) -> None:
        async with self._store.connection() as db:
            await db.execute(delete(t.remarks).where(*_where(dialogue, side), t.remarks.c.id == remark))
        await self._store.scrub()

    async def _select(self, *where: Any) -> list[Remark]:
        query = select(t.remarks).where(*where).order_by(t.remarks.c.at, t.remarks.c.id)
        async with self._store.connection() as db:
            rows = (await db.execute(query)).mappings().all()
        return [Remark(**{**row, "at": instant_of(row["at"])}) for row in rows]


def _where(dialogue: str, side: str) -> tuple[Any, ...]:
    c = t.remarks.c
    return (c.dialogue == dialogue, c.side == side)
