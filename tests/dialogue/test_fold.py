"""One log: credentials, powers, keys, proofs, and bytes of every kind (record.md §§2, 4, 9; 2a §§2, 4, 9)."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.dialogue.lab import (
    CREDENTIAL,
    DELEGATE,
    DIALOGUE,
    FA,
    G1,
    H1,
    HG1,
    PRINCIPAL,
    PUBLIC,
    RECEIVE,
    RULEBOOK,
    SIDES,
    V1,
    A,
    Act,
    Lab,
    U,
    admit,
    adopt,
    consent,
    content,
    end,
    found,
    powers,
    recover,
    refold,
    revoke,
    rotate,
    say,
    stop,
    subject,
    tabled,
    text,
)

from visavis.dialogue import verdicts
from visavis.dialogue.acts import (
    ActSpec,
    Consent,
    Decline,
    End,
    Move,
    Power,
    ProofLevel,
    RotateKey,
    Rulebook,
    Table,
    Withdraw,
)
from visavis.dialogue.fold import FOLDED, NODE_MOVES, SideState
from visavis.dialogue.join import join
from visavis.dialogue.model import ACTS, DEFAULT_POWERS, Role, RotateKeyFields
from visavis.record import canonical
from visavis.record.digest import to_text
from visavis.record.entry import NODE, Seen, parse_entry
from visavis.record.merkle import EMPTY_ROOT
from visavis.understandings.acts import Answer

# --- credentials and powers ------------------------------------------------------------------------------


def said(t: Lab, act: Act, by: str = "a0") -> str | None:
    """What side A's own log says of one more act."""
    return t.folds[0].judged[t.write(0, act, by=by)].verdict


def test_the_officer_of_the_founding_admits_and_schedules() -> None:
    """The first delegate is a protocol officer: it signs nothing until its side grants that."""
    t = tabled(V1, G1)
    fold = t.folds[0]
    assert fold.powers_of(CREDENTIAL["a0"]) == {Power.ADMIT, Power.SCHEDULE}
    assert said(t, consent(U, H1)) == "no power"
    assert said(t, powers("officer-a", "admit", "sign")) is None
    assert fold.powers_of(CREDENTIAL["a0"]) == {Power.ADMIT, Power.SIGN}
    assert said(t, consent(U, H1)) is None


def test_nobody_grants_itself_a_power() -> None:
    """Only who may admit changes powers; a delegate without that power cannot."""
    t = Lab()
    assert said(t, powers("principal-a", "admit"), by="a1") == "no power"
    assert said(t, admit("a2", ["admit"]), by="a1") == "no power"
    assert said(t, rotate("log-a2"), by="a1") == "no power"


def test_a_credential_known_once_is_never_admitted_again() -> None:
    """A key that was revoked, perhaps because it was stolen, does not come back, by recovery neither."""
    t = Lab()
    assert said(t, admit("a2", ["speak"])) is None
    assert said(t, admit("a2", ["speak"])) == "admitted already"
    assert said(t, revoke("a2")) is None
    assert said(t, admit("a2", ["speak"])) == "admitted already"
    assert said(t, revoke("a2")) == "no such credential"
    t.write(0, {**recover("a2"), "delegate": DELEGATE["a9"]}, by="recovery-a")
    assert t.folds[0].judged[-1].verdict == "admitted already"
    assert t.folds[0].live(CREDENTIAL["a0"]) is not None


def test_what_was_admitted_and_ended_is_told_with_its_places() -> None:
    """A credential says whose it is, what it may do, and from which to which entry."""
    t = Lab()
    i = t.write(0, {**admit("a2", ["speak"]), "name": content("name")}, by="a0")
    j = t.write(0, revoke("a2"), by="a0")
    known = t.folds[0].credentials[CREDENTIAL["a2"]]
    assert (known.delegate, known.admitted, known.revoked) == ("adviser-a", i, j)
    assert known.powers == {Power.SPEAK}
    assert t.folds[0].delegates["adviser-a"].role == "adviser"
    assert t.folds[0].delegates["adviser-a"].name == content("name")
    assert t.folds[0].delegate_of(CREDENTIAL["a2"]) is None
    assert t.folds[0].knows_credential(CREDENTIAL["a2"])


