"""Equivocation, rollback, keys: what the receiving node does, and what a third reader can tell (2a §9, §11)."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.dialogue.lab import (
    DIALOGUE,
    G1,
    G2,
    H1,
    KEYS,
    RECEIVE,
    RULEBOOK,
    SIDES,
    V1,
    V2,
    A,
    Lab,
    U,
    consent,
    refold,
    rotate,
    tabled,
    withdraw,
)

from visavis.dialogue.errors import Forked, LogBehind, LogDiffers
from visavis.dialogue.join import join
from visavis.dialogue.receiving import accept, may_write
from visavis.errors import Untrusted
from visavis.record.checkpoint import sign_checkpoint
from visavis.record.entry import NODE, Seen


@dataclass(frozen=True)
class Peer:
    """What B's node keeps of A's log."""

    accepted: tuple[bytes, ...] = ()
    held: Seen | None = None
    proofs: tuple[Forked, ...] = field(default=())

    def receive(self, t: Lab, shown: Seen) -> Peer:
        try:
            new = accept(refold(0, self.accepted), self.held, t.logs[0], shown)
        except Forked as fork:
            return replace(self, proofs=(*self.proofs, fork))
        return replace(self, accepted=self.accepted + new, held=shown) if new else self


def latest(t: Lab, s: int = 0) -> Seen:
    return t.seen(s, len(t.logs[s]), sign=True)


@settings(max_examples=40)
@given(st.integers(2, 9), st.integers(1, 6))
def test_a_fork_is_kept_as_proof_and_changes_nothing(n: int, more: int) -> None:
    """Whatever A signs against its own earlier checkpoint, B keeps what it had, and can prove the fork."""
    t = tabled(V1, V2, G1)
    t.write(0, consent(U, H1))
    t.sync()
    peer = Peer().receive(t, latest(t))
    assert peer.accepted == tuple(t.logs[0])
    f = t.forked(min(n, len(t.logs[0]) - 1), G2)
    for _ in range(more):
        f.write(0, RECEIVE, by=NODE)
    after = peer.receive(f, latest(f))
    assert after.accepted == peer.accepted
    (proof,) = after.proofs
    for seen in (proof.held, proof.shown):
        assert t.folds[0].signed(seen)
    assert proof.held.root != f.folds[0].root(min(proof.held.size, len(f.logs[0])))


def test_an_older_checkpoint_is_no_fork_and_shrinks_nothing() -> None:
    """A checkpoint that B is past already adds nothing and takes nothing."""
    t = tabled(V1, V2)
    peer = Peer().receive(t, latest(t))
    assert peer.receive(t, t.seen(0, 3, sign=True)) == peer


def test_what_extends_is_accepted_piece_by_piece() -> None:
    """Each new checkpoint brings exactly the entries after the last."""
    t = tabled(V1)
    peer = Peer()
    for size in (1, 3, len(t.logs[0])):
        peer = peer.receive(t, t.seen(0, size, sign=True))
        assert peer.accepted == tuple(t.logs[0][:size])


def test_a_checkpoint_not_signed_by_the_log_key_is_untrusted() -> None:
    """No signature, no entry."""
    t = tabled(V1)
    with pytest.raises(Untrusted):
        Peer().receive(t, t.seen(0, 3))


def test_a_checkpoint_of_other_entries_is_untrusted() -> None:
    """A true checkpoint with a leaf changed, or with one missing, is refused whole."""
    t = tabled(V1)
    shown = latest(t)
    changed = [*t.logs[0][:-1], b"{}"]
    for leaves in (changed, t.logs[0][:-1]):
        with pytest.raises(Untrusted):
            accept(refold(0, []), None, leaves, shown)


def test_after_rotation_the_old_key_signs_nothing_larger() -> None:
    """A moves to a new node: checkpoints past the rotation need the new key, so the old node cannot go on."""
    t = tabled(V1)
    t.write(0, rotate("log-a2"), by="a0")
    t.write(0, G1)
    n = len(t.logs[0])
    root = t.folds[0].root(n)
    stale = Seen(n, root, sign_checkpoint(KEYS["log-a"], DIALOGUE, A, n, root))
    with pytest.raises(Untrusted):
        Peer().receive(t, stale)
    assert Peer().receive(t, latest(t)).accepted


def test_after_rotation_the_old_key_writes_no_receipt() -> None:
    """The node's entries are proven by the log key in force at their place."""
    t = Lab()
    members, old = t.signed(0, RECEIVE, by=NODE)
    t.write(0, rotate("log-a2"), by="a0")
    members, _ = t.signed(0, RECEIVE, by=NODE)
    t.put(0, t.leaf(0, members, old))
    i = t.write(0, RECEIVE, by=NODE)
    assert [t.verdict(0, x) for x in (i - 1, i)] == ["bad proof", None]


def test_a_node_restored_from_a_backup_may_not_write() -> None:
    """Own log behind or beside what the other acknowledges: nothing is written until it is fetched back."""
    t = tabled(V1)
    t.write(0, consent(U, H1))
    t.sync()
    ack = latest(t)
    with pytest.raises(LogBehind):
        may_write(refold(0, t.logs[0][:-2]), ack)
    may_write(t.folds[0], ack)
    with pytest.raises(LogDiffers):
        may_write(t.forked(len(t.logs[0]) - 1, G2).folds[0], ack)


def test_a_forked_log_shown_to_a_third_party_does_not_void_the_others_entries() -> None:
    """A shows a newspaper another history of its log beside B's true one: A's fork is proven, B's not void."""
    t = tabled(V1)
    n = len(t.logs[0])
    t.write(0, consent(U, H1))
    t.sync()
    j = t.write(1, consent(U, H1))
    f = t.forked(n, withdraw(U, H1))
    bad = join(f.folds[0], t.folds[1], RULEBOOK)
    assert bad.forked == [True, False]
    assert len(bad.verdicts[1]) == j  # held, not void
    assert t.all().forked == [False, False]
    assert t.force(U) == H1
    assert {A} == set(SIDES) - {t.folds[1].id}
