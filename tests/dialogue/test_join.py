"""Both logs: what a cut shows, what waits, what would stand (record.md §§3–5; 2a §§3, 5, 13)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from tests.dialogue.lab import (
    AG,
    DIALOGUE,
    FORGED,
    G1,
    H1,
    H3,
    HG1,
    RECEIVE,
    RULEBOOK,
    SIDES,
    TG,
    V1,
    V3,
    Lab,
    SayFields,
    U,
    begin,
    consent,
    decline,
    end,
    lie,
    say,
    stop,
    tabled,
    withdraw,
)

from visavis.dialogue import verdicts
from visavis.dialogue.accord import OfferStatus
from visavis.dialogue.acts import ActSpec, Cut, Register, Rulebook
from visavis.dialogue.errors import ActVoid, act_void, reason_code
from visavis.dialogue.fold import SideState
from visavis.dialogue.join import Joint, join, preview
from visavis.errors import Refused
from visavis.record.entry import NODE, Proof, Seen, make_entry, parse_entry

# --- would it stand? --------------------------------------------------------------------------------------


def test_a_preview_says_what_writing_would_and_changes_nothing() -> None:
    """The verdict before writing is the verdict after, and the state between them is the same."""
    t = tabled(V1)
    j = t.all()
    before = j.state()
    good, bad = (t.leaf(0, *t.signed(0, act)) for act in (consent(U, H1), withdraw(U, H1)))
    assert preview(j, 0, parse_entry(good)) is None
    assert preview(j, 0, parse_entry(bad)) == "nothing to withdraw"
    assert j.state() == before
    assert t.folds[0].size == len(t.logs[0])


def test_a_draft_is_previewed_without_its_proof() -> None:
    """A draft that the rules do not allow is refused before anybody signs."""
    t = tabled(V1)
    members, _ = t.signed(0, consent(U, H3))
    draft = make_entry(members, Proof("ed25519", bytes(64)), seq=len(t.logs[0]), time="")
    assert preview(t.all(), 0, draft, proven=True) == "not tabled"
    assert preview(t.all(), 0, draft) == "bad proof"


def test_a_receipt_that_frees_the_other_log_is_previewed_as_it_will_be() -> None:
    """B claims to have seen the future; A's receipt of that very claim proves it false, and stands."""
    t = Lab()
    t.write(1, RECEIVE, by=NODE, ack=lie(len(t.logs[0]) + 9, "future"))
    t.sync()
    j = t.all()
    assert j.held == (0, 1)
    leaf = t.leaf(0, *t.signed(0, RECEIVE, by=NODE))
    assert preview(j, 0, parse_entry(leaf)) is None
    assert j.held == (0, 1)
    t.put(0, leaf)
    j.advance()
    assert j.held == (0, 0)
    assert j.verdicts[1][-1] == "false acknowledgement"


def test_what_could_not_be_judged_yet_is_said_to_be_held() -> None:
    """An entry that acknowledges what is not at hand waits for it."""
    t = tabled(V1)
    n = len(t.logs[1])
    t.write(1, RECEIVE, by=NODE)
    leaf = t.leaf(0, *t.signed(0, consent(U, H1), ack=n + 1))
    j = t.cut(len(t.logs[0]), n)
    assert preview(j, 0, parse_entry(leaf)) == verdicts.HELD
    assert preview(t.all(), 0, parse_entry(leaf)) is None


def test_a_preview_of_a_fork_leaves_no_mark() -> None:
    """Judging an entry that was never written proves nothing against anybody."""
    t = tabled(V1)
    other = t.forked(len(t.logs[0]) - 1, G1)
    ack = other.seen(0, len(other.logs[0]), sign=True)
    leaf = t.leaf(1, *t.signed(1, RECEIVE, by=NODE, ack=ack))
    j = t.all()
    assert preview(j, 1, parse_entry(leaf)) == verdicts.HELD
    assert j.forked == [False, False]
    t.put(1, leaf)
    j.advance()
    assert j.forked == [True, False]


def test_a_refusal_has_the_reason_as_its_code() -> None:
    """Programs compare codes; people read the sentence."""
    error = act_void("one-sided guarantee")
    assert isinstance(error, ActVoid)
    assert isinstance(error, Refused)
    assert (error.code, error.reason) == ("one-sided-guarantee", "one-sided guarantee")
    assert error.message == verdicts.EXPLAINED["one-sided guarantee"]
    assert act_void("item twice").code == "item-twice"
    assert all(reason_code(reason) == act_void(reason).code for reason in verdicts.EXPLAINED)


def test_every_reason_is_explained() -> None:
    """No void reason of the machine is without a sentence for the person who is refused."""
    named = {
        value
        for name, value in vars(verdicts).items()
        if name.isupper() and isinstance(value, str) and name != "HELD"
    }
    assert named <= verdicts.EXPLAINED.keys()


