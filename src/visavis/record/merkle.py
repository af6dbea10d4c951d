"""Merkle trees of a side's log, and their proofs. Pure.

Lives here: leaf and node hashes, a growing `Tree` that knows the root of each of its prefixes, inclusion
and consistency proofs and their checks.
Not here: checkpoints (`checkpoint`), what a leaf says (`entry`), where leaves are kept (`store`).
Spec: docs/spec/record.md §10; RFC 9162 §2.1.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence

from visavis.errors import Untrusted

HASH_BYTES = 32
EMPTY_ROOT = hashlib.sha256(b"").digest()
"""Root of the tree without leaves: SHA-256 of nothing (RFC 9162 §2.1.1)."""


class ProofInvalid(Untrusted):
    """A Merkle proof does not lead where it claims. `message` says whether length or root differs."""

    code = "proof-invalid"


def leaf_hash(leaf: bytes) -> bytes:
    """SHA-256(00 ‖ leaf), 32 bytes (RFC 9162 §2.1.1)."""
    return hashlib.sha256(b"\x00" + leaf).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """SHA-256(01 ‖ left ‖ right), 32 bytes (RFC 9162 §2.1.1)."""
    return hashlib.sha256(b"\x01" + left + right).digest()


class Tree:
    """A log's tree. It only grows; the root of every prefix is at hand, since acks name any of them.

    Memory: three hashes a leaf. `append` is O(1) on average; `root` is O(log n) the first time it is asked
    for a size, then O(1); a proof is O(log² n).
    """

    __slots__ = ("_levels", "_roots")

    def __init__(self, leaves: Iterable[bytes] = ()) -> None:
        self._levels: list[list[bytes]] = [[]]  # [height][i]: the full subtree over leaves i·2^h … (i+1)·2^h
        self._roots: list[bytes | None] = [EMPTY_ROOT]
        for leaf in leaves:
            self.append(leaf)

    @property
    def size(self) -> int:
        """Number of leaves."""
        return len(self._roots) - 1

    def append(self, leaf: bytes) -> None:
        """Add the entry's bytes as the next leaf."""
        self.append_hash(leaf_hash(leaf))

    def append_hash(self, node: bytes) -> None:
        """Add a leaf by its hash (`leaf_hash`), 32 bytes."""
        levels = self._levels
        levels[0].append(node)
        height = 0
        while not len(levels[height]) & 1:  # a right child: its parent is full now
            node = node_hash(levels[height][-2], node)
            height += 1
            if height == len(levels):
                levels.append([])
            levels[height].append(node)
        self._roots.append(None)

    def root(self, size: int | None = None) -> bytes:
        """Root of the first `size` leaves, 32 bytes; of all by default. 0 <= size <= self.size."""
        size = self.size if size is None else size
        if not 0 <= size < len(self._roots):
            raise IndexError(f"no prefix of size {size} in a tree of {self.size}")
        known = self._roots[size]
        if known is not None:
            return known
        root, rest, height = b"", size, 0
        while rest:  # the full subtrees of this prefix, smallest first
            if rest & 1:
                peak = self._levels[height][rest - 1]
                root = node_hash(peak, root) if root else peak
            rest, height = rest >> 1, height + 1
        self._roots[size] = root
        return root

    def leaf(self, index: int) -> bytes:
        """Hash of the leaf at `index`, 32 bytes."""
        return self._levels[0][index]

    def leaf_hashes(self) -> Sequence[bytes]:
        """Hashes of all leaves, in order; not a copy."""
        return self._levels[0]

    def full_subtrees(self, height: int) -> Sequence[bytes]:
        """Hashes of the full subtrees of 2^height leaves, left to right; what a tile holds. Not a copy."""
        return self._levels[height] if height < len(self._levels) else ()

    def inclusion_proof(self, index: int, size: int | None = None) -> list[bytes]:
        """Siblings from leaf `index` to the root of the first `size` leaves.

        At most ceil(log2(size)) hashes. 0 <= index < size <= self.size.
        Source: RFC 9162 §2.1.3.1.
        """
        size = self.size if size is None else size
        if not 0 <= index < size <= self.size:
            raise IndexError(f"no leaf {index} in the first {size} of {self.size}")
        proof: list[bytes] = []
        start, end = 0, size
        while end - start > 1:
            middle = start + _split(end - start)
            if index < middle:
                proof.append(self._range(middle, end))
                end = middle
            else:
                proof.append(self._range(start, middle))
                start = middle
        return proof[::-1]

    def consistency_proof(self, old: int, new: int | None = None) -> list[bytes]:
        """What shows that the first `new` leaves begin with the first `old`. 0 <= old <= new <= self.size.

        Empty if old is 0 or equals new. Source: RFC 9162 §2.1.4.1.
        """
        new = self.size if new is None else new
        if not 0 <= old <= new <= self.size:
            raise IndexError(f"no proof from {old} to {new} in a tree of {self.size}")
        proof: list[bytes] = []
        if old in (0, new):
            return proof
        start, end, whole = 0, new, True  # `whole`: old covers the range from the tree's very beginning
        while old - start != end - start:
            middle = start + _split(end - start)
            if old <= middle:
                proof.append(self._range(middle, end))
                end = middle
            else:
                proof.append(self._range(start, middle))
                start, whole = middle, False
        if not whole:
            proof.append(self._range(start, end))
        return proof[::-1]

    def _range(self, start: int, end: int) -> bytes:
        """Hash of the subtree over leaves start … end; `start` is a multiple of its width."""
        width = end - start
        if not width & (width - 1):
            height = width.bit_length() - 1
            return self._levels[height][start >> height]
        middle = start + _split(width)
        return node_hash(self._range(start, middle), self._range(middle, end))


