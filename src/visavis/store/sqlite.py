"""SQLite (WAL, synchronous FULL) as the store: one writer at a time, on disk before anybody is told.

Lives here: opening the database, `SqliteStore`, `SqliteUnit`. Not here: tables (`schema`), rules.
What is read back is held to its row's types: a damaged page may give any value, and then the node says so.
What is deleted is overwritten (`secure_delete`), and `scrub` empties the write-ahead log, which still has it.
Reason for `isolation_level=None` and `BEGIN IMMEDIATE`: SQLAlchemy's lazy begin lets two transactions read
before either locks.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import AsyncIterator, Collection, Iterable, Sequence
from contextlib import asynccontextmanager, closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import anyio
import msgspec
from anyio import to_thread
from sqlalchemy import URL, event, insert, select, update
from sqlalchemy.exc import IntegrityError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from visavis.dialogue.commands import Audience, Enrolment
from visavis.dialogue.cosigning import Cosigned
from visavis.dialogue.ports import (
    UNSPENT,
    USED,
    WITHDRAWN,
    Certificate,
    ContentRow,
    EnrolmentRow,
    Fork,
    FoundingRow,
    Link,
    LogKeyRow,
    Mark,
    Session,
    Shown,
    Timestamp,
)
from visavis.errors import Unavailable
from visavis.record import canonical
from visavis.record.proof import Passkey
from visavis.store import schema as t
from visavis.store.logs import DiskLogs

BUSY_TIMEOUT_MS = 10_000
LOGS = "logs"
"""The folder of the logs' files, beside the database."""

Row = TypeVar("Row")


async def open_store(path: Path) -> SqliteStore:
    """Open or make the database at `path`, readable by its owner alone, and check that its pages fit together.

    Raises `Unavailable` if it cannot be read or has another version's schema.
    """
    try:
        _make_private(path)
    except OSError as error:
        raise Unavailable(
            f"the database cannot be made or opened: {error.strerror}", path=path.name
        ) from error
    # hide_parameters: an error's words may reach the log, and parameters are contents and keys.
    url = URL.create("sqlite+aiosqlite", database=str(path))
    engine = create_async_engine(url, pool_size=4, max_overflow=0, hide_parameters=True)
    event.listen(engine.sync_engine, "connect", _prepare)
    event.listen(engine.sync_engine, "begin", _begin)
    try:
        async with engine.begin() as connection:
            version = (await connection.exec_driver_sql("PRAGMA user_version")).scalar_one()
            if version in t.EARLIER:
                await connection.run_sync(t.upgrade)
                await connection.exec_driver_sql(f"PRAGMA user_version = {t.VERSION}")
            elif version != t.VERSION:
                why = f": {t.REFUSED[version]}" if version in t.REFUSED else ""
                raise Unavailable(f"the database has schema {version}; this program knows {t.VERSION}{why}")
            said = (await connection.exec_driver_sql("PRAGMA integrity_check(1)")).scalar_one()
            if said != "ok":
                raise Unavailable(f"the database is damaged: {said}", path=path.name)
    except SQLAlchemyError as error:
        await engine.dispose()
        why = ": it is damaged" if _is_damage(error) else ""
        raise Unavailable(f"the database cannot be opened{why}", path=path.name) from error
    except BaseException:
        await engine.dispose()
        raise
    return SqliteStore(engine, DiskLogs(path.parent / LOGS))


def _make_private(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))


def _prepare(connection: Any, _record: object) -> None:
    connection.isolation_level = None
    for pragma in (
        "journal_mode=WAL",
        "synchronous=FULL",
        f"busy_timeout={BUSY_TIMEOUT_MS}",
        "secure_delete=ON",
    ):
        connection.execute(f"PRAGMA {pragma}")


def _begin(connection: Any) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")