def test_anyone_may_give_up_its_own_credential() -> None:
    """Giving up one's own needs no power; giving up another's does."""
    t = Lab()
    assert said(t, revoke("a0"), by="a1") == "no power"
    assert said(t, revoke("a1"), by="a1") is None
    assert said(t, say("x", "y"), by="a1") == "no credential"


def test_somebody_may_always_admit() -> None:
    """No act of the side's own leaves it without an officer, by whatever path."""
    t = Lab()
    assert said(t, powers("officer-a", "sign")) == "last officer"
    assert said(t, revoke("a0")) == "last officer"
    assert said(t, powers("principal-a", "admit")) is None
    assert said(t, revoke("a0")) is None
    assert said(t, revoke("a1"), by="a1") == "last officer"
    assert said(t, powers("principal-a"), by="a1") == "last officer"


def test_powers_granted_to_nobody_present_make_no_officer() -> None:
    """A delegate without a live credential does not count as one who may admit."""
    t = Lab()
    assert said(t, revoke("a1"), by="a1") is None
    assert said(t, powers("principal-a", "admit")) is None
    assert said(t, revoke("a0")) == "last officer"
    assert said(t, powers("nobody", "sign")) == "no such delegate"


def test_powers_change_from_their_place_on() -> None:
    """What was signed under the old powers stands; what a later credential was admitted with is its own."""
    t = tabled(V1)
    i = t.write(0, consent(U, H1))
    assert said(t, powers("principal-a", "speak")) is None
    assert t.verdict(0, i) is None
    assert said(t, say("x", "y"), by="a1") is None
    assert said(t, text("late"), by="a1") == "no power"
    assert said(t, admit("a1b", PRINCIPAL)) is None
    assert said(t, text("later"), by="a1b") is None
    assert t.folds[0].powers_of_delegate("principal-a") == PRINCIPAL


def test_a_delegate_admits_a_device_of_its_own_and_no_more() -> None:
    """A device key has at most its delegate's own powers to schedule and speak, and signs nothing that binds."""
    t = tabled(V1, G1)
    assert said(t, admit("phone", ["speak", "sign"]), by="a1") == "no power"
    assert said(t, admit("phone", ["speak"], delegate="officer-a"), by="a1") == "not a passkey"
    assert said(t, admit("phone", ["speak"], delegate="adviser-a"), by="a0") == "not a passkey"
    assert said(t, admit("z9", ["speak"], delegate="principal-a"), by="a1") == "no power"
    assert said(t, admit("phone", ["schedule", "speak"]), by="a1") is None
    assert t.folds[0].credentials[CREDENTIAL["phone"]].level is ProofLevel.DEVICE
    assert said(t, say("x", "y"), by="phone") is None
    assert said(t, G1, by="phone") is None
    assert said(t, consent(("agenda", "T"), HG1), by="phone") == "not user-verified"
    assert said(t, admit("z9", ["speak"], delegate="principal-a"), by="phone") == "not user-verified"
    assert said(t, {"type": "dialogue.end", "reason": None}, by="phone") == "not user-verified"


def test_a_device_ends_with_the_credential_that_admitted_it() -> None:
    """Who revokes a delegate's key need not know of the devices behind it."""
    t = Lab()
    assert said(t, admit("phone", ["speak"]), by="a1") is None
    assert said(t, revoke("a1")) is None
    assert said(t, say("x", "y"), by="phone") == "no credential"
    assert t.folds[0].powers_of(CREDENTIAL["phone"]) == frozenset()


def test_a_delegate_revokes_its_own_device_and_loses_with_its_powers() -> None:
    """A device is its delegate's to revoke, and never outlasts the powers its delegate has."""
    t = Lab()
    assert said(t, admit("phone", ["schedule", "speak"]), by="a1") is None
    assert said(t, powers("principal-a", "schedule")) is None
    assert t.folds[0].powers_of(CREDENTIAL["phone"]) == {Power.SCHEDULE}
    assert said(t, revoke("phone"), by="a1") is None
    assert t.folds[0].powers_of(CREDENTIAL["phone"]) == frozenset()


