"""A log as C2SP tiles (record.md §10.4)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from visavis.errors import Malformed
from visavis.record.merkle import Tree, leaf_hash
from visavis.record.tiles import (
    MAX_ENTRY_BYTES,
    decode_entries,
    encode_entries,
    entry_tiles,
    hash_tiles,
    tile_path,
    widths,
)


@pytest.mark.parametrize(
    ("level", "index", "width", "path"),
    [
        ("entries", 0, 256, "tile/entries/000"),
        ("0", 0, 17, "tile/0/000.p/17"),
        ("0", 999, 256, "tile/0/999"),
        ("1", 1000, 256, "tile/1/x001/000"),
        ("entries", 1_234_067, 256, "tile/entries/x001/x234/067"),
        ("entries", 1_234_067, 1, "tile/entries/x001/x234/067.p/1"),
    ],
)
def test_paths_are_tlog_tiles(level: str, index: int, width: int, path: str) -> None:
    """Tile paths are spelt as C2SP tlog-tiles spells them."""
    assert tile_path(level, index, width) == path


def test_a_tree_of_70_000_has_the_tiles_that_c2sp_counts() -> None:
    """C2SP's own example: 273 full tiles and a partial one of 112; one full and one of 17; one of 1."""
    tree = Tree()
    for i in range(70_000):
        tree.append_hash(i.to_bytes(32, "big"))
    paths = [path for path, _ in hash_tiles(tree)]
    assert [sum(path.startswith(f"tile/{level}/") for path in paths) for level in range(4)] == [274, 2, 1, 0]
    assert {"tile/0/273.p/112", "tile/1/001.p/17", "tile/2/000.p/1"} < set(paths)
    assert list(widths(70_000))[-1] == (273, 112)


def test_level_one_holds_the_roots_of_full_tiles() -> None:
    """A hash of level 1 is the Merkle tree hash of a full tile of level 0; a partial tile has none yet."""
    leaves = [b"%d" % i for i in range(256)]
    tiles = dict(hash_tiles(Tree([*leaves, b"more"])))
    assert tiles["tile/0/000"] == b"".join(map(leaf_hash, leaves))
    assert tiles["tile/0/001.p/1"] == leaf_hash(b"more")
    assert tiles["tile/1/000.p/1"] == Tree(leaves).root()


@given(st.lists(st.binary(max_size=300), max_size=20))
def test_entries_read_back(leaves: list[bytes]) -> None:
    """An entry bundle holds its leaves and nothing else, empty ones too."""
    assert decode_entries(encode_entries(leaves), len(leaves)) == leaves
    assert [path for path, _ in entry_tiles(leaves)] == (
        [f"tile/entries/000.p/{len(leaves)}"] if leaves else []
    )


@given(st.binary(max_size=60), st.integers(0, 5))
def test_any_bytes_are_an_entry_bundle_or_malformed(data: bytes, count: int) -> None:
    """Reading an entry bundle never raises anything but `Malformed`, and accepts only what it would write."""
    try:
        leaves = decode_entries(data, count)
    except Malformed:
        return
    assert encode_entries(leaves) == data


def test_an_entry_is_at_most_65_535_bytes() -> None:
    """A tile's length field has two bytes."""
    encode_entries([bytes(MAX_ENTRY_BYTES)])
    with pytest.raises(Malformed):
        encode_entries([bytes(MAX_ENTRY_BYTES + 1)])
