"""Rules that look right and are not: each with the history that breaks it, and what ours make of it.

Source: rule book 2a §14. A naive rule is written out in its test, so that whoever wants it back meets its history.
"""

from __future__ import annotations

import hashlib
from typing import Any

import pytest
from tests.dialogue.lab import (
    AG,
    FORGED,
    G1,
    G2,
    H1,
    H2,
    HG1,
    HG2,
    RECEIVE,
    SIDES,
    V1,
    V2,
    A,
    B,
    Lab,
    U,
    adopt,
    begin,
    both,
    consent,
    end,
    lie,
    novel,
    say,
    spend,
    stop,
    subject,
    tabled,
    withdraw,
)

from visavis.dialogue.acts import Slot, slot_text
from visavis.errors import Malformed
from visavis.record.content import commit
from visavis.record.digest import to_text
from visavis.record.entry import NODE, parse_entry


def acts_of(log: list[bytes]) -> list[dict[str, Any]]:
    return [dict(parse_entry(leaf).signed.act) for leaf in log]


def acks_of(log: list[bytes]) -> list[int]:
    return [parse_entry(leaf).signed.ack.size for leaf in log]


def last_pointer(log: list[bytes], slot: Slot) -> str | None:
    """Naive: a side's state names the hash it consented to last."""
    now: str | None = None
    for act in acts_of(log):
        if act["type"] == "lab.consent" and act["slot"] == slot_text(slot):
            now = act["hash"]
        if act["type"] == "lab.withdraw" and act["slot"] == slot_text(slot):
            now = None
    return now


def same_pointer(la: list[bytes], lb: list[bytes], slot: Slot) -> str | None:
    """Naive: in force when both sides' states name the same hash."""
    a, b = last_pointer(la, slot), last_pointer(lb, slot)
    return a if a == b else None


def test_1_same_pointer_shows_each_node_another_agenda_in_force_then_none() -> None:
    """A moves v1 → v2 while B moves v2 → v1: A sees v2 in force, B sees v1, and healed there is nothing."""
    t = tabled(G1, G2)
    a1 = t.write(0, consent(AG, HG1))
    b1 = t.write(1, consent(AG, HG2))
    t.write(0, consent(AG, HG2))
    t.write(1, consent(AG, HG1))
    la, lb = t.logs
    assert same_pointer(la, lb[: b1 + 1], AG) == HG2
    assert same_pointer(la[: a1 + 1], lb, AG) == HG1
    assert same_pointer(la, lb, AG) is None
    assert t.force(AG) is None  # ours: it never was
    assert t.cut(len(la), b1 + 1).in_force(AG) is None


def test_2_a_withdrawal_that_works_at_once_undoes_what_was_in_force() -> None:
    """A sees B's signature, then withdraws with a low ack: "I withdrew before I saw yours"."""
    t = tabled(V1)
    k = t.received[0]
    t.write(0, consent(U, H1))
    t.sync()
    t.write(1, consent(U, H1))
    t.sync()
    assert same_pointer(*t.logs, U) == H1
    t.write(0, withdraw(U, H1), ack=k)
    assert same_pointer(*t.logs, U) is None  # naive: A had a free option
    assert t.force(U) == H1  # ours: the withdrawal came too late


def test_3_order_by_time_lets_each_side_write_the_past() -> None:
    """Whoever withdraws need only say an earlier time than the other's signature."""

    def by_time(t: Lab) -> bool:
        signed = next(e for e in map(parse_entry, t.logs[1]) if e.signed.act["type"] == "lab.consent")
        gone = [e for e in map(parse_entry, t.logs[0]) if e.signed.act["type"] == "lab.withdraw"]
        return not (gone and gone[0].time < signed.time)

    t = tabled(V1)
    t.write(0, consent(U, H1), time="2021-12-07T10:00:00Z")
    t.sync()
    t.write(1, consent(U, H1), time="2021-12-07T10:05:00Z")
    t.sync()
    assert by_time(t)
    t.write(0, withdraw(U, H1), time="2021-12-07T10:04:00Z")
    assert not by_time(t)
    assert t.force(U) == H1