def test_recovery_takes_a_recovery_key_and_only_recovers() -> None:
    """An offline key names a new officer and does nothing else; nobody else recovers."""
    t = Lab()
    assert said(t, recover("r9"), by="a0") == "no power"
    assert said(t, V1, by="recovery-a") == "no power"
    assert said(t, recover("r9"), by="recovery-b") == "no credential"
    assert said(t, recover("r9"), by="recovery-a") is None
    assert {c.id for c in t.folds[0].live_credentials()} == {CREDENTIAL["r9"]}
    assert t.folds[0].powers_of(CREDENTIAL["r9"]) == {Power.ADMIT, Power.SCHEDULE}


def test_a_credential_signs_for_its_own_delegate_only() -> None:
    """`by` names a delegate and a credential; if they do not belong together the entry has none."""
    t = Lab()
    members, signer = t.signed(0, say("x", "y"), by="a1")
    wrong = type(members)(
        members.dialogue,
        members.side,
        members.own,
        members.ack,
        members.act,
        "officer-a",
        members.credential,
        members.nonce,
    )
    t.put(0, t.leaf(0, wrong, signer))
    assert t.folds[0].judged[-1].verdict == "no credential"


@pytest.mark.parametrize(
    "act",
    [
        {**admit("a2", ["speak"]), "delegate": NODE},
        {**admit("a2", ["speak"]), "delegate": "recovery"},
        {**admit("a2", ["speak"]), "delegate": ""},
        {**admit("a2", ["speak"]), "credential": "short"},
        {**admit("a2", ["speak"]), "role": "king"},
        {**admit("a2", ["speak"]), "powers": ["everything"]},
        {**admit("a2", ["speak"]), "more": 1},
        {"type": "side.admit"},
        {"type": "side.rotate-key", "log_key": "=="},
        {"type": "side.profile", "zone": "", "languages": ["en"]},
        {"type": "side.profile", "zone": "Etc/UTC", "languages": ["en", "en"]},
        {"type": "rules.adopt", "edition": 1, "base": None},
        {"type": "dialogue.end", "reason": "words in the clear"},
        {"type": "content.erase", "commitment": "x"},
        {**admit("a2", ["speak"]), "name": "a name in the clear"},
    ],
)
def test_an_act_that_is_not_what_it_should_be_is_void(act: Act) -> None:
    """Missing, unknown or wrong members make an act void, and its author knows why."""
    by = "a1" if act["type"] in ("rules.adopt", "dialogue.end") else "a0"
    assert said(Lab(), act, by=by) == "act form"


def test_a_slot_is_one_of_those_the_rules_know() -> None:
    """Nobody tables, or consents to, anything under a name of its own making."""
    t = Lab()
    slots = ("nowhere/T", "text", "text/a/b", "text/", "rules/x", "together/T", "")
    for slot in slots:
        assert said(t, {"type": "lab.consent", "slot": slot, "hash": H1}, by="a1") == "no such slot"
    for slot in (*slots, "together/T/x", "rules"):
        act = {"type": "lab.table", "slot": slot, "base": None, "contents": "c"}
        assert said(t, act, by="a1") == "no such slot"
    assert said(t, end(("undertaking", "x")), by="a1") == "nothing of yours to end"


def test_the_default_powers_are_the_rule_books() -> None:
    """2a §6, the second table."""
    assert {role.value: sorted(p.value for p in ps) for role, ps in DEFAULT_POWERS.items()} == {
        "principal": ["record", "release", "schedule", "sign", "speak"],
        "protocol-officer": ["admit", "schedule"],
        "adviser": ["speak"],
        "press-officer": [],
        "interpreter": [],
    }


# --- keys and proofs ---------------------------------------------------------------------------------------


def test_a_checkpoint_is_signed_by_the_key_in_force_at_its_size() -> None:
    """The latest founding or rotation below the size names the key (2a §9)."""
    t = Lab()
    i = t.write(0, rotate("log-a2"), by="a0")
    fold = t.folds[0]
    assert [fold.key_at(n) for n in (0, 1, i, i + 1)] == [
        None,
        PUBLIC["log-a"],
        PUBLIC["log-a"],
        PUBLIC["log-a2"],
    ]
    assert fold.signed(t.seen(0, i, sign=True))
    assert fold.signed(t.seen(0, i + 1, sign=True))
    assert not fold.signed(Seen(i + 1, fold.root(i + 1), t.seen(0, i, sign=True).sig))


