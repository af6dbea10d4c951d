"""SQLite as the store."""

from __future__ import annotations

import stat
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
from tests.store.contract import StoreContract

from visavis.errors import Unavailable
from visavis.store.sqlite import SqliteStore, open_store

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