def test_4_judging_by_later_knowledge_brings_a_text_into_force_without_an_act() -> None:
    """A signs a hash not yet tabled: void for a reader without B's table, valid with it; arrival decides."""
    t = Lab()
    i = t.write(0, consent(U, H1))
    j = t.write(1, V1)
    t.write(1, consent(U, H1))

    def naive(p: int, q: int) -> bool:
        held = acts_of(t.logs[0][:p]) + acts_of(t.logs[1][:q])
        return any(act["type"] == "understanding.table" and subject(act).hash == H1 for act in held)

    assert not naive(i + 1, j)
    assert naive(i + 1, j + 1)  # the verdict on one entry flips
    assert t.cut(i + 1, j).verdicts[0][i] == t.all().verdicts[0][i] == "not tabled"


def test_5_recording_while_both_consent_revives_an_old_consent() -> None:
    """A stops, then consents again: with "while both consent" it runs on B's old consent, B unasked."""
    t = Lab()
    t.write(0, begin("recording", "T", 1))
    t.write(1, begin("recording", "T", 1))
    t.sync()
    t.write(0, stop("recording", "T", 1))
    t.write(0, begin("recording", "T", 2))

    def consents(log: list[bytes]) -> bool:
        on = False
        for act in acts_of(log):
            on = {"lab.begin": True, "lab.stop": False}.get(act["type"], on)
        return on

    assert consents(t.logs[0])
    assert consents(t.logs[1])
    assert t.all().running("recording", "T") is None


def test_6_without_one_pen_two_texts_of_one_understanding_bind() -> None:
    """Withdrawals work when heard; if a side may sign v2 before v1's withdrawal is heard, both form."""
    t = tabled(V1, V2)
    t.write(0, consent(U, H1))
    t.write(1, consent(U, H2))
    t.sync()
    t.write(0, withdraw(U, H1))
    t.write(1, withdraw(U, H2))
    i = t.write(0, consent(U, H2))
    j = t.write(1, consent(U, H1))

    def place(s: int, act: dict[str, Any]) -> int:
        return next((n for n, x in enumerate(acts_of(t.logs[s])) if x == act), 10**9)

    def heard(k: int, other: int) -> int:
        return next((n for n, size in enumerate(acks_of(t.logs[other])) if size > k), 10**9)

    def formed(h: str) -> bool:
        sa, sb = place(0, consent(U, h)), place(1, consent(U, h))
        wa, wb = place(0, withdraw(U, h)), place(1, withdraw(U, h))
        return sb < heard(wa, 1) and sa < heard(wb, 0)

    assert formed(H1)
    assert formed(H2)  # naive: two texts in force at once
    assert t.verdict(0, i) == t.verdict(1, j) == "pen in use"
    assert t.force(U) is None


def test_7_a_salt_of_free_length_opens_to_two_contents() -> None:
    """Where the salt may end anywhere, one commitment holds two promises."""

    def naive(salt: bytes, words: bytes) -> bytes:
        return hashlib.sha256(salt + words).digest()

    assert naive(b"saltwe ", b"shall not withdraw") == naive(b"saltwe shall not ", b"withdraw")
    with pytest.raises((Malformed, ValueError)):
        commit(b"saltwe ", b"shall not withdraw")


def test_8_ending_one_undertaking_makes_a_guarantee_one_sided() -> None:
    """If each may end its own undertakings, a mutual guarantee is one-sided from the second day."""
    assert {u["by"] for u in both("v1") if u["by"] != A} == {B}  # naive: A has ended its own
    t = tabled(V1)
    t.write(0, consent(U, H1))
    t.write(1, consent(U, H1))
    t.sync()
    i = t.write(0, end(("undertaking", "v1-0")))
    assert t.verdict(0, i) == "nothing of yours to end"
    in_force = t.all().in_force(U)
    assert in_force is not None
    assert {u["by"] for u in in_force.body["undertakings"]} == set(SIDES)


def test_9_a_cosignature_as_condition_is_a_veto() -> None:
    """If a checkpoint counts when both are on it, B signs, gets A's, then decides by cosigning or not."""
    t = tabled(V1)
    t.write(1, consent(U, H1))
    t.sync()
    t.write(0, consent(U, H1))
    cosigned_by_b = 3  # B stopped cosigning A's log there
    assert t.cut(cosigned_by_b, len(t.logs[1])).in_force(U) is None
    assert t.force(U) == H1  # ours: both logs decide; a cosignature is a receipt


def test_10_a_proof_over_seq_starves_people_while_the_node_writes() -> None:
    """Eight seconds for a passkey, an entry of the node's every five: a signed place is always taken."""
    log_size, lands = 40, 0
    for _ in range(20):
        signed_seq = log_size
        log_size += 1  # a housekeeping entry during the prompt
        lands += signed_seq == log_size
    assert lands == 0
    t = tabled(V1)
    n = len(t.logs[0])
    t.write(0, RECEIVE, by=NODE)
    i = t.write(0, consent(U, H1), own=n)
    assert t.verdict(0, i) is None  # ours: the proof covers what was seen


