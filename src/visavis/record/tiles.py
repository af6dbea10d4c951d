"""A log as static files: C2SP tlog-tiles, so that others' tools can read it. Pure.

Lives here: tile paths, entry bundles, the hash tiles of a tree, the tiles that became full.
Not here: who serves or fetches them, the checkpoint beside them (`checkpoint`).
Spec: docs/spec/record.md §10.4; C2SP tlog-tiles.

    tile/entries/000, …/x001/x234/067, …/000.p/17     up to 256 × (u16be length ‖ entry)
    tile/<level>/000, …                               up to 256 × hash of 32 bytes
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from visavis.errors import Malformed
from visavis.record.merkle import Tree

WIDTH = 256
"""Entries, or hashes, of a full tile."""
MAX_ENTRY_BYTES = 65_535


def tile_path(level: str, index: int, width: int = WIDTH) -> str:
    """ "tile/<level>/<index>", with ".p/<width>" where the tile is partial. level: "entries", "0", "1", …"""
    parts = [f"{index % 1000:03}"]
    while index := index // 1000:
        parts.insert(0, f"x{index % 1000:03}")
    partial = "" if width == WIDTH else f".p/{width}"
    return f"tile/{level}/{'/'.join(parts)}{partial}"


def widths(count: int) -> Iterator[tuple[int, int]]:
    """(index, width) of the tiles that hold `count` entries or hashes: full ones, then a partial one."""
    full, rest = divmod(count, WIDTH)
    for index in range(full):
        yield index, WIDTH
    if rest:
        yield full, rest


def encode_entries(leaves: Sequence[bytes]) -> bytes:
    """An entry bundle: for each leaf u16be(length) ‖ leaf. A leaf above 65,535 bytes is `Malformed`."""
    parts: list[bytes] = []
    for leaf in leaves:
        if len(leaf) > MAX_ENTRY_BYTES:
            raise Malformed(f"an entry of {len(leaf)} bytes where {MAX_ENTRY_BYTES} are allowed")
        parts += (len(leaf).to_bytes(2, "big"), leaf)
    return b"".join(parts)


def decode_entries(data: bytes, count: int) -> list[bytes]:
    """The `count` leaves of an entry bundle; `Malformed` if the bytes hold more, fewer, or half a leaf."""
    leaves: list[bytes] = []
    at = 0
    while at < len(data) and len(leaves) < count:
        start = at + 2
        at = start + int.from_bytes(data[at:start], "big")
        if start > len(data) or at > len(data):
            raise Malformed(f"entry bundle: entry {len(leaves)} is cut short")
        leaves.append(data[start:at])
    if len(leaves) != count or at != len(data):
        raise Malformed(f"entry bundle: {count} entries are due, and no byte more")
    return leaves


def entry_tiles(leaves: Sequence[bytes]) -> Iterator[tuple[str, bytes]]:
    """(path, bytes) of every entry bundle of a log."""
    for index, width in widths(len(leaves)):
        yield (
            tile_path("entries", index, width),
            encode_entries(leaves[index * WIDTH : index * WIDTH + width]),
        )


def hash_tiles(tree: Tree) -> Iterator[tuple[str, bytes]]:
    """(path, bytes) of every hash tile of a tree, lowest level first."""
    level = 0
    while hashes := tree.full_subtrees(8 * level):
        for index, width in widths(len(hashes)):
            chunk = hashes[index * WIDTH : index * WIDTH + width]
            yield tile_path(str(level), index, width), b"".join(chunk)
        level += 1


def full_tiles(leaves: Sequence[bytes], tree: Tree, old: int, new: int) -> Iterator[tuple[str, bytes]]:
    """(path, bytes) of every tile that is full at `new` entries and was not at `old`; entries first.

    leaves, tree: the log's, of at least `new` entries; 0 <= old <= new.
    """
    for index in range(old // WIDTH, new // WIDTH):
        yield tile_path("entries", index), encode_entries(leaves[index * WIDTH : (index + 1) * WIDTH])
    level = 0
    while (span := WIDTH ** (level + 1)) <= new:  # entries under one full tile of this level
        hashes = tree.full_subtrees(8 * level)
        for index in range(old // span, new // span):
            yield tile_path(str(level), index), b"".join(hashes[index * WIDTH : (index + 1) * WIDTH])
        level += 1
