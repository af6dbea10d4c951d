"""Papers on disk: bound by an entry they stay, with their description they go, and an older database learns of them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from visavis.dialogue.commands import Audience
from visavis.dialogue.ports import ContentRow
from visavis.dossier.files import Kind
from visavis.dossier.ports import Paper
from visavis.store.papers import SqlitePapers
from visavis.store.sqlite import SqliteStore, open_store

pytestmark = pytest.mark.anyio

PAPER = Paper(
    "d", "a", "p", "T", "", "a.txt", Kind.TEXT, 4, "0" * 64, "who", datetime(2021, 12, 7, tzinfo=UTC)
)


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqliteStore]:
    made = await open_store(tmp_path / "visavis.sqlite")
    yield made
    await made.close()


async def test_a_bound_paper_goes_with_its_description_alone(store: SqliteStore) -> None:
    """It is not dropped by itself; another side's paper, and one that is not there, cannot be bound."""
    papers = SqlitePapers(store)
    await papers.add(PAPER, b"data")
    await papers.add(replace(PAPER, id="q", side="b"), b"data")
    async with store.begin() as unit:
        await unit.add_content(ContentRow("d", "a", "c", bytes(32), b"words", "", Audience.BOTH))
        assert await unit.bind_paper("d", "a", "p", "c")
        assert not await unit.bind_paper("d", "a", "q", "c")
        assert not await unit.bind_paper("d", "a", "x", "c")
    assert not await papers.drop("d", "p")
    assert await papers.data("d", "p") == b"data"
    async with store.begin() as unit:
        await unit.drop_content("d", "c")
    assert await papers.data("d", "p") is None
    assert await papers.drop("d", "q")
    assert await papers.all() == []


async def test_what_changes_of_a_paper_is_kept(store: SqliteStore) -> None:
    """That it is a non-paper now, and whose copy is thrown away; the rest stays as it was laid."""
    papers = SqlitePapers(store)
    await papers.add(PAPER, b"data")
    given = replace(PAPER, non_paper=True, dropped="a")
    await papers.mark(replace(given, name="another"))
    assert await papers.all() == [given]


async def test_a_database_without_papers_gets_their_table(tmp_path: Path, store: SqliteStore) -> None:
    """A database of version 4 knows none."""
    async with store._engine.begin() as connection:
        await connection.exec_driver_sql("DROP TABLE papers")
        await connection.exec_driver_sql("PRAGMA user_version = 4")
    again = await open_store(tmp_path / "visavis.sqlite")
    await SqlitePapers(again).add(PAPER, b"data")
    assert await SqlitePapers(again).all() == [PAPER]
    await again.close()
