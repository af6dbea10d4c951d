"""Merkle trees and proofs (record.md §10.1; RFC 9162 §2.1)."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from visavis.errors import Untrusted
from visavis.record.merkle import (
    EMPTY_ROOT,
    ProofInvalid,
    Tree,
    leaf_hash,
    node_hash,
    verify_consistency,
    verify_inclusion,
)

VECTORS = json.loads((Path(__file__).parents[1] / "vectors/record/merkle.json").read_text())
LEAVES = [bytes.fromhex(leaf) for leaf in VECTORS["leaves"]]
ROOTS = [bytes.fromhex(root) for root in VECTORS["roots"]]
SIZES = range(65)


def root_by_definition(leaves: list[bytes]) -> bytes:
    """MTH(D_n) as RFC 9162 §2.1.1 writes it, and nothing cleverer."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return hashlib.sha256(b"\x00" + leaves[0]).digest()
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    left, right = root_by_definition(leaves[:k]), root_by_definition(leaves[k:])
    return hashlib.sha256(b"\x01" + left + right).digest()


@pytest.fixture(scope="module")
def tree() -> Tree:
    return Tree(b"entry %d" % i for i in range(64))


def test_published_roots() -> None:
    """Every prefix of the reference tree has its published root."""
    tree = Tree(LEAVES)
    assert [tree.root(size) for size in range(9)] == ROOTS
    assert tree.root() == ROOTS[8]
    assert ROOTS[0] == EMPTY_ROOT


@pytest.mark.parametrize("case", VECTORS["inclusion"], ids=lambda case: f"{case['index']}-{case['size']}")
def test_published_inclusion_proofs(case: dict) -> None:
    """Inclusion proofs are the published ones, and verify."""
    proof = [bytes.fromhex(each) for each in case["proof"]]
    index, size = case["index"], case["size"]
    assert Tree(LEAVES).inclusion_proof(index, size) == proof
    verify_inclusion(leaf_hash(LEAVES[index]), index, size, proof, ROOTS[size])


@pytest.mark.parametrize("case", VECTORS["consistency"], ids=lambda case: f"{case['old']}-{case['new']}")
def test_published_consistency_proofs(case: dict) -> None:
    """Consistency proofs are the published ones, and verify."""
    proof = [bytes.fromhex(each) for each in case["proof"]]
    old, new = case["old"], case["new"]
    assert Tree(LEAVES).consistency_proof(old, new) == proof
    verify_consistency(old, ROOTS[old], new, ROOTS[new], proof)


def test_root_of_every_prefix_is_the_definitions(tree: Tree) -> None:
    """A growing tree's root of every prefix equals the definition of RFC 9162."""
    leaves = [b"entry %d" % i for i in range(64)]
    assert [tree.root(size) for size in SIZES] == [root_by_definition(leaves[:size]) for size in SIZES]


def test_growing_changes_no_earlier_root() -> None:
    """The log only appends: what was the root of a prefix stays its root."""
    tree, before = Tree(), []
    for i in range(40):
        before.append(tree.root())
        tree.append(b"%d" % i)
        assert [tree.root(size) for size in range(i + 1)] == before


def test_every_leaf_of_every_size_is_included(tree: Tree) -> None:
    """For all sizes up to 64, each leaf's proof verifies, is short, and is its own."""
    for size in SIZES:
        for index in range(size):
            proof = tree.inclusion_proof(index, size)
            assert len(proof) <= (size - 1).bit_length()
            verify_inclusion(tree.leaf(index), index, size, proof, tree.root(size))
            with pytest.raises(ProofInvalid):
                verify_inclusion(leaf_hash(b"another"), index, size, proof, tree.root(size))


def test_every_prefix_of_every_size_is_consistent(tree: Tree) -> None:
    """For all sizes up to 64, each prefix's proof verifies, and does not for another root."""
    for new in SIZES:
        for old in range(new + 1):
            proof = tree.consistency_proof(old, new)
            verify_consistency(old, tree.root(old), new, tree.root(new), proof)
            for old_root, new_root in ((leaf_hash(b"x"), tree.root(new)), (tree.root(old), leaf_hash(b"x"))):
                if old == 0 and old_root == EMPTY_ROOT:
                    continue  # every tree begins with the empty one, whatever its root
                with pytest.raises(ProofInvalid):
                    verify_consistency(old, old_root, new, new_root, proof)


