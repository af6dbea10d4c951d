"""SQLite as the store."""

from __future__ import annotations

import stat
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from tests.store.contract import NOW, StoreContract, link

from visavis.dialogue.ports import FoundingRow, LogKeyRow
from visavis.errors import Unavailable
from visavis.store.remarks import SqliteRemarks
from visavis.store.sqlite import SqliteStore, open_store
from visavis.understandings.remarks import Remark

pytestmark = pytest.mark.anyio


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqliteStore]:
    opened = await open_store(tmp_path / "data" / "visavis.sqlite")
    yield opened
    await opened.close()


@pytest.fixture
async def reopen(tmp_path: Path, store: SqliteStore) -> AsyncIterator[Callable[[], Awaitable[SqliteStore]]]:
    opened: list[SqliteStore] = []

    async def again() -> SqliteStore:
        await store.close()
        opened.append(await open_store(tmp_path / "data" / "visavis.sqlite"))
        return opened[-1]

    yield again
    for each in opened:
        await each.close()


class TestSqlite(StoreContract):
    """The contract, on a file."""


async def test_the_database_is_its_owners_alone(tmp_path: Path, store: SqliteStore) -> None:
    """Nobody else on the machine can read the node's keys."""
    assert stat.S_IMODE((tmp_path / "data" / "visavis.sqlite").stat().st_mode) == 0o600


async def test_another_schema_is_refused(tmp_path: Path, store: SqliteStore) -> None:
    """A database of another version is not guessed at."""
    async with store._engine.begin() as connection:
        await connection.exec_driver_sql("PRAGMA user_version = 99")
    with pytest.raises(Unavailable, match="99"):
        await open_store(tmp_path / "data" / "visavis.sqlite")


@pytest.mark.parametrize(
    ("version", "lacks"),
    [(2, {"timestamps"}), (3, {"feeds", "wishes", "mails", "noted"}), (4, {"remarks"})],
)
async def test_an_earlier_schema_is_brought_up_to_date(
    tmp_path: Path, store: SqliteStore, version: int, lacks: set[str]
) -> None:
    """A database of an earlier version gets the tables that it lacks, and keeps what it has."""
    tables = "SELECT name, sql FROM sqlite_schema ORDER BY name"
    async with store.begin() as unit:
        await unit.add_link(link())
    async with store._engine.begin() as connection:
        whole = (await connection.exec_driver_sql(tables)).all()
        for table in lacks:
            await connection.exec_driver_sql(f"DROP TABLE {table}")
        await connection.exec_driver_sql(f"PRAGMA user_version = {version}")
    again = await open_store(tmp_path / "data" / "visavis.sqlite")
    async with again.connection() as db:
        assert (await db.exec_driver_sql(tables)).all() == whole
    async with again.begin() as unit:
        assert await unit.link("h1") is not None
    await again.close()


async def test_remarks_of_one_side_are_not_the_others(store: SqliteStore) -> None:
    """Neither read, counted nor dropped by it."""
    remarks, one = SqliteRemarks(store), Remark("r", "d", "a", "text", 1, "somebody", "Ours", NOW)
    await remarks.add(one)
    assert [await remarks.of("d", side, ["text"]) for side in ("a", "b")] == [[one], []]
    assert [await remarks.get("d", side, "r") for side in ("a", "b")] == [one, None]
    await remarks.drop("d", "b", "r")
    assert [await remarks.count("d", side, "text") for side in ("a", "b")] == [1, 0]


async def test_a_database_without_passkeys_is_refused_with_the_reason(
    tmp_path: Path, store: SqliteStore
) -> None:
    """A node of schema 1 could not be loaded; opening says so, and changes nothing."""
    async with store._engine.begin() as connection:
        await connection.exec_driver_sql("PRAGMA user_version = 1")
    for _ in range(2):
        with pytest.raises(Unavailable, match=r"schema 1.*no passkeys"):
            await open_store(tmp_path / "data" / "visavis.sqlite")


async def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    """Garbage in place of the database is said to be so, and stays as it was."""
    path = tmp_path / "visavis.sqlite"
    path.write_bytes(b"not a database, by any means" * 100)
    with pytest.raises(Unavailable):
        await open_store(path)
    assert path.read_bytes().startswith(b"not a database")


@pytest.mark.parametrize("name", ["what?mode=memory", "a#b", "50%25", "два слова"])
async def test_any_path_is_a_path(tmp_path: Path, name: str) -> None:
    """The data folder may have any name: nothing in it is read as a part of an address."""
    path = tmp_path / name / "visavis.sqlite"
    opened = await open_store(path)
    async with opened.connection() as db:
        row = (await db.exec_driver_sql("PRAGMA database_list")).all()[0]
    await opened.close()
    assert Path(row[2]) == path


async def test_a_folder_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    """A file where the folder should be is an error of the store's own kind."""
    (tmp_path / "data").write_bytes(b"")
    with pytest.raises(Unavailable):
        await open_store(tmp_path / "data" / "visavis.sqlite")


async def test_version_2_is_taken_over_with_its_log_keys(tmp_path: Path, store: SqliteStore) -> None:
    """Where a log's one key stood in its founding, it is found among the log keys, and nowhere else on the disk."""
    seed = bytes(range(1, 33))
    key = Ed25519PrivateKey.from_private_bytes(seed).public_key().public_bytes_raw()
    async with store.connection() as db:
        for statement in (
            "DROP TABLE log_keys",
            "DROP TABLE shown",
            "ALTER TABLE foundings ADD COLUMN log_key_seed BLOB NOT NULL DEFAULT x''",
            "PRAGMA user_version = 2",
        ):
            await db.exec_driver_sql(statement)
        await db.exec_driver_sql("INSERT INTO foundings VALUES ('p', 0, 'a', x'7b7d', ?)", (seed,))
    await store.close()
    opened = await open_store(tmp_path / "data" / "visavis.sqlite")
    try:
        async with opened.begin() as unit:
            assert await unit.log_keys("a") == [LogKeyRow("a", key, seed)]
            assert await unit.foundings() == [FoundingRow("p", 0, "a", b"{}")]
            await unit.drop_log_keys("a", [])
        await opened.scrub()
        files = (tmp_path / "data").glob("visavis.sqlite*")
        assert not any(seed in file.read_bytes() for file in files)
    finally:
        await opened.close()
