"""A log's files beside the database: full tiles, written once, and the head.

Lives here: `DiskLogs`, behind `dialogue.ports.LogFiles`.
Not here: which tiles a log has (`record.tiles`), what a head says, what follows if one is missing (`dialogue`).
Spec: docs/spec/record.md §§9.5, 10.4; C2SP tlog-tiles.

    <data>/logs/<dialogue>/<side>/tile/…     full tiles: whole or not there, read-only, never written again
    <data>/logs/<dialogue>/<side>/head       two places of 512 bytes, each a signed note and zeros

A head of n entries stands in place n mod 2, so that the one before stays until the new one is whole, and nothing but
one sector is written and synced for an entry: a file made anew and renamed would cost a directory as well.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TypeVar

from anyio import to_thread

from visavis.errors import Unavailable

PLACE = 512
_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
_TILE = re.compile(r"tile/(?:entries|[0-9]{1,2})(?:/x[0-9]{3})*/[0-9]{3}")

T = TypeVar("T")


class DiskLogs:
    """The files of all logs of a node, in one folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def keep(
        self, dialogue: str, side: str, tiles: Iterable[tuple[str, bytes]], size: int, head: bytes
    ) -> None:
        given = list(tiles)
        await _off_the_loop(lambda: self._keep(self._of(dialogue, side), given, size, head))

    async def heads(self, dialogue: str, side: str) -> Sequence[bytes] | None:
        data = await _off_the_loop(lambda: _read(self._of(dialogue, side) / "head"))
        if data is None:
            return None
        return [data[at : at + PLACE].rstrip(b"\0") for at in (0, PLACE)]

    async def tile(self, dialogue: str, side: str, path: str) -> bytes | None:
        if not _TILE.fullmatch(path):
            return None
        return await _off_the_loop(lambda: _read(self._of(dialogue, side) / path))

    async def dialogues(self) -> Sequence[str]:
        def look() -> list[str]:
            if not self._folder.is_dir():
                return []
            return sorted(each.name for each in self._folder.iterdir() if _ID.fullmatch(each.name))

        return await _off_the_loop(look)

    def _of(self, dialogue: str, side: str) -> Path:
        if not _ID.fullmatch(dialogue) or not _ID.fullmatch(side):
            raise Unavailable("a log of this name has no files")
        return self._folder / dialogue / side

    def _keep(self, log: Path, tiles: Sequence[tuple[str, bytes]], size: int, head: bytes) -> None:
        if len(head) > PLACE:
            raise Unavailable(f"a head of {len(head)} bytes where {PLACE} are allowed")
        _make_folders(log)
        for path, data in tiles:
            _write_once(log / path, data, path)
        _write_head(log / "head", head.ljust(PLACE, b"\0"), size % 2)


def _write_once(path: Path, data: bytes, name: str) -> None:
    """A full tile, read-only. Raises `Unavailable` if another is in its place."""
    held = _read(path)
    if held is None:
        _make_folders(path.parent)
        _make(path, data, 0o444)
    elif held != data:
        raise Unavailable(f"{name} is on disk already and differs", tile=name)


def _write_head(path: Path, place: bytes, n: int) -> None:
    if not path.exists():  # whole from the beginning: a head without any note in it is a damaged one
        _make(path, (bytes(n * PLACE) + place).ljust(2 * PLACE, b"\0"), 0o600)
        return
    file = os.open(path, os.O_WRONLY)
    try:
        _write(file, place, n * PLACE)
        os.fdatasync(file)
    finally:
        os.close(file)


def _make(path: Path, data: bytes, mode: int) -> None:
    """A new file, whole or not there, on disk when this returns."""
    new = path.with_name(path.name + ".new")
    new.unlink(missing_ok=True)  # of a run that was killed; perhaps read-only already
    file = os.open(new, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600)
    try:
        _write(file, data, 0)
        os.fchmod(file, mode)
        os.fsync(file)
    finally:
        os.close(file)
    os.rename(new, path)
    _sync_folder(path.parent)


def _write(file: int, data: bytes, at: int) -> None:
    while data:
        written = os.pwrite(file, data, at)
        data, at = data[written:], at + written


def _read(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return None


def _make_folders(path: Path) -> None:
    """`path` and whatever is missing above it, each on disk in its parent."""
    if path.is_dir():
        return
    _make_folders(path.parent)
    path.mkdir(mode=0o700, exist_ok=True)
    _sync_folder(path.parent)


def _sync_folder(path: Path) -> None:
    folder = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


async def _off_the_loop(work: Callable[[], T]) -> T:
    """Run `work` in a thread: a disk may take its time. Raises `Unavailable` for what the disk says."""
    try:
        return await to_thread.run_sync(work)
    except OSError as error:
        raise Unavailable(f"the log's files: {error.strerror or error}") from error
