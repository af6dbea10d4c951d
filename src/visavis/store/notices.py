"""The store of notices: who wants to be told, mails that wait. Beside the record, not in it.

Lives here: `SqliteNotices`: each call is one transaction.
Not here: tables (`schema`), use cases (`notices.service`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import delete, func, insert, select, update

from visavis.notices.model import Wishes
from visavis.notices.ports import Pending
from visavis.store import schema as t
from visavis.store.sqlite import SqliteStore, instant_of, instant_text


class SqliteNotices:
    """`notices.ports.NoticeStore`."""

    def __init__(self, store: SqliteStore) -> None:
        self._store = store

    async def keep_wishes(self, dialogue: str, side: str, delegate: str, wishes: Wishes) -> None:
        key = {"dialogue": dialogue, "side": side, "delegate": delegate}
        async with self._store.connection() as db:
            await db.execute(delete(t.wishes).where(*_where(t.wishes, dialogue, side, delegate)))
            await db.execute(insert(t.wishes), key | {"body": msgspec.json.encode(wishes)})

    async def wishes(self, dialogue: str, side: str, delegate: str) -> Wishes | None:
        query = select(t.wishes.c.body).where(*_where(t.wishes, dialogue, side, delegate))
        async with self._store.connection() as db:
            body = (await db.execute(query)).scalar_one_or_none()
        return None if body is None else msgspec.json.decode(body, type=Wishes)

    async def all_wishes(self) -> Sequence[tuple[str, str, str, Wishes]]:
        async with self._store.connection() as db:
            rows = (await db.execute(select(t.wishes))).mappings().all()
        return [
            (r["dialogue"], r["side"], r["delegate"], msgspec.json.decode(r["body"], type=Wishes))
            for r in rows
        ]

    async def noted(self) -> Mapping[tuple[str, str], int]:
        async with self._store.connection() as db:
            rows = (await db.execute(select(t.noted))).mappings().all()
        return {(r["dialogue"], r["side"]): r["size"] for r in rows}

    async def note(self, dialogue: str, side: str, size: int, mails: Sequence[Pending]) -> None:
        c = t.noted.c
        async with self._store.connection() as db:
            await db.execute(delete(t.noted).where(c.dialogue == dialogue, c.side == side))
            await db.execute(insert(t.noted), {"dialogue": dialogue, "side": side, "size": size})
            for mail in mails:
                where = _where(t.mails, mail.dialogue, mail.side, mail.delegate)
                row = (await db.execute(select(t.mails).where(*where))).mappings().one_or_none()
                if row is None:
                    await db.execute(insert(t.mails), _row(mail))
                    continue
                due = row["due"] if row["tries"] else min(row["due"], instant_text(mail.due))
                merged = update(t.mails).where(*where).values(count=row["count"] + mail.count, due=due)
                await db.execute(merged)

    async def due(self, now: datetime, most: int) -> Sequence[Pending]:
        c = t.mails.c
        query = select(t.mails).where(c.due <= instant_text(now)).order_by(c.due).limit(most)
        async with self._store.connection() as db:
            rows = (await db.execute(query)).mappings().all()
        return [Pending(**{**row, "due": instant_of(row["due"])}) for row in rows]

    async def next_due(self) -> datetime | None:
        async with self._store.connection() as db:
            found = (await db.execute(select(func.min(t.mails.c.due)))).scalar_one_or_none()
        return None if found is None else instant_of(found)

    async def put_off(self, mail: Pending, due: datetime, tries: int) -> None:
        where = _where(t.mails, mail.dialogue, mail.side, mail.delegate)
        async with self._store.connection() as db:
            await db.execute(update(t.mails).where(*where).values(due=instant_text(due), tries=tries))

    async def done(self, mail: Pending, due: datetime | None = None) -> None:
        c, where = t.mails.c, _where(t.mails, mail.dialogue, mail.side, mail.delegate)
        async with self._store.connection() as db:
            await db.execute(delete(t.mails).where(*where, c.count <= mail.count))
            left: dict[str, Any] = {"count": c.count - mail.count, "tries": 0}
            if due is not None:
                left["due"] = instant_text(due)
            await db.execute(update(t.mails).where(*where).values(**left))


def _where(table: Any, dialogue: str, side: str, delegate: str) -> tuple[Any, ...]:
    c = table.c
    return (c.dialogue == dialogue, c.side == side, c.delegate == delegate)


def _row(mail: Pending) -> dict[str, Any]:
    return {name: getattr(mail, name) for name in mail.__dataclass_fields__} | {"due": instant_text(mail.due)}
