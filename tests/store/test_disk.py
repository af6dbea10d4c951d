"""The disk as the adversary: bytes flipped, files cut, lost, put back from earlier; a node over what is left.

After each attack the log is whole, or a beginning of it is shown and nothing can be written, or the node says what is
wrong and shows nothing. Never is another log shown, and never is an entry missing unsaid.
`DISK_ATTACKS=n` tries n of each kind instead of a few (record.md §9.5).
"""

from __future__ import annotations

import os
import random
import shutil
import sqlite3
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

import anyio
import pytest
from tests.store.disk import NODE, Original, confirmed, copy, found, outcome, quiet, talk

from visavis.record import tiles

pytestmark = pytest.mark.slow


class Disk(NamedTuple):
    """A data folder and what was confirmed by then; an earlier copy of it, and what was confirmed by that time."""

    folder: Path
    said: Original
    earlier: Path
    said_earlier: Original


TRIES = int(os.environ.get("DISK_ATTACKS", "20"))


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Disk:
    """A node's folder with a full tile, as a kill leaves it: the latest entries are in the write-ahead log alone."""
    quiet()
    live, dead, earlier = (tmp_path_factory.mktemp(name) for name in ("live", "dead", "earlier"))

    async def make() -> tuple[Original, Original]:
        house = await found(live)
        await talk(house, tiles.WIDTH * 3 // 2)
        with closing(sqlite3.connect(live / NODE)) as db:
            db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        before = confirmed(house)
        copy(live, earlier)
        await talk(house, 12)
        after = confirmed(house)
        copy(live, dead)
        await house.store.close()
        return after, before

    after, before = anyio.run(make)
    return Disk(dead, after, earlier, before)


@pytest.fixture(scope="module")
def settled(data: Disk, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same folder after a clean stop: everything is in the database file."""
    folder = copy(data.folder, tmp_path_factory.mktemp("settled") / "data")
    assert anyio.run(outcome, folder, data.said) == "whole"
    return folder


def files_of(folder: Path) -> list[Path]:
    return sorted(p.relative_to(folder) for p in folder.rglob("*") if p.is_file() and p.stat().st_size)


def attack(
    original: Path, said: Original, to: Path, attacks: Iterator[tuple[str, Callable[[Path], None]]]
) -> Counter[str]:
    """Try each on a fresh copy. Counts the outcomes."""
    counted: Counter[str] = Counter()
    for name, harm in attacks:
        folder = copy(original, to / "copy")
        harm(folder)
        try:
            counted[anyio.run(outcome, folder, said)] += 1
        except BaseException as error:
            raise AssertionError(f"{name}: {error!r}") from error
    return counted


def tell(what: str, counted: Counter[str]) -> None:
    """For who runs it at length (`-s`)."""
    sys.stdout.write(f"{what}: {counted.total()} tried, {dict(counted)}\n")


def flip(path: Path, at: int, bit: int) -> None:
    path.chmod(0o600)
    with path.open("r+b") as file:
        file.seek(at)
        byte = file.read(1)[0]
        file.seek(at)
        file.write(bytes([byte ^ 1 << bit]))


def cut(path: Path, size: int) -> None:
    path.chmod(0o600)
    os.truncate(path, size)


@pytest.mark.parametrize("state", ["killed", "stopped"])
def test_any_byte_flipped(data: Disk, settled: Path, tmp_path: Path, state: str) -> None:
    """One bit anywhere in the database, its write-ahead log, a tile or a head."""
    folder = data.folder if state == "killed" else settled
    draw = random.Random(f"flip {state}")

    def attacks() -> Iterator[tuple[str, Callable[[Path], None]]]:
        for name in files_of(folder):
            size = (folder / name).stat().st_size
            small = size < 64 * 1024
            for _ in range(max(4, TRIES // 6) if small else TRIES):
                at, bit = draw.randrange(size), draw.randrange(8)
                yield f"{name} {at} {bit}", lambda copied, n=name, a=at, b=bit: flip(copied / n, a, b)

    counted = attack(folder, data.said, tmp_path, attacks())
    tell(f"flipped, {state}", counted)
    assert counted["whole"] > 0


@pytest.mark.parametrize("state", ["killed", "stopped"])
def test_any_file_cut_or_lost(data: Disk, settled: Path, tmp_path: Path, state: str) -> None:
    """Each file ends too early, at any length, or is not there."""
    folder = data.folder if state == "killed" else settled
    draw = random.Random(f"cut {state}")

    def attacks() -> Iterator[tuple[str, Callable[[Path], None]]]:
        for name in files_of(folder):
            size = (folder / name).stat().st_size
            yield f"{name} lost", lambda copied, n=name: (copied / n).unlink()
            for at in [0, size - 1, *(draw.randrange(size) for _ in range(max(2, TRIES // 10)))]:
                yield f"{name} cut at {at}", lambda copied, n=name, a=at: cut(copied / n, a)

    counted = attack(folder, data.said, tmp_path, attacks())
    tell(f"cut or lost, {state}", counted)
    assert counted["whole"] > 0


def test_the_latest_transactions_lost_at_any_byte(data: Disk, tmp_path: Path) -> None:
    """The write-ahead log ends anywhere in its last transactions: SQLite takes that for its end, the node does not."""
    folder, said = data.folder, data.said
    wal = Path(f"{NODE}-wal")
    size = (folder / wal).stat().st_size
    draw = random.Random("wal")
    lengths = sorted(draw.sample(range(size), min(TRIES, size)))

    def attacks() -> Iterator[tuple[str, Callable[[Path], None]]]:
        for at in lengths:
            yield f"cut at {at} of {size}", lambda copied, a=at: cut(copied / wal, a)

    counted = attack(folder, said, tmp_path, attacks())
    tell("write-ahead log cut", counted)
    assert counted == {"stopped": len(lengths)}


@pytest.mark.parametrize(
    ("what", "due"),
    [
        ("database", "stopped"),
        ("logs", "whole"),
        ("head", "whole"),
        ("everything", "whole"),
    ],
)
def test_put_back_from_earlier(data: Disk, tmp_path: Path, what: str, due: str) -> None:
    """The database from an old copy is seen to be behind; what stands beside it is brought up again from the log.

    A whole folder from an old copy is a true beginning of the log: only others can tell (readers' checkpoints).
    """
    earlier, said = data.earlier, data.said
    old = copy(data.folder, tmp_path / "copy")
    if what == "everything":
        old, said = copy(earlier, old), data.said_earlier
    if what == "logs":
        shutil.rmtree(old / "logs")
        shutil.copytree(earlier / "logs", old / "logs")
    for path in sorted(earlier.rglob("*")):
        name = path.relative_to(earlier)
        database = what == "database" and path.parent == earlier and path.is_file()
        if database or (what == "head" and path.name == "head"):
            shutil.copyfile(path, old / name)
    assert anyio.run(outcome, old, said) == due
    assert anyio.run(outcome, old, said) == due