def test_a_proof_covers_what_was_seen_and_done_and_not_the_place() -> None:
    """Any signed member changed breaks the proof; `seq` and `time` are the node's (record.md §2)."""
    t = Lab()
    leaf = t.leaf(0, *t.signed(0, say("x", "y")))
    honest = json.loads(leaf)
    assert t.folds[0].judge(leaf).verdict is None
    moved = canonical.encode({**honest, "time": "1999-01-01T00:00:00Z"})
    assert t.folds[0].judge(moved).verdict is None
    other_nonce = "A" * 22
    for name, value in (
        ("act", {**honest["act"], "value": "z"}),
        ("nonce", other_nonce),
        ("by", {**honest["by"], "delegate": "officer-a"}),
        ("own", {"size": 0, "root": to_text(EMPTY_ROOT)}),
    ):
        changed = canonical.encode({**honest, name: value})
        assert t.folds[0].judge(changed).verdict == "bad proof"
    assert t.folds[0].judge(canonical.encode({**honest, "seq": 0})).verdict == "wrong seq"


def test_judging_changes_nothing() -> None:
    """A leaf may be judged again and again before it is entered, and by its hash in any log of the same size."""
    t = Lab()
    leaf = t.leaf(0, *t.signed(0, say("x", "y")))
    assert [t.folds[0].judge(leaf).verdict for _ in range(3)] == [None] * 3
    t.put(0, leaf)
    assert t.folds[0].judge(leaf).verdict == "wrong seq"


def test_a_draft_is_judged_before_its_proof_is_there() -> None:
    """With `proven`, all but the signature is judged; without, the missing proof is what is wrong."""
    t = tabled(V1)
    members, signer = t.signed(0, consent(U, H1))
    draft = t.leaf(0, members, signer, forge=True)
    assert t.folds[0].judge(draft).verdict == "bad proof"
    assert t.folds[0].judge(draft, proven=True).verdict is None


# --- bytes ---------------------------------------------------------------------------------------------------


@settings(max_examples=100)
@given(st.lists(st.binary(max_size=40), max_size=4))
def test_no_bytes_raise(leaves: list[bytes]) -> None:
    """A log of garbage is a log of void entries, each at its place, each in the tree."""
    state = refold(0, leaves)
    assert state.size == state.tree.size == len(leaves)
    assert all(verdict == "malformed" for verdict in state.verdicts)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(0, 9) | st.text(max_size=8) | st.just(A) | st.just("text/U"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=150)
@given(st.sampled_from(sorted(RULEBOOK.by_type)), st.data())
def test_no_act_raises(kind: str, data: st.DataObject) -> None:
    """Whatever members an act of a known type has, the log says what it is and goes on."""
    spec = RULEBOOK.by_type[kind]
    names = [*spec.fields.__struct_fields__, "another"]
    act = {"type": kind, **data.draw(st.dictionaries(st.sampled_from(names), JSON, max_size=9))}
    t = Lab()
    i = t.write(0, act, by=data.draw(st.sampled_from(["a0", "a1"])))
    assert len(t.all().verdicts[0]) == i + 1
    j = t.write(0, say("x", "y"))
    assert t.all().verdicts[0][j] in (None, verdicts.NO_CREDENTIAL, verdicts.NO_POWER)


@settings(max_examples=100)
@given(st.integers(0, 2000), st.integers(1, 255))
def test_one_byte_changed_is_never_taken_for_the_same(at: int, flip: int) -> None:
    """Any byte of a leaf changed makes it void; only the node's own clock may read otherwise."""
    t = tabled(V1)
    leaf = bytearray(t.leaf(0, *t.signed(0, consent(U, H1))))
    leaf[at % len(leaf)] ^= flip
    changed = bytes(leaf)
    verdict = t.folds[0].judge(changed).verdict
    if verdict is None:
        entry = parse_entry(changed)
        assert entry.time != t.clock(0, len(t.logs[0]))
    t.put(0, changed)
    assert t.folds[0].root() != t.folds[0].root(t.folds[0].size - 1)


# --- what no row of the table can loosen (ADR 4) ----------------------------------------------------------------


def state_with(spec: ActSpec, t: Lab) -> SideState:
    """Side A's log under a rulebook with one more act."""
    state = SideState(DIALOGUE, SIDES[0], SIDES, Rulebook((*RULEBOOK.by_type.values(), spec)))
    for leaf in t.logs[0]:
        state.append(leaf)
    return state