@given(st.data())
def test_a_changed_inclusion_proof_fails(tree: Tree, data: st.DataObject) -> None:
    """Any byte changed, any hash added, left out or moved makes an inclusion proof invalid."""
    size = data.draw(st.integers(2, 64))
    index = data.draw(st.integers(0, size - 1))
    proof = tree.inclusion_proof(index, size)
    broken = data.draw(_broken(proof))
    with pytest.raises(ProofInvalid):
        verify_inclusion(tree.leaf(index), index, size, broken, tree.root(size))


@given(st.data())
def test_a_changed_consistency_proof_fails(tree: Tree, data: st.DataObject) -> None:
    """Any byte changed, any hash added, left out or moved makes a consistency proof invalid."""
    new = data.draw(st.integers(2, 64))
    old = data.draw(st.integers(1, new - 1))
    proof = tree.consistency_proof(old, new)
    broken = data.draw(_broken(proof))
    with pytest.raises(ProofInvalid):
        verify_consistency(old, tree.root(old), new, tree.root(new), broken)


@given(st.data())
def test_a_proof_of_another_place_fails(tree: Tree, data: st.DataObject) -> None:
    """A proof shows one leaf at one index in one size, and nothing at any other index."""
    size = data.draw(st.integers(2, 64))
    index, other = data.draw(st.permutations(range(size)))[:2]
    with pytest.raises(ProofInvalid):
        verify_inclusion(tree.leaf(index), other, size, tree.inclusion_proof(index, size), tree.root(size))


@given(
    st.integers(-2, 70),
    st.integers(-2, 70),
    st.lists(st.binary(max_size=40), max_size=9),
    st.binary(max_size=40),
    st.binary(max_size=40),
)
def test_hostile_proofs_only_fail(a: int, b: int, proof: list[bytes], one: bytes, two: bytes) -> None:
    """Whatever is given as a proof, checking it ends, and raises nothing but `Untrusted`."""
    for check in (
        lambda: verify_inclusion(one, a, b, proof, two),
        lambda: verify_consistency(a, one, b, two, proof),
    ):
        try:
            check()
        except Untrusted as error:
            assert error.code == "proof-invalid"  # noqa: PT017 - success is allowed, so `raises` is not


def test_proofs_outside_the_tree_are_refused(tree: Tree) -> None:
    """A tree proves nothing about leaves and sizes that it does not have."""
    for ask in (
        lambda: tree.root(65),
        lambda: tree.root(-1),
        lambda: tree.inclusion_proof(64),
        lambda: tree.inclusion_proof(3, 3),
        lambda: tree.consistency_proof(5, 4),
        lambda: tree.consistency_proof(0, 65),
    ):
        with pytest.raises(IndexError):
            ask()


def test_a_node_is_no_leaf() -> None:
    """Leaf and node hashes are separated, so that an inner node cannot pass for an entry."""
    left, right = leaf_hash(b"a"), leaf_hash(b"b")
    assert leaf_hash(left + right) != node_hash(left, right)


def _broken(proof: list[bytes]) -> st.SearchStrategy[list[bytes]]:
    size = len(proof)

    def flip(where: tuple[int, int, int]) -> list[bytes]:
        at, byte, bit = where
        changed = bytearray(proof[at])
        changed[byte] ^= 1 << bit
        return [*proof[:at], bytes(changed), *proof[at + 1 :]]

    ways = [
        st.binary(min_size=32, max_size=32).map(lambda extra: [*proof, extra]),
        st.binary(min_size=32, max_size=32).map(lambda extra: [extra, *proof]),
    ]
    if size:
        at = st.integers(0, size - 1)
        ways += [
            st.tuples(at, st.integers(0, 31), st.integers(0, 7)).map(flip),
            at.map(lambda i: proof[:i] + proof[i + 1 :]),
            at.map(lambda i: [*proof[:i], proof[i][:31], *proof[i + 1 :]]),
        ]
    if len(set(proof)) > 1:
        ways.append(st.permutations(proof).filter(lambda other: list(other) != proof))
    return st.one_of(ways)
