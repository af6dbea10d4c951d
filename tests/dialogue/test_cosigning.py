"""A cosigner: what it cosigns, what it never does, what it remembers (record.md §10.3)."""

from __future__ import annotations

import hashlib

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from visavis.dialogue.cosigning import Cosigned, may_cosign, next_cosigned
from visavis.dialogue.errors import CosignedLarger, Forked
from visavis.record.checkpoint import verify_cosignature
from visavis.record.entry import Seen
from visavis.record.merkle import ProofInvalid, Tree

KEY = Ed25519PrivateKey.from_private_bytes(hashlib.sha256(b"cosigner").digest())
D, A, B = "d" * 43, "a" * 43, "b" * 43


def tree(size: int, *, other_from: int | None = None) -> Tree:
    """A log of `size` entries, another one from `other_from` on."""
    return Tree(
        b"entry %d%s" % (i, b"!" if other_from is not None and i >= other_from else b"") for i in range(size)
    )


def cosigned(held: Cosigned | None, log: Tree, timestamp: int = 1) -> Cosigned:
    proof = log.consistency_proof(held.size) if held is not None and held.size <= log.size else []
    shown = Seen(log.size, log.root())
    return next_cosigned(held, shown, proof, dialogue=D, side=A, cosigner=B, key=KEY, timestamp=timestamp)


@given(st.lists(st.integers(1, 40), min_size=1, max_size=6))
def test_a_log_that_grows_is_cosigned_each_time(sizes: list[int]) -> None:
    """Each larger checkpoint is cosigned, by a proof from the one before; the same one is given again unchanged."""
    held = None
    for time, size in enumerate(sorted(sizes)):
        before, held = held, cosigned(held, tree(size), time)
        assert (held.size, held.root) == (size, tree(size).root())
        assert verify_cosignature(
            KEY.public_key().public_bytes_raw(), D, A, size, held.root, held.cosignature
        )
        if before is not None and before.size == size:
            assert held is before


@given(st.integers(2, 40), st.data())
def test_a_smaller_checkpoint_is_never_cosigned(size: int, data: st.DataObject) -> None:
    """A true earlier checkpoint of the very log is refused: it was cosigned when it was the latest, or never."""
    held = cosigned(None, tree(size))
    with pytest.raises(CosignedLarger):
        cosigned(held, tree(data.draw(st.integers(1, size - 1))))


@given(st.integers(1, 40), st.integers(0, 8), st.data())
def test_a_different_log_is_never_cosigned(size: int, more: int, data: st.DataObject) -> None:
    """Another history of the same size is a fork; a longer one has no proof from what was cosigned."""
    held = cosigned(None, tree(size))
    other = tree(size + more, other_from=data.draw(st.integers(0, size - 1)))
    with pytest.raises(Forked if more == 0 else ProofInvalid):
        cosigned(held, other)


def test_a_proof_of_another_log_is_no_proof() -> None:
    """The proof must lead to the very root that is shown."""
    held, log = cosigned(None, tree(5)), tree(9)
    for proof in ([], log.consistency_proof(4), [*log.consistency_proof(5), bytes(32)]):
        with pytest.raises(ProofInvalid):
            may_cosign(held, Seen(9, log.root()), proof)
    may_cosign(held, Seen(9, log.root()), log.consistency_proof(5))