# --- what a cut shows ----------------------------------------------------------------------------------------


def looking(t: Lab, look: Callable[[Cut], Any]) -> list[Any]:
    """Walk both logs with an act whose rule looks at its cut; what it saw each time, in log order."""
    seen: list[Any] = []

    def rule(_fields: SayFields, cut: Cut) -> None:
        seen.append(look(cut))

    spec = ActSpec("lab.look", SayFields, lambda f: Register(("looked",), {}), None, rule=rule)
    book = Rulebook((*RULEBOOK.by_type.values(), spec))
    folds = []
    for s in (0, 1):
        state = SideState(DIALOGUE, SIDES[s], SIDES, book)
        for leaf in t.logs[s]:
            state.append(leaf)
        folds.append(state)
    join(folds[0], folds[1], book)
    return seen


LOOK = {"type": "lab.look", "register": "x", "value": "y"}


def test_a_cut_shows_what_was_acknowledged_and_nothing_else() -> None:
    """The other's register, its end and its consent are seen from the entry that acknowledges them on."""
    t = tabled(V1)
    t.write(0, consent(U, H1))
    t.write(0, LOOK)
    t.sync()
    k = t.received[0]
    t.write(1, consent(U, H1))
    t.write(1, say("rank/T", "x"))
    t.write(1, end(U))
    t.sync()
    for size in (k, k + 1, k + 2, k + 3):
        t.write(0, LOOK, ack=size)

    def look(cut: Cut) -> tuple[bool, bool, Any, bool, str | None]:
        register = cut.other_register(("rank", "T"))
        return (
            cut.in_force(U) is not None,
            cut.formed(U) is not None,
            None if register is None else register["said"],
            cut.ended(U),
            cut.own_consent(U),
        )

    assert looking(t, look) == [
        (False, False, None, False, H1),
        (False, False, None, False, H1),
        (True, True, None, False, H1),
        (True, True, "x", False, H1),
        (False, True, "x", True, H1),
    ]


def test_a_cut_shows_the_own_log_up_to_its_place() -> None:
    """Own registers, sessions and ends count from the next entry on, whoever has heard of them."""
    t = Lab()
    for act in (say("rank/T", "x"), begin("sitting", "T", 1), end(("talk", "T")), say("rank/T", "z")):
        t.write(0, LOOK)
        t.write(0, act)
    t.write(0, LOOK)

    def look(cut: Cut) -> tuple[Any, bool, bool]:
        register = cut.own_register(("rank", "T"))
        return (
            None if register is None else register["said"],
            cut.own_begun("sitting", "T", 1),
            cut.own_ended(("talk", "T")),
        )

    assert looking(t, look) == [
        (None, False, False),
        ("x", False, False),
        ("x", True, False),
        ("x", True, True),
        ("z", True, True),
    ]


def test_a_cut_shows_an_exchange_and_no_subject_of_it() -> None:
    """What is exchanged in "together" has no common subject."""
    t = Lab()
    t.write(0, consent(TG, "a"))
    t.write(1, consent(TG, "b"))
    t.sync()
    t.write(0, LOOK)
    assert looking(t, lambda cut: (cut.exchanged(TG), cut.in_force(TG), cut.own_consent(TG))) == [
        (True, None, "a")
    ]


# --- the chain, and what people see ---------------------------------------------------------------------------


def test_an_amendment_continues_the_chain() -> None:
    """v1, then its successor: the chain keeps both, the last is in force."""
    t = tabled(V1)
    for act, h in ((None, H1), (V3, H3)):
        if act is not None:
            t.write(0, act)
            t.receipts()
        t.write(0, consent(U, h))
        t.write(1, consent(U, h))
        t.receipts()
    j = t.all()
    assert [accord.hash for accord in j.accords(U)] == [H1, H3]
    in_force = j.in_force(U)
    assert in_force is not None
    assert in_force.base == H1


def test_what_became_of_an_offer() -> None:
    """Open; withdrawal pending, until heard; closed; and a new one formed."""
    t = tabled(G1)
    seen = []

    def look() -> None:
        j = t.all()
        seen.append([j.offer_status(0, AG, offer) for offer in j.offers(0, AG)])

    t.write(0, consent(AG, HG1))
    look()
    t.write(0, withdraw(AG, HG1))
    look()
    t.receipts()
    look()
    t.write(0, consent(AG, HG1))
    t.sync()
    t.write(1, decline(AG, HG1))
    look()
    t.sync()
    t.write(0, consent(AG, HG1))
    t.write(1, consent(AG, HG1))
    look()
    s = OfferStatus
    assert seen == [
        [s.OPEN],
        [s.PENDING],
        [s.CLOSED],
        [s.CLOSED, s.CLOSED],
        [s.CLOSED, s.CLOSED, s.FORMED],
    ]
    assert t.all().open_offer(0, AG) is None