class SqliteStore:
    """`dialogue.ports.Store` and the other slices' stores, over one database."""

    def __init__(self, engine: AsyncEngine, logs: DiskLogs) -> None:
        self._engine = engine
        self._writer = anyio.Lock()
        self._logs = logs

    @property
    def logs(self) -> DiskLogs:
        return self._logs

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[SqliteUnit]:
        async with self.connection() as connection:
            yield SqliteUnit(connection)

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[AsyncConnection]:
        """A transaction's connection, for the adapters of this package."""
        async with self._writer:
            try:
                async with self._engine.begin() as connection:
                    yield connection
            except SQLAlchemyError as error:
                if _is_damage(error):
                    raise Unavailable("the database is damaged: restore it from a copy") from error
                raise Unavailable("the store did not take it; nothing was written") from error

    async def _aside(self, statement: str, *values: str) -> None:
        """One statement outside a transaction, which the pool's connections never are; alone all the same."""

        def run() -> None:
            path = str(self._engine.url.database)
            with closing(sqlite3.connect(path, timeout=BUSY_TIMEOUT_MS / 1000)) as db:
                db.execute(statement, values).fetchall()

        async with self._writer:
            await to_thread.run_sync(run)

    async def copy_to(self, path: Path) -> None:
        """A whole copy of the database as it stands, in a new file, its owner's alone. Raises `Unavailable`."""
        try:
            _make_private(path)
            await self._aside("VACUUM INTO ?", str(path))
        except sqlite3.Error as error:
            raise Unavailable(f"the database cannot be copied: {error}", path=path.name) from error

    async def scrub(self) -> bool:
        """Move the write-ahead log into the database, whose deleted cells are overwritten, and cut it to nothing."""
        async with self._writer:
            try:
                async with self._engine.connect() as connection:
                    raw = (await connection.get_raw_connection()).driver_connection
                    assert raw is not None
                    await raw.execute("PRAGMA busy_timeout=0")  # nobody waits here for a reader
                    try:
                        cursor = await raw.execute("PRAGMA wal_checkpoint(TRUNCATE)")
                        busy, _, _ = await cursor.fetchone()
                        await cursor.close()
                    finally:
                        await raw.execute(f"PRAGMA busy_timeout={BUSY_TIMEOUT_MS}")
            except (SQLAlchemyError, sqlite3.Error) as error:
                raise Unavailable(
                    "the store did not take it; what was deleted may still be in its files"
                ) from error
        return not busy

    async def close(self) -> None:
        await self._engine.dispose()