def verify_inclusion(leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> None:
    """Check that the leaf with hash `leaf` is at `index` in the tree of `size` leaves with hash `root`.

    leaf:  SHA-256(00 ‖ entry), 32 bytes.
    index: zero-based; 0 <= index < size.
    proof: sibling hashes of 32 bytes, leaf to root; at most ceil(log2(size)).
    Raises `ProofInvalid`, saying whether length or root differs.
    Source: RFC 9162 §2.1.3.2.
    """
    if not 0 <= index < size:
        raise ProofInvalid(f"no leaf {index} in a tree of {size}")
    _check_hashes(leaf, root, *proof)
    fn, sn, node = index, size - 1, leaf
    for sibling in proof:
        if sn == 0:
            raise ProofInvalid(f"inclusion proof of {len(proof)} hashes is too long")
        if fn & 1 or fn == sn:
            node = node_hash(sibling, node)
            while not fn & 1 and fn:
                fn, sn = fn >> 1, sn >> 1
        else:
            node = node_hash(node, sibling)
        fn, sn = fn >> 1, sn >> 1
    if sn != 0:
        raise ProofInvalid(f"inclusion proof of {len(proof)} hashes is too short")
    if node != root:
        raise ProofInvalid("inclusion proof leads to another root")


def verify_consistency(
    old_size: int, old_root: bytes, new_size: int, new_root: bytes, proof: Sequence[bytes]
) -> None:
    """Check that the tree (`new_size`, `new_root`) begins with the tree (`old_size`, `old_root`).

    proof: hashes of 32 bytes, as `Tree.consistency_proof` gives them; empty if the sizes are equal or
    the old one is 0. Raises `ProofInvalid`, saying whether length or which root differs.
    Source: RFC 9162 §2.1.4.2; C2SP tlog-witness for size 0.
    """
    if not 0 <= old_size <= new_size:
        raise ProofInvalid(f"a tree of {new_size} cannot begin with one of {old_size}")
    _check_hashes(old_root, new_root, *proof)
    if old_size in (0, new_size):
        if proof:
            raise ProofInvalid(f"consistency proof of {len(proof)} hashes is too long")
        if old_root != (EMPTY_ROOT if old_size == 0 else new_root):
            raise ProofInvalid("consistency proof leads to another old root")
        if new_size == 0 and new_root != EMPTY_ROOT:
            raise ProofInvalid("consistency proof leads to another new root")
        return
    path = list(proof)
    if not old_size & (old_size - 1):  # a power of two: the old root itself is the first node
        path.insert(0, old_root)
    if not path:
        raise ProofInvalid("consistency proof of 0 hashes is too short")
    fn, sn = old_size - 1, new_size - 1
    while fn & 1:
        fn, sn = fn >> 1, sn >> 1
    old = new = path[0]
    for sibling in path[1:]:
        if sn == 0:
            raise ProofInvalid(f"consistency proof of {len(proof)} hashes is too long")
        if fn & 1 or fn == sn:
            old, new = node_hash(sibling, old), node_hash(sibling, new)
            while not fn & 1 and fn:
                fn, sn = fn >> 1, sn >> 1
        else:
            new = node_hash(new, sibling)
        fn, sn = fn >> 1, sn >> 1
    if sn != 0:
        raise ProofInvalid(f"consistency proof of {len(proof)} hashes is too short")
    if old != old_root:
        raise ProofInvalid("consistency proof leads to another old root")
    if new != new_root:
        raise ProofInvalid("consistency proof leads to another new root")


def _check_hashes(*hashes: bytes) -> None:
    if any(len(each) != HASH_BYTES for each in hashes):
        raise ProofInvalid(f"a hash is not {HASH_BYTES} bytes long")


def _split(width: int) -> int:
    """The greatest power of two smaller than `width` > 1 (RFC 9162's k)."""
    return 1 << ((width - 1).bit_length() - 1)