def test_11_unknown_acts_judged_by_the_readers_version_split_the_record() -> None:
    """Old and new software would read one log differently; the edition in force at the cut decides."""
    t = Lab()
    i = t.write(0, novel("n"))
    t.write(0, adopt(2))
    t.write(1, adopt(2))
    t.sync()
    assert t.verdict(0, i) == "unknown act"


def test_12_an_end_that_must_be_heard_can_be_refused_by_silence() -> None:
    """B is busy and never acknowledges the end; it has ended all the same."""
    t = tabled(V1)
    t.write(0, consent(U, H1))
    t.write(1, consent(U, H1))
    t.sync()
    k = t.received[1]
    i = t.write(0, end(U))
    for _ in range(50):
        t.write(1, RECEIVE, by=NODE, ack=k)
    assert not any(size > i for size in acks_of(t.logs[1]))  # naive: never heard
    assert t.force(U) is None


def test_13_waiting_before_checking_the_root_lets_a_false_ack_stop_the_other() -> None:
    """A acks an entry of B that itself acks A's: if the walk waits for it, B's stop is never reached."""
    t = Lab()
    t.write(0, begin("recording", "T", 1))
    t.write(1, begin("recording", "T", 1))
    t.sync()
    t.write(0, RECEIVE, by=NODE, ack=lie(len(t.logs[1]) + 1, "guess"))
    t.sync()
    t.write(1, stop("recording", "T", 1), by=NODE)
    done, moved, acks = [0, 0], True, [acks_of(log) for log in t.logs]
    while moved:  # naive: order by ack sizes alone
        moved = False
        for s in (0, 1):
            while done[s] < len(acks[s]) and acks[s][done[s]] <= done[1 - s]:
                done[s] += 1
                moved = True
    assert done != [len(log) for log in t.logs]  # stuck, with the stop inside
    assert t.all().running("recording", "T") is None


def test_14_a_tie_broken_by_side_is_not_equal_standing() -> None:
    """ "The first side's word wins" depends on the chair; both registers stand side by side instead."""

    def naive(a: str, b: str) -> str:
        return a if a != b else b

    assert naive("x, y", "y, x") != naive("y, x", "x, y")
    t = Lab()
    t.write(0, say("rank/T", "x, y"))
    t.write(1, say("rank/T", "y, x"))
    ours, theirs = t.all(), t.swapped()
    assert [ours.register(s, ("rank", "T")) for s in (0, 1)] == [
        theirs.register(1 - s, ("rank", "T")) for s in (0, 1)
    ]


def test_15_absence_of_an_ack_proves_nothing() -> None:
    """ "Who had not acked the withdrawal did not know it": it would only have to leave the ack out."""
    t = tabled(V1, V2)
    t.write(0, consent(U, H1))
    t.sync()
    k = t.received[1]
    t.write(0, withdraw(U, H1))
    t.receipts()
    t.write(0, consent(U, H2))
    t.sync()
    i = t.write(1, consent(U, H1), ack=k)  # its node had acked already: the running ack counts
    assert t.verdict(1, i) is None
    assert t.force(U) is None


def test_16_an_ack_without_the_others_signature_cannot_tell_a_lie_from_a_fork() -> None:
    """With size and root only, A's forged history would make B's true ack look false."""
    t = tabled(V1)
    n = len(t.logs[0])
    t.write(0, consent(U, H1))
    t.sync()
    j = t.write(1, consent(U, H1))
    f = t.forked(n, withdraw(U, H1))
    ack = parse_entry(t.logs[1][j]).signed.ack
    made_up = lie(ack.size)
    naive_void = f.folds[0].root(ack.size) != ack.root  # all that a reader could check
    naive_void_of_a_lie = f.folds[0].root(made_up.size) != made_up.root
    assert naive_void
    assert naive_void_of_a_lie  # indistinguishable
    assert f.folds[0].signed(ack)
    assert not f.folds[0].signed(made_up)
    assert made_up.sig == FORGED