class SqliteUnit:
    """One transaction on one connection."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._db = connection

    # --- links, sessions, enrolments ------------------------------------------------------------

    async def add_link(self, link: Link) -> None:
        await self._db.execute(insert(t.links), _row(link, expires=instant_text(link.expires)))

    async def link(self, token_hash: str) -> Link | None:
        query = select(t.links).where(t.links.c.token_hash == token_hash)
        row = (await self._db.execute(query)).mappings().one_or_none()
        return None if row is None else Link(**_given(row, expires=instant_of(row["expires"])))

    async def links(self, dialogue: str, side: str) -> Sequence[Link]:
        c = t.links.c
        query = select(t.links).where(c.dialogue == dialogue, c.side == side, c.spent == UNSPENT)
        rows = (await self._db.execute(query.order_by(c.expires.desc()))).mappings()
        return [Link(**_given(row, expires=instant_of(row["expires"]))) for row in rows]

    async def spend_link(self, token_hash: str, now: datetime) -> Link | None:
        found = await self.link(token_hash)
        if found is None or found.spent != UNSPENT or found.expires <= now:
            return None
        await self._db.execute(update(t.links).where(t.links.c.token_hash == token_hash).values(spent=USED))
        return found

    async def withdraw_link(self, dialogue: str, side: str, token_hash: str) -> bool:
        c = t.links.c
        mine = (c.dialogue == dialogue, c.side == side, c.token_hash == token_hash, c.spent == UNSPENT)
        return (await self._db.execute(update(t.links).where(*mine).values(spent=WITHDRAWN))).rowcount == 1

    async def add_session(self, session: Session) -> None:
        await self._db.execute(insert(t.sessions), _row(session, expires=instant_text(session.expires)))

    async def drop_ended_sessions(self, now: datetime) -> None:
        c = t.sessions.c
        await self._db.execute(t.sessions.delete().where(c.pair == "", c.expires <= instant_text(now)))

    async def founder(self, credential: str) -> Session | None:
        c = t.sessions.c
        query = select(t.sessions).where(c.credential == credential, c.pair != "").order_by(c.expires.desc())
        row = (await self._db.execute(query.limit(1))).mappings().one_or_none()
        return None if row is None else Session(**_given(row, expires=instant_of(row["expires"])))

    async def session(self, token_hash: str, now: datetime) -> Session | None:
        query = select(t.sessions).where(
            t.sessions.c.token_hash == token_hash, t.sessions.c.expires > instant_text(now)
        )
        row = (await self._db.execute(query)).mappings().one_or_none()
        return None if row is None else Session(**_given(row, expires=instant_of(row["expires"])))

    async def place_sessions(self, pair: str, chair: int, dialogue: str, side: str) -> None:
        where = (t.sessions.c.pair == pair, t.sessions.c.chair == chair)
        await self._db.execute(update(t.sessions).where(*where).values(dialogue=dialogue, side=side))

    async def end_session(self, token_hash: str) -> None:
        await self._db.execute(t.sessions.delete().where(t.sessions.c.token_hash == token_hash))

    async def add_enrolment(self, row: EnrolmentRow) -> None:
        e = row.enrolment
        values = {
            "id": e.id,
            "delegate": e.delegate,
            "credential": e.credential,
            "name": e.name,
            "role": e.role,
        }
        await self._db.execute(insert(t.enrolments), values | {"dialogue": row.dialogue, "side": row.side})

    async def enrolments(self) -> Sequence[EnrolmentRow]:
        held = t.passkeys.c.credential == t.enrolments.c.credential
        query = select(t.enrolments, t.passkeys.c.body).join(t.passkeys, held)
        return [
            EnrolmentRow(
                r["dialogue"],
                r["side"],
                Enrolment(r["id"], r["delegate"], _passkey(r["body"]), r["name"], r["role"]),
            )
            for r in (await self._db.execute(query)).mappings()
        ]

    async def add_passkey(self, passkey: Passkey) -> None:
        body = canonical.encode(passkey.to_json())
        values = {"credential": passkey.credential, "id": passkey.id, "body": body}
        await self._db.execute(insert(t.passkeys), values)

    async def passkey(self, credential: str) -> Passkey | None:
        query = select(t.passkeys.c.body).where(t.passkeys.c.credential == credential)
        body = (await self._db.execute(query)).scalar_one_or_none()
        return None if body is None else _passkey(body)

    async def passkey_by_id(self, id: bytes) -> Passkey | None:
        body = (
            (await self._db.execute(select(t.passkeys.c.body).where(t.passkeys.c.id == id))).scalars().first()
        )
        return None if body is None else _passkey(body)

    # --- foundings and logs ----------------------------------------------------------------------

    async def add_founding(self, row: FoundingRow) -> bool:
        taken = select(t.foundings.c.side).where(
            t.foundings.c.pair == row.pair, t.foundings.c.chair == row.chair
        )
        if (await self._db.execute(taken)).first() is not None:
            return False
        await self._db.execute(insert(t.foundings), _row(row))
        return True

    async def foundings(self) -> Sequence[FoundingRow]:
        query = select(t.foundings).order_by(t.foundings.c.pair, t.foundings.c.chair)
        return [_sound(r, FoundingRow) for r in (await self._db.execute(query)).mappings()]

    async def keep_log_key(self, row: LogKeyRow) -> None:
        c = t.log_keys.c
        await self._db.execute(t.log_keys.delete().where(c.side == row.side, c.key == row.key))
        await self._db.execute(insert(t.log_keys), _row(row))

    async def log_keys(self, side: str) -> Sequence[LogKeyRow]:
        query = select(t.log_keys).where(t.log_keys.c.side == side).order_by(t.log_keys.c.key)
        return [_sound(r, LogKeyRow) for r in (await self._db.execute(query)).mappings()]

    async def drop_log_keys(self, side: str, but: Iterable[bytes]) -> int:
        c = t.log_keys.c
        done = await self._db.execute(t.log_keys.delete().where(c.side == side, c.key.not_in(list(but))))
        return done.rowcount

    async def founded(self) -> Sequence[str]:
        return [
            str(each) for each in (await self._db.execute(select(t.entries.c.dialogue).distinct())).scalars()
        ]

    async def append_leaf(self, dialogue: str, side: str, seq: int, leaf: bytes) -> None:
        values = {"dialogue": dialogue, "side": side, "seq": seq, "leaf": leaf}
        try:
            await self._db.execute(insert(t.entries), values)
        except IntegrityError as error:
            raise Unavailable(f"entry {seq} of this log is written already") from error

    async def leaves(self, dialogue: str, side: str) -> Sequence[bytes]:
        query = (
            select(t.entries.c.seq, t.entries.c.leaf)
            .where(t.entries.c.dialogue == dialogue, t.entries.c.side == side)
            .order_by(t.entries.c.seq)
        )
        rows = (await self._db.execute(query)).all()
        if [seq for seq, _ in rows] != list(range(len(rows))):
            raise Unavailable("this log has a gap on disk; restore it before anything is written")
        if not all(isinstance(leaf, bytes) for _, leaf in rows):
            raise Unavailable("the database is damaged: an entry's bytes are not there")
        return [leaf for _, leaf in rows]

    # --- contents, receipts, certificates -----------------------------------------------------------

    async def add_content(self, row: ContentRow) -> None:
        await self._db.execute(insert(t.contents), _row(row, audience=row.audience.value))

    async def mend_content(self, row: ContentRow) -> None:
        c = t.contents.c
        where = (c.dialogue == row.dialogue, c.commitment == row.commitment)
        await self._db.execute(update(t.contents).where(*where).values(salt=row.salt, data=row.data))

    async def widen_content(self, dialogue: str, commitment: str, audience: Audience) -> None:
        where = (t.contents.c.dialogue == dialogue, t.contents.c.commitment == commitment)
        held = (await self._db.execute(select(t.contents.c.audience).where(*where))).scalar_one_or_none()
        if held is not None and Audience(held).narrower_than(audience):
            await self._db.execute(update(t.contents).where(*where).values(audience=audience.value))

    async def contents(self, dialogue: str) -> Sequence[ContentRow]:
        query = select(t.contents).where(t.contents.c.dialogue == dialogue)
        rows = (await self._db.execute(query)).mappings()
        return [_sound(r, ContentRow) for r in rows]

    async def drop_content(self, dialogue: str, commitment: str) -> None:
        for table in (t.contents, t.papers):  # a paper goes with its description
            c = table.c
            await self._db.execute(table.delete().where(c.dialogue == dialogue, c.commitment == commitment))

    async def bind_paper(self, dialogue: str, side: str, paper: str, commitment: str) -> bool:
        c = t.papers.c
        where = (c.dialogue == dialogue, c.side == side, c.id == paper)
        done = await self._db.execute(update(t.papers).where(*where).values(commitment=commitment))
        return done.rowcount == 1

    async def forget_name(self, dialogue: str, side: str, delegate: str) -> None:
        for table in (t.links, t.enrolments):
            c = table.c
            where = (c.dialogue == dialogue, c.side == side, c.delegate == delegate, c.name != "")
            await self._db.execute(update(table).where(*where).values(name=""))
        for beside in (t.wishes, t.mails):
            c = beside.c
            whose = (c.dialogue == dialogue, c.side == side, c.delegate == delegate)
            await self._db.execute(beside.delete().where(*whose))

    async def forget_words(self, dialogue: str, side: str, words: str) -> None:
        c = t.drafts.c
        where = (c.dialogue == dialogue, c.side == side)
        for row in (await self._db.execute(select(c.id, c.body).where(*where))).all():
            body = msgspec.json.decode(row.body)
            blanked = _without(body, words)
            if blanked != body:
                changed = update(t.drafts).where(*where, c.id == row.id)
                await self._db.execute(changed.values(body=msgspec.json.encode(blanked)))

    async def drop_remarks(self, dialogue: str, side: str, texts: Collection[str]) -> None:
        c = t.remarks.c
        where = (c.dialogue == dialogue, c.side == side, c.text.in_(list(texts)))
        await self._db.execute(t.remarks.delete().where(*where))

    async def keep_cosigned(self, row: Cosigned) -> None:
        c = t.cosignatures.c
        where = (c.dialogue == row.dialogue, c.side == row.side, c.cosigner == row.cosigner)
        held = (await self._db.execute(select(c.size).where(*where))).scalar_one_or_none()
        if held is None:
            await self._db.execute(insert(t.cosignatures), _row(row))
        elif held <= row.size:
            await self._db.execute(update(t.cosignatures).where(*where).values(_row(row)))
        else:
            raise Unavailable(f"a checkpoint of {held} entries is cosigned already")

    async def cosigned(self, dialogue: str) -> Sequence[Cosigned]:
        query = select(t.cosignatures).where(t.cosignatures.c.dialogue == dialogue)
        return [_sound(r, Cosigned) for r in (await self._db.execute(query)).mappings()]

    async def keep_shown(self, row: Shown) -> None:
        await self.drop_shown(row.dialogue, row.side)
        await self._db.execute(insert(t.shown), _row(row))

    async def shown(self, dialogue: str) -> Sequence[Shown]:
        query = select(t.shown).where(t.shown.c.dialogue == dialogue)
        return [_sound(r, Shown) for r in (await self._db.execute(query)).mappings()]

    async def drop_shown(self, dialogue: str, side: str) -> None:
        c = t.shown.c
        await self._db.execute(t.shown.delete().where(c.dialogue == dialogue, c.side == side))

    async def keep_fork(self, row: Fork) -> None:
        c = t.forks.c
        where = (c.dialogue == row.dialogue, c.side == row.side, c.shown == row.shown)
        if (await self._db.execute(select(c.side).where(*where))).first() is None:
            await self._db.execute(insert(t.forks), _row(row))

    async def forks(self, dialogue: str) -> Sequence[Fork]:
        query = select(t.forks).where(t.forks.c.dialogue == dialogue)
        return [_sound(r, Fork) for r in (await self._db.execute(query)).mappings()]

    async def keep_mark(self, row: Mark) -> None:
        where = (t.marks.c.dialogue == row.dialogue, t.marks.c.side == row.side)
        done = await self._db.execute(update(t.marks).where(*where).values(size=row.size, root=row.root))
        if done.rowcount == 0:
            await self._db.execute(insert(t.marks), _row(row))

    async def marks(self, dialogue: str) -> Sequence[Mark]:
        query = select(t.marks).where(t.marks.c.dialogue == dialogue)
        return [_sound(r, Mark) for r in (await self._db.execute(query)).mappings()]

    async def keep_timestamp(self, row: Timestamp) -> None:
        c = t.timestamps.c
        where = (c.dialogue == row.dialogue, c.side == row.side, c.size == row.size)
        if (await self._db.execute(select(c.size).where(*where))).first() is None:
            await self._db.execute(insert(t.timestamps), _row(row))

    async def timestamps(self, dialogue: str) -> Sequence[Timestamp]:
        query = select(t.timestamps).where(t.timestamps.c.dialogue == dialogue)
        return [_sound(r, Timestamp) for r in (await self._db.execute(query)).mappings()]

    async def keep_certificate(self, row: Certificate) -> None:
        key = {"dialogue": row.dialogue, "talk": row.talk, "sitting": row.sitting, "device": row.device}
        where = [t.certificates.c[name] == value for name, value in key.items()]
        if (await self._db.execute(select(t.certificates.c.device).where(*where))).first() is None:
            await self._db.execute(insert(t.certificates), key | {"body": row.body})

    async def certificates(self, dialogue: str, talk: str, sitting: int) -> Sequence[Certificate]:
        c = t.certificates.c
        query = select(t.certificates).where(c.dialogue == dialogue, c.talk == talk, c.sitting == sitting)
        return [Certificate(**r) for r in (await self._db.execute(query)).mappings()]


def _without(value: Any, words: str) -> Any:
    """A JSON value in which these very words are blank, wherever they are the value of a member.

    A form's lines end in CR LF and may have white space around them; what was committed to has neither.
    """
    match value:
        case dict():
            return {name: _without(member, words) for name, member in value.items()}
        case list():
            return [_without(member, words) for member in value]
        case str() if value.replace("\r\n", "\n").strip() == words:
            return ""
    return value


def _passkey(body: bytes) -> Passkey:
    return Passkey.from_json(canonical.decode(body))


def _row(value: Any, **changed: object) -> dict[str, Any]:
    """A slotted dataclass as a row, with some members spelt as the table spells them."""
    return {name: getattr(value, name) for name in value.__dataclass_fields__} | changed


def _sound(row: Any, kind: type[Row]) -> Row:
    """A row as its dataclass, every member of its type. Raises `Unavailable`: what was written had them."""
    try:
        given = {name: row[name] for name in kind.__dataclass_fields__}  # type: ignore[attr-defined]
        return msgspec.convert(given, kind, builtin_types=(bytes,))
    except msgspec.ValidationError as error:
        raise Unavailable(f"the database is damaged: {kind.__name__}: {error}") from error


def _is_damage(error: SQLAlchemyError) -> bool:
    """Whether SQLite says that the file is not as SQLite wrote it, or its text is no text."""
    said = str(getattr(error, "orig", error))
    return any(words in said for words in ("malformed", "not a database", "Could not decode"))


def _given(row: Any, *without: str, **changed: object) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name not in without} | changed


def instant_text(instant: datetime) -> str:
    """Fixed width, UTC: so that text order is time order."""
    return instant.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def instant_of(text: str) -> datetime:
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=UTC)
