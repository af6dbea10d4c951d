"""The store of papers: files beside the record, and what is known of each.

Lives here: `SqlitePapers`: each call is one transaction.
Not here: tables (`schema`), use cases (`dossier.service`), the transaction that binds a paper to an entry (`sqlite`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import delete, insert, select, update

from visavis.dossier.files import Kind
from visavis.dossier.ports import Paper
from visavis.store import schema as t
from visavis.store.sqlite import SqliteStore, instant_of, instant_text

_KNOWN = [column for column in t.papers.c if column.name not in ("data", "commitment")]


class SqlitePapers:
    """`dossier.ports.PaperStore`."""

    def __init__(self, store: SqliteStore) -> None:
        self._store = store

    async def add(self, paper: Paper, data: bytes) -> None:
        row = {name: getattr(paper, name) for name in paper.__dataclass_fields__}
        row |= {"kind": paper.kind.value, "at": instant_text(paper.at), "non_paper": int(paper.non_paper)}
        async with self._store.connection() as db:
            await db.execute(insert(t.papers), row | {"data": data, "commitment": ""})

    async def all(self) -> Sequence[Paper]:
        async with self._store.connection() as db:
            rows = (await db.execute(select(*_KNOWN))).mappings().all()
        return [
            Paper(
                **{
                    **row,
                    "kind": Kind(row["kind"]),
                    "at": instant_of(row["at"]),
                    "non_paper": bool(row["non_paper"]),
                }
            )
            for row in rows
        ]

    async def data(self, dialogue: str, paper: str) -> bytes | None:
        query = select(t.papers.c.data).where(*_where(dialogue, paper))
        async with self._store.connection() as db:
            found = (await db.execute(query)).scalar_one_or_none()
        return None if found is None else bytes(found)

    async def mark(self, paper: Paper) -> None:
        changed = {"non_paper": int(paper.non_paper), "dropped": paper.dropped}
        async with self._store.connection() as db:
            await db.execute(update(t.papers).where(*_where(paper.dialogue, paper.id)).values(**changed))

    async def drop(self, dialogue: str, paper: str) -> bool:
        async with self._store.connection() as db:
            where = (*_where(dialogue, paper), t.papers.c.commitment == "")
            done = (await db.execute(delete(t.papers).where(*where))).rowcount == 1
        await self._store.scrub()
        return done


def _where(dialogue: str, paper: str) -> tuple[Any, ...]:
    return (t.papers.c.dialogue == dialogue, t.papers.c.id == paper)