@pytest.mark.parametrize("move", ["Consent", "Withdraw", "Decline", "Table", "End"])
def test_no_row_lets_a_node_bind_its_side(move: str) -> None:
    """An act that says the node may is still not the node's, unless it only receives, stops or makes public."""

    def make(f: Answer) -> Move:
        slot = ("text", f.understanding)
        moves: dict[str, Move] = {
            "Consent": Consent(slot, f.hash),
            "Withdraw": Withdraw(slot, f.hash),
            "Decline": Decline(slot, f.hash),
            "Table": Table(subject(V1)),
            "End": End(slot),
        }
        return moves[move]

    spec = ActSpec("lab.loose", Answer, make, None, ProofLevel.NODE, node_may=True)
    t = tabled(V1)
    state = state_with(spec, t)
    leaf = t.leaf(0, *t.signed(0, {"type": "lab.loose", "understanding": "U", "hash": H1}, by=NODE))
    assert state.judge(leaf).verdict == "not for the node"
    assert not set(NODE_MOVES) & {*FOLDED, Consent, Withdraw, Decline, Table, End}


def test_no_later_edition_changes_keys_or_credentials() -> None:
    """`fold` applies those without knowing the edition, so they all belong to the first."""
    spec = ActSpec(
        "side.rotate-again", RotateKeyFields, lambda f: RotateKey(f.log_key), Power.ADMIT, edition=2
    )
    t = Lab()
    state = state_with(spec, t)
    leaf = t.leaf(0, *t.signed(0, {**rotate("log-a2"), "type": "side.rotate-again"}, by="a0"))
    assert state.judge(leaf).verdict == "unknown act"


def test_software_that_does_not_know_an_act_says_of_it_what_newer_software_says() -> None:
    """While edition 2 is not in force, its acts are "unknown act", well-formed or not, to old and new alike."""
    old = Rulebook(spec for spec in RULEBOOK.by_type.values() if spec.edition == 1)
    t = Lab()
    for note in ("good", "bad"):
        t.write(0, {"type": "lab.novel", "note": note})
        t.write(0, {"type": "lab.novel", "note": note}, by="a0")
        t.write(0, {"type": "lab.novel", "note": note}, by=NODE)
        t.write(0, {"type": "lab.novel", "note": note}, by="z9")
    t.write(0, {"type": "lab.novel", "nothing": 1})
    seen = []
    for book in (RULEBOOK, old):
        folds = [SideState(DIALOGUE, SIDES[s], SIDES, book) for s in (0, 1)]
        for s in (0, 1):
            for leaf in t.logs[s]:
                folds[s].append(leaf)
        seen.append(join(folds[0], folds[1], book).verdicts)
    assert seen[0] == seen[1]
    assert set(seen[0][0][2:]) == {"unknown act", "bad proof"}


# --- as of an earlier size ----------------------------------------------------------------------------------------


def test_a_prefix_is_what_the_log_was() -> None:
    """The state as of an earlier size equals the fold of the shorter log."""
    t = tabled(V1, G1)
    for act, by in (
        (admit("a2", ["speak"]), "a0"),
        (powers("principal-a", "sign"), "a0"),
        (rotate("log-a2"), "a0"),
        (revoke("a2"), "a0"),
        (stop("recording", "T", 1), NODE),
        (RECEIVE, NODE),
        (adopt(2), "a1"),
    ):
        t.write(0, act, by=by)
    for n in range(len(t.logs[0]) + 1):
        short, early = refold(0, t.logs[0][:n]), t.folds[0].prefix(n)
        assert early.verdicts == short.verdicts
        assert early.root() == short.root()
        assert early.credentials == short.credentials
        assert [early.key_at(k) for k in range(n + 1)] == [short.key_at(k) for k in range(n + 1)]
        assert (early.acked, early.matters) == (short.acked, short.matters)


def test_the_dialogues_own_acts_are_all_in_the_table() -> None:
    """2a §6: what a side does about itself, the record, the rules and the end."""
    assert {spec.type for spec in ACTS} >= {
        *("side.found", "side.admit", "side.revoke", "side.powers", "side.rotate-key", "side.recover"),
        *("record.receive", "dialogue.end", "rules.adopt", "content.erase"),
    }
    assert Role.PRINCIPAL in DEFAULT_POWERS
    assert found(FA)["type"] == "side.found"