def test_a_decline_needs_an_open_consent_that_was_heard() -> None:
    """Nobody declines what it has not heard, what is formed, or what is closed already."""
    t = tabled(G1)
    k = t.received[1]
    t.write(0, consent(AG, HG1))
    t.sync()
    tries = [t.write(1, decline(AG, HG1), ack=size) for size in (k, k + 1, k + 1)]
    assert [t.verdict(1, i) for i in tries] == ["nothing to decline", None, "nothing to decline"]


def test_registers_keep_all_and_show_the_latest() -> None:
    """A side's word stands as it last said it; what it said before is not lost."""
    t = Lab()
    i = t.write(0, say("position/T/x", "one"))
    k = t.write(0, say("position/T/x", "two"))
    t.write(0, say("position/T/y", "three"))
    j = t.all()
    assert j.register(0, ("position", "T", "x")) == {"said": "two"}
    assert [at for at, _ in j.register_history(0, ("position", "T", "x"))] == [i, k]
    assert j.registers(0, ("position", "T")).keys() == {("position", "T", "x"), ("position", "T", "y")}
    assert j.register(1, ("position", "T", "x")) is None


def test_a_session_is_asked_then_runs_then_is_over() -> None:
    """2a §8's table, from both chairs."""
    t = Lab()
    seen = []
    for s, act in ((0, begin), (1, begin), (1, stop)):
        t.write(s, act("sitting", "T", 1))
        j = t.all()
        seen.append((j.sessions.asked("sitting", "T"), j.running("sitting", "T")))
    assert seen == [((0, 1), None), (None, 1), (None, None)]


# --- acknowledgements -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shift", [-1, 0, 1])
def test_an_ack_names_a_size_and_its_own_root(shift: int) -> None:
    """A true signature over one size says nothing about another."""
    t = tabled(V1)
    seen = t.seen(1, 2, sign=True)
    i = t.write(0, V3, ack=Seen(2 + shift, seen.root, seen.sig))
    assert t.verdict(0, i) == ("false acknowledgement" if shift else None)


def test_the_running_ack_does_not_sink() -> None:
    """A person's older view does not lower what their side knows."""
    t = Lab()
    t.receipts()
    t.write(0, RECEIVE, by=NODE)
    t.write(0, V1, ack=1)
    j = t.all()
    assert j.eff[0] == sorted(j.eff[0])
    assert j.eff_now(0) == t.received[0]


def test_a_lie_about_a_forked_future_is_found_before_it_is_waited_for() -> None:
    """An ack of another history of A's log, and beyond A's own receipt of it, is false; the fork is shown too."""
    t = Lab()
    n = len(t.logs[0])
    f = t.forked(n, G1)
    for _ in range(4):
        f.write(0, RECEIVE, by=NODE)
    ack = f.seen(0, len(f.logs[0]), sign=True)
    i = t.write(1, V1, ack=ack)
    t.deliver(0)
    live, seen = t.all(), []
    for _ in range(6):
        t.write(0, RECEIVE, by=NODE)
        live.advance()
        assert live.state() == t.all().state()
        seen.append((live.held, live.forked[0]))
    assert seen == [((0, 0), False)] * 4 + [((0, 0), True)] * 2
    assert live.verdicts[1][i] == "false acknowledgement"


def test_many_held_entries_are_walked_once_each() -> None:
    """Two logs that wait for each other do not make each further entry dearer: the work is linear."""
    t = Lab()
    t.write(0, RECEIVE, by=NODE, ack=lie(10**6))
    t.write(1, RECEIVE, by=NODE, ack=lie(10**6))
    j = t.all()
    for _ in range(60):
        t.write(1, RECEIVE, by=NODE, ack=0)
        j.advance()
    claims = j._claims[0]
    assert j.held == (1, 61)
    assert claims._read == len(t.logs[1])
    assert len(claims._front) <= 1


def test_a_forged_ack_signature_is_not_the_others() -> None:
    """The right size and root without the other's signature are no acknowledgement."""
    t = tabled(V1)
    seen = t.seen(1, 2)
    verdicts_ = [t.verdict(0, t.write(0, V3, ack=Seen(2, seen.root, sig))) for sig in (b"", FORGED)]
    assert verdicts_ == ["false acknowledgement"] * 2


def test_joint_is_given_two_folds_that_may_be_empty() -> None:
    """Before either log has an entry there is a common state already: nothing."""
    folds = [SideState(DIALOGUE, side, SIDES, RULEBOOK) for side in SIDES]
    j = Joint(folds[0], folds[1], RULEBOOK)
    assert j.state()["verdicts"] == ((), ())
    assert j.waiting() == ()
    assert not j.owes_receipt(0)