def test_17_a_list_of_acts_under_one_proof_signs_without_being_exposed() -> None:
    """[sign, withdraw] as one entry: in force if B had signed already, and B can never take it up. An option
    that separate entries do not give, since between them there is a place that B may have heard up to."""

    def b_answers(*, whole: bool) -> set[str | None]:
        found: set[str | None] = set()
        t = tabled(V1)
        i = t.write(0, consent(U, H1))
        t.write(0, withdraw(U, H1))
        heard = (i, i + 2) if whole else (i, i + 1, i + 2)
        for size in heard:  # B hears a list whole or not at all
            t.received[1] = size
            t.write(1, consent(U, H1))
            if t.all().offers(0, U)[0].at < size:  # an answer, not an offer that crossed
                found.add(t.force(U))
            t.drop_last(1)
        return found

    assert b_answers(whole=True) == {None}  # naive: A's signature could not be taken up by anybody
    assert b_answers(whole=False) == {None, H1}  # ours: who signs is bound to be taken at their word
    t = tabled(V1)
    t.write(1, consent(U, H1))  # unheard
    t.write(0, consent(U, H1))
    t.write(0, withdraw(U, H1))
    assert t.force(U) == H1  # and yet, had B signed before, the list would have bound B


def test_17b_in_a_list_nothing_can_follow_in_the_same_slot() -> None:
    """One proof means one view: a second act of the list in the slot is stale upon the first, or R-S goes."""
    t = tabled(V1, V2)
    t.write(0, consent(U, H1))
    n = len(t.logs[0])
    t.write(0, withdraw(U, H1), own=n)
    assert t.verdict(0, t.write(0, consent(U, H2), own=n)) == "stale"


def test_17c_a_list_may_stand_in_part() -> None:
    """[table v2, sign v2] with the pen in use: the table stands, the signature does not. One entry has one
    verdict; an offer stands whole or not at all."""
    t = tabled(V1)
    t.write(0, consent(U, H1))
    n = len(t.logs[0])
    parts = [t.verdict(0, t.write(0, act, own=n)) for act in (V2, consent(U, H2))]
    assert parts[0] is None
    assert parts[1] is not None


def test_18_a_bound_on_growth_lets_a_colleague_void_a_signature_and_a_patient_node_wait() -> None:
    """ "Void if the log grew by more than k entries since the signer looked": a burst reaches k at will, and
    a node that holds the signature back need only keep the log short."""
    k = 8

    def naive(place: int, own: int) -> str | None:
        return "grown stale" if place - own > k else None

    t = tabled(V1)
    own = len(t.logs[0])
    for n in range(k + 1):  # a colleague ranks the agenda while the passkey's prompt is open
        t.write(0, say("rank/T", str(n)), by="a1")
    i = t.write(0, consent(U, H1), own=own)
    assert naive(i, own) is not None
    assert t.verdict(0, i) is None  # ours: nothing that the signature is about has changed

    t = tabled(V1)
    own = len(t.logs[0])
    members, signer = t.signed(0, consent(U, H1))  # the node says "it failed", and keeps it for a year
    assert naive(len(t.logs[0]), own) is None
    t.write(0, spend(members.nonce))  # ours: its signer makes it worthless
    t.put(0, t.leaf(0, members, signer))
    assert t.verdict(0, len(t.logs[0]) - 1) == "replayed"


def test_19_spending_any_nonce_lets_a_colleague_void_a_signature() -> None:
    """If whoever is of the side may spend a nonce, one who sees a draft voids what another has just signed."""
    t = tabled(V1)
    members, signer = t.signed(0, consent(U, H1))
    t.write(0, spend(members.nonce), by="a0")
    spent = {act["nonce"] for act in acts_of(t.logs[0]) if act["type"] == "record.spend"}
    assert to_text(members.nonce) in spent  # naive: void
    t.put(0, t.leaf(0, members, signer))
    assert t.verdict(0, len(t.logs[0]) - 1) is None


def test_20_a_receipt_as_condition_lets_a_node_undo_its_delegates_signature() -> None:
    """ "Void without an own receipt for the contents before it": a node that leaves it out frees its side from
    what both signed, and nobody sees it coming."""

    def naive(t: Lab, s: int) -> str | None:
        acts = acts_of(t.logs[s])
        signed = next(i for i, act in enumerate(acts) if act["type"] == "lab.consent")
        before = [act for act in acts[:signed] if act["type"] == "content.receive"]
        return None if before else "contents not received"

    t = tabled(V1)
    t.write(0, consent(U, H1))
    t.sync()
    t.write(1, consent(U, H1))  # B's delegate signed; B's node wrote no receipt
    assert naive(t, 1) == "contents not received"
    assert t.force(U) == H1  # ours: it stands, and a reader says "no receipt"
