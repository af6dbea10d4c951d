"""The races and attacks of the rule book, one test each (record.md §§3–9; 2a §§10, 11)."""

from __future__ import annotations

import pytest
from tests.dialogue.lab import (
    AG,
    CREDENTIAL,
    FA,
    G1,
    G2,
    H1,
    H2,
    H3,
    H4,
    HG1,
    HG2,
    HR2,
    HT1,
    HT2,
    OVER,
    RECEIVE,
    RULES,
    T1,
    T2,
    TALK,
    TG,
    TM,
    V1,
    V2,
    V3,
    V4,
    A,
    Act,
    B,
    Lab,
    U,
    adopt,
    assess,
    begin,
    both,
    consent,
    content,
    decline,
    end,
    erase,
    found,
    hash_of,
    lie,
    novel,
    recover,
    refold,
    revoke,
    say,
    stop,
    tabled,
    text,
    withdraw,
)

from visavis.dialogue.accord import EXCHANGED, OfferStatus
from visavis.dialogue.join import Since, mirror
from visavis.errors import Malformed
from visavis.record.entry import NODE, dialogue_id, make_entry

# --- races -----------------------------------------------------------------------------------------


def test_agenda_v1_by_a_and_v2_by_b_neither_in_force() -> None:
    """Crossing approvals of different agendas leave both open and nothing in force."""
    t = tabled(G1, G2)
    t.write(0, consent(AG, HG1))
    t.write(1, consent(AG, HG2))
    t.sync()
    assert t.force(AG) is None
    i = t.write(0, consent(AG, HG2))
    assert t.verdict(0, i) == "pen in use"  # first withdraw, and be heard
    t.write(0, withdraw(AG, HG1))
    t.receipts()
    t.write(0, consent(AG, HG2))
    assert t.force(AG) == HG2


def test_a_counter_offer_frees_the_first_pen_at_once() -> None:
    """Answering v1 with v2, having seen v1, declines v1; its author may take v2 without a round trip."""
    t = tabled(G1, G2)
    t.write(0, consent(AG, HG1))
    t.sync()
    t.write(1, consent(AG, HG2))
    t.sync()
    t.write(0, consent(AG, HG2))
    assert t.force(AG) == HG2
    t.sync()
    i = t.write(1, consent(AG, HG1))
    assert t.verdict(1, i) == "base not in force"


def test_a_withdrawal_crossing_a_signature_is_too_late() -> None:
    """A withdraws while B signs, neither knowing: in force, since B had not acknowledged the withdrawal."""
    t = tabled(V1)
    t.write(0, consent(U, H1))
    t.sync()
    t.write(0, withdraw(U, H1))
    t.write(1, consent(U, H1))
    t.sync()
    assert t.force(U) == H1


def test_a_withdrawal_acknowledged_before_the_signature_holds() -> None:
    """Once B's log has acknowledged the withdrawal, no later signature of B makes it binding."""
    t = tabled(V1)
    t.write(0, consent(U, H1))
    t.write(0, withdraw(U, H1))
    t.receipts()
    t.write(1, consent(U, H1))
    t.sync()
    assert t.force(U) is None
    t.write(0, consent(U, H1))
    assert t.force(U) == H1  # A may still say yes to B's


def test_under_acknowledging_a_withdrawal_keeps_the_offer_but_only_that() -> None:
    """Who hides that it saw the withdrawal may still sign that text, but can use nothing later."""
    t = tabled(V1)
    t.write(0, consent(U, H1))
    t.sync()
    k = t.received[1]
    t.write(0, withdraw(U, H1))
    t.write(0, V2)
    t.sync()
    i = t.write(1, consent(U, H2), ack=k)
    assert t.verdict(1, i) == "not tabled"
    t.write(1, consent(U, H1), ack=k)
    assert t.force(U) == H1


def test_end_is_the_exit_that_needs_nobody() -> None:
    """`end` closes an understanding for good, signed by the other or not, heard or not."""
    t = tabled(V1)
    t.write(0, consent(U, H1))
    t.sync()
    k = t.received[1]
    t.write(0, end(U))
    t.sync()
    t.write(1, consent(U, H1), ack=k)
    t.sync()
    j = t.all()
    assert j.accords(U)  # formed, and ended by A: both are shown
    assert j.in_force(U) is None
    assert j.ended_by(U) == (True, False)


def test_sign_against_table_of_a_correction() -> None:
    """B tables a correction while A signs v1: A's signature stays on v1; B signing v2 declines it."""
    t = tabled(V1)
    t.write(0, consent(U, H1))
    t.write(1, V2)
    t.sync()
    j = t.all()
    assert j.offer_status(0, U, j.offers(0, U)[0]) is OfferStatus.OPEN
    t.write(1, consent(U, H2))
    t.sync()
    t.write(0, consent(U, H2))
    assert t.force(U) == H2


def test_end_against_amendment() -> None:
    """A ends while B signs A's amendment: ended, whichever came first; A could have ended it a moment later."""
    t = tabled(V1)
    t.write(0, consent(U, H1))
    t.write(1, consent(U, H1))
    t.sync()
    t.write(0, V3)
    t.sync()
    t.write(0, consent(U, H3))
    t.sync()
    t.write(0, end(U))
    t.write(1, consent(U, H3))
    t.sync()
    assert t.force(U) is None
    assert [accord.hash for accord in t.all().accords(U)] == [H1, H3]


def test_both_amend() -> None:
    """Two amendments of one base, each signed by its author: v1 stays in force until one is agreed."""
    t = tabled(V1)
    t.write(0, consent(U, H1))
    t.write(1, consent(U, H1))
    t.receipts()
    t.write(0, V3)
    t.write(1, V4)
    t.sync()
    t.write(0, consent(U, H3))
    t.write(1, consent(U, H4))
    t.sync()
    assert t.force(U) == H1
    t.write(1, decline(U, H3))
    t.sync()
    t.write(0, consent(U, H4))
    t.sync()
    assert t.force(U) == H4


def test_both_propose_a_time() -> None:
    """Two proposals cross: no time, until one side takes back its own and accepts the other's."""
    t = tabled(T1, T2)
    t.write(0, consent(TM, HT1))
    t.write(1, consent(TM, HT2))
    t.sync()
    assert t.force(TM) is None
    t.write(1, withdraw(TM, HT2))
    t.receipts()
    t.write(1, consent(TM, HT1))
    assert t.force(TM) == HT1


def test_both_sign_and_both_withdraw_unheard() -> None:
    """Both signed before either had heard the other's withdrawal: in force; each may end it."""
    t = tabled(V1)
    for s in (0, 1):
        t.write(s, consent(U, H1))
        t.write(s, withdraw(U, H1))
    assert t.force(U) == H1
    t.sync()
    t.write(1, end(U))
    assert t.force(U) is None


# --- recording, sittings ---------------------------------------------------------------------------


def test_a_recording_stops_on_one_side_and_an_old_consent_does_not_revive_it() -> None:
    """A stop ends that recording for good; the next needs new consent of both, given after it was seen."""
    t = Lab()
    t.write(0, begin("recording", "T", 1))
    t.write(1, begin("recording", "T", 1))
    t.sync()
    assert t.all().running("recording", "T") == 1
    t.write(0, stop("recording", "T", 1), by=NODE)
    assert t.all().running("recording", "T") is None
    t.write(0, begin("recording", "T", 2))
    assert t.all().running("recording", "T") is None
    i = t.write(1, begin("recording", "T", 2))
    assert t.verdict(1, i) == "not its turn"  # it has not seen the stop
    t.sync()
    t.write(1, begin("recording", "T", 2))
    assert t.all().running("recording", "T") == 2


def test_a_side_cannot_be_held_in_a_talk() -> None:
    """One side leaves, and the sitting is over."""
    t = Lab()
    t.write(0, begin("sitting", "T", 1))
    t.write(1, begin("sitting", "T", 1))
    t.sync()
    t.write(1, stop("sitting", "T", 1))
    assert t.all().running("sitting", "T") is None


def test_nothing_begins_in_a_talk_that_has_ended() -> None:
    """Who concluded a talk, or has heard that the other did, opens no sitting in it."""
    t = Lab()
    t.write(0, begin("sitting", "T", 1))
    t.write(1, end(TALK))
    assert t.all().running("sitting", "T") is None
    i = t.write(1, begin("sitting", "T", 1))
    t.sync()
    j = t.write(0, begin("sitting", "T", 2))
    assert (t.verdict(1, i), t.verdict(0, j)) == ("ended", "ended")


def test_a_concluded_talk_takes_no_new_agenda_and_no_new_time() -> None:
    """Consent on a talk's agenda or time is refused once the talk has ended in the cut; other slots stay."""
    t = tabled(G1, T1, V1)
    t.write(0, end(TALK))
    verdicts = [t.verdict(0, t.write(0, consent(slot, h))) for slot, h in ((AG, HG1), (TM, HT1), (U, H1))]
    assert verdicts == ["ended", "ended", None]


# --- guarantee ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("undertakings", [[], both("x")[:1], both("x")[1:]])
def test_a_one_sided_guarantee_is_void(undertakings: list[Act]) -> None:
    """A guarantee that lays undertakings on one side alone is never tabled, so nobody can sign it."""
    t = Lab()
    bad = text("bad", undertakings=undertakings)
    i = t.write(0, bad)
    j = t.write(0, consent(U, hash_of(bad)))
    assert (t.verdict(0, i), t.verdict(0, j)) == ("one-sided guarantee", "not tabled")


def test_an_amendment_can_neither_strip_one_side_nor_change_the_kind() -> None:
    """No successor turns a guarantee one-sided, nor into a mere understanding."""
    t = tabled(V1)
    t.write(0, consent(U, H1))
    t.write(1, consent(U, H1))
    t.receipts()
    i = t.write(0, text("s", H1, undertakings=both("s")[:1]))
    assert t.verdict(0, i) == "one-sided guarantee"
    i = t.write(0, text("s", H1, kind="understanding", undertakings=both("s")[:1]))
    assert t.verdict(0, i) == "kind changed"


def test_a_successor_stays_in_its_slot() -> None:
    """A text whose base is of another understanding, or was never tabled before its signer, is void."""
    t = tabled(V1)
    i = t.write(0, text("s", H1, u="W"))
    j = t.write(0, text("s", H2))
    assert (t.verdict(0, i), t.verdict(0, j)) == ("base of another", "base not tabled")


def test_an_undertaking_missing_in_one_language_is_void() -> None:
    """Every undertaking has the languages of the body, no fewer."""
    short = {"id": "y", "by": B, "texts": [["en", content("c")]]}
    t = Lab()
    i = t.write(0, text("x", undertakings=[both("x")[0], short]))
    assert t.verdict(0, i) == "text form"


# --- acks, identity, credentials ---------------------------------------------------------------------


def test_a_false_ack_has_no_effect_and_does_not_stop_the_walk() -> None:
    """Who claims to have seen what the other never signed has written nothing but that."""
    t = tabled(V1)
    i = t.write(0, consent(U, H1), ack=lie(2))
    assert t.verdict(0, i) == "false acknowledgement"
    t.sync()
    t.write(1, consent(U, H1))
    assert t.force(U) is None


def test_an_ack_of_the_future_holds_only_its_own_log() -> None:
    """A acks entries B has not written; B's stop, written after, works at once all the same."""
    t = Lab()
    t.write(0, begin("recording", "T", 1))
    t.write(1, begin("recording", "T", 1))
    t.sync()
    i = t.write(0, RECEIVE, by=NODE, ack=lie(len(t.logs[1]) + 50, "future"))
    assert len(t.all().verdicts[0]) == i  # held: not judged
    assert t.all().held == (1, 0)
    t.sync()
    t.write(1, stop("recording", "T", 1), by=NODE)  # acks past the lie
    assert t.all().running("recording", "T") is None
    assert t.verdict(0, i) == "false acknowledgement"


def test_acks_in_a_circle_do_not_deadlock() -> None:
    """An ack of an entry that itself acknowledges this one is a lie, and is found without waiting."""
    t = Lab()
    i = t.write(0, RECEIVE, by=NODE, ack=lie(len(t.logs[1]) + 2, "guess"))
    t.sync()
    for _ in range(4):
        t.write(1, RECEIVE, by=NODE)
    j = t.all()
    assert len(j.verdicts[1]) == len(t.logs[1])
    assert j.verdicts[0][i] == "false acknowledgement"


def test_a_circle_is_found_at_whatever_length_of_the_other_log() -> None:
    """The verdict on a lie about the future is the same however far the other's log has come since."""
    t = Lab()
    i = t.write(0, RECEIVE, by=NODE, ack=lie(len(t.logs[1]) + 3, "guess"))
    t.sync()
    seen = []
    for _ in range(8):
        t.write(1, RECEIVE, by=NODE)
        seen.append(t.verdict(0, i))
    assert set(seen) == {"false acknowledgement"}


def test_an_ack_of_nothing_is_spelt_in_one_way() -> None:
    """An ack of size 0 names the root of the empty tree, without a signature; else it is false."""
    t = Lab()
    i = t.write(0, V1, ack=lie(0))
    j = t.write(0, V1, ack=0)
    assert (t.verdict(0, i), t.verdict(0, j)) == ("false acknowledgement", None)


def test_replay_from_another_dialogue() -> None:
    """An entry signed for another dialogue is of another log."""
    t = tabled(V1)
    i = t.write(0, consent(U, H1), dialogue="another")
    assert t.verdict(0, i) == "of another log"


def test_replay_in_the_same_log() -> None:
    """A node keeps its delegate's signed act and appends it again: the nonce is spent."""
    t = tabled(V1)
    members, signer = t.signed(0, consent(U, H1))
    t.put(0, t.leaf(0, members, signer))
    t.write(0, withdraw(U, H1))
    t.receipts()
    t.put(0, t.leaf(0, members, signer))
    assert t.verdict(0, len(t.logs[0]) - 1) == "replayed"


def test_a_void_act_is_not_entered_again_once_its_signer_has_the_power() -> None:
    """The nonce of a void act is spent: powers granted later do not revive what was refused."""
    t = tabled(V1)
    members, signer = t.signed(0, consent(U, H1), by="a0")
    i = len(t.logs[0])
    t.put(0, t.leaf(0, members, signer))
    t.write(0, {"type": "side.powers", "delegate": "officer-a", "powers": ["admit", "sign"]}, by="a0")
    t.put(0, t.leaf(0, members, signer))
    assert [t.verdict(0, x) for x in (i, i + 2)] == ["no power", "replayed"]


def test_a_signature_held_back_by_ones_own_node_is_stale() -> None:
    """Signed at view n, kept, and appended after the side acted on the same text: void."""
    t = tabled(V1)
    n = len(t.logs[0])
    t.write(0, consent(U, H1))
    t.write(0, withdraw(U, H1))
    t.receipts()
    i = t.write(0, consent(U, H1), own=n)
    assert t.verdict(0, i) == "stale"


def test_two_delegates_may_sign_at_the_same_time() -> None:
    """The proof covers what was seen, not the place in the log; both prompts succeed."""
    t = tabled(V1, G1)
    n = len(t.logs[0])
    i = t.write(0, consent(U, H1), own=n)
    j = t.write(0, consent(AG, HG1), own=n)
    assert t.verdict(0, i) is None
    assert t.verdict(0, j) is None


def test_a_revoked_credential_and_a_late_entry() -> None:
    """Revoked before the entry's place: void, however early it was signed."""
    t = tabled(V1)
    n = len(t.logs[0])
    t.write(0, revoke("a1"), by="a0")
    i = t.write(0, consent(U, H1), own=n)
    assert t.verdict(0, i) == "no credential"


def test_a_revocation_does_not_undo_what_was_signed_before() -> None:
    """Signed before the revocation: it stands, and the other may still answer it."""
    t = tabled(V1)
    t.write(0, consent(U, H1))
    t.write(0, revoke("a1"), by="a0")
    t.sync()
    t.write(1, consent(U, H1))
    assert t.force(U) == H1


def test_the_last_officer_cannot_be_revoked_and_recovery_replaces_all() -> None:
    """Somebody may always admit; an offline recovery key ends every older credential."""
    t = Lab()
    i = t.write(0, revoke("a0"), by="a0")
    assert t.verdict(0, i) == "last officer"
    t.write(0, recover("a9"), by="recovery-a")
    i = t.write(0, V1)
    assert t.verdict(0, i) == "no credential"
    t.write(0, {"type": "side.powers", "delegate": "new-a", "powers": ["admit", "sign"]}, by="a9")
    i = t.write(0, V1, by="a9")
    assert t.verdict(0, i) is None


def test_the_node_may_stop_but_never_bind() -> None:
    """A node's key signs receipts and stops; whatever else it signs is void."""
    t = tabled(V1)
    acts = (
        consent(U, H1),
        withdraw(U, H1),
        end(U),
        begin("recording", "T", 1),
        say("rank/T", "x"),
        {"type": "understanding.sign", "understanding": "U", "hash": H1},
    )
    for act in acts:
        i = t.write(0, act, by=NODE)
        assert t.verdict(0, i) == "not for the node"


def test_a_garbage_leaf_is_void_and_the_log_goes_on() -> None:
    """Bytes that are no entry stand in the log, void, and stop nothing."""
    t = Lab()
    t.put(0, b"\xff{]")
    i = t.write(0, V1)
    assert t.verdict(0, i - 1) == "malformed"
    assert t.verdict(0, i) is None


def test_newer_acts_count_only_after_both_adopted_the_edition() -> None:
    """An act of edition 2 is void for ever if the edition was not in force at its cut."""
    t = Lab()
    i = t.write(0, novel("early"))
    t.write(0, adopt(2))
    t.write(1, adopt(2))
    j = t.write(0, novel("still early"))
    t.sync()
    k = t.write(0, novel("now"))
    assert [t.verdict(0, x) for x in (i, j, k)] == ["unknown act", "unknown act", None]
    assert t.force(RULES) == HR2


def test_an_edition_only_grows() -> None:
    """Adopting the edition in force, or an older one, is void."""
    t = Lab()
    t.write(0, adopt(3))
    t.write(1, adopt(3))
    t.sync()
    base = t.force(RULES)
    assert [t.verdict(0, t.write(0, adopt(n, base))) for n in (1, 2, 3, 4)] == [
        "act form",
        "edition not newer",
        "edition not newer",
        None,
    ]


def test_together_needs_both_deposits() -> None:
    """Both deposits, whatever their hashes, are one exchange; a third is void."""
    t = Lab()
    t.write(0, consent(TG, "commit-a"))
    assert t.force(TG) is None
    t.write(1, consent(TG, "commit-b"))
    assert t.force(TG) == EXCHANGED
    t.sync()
    i = t.write(0, consent(TG, "commit-c"))
    assert t.verdict(0, i) == "exchanged already"


def test_what_binds_cannot_be_erased_by_its_author() -> None:
    """A text open to the other side, or ever in force, keeps its contents; a withdrawn and heard one does not."""
    t = tabled(V1)
    t.write(0, consent(U, H1))
    i = t.write(0, erase("v1-en"), by="a0")
    assert t.verdict(0, i) == "binds you"
    t.write(0, withdraw(U, H1))
    i = t.write(0, erase("v1-en"), by="a0")
    assert t.verdict(0, i) == "binds you"  # the withdrawal is not heard yet
    t.receipts()
    i = t.write(0, erase("v1-en"), by="a0")
    assert t.verdict(0, i) is None
    t.write(0, consent(U, H1))
    t.write(1, consent(U, H1))
    t.receipts()
    t.write(0, end(U))
    i = t.write(0, erase("v1-fr"), by="a0")
    assert t.verdict(0, i) == "binds you"  # it was in force


def test_ids_are_derived_and_the_dialogue_has_no_first_side() -> None:
    """The dialogue's id is the same from both chairs; a side cannot found one with itself."""
    assert dialogue_id(A, B) == dialogue_id(B, A)
    with pytest.raises(Malformed):
        dialogue_id(A, A)


def test_join_is_symmetric_on_a_full_story() -> None:
    """Swapping the sides gives the mirrored state."""
    t = tabled(V1, G1)
    t.write(0, consent(U, H1))
    t.sync()
    t.write(1, consent(U, H1))
    t.write(1, consent(AG, HG1))
    t.sync()
    assert t.all().state() == mirror(t.swapped().state())


def test_ones_own_voice_needs_nobody() -> None:
    """B writes nothing after its signature and acknowledges nothing: A's own rights all work."""
    t = tabled(V1)
    t.write(0, consent(U, H1))
    t.write(1, consent(U, H1))
    t.sync()
    for act in (say("release/T", "hash"), assess("extra-effort"), end(TALK), end(U), end(OVER)):
        i = t.write(0, act)
        assert t.verdict(0, i) is None
    assert t.force(U) is None


def test_an_assessment_needs_a_text_in_force() -> None:
    """What was never agreed cannot be assessed."""
    t = tabled(V1)
    t.write(0, consent(U, H1))
    i = t.write(0, assess("implemented"))
    assert t.verdict(0, i) == "not in force"


def test_the_end_of_a_dialogue_leaves_in_force_what_is_in_force() -> None:
    """Nothing new is agreed once the end is heard; what is in force stays, and can still be ended."""
    t = tabled(V1, V2, G1)
    t.write(0, consent(U, H1))
    t.write(1, consent(U, H1))
    t.sync()
    t.write(0, consent(AG, HG1))
    t.write(0, end(OVER))
    t.receipts()
    i = t.write(1, consent(AG, HG1))
    assert t.verdict(1, i) == "dialogue ended"
    assert t.force(U) == H1
    assert t.force(AG) is None
    i = t.write(1, end(U))
    assert t.verdict(1, i) is None
    assert t.force(U) is None


def test_in_force_since_is_an_order_and_two_bounds_not_an_instant() -> None:
    """Who signed first is known only where one knew of the other's signature; `time` says nothing."""
    t = tabled(V1, G1)
    i = t.write(0, consent(U, H1))
    t.sync()
    j = t.write(1, consent(U, H1))
    assert t.all().since(U) == Since(0, (None, j))  # A has not shown that it knows
    t.sync()
    k = t.write(0, RECEIVE, by=NODE)
    assert t.all().since(U) == Since(0, (k, j))
    assert i < k
    t = tabled(V1)
    t.write(0, consent(U, H1), time="2021-12-07T23:59:00Z")
    t.write(1, consent(U, H1), time="2021-12-07T00:01:00Z")
    since = t.all().since(U)
    assert since is not None
    assert since.first is None


def test_a_false_ack_voids_what_needs_the_other_and_not_what_protects() -> None:
    """`fold` applies a revocation without the other's log; `join` must not then call it void."""
    t = Lab()
    t.write(0, begin("recording", "T", 1))
    t.write(1, begin("recording", "T", 1))
    t.sync()
    false = lie(3)
    i = t.write(0, revoke("a1"), by="a0", ack=false)
    j = t.write(0, V1)
    k = t.write(0, stop("recording", "T", 1), by=NODE, ack=false)
    m = t.write(0, G1, by="a0", ack=false)
    assert [t.verdict(0, x) for x in (i, j, k, m)] == [None, "no credential", None, "false acknowledgement"]
    assert t.all().running("recording", "T") is None


def test_an_act_needs_the_power_of_the_slot_it_names() -> None:
    """An act with a power of its own lends it to no other slot: who may schedule does not sign."""
    t = tabled(V1, G1)
    verdicts = [t.verdict(0, t.write(0, consent(slot, h), by="a0")) for slot, h in ((AG, HG1), (U, H1))]
    assert verdicts == [None, "no power"]


def test_what_waits_is_said_for_whom() -> None:
    """An open consent waits for the other side; answered, it waits for nobody."""
    t = tabled(V1)
    t.write(0, consent(U, H1))
    t.write(1, begin("recording", "T", 1))
    waiting = {(w.for_side, w.what, w.slot, w.hash) for w in t.all().waiting()}
    assert waiting == {(1, "consent", U, H1), (0, "session", ("recording", "T", "1"), "")}
    t.write(1, consent(U, H1))
    t.write(0, begin("recording", "T", 1))
    assert t.all().waiting() == ()


def test_a_receipt_is_owed_for_anything_but_receipts() -> None:
    """Two nodes do not acknowledge acknowledgements for ever."""
    t = Lab()
    t.receipts()
    assert not any(t.all().owes_receipt(s) for s in (0, 1))
    t.write(0, V1)
    t.sync()
    assert [t.all().owes_receipt(s) for s in (0, 1)] == [False, True]
    t.write(1, RECEIVE, by=NODE)
    t.sync()
    assert not any(t.all().owes_receipt(s) for s in (0, 1))


@pytest.mark.parametrize(("by", "why"), [("a0", "not a founding"), ("b0", "bad proof")])
def test_the_founding_is_the_sides_own(by: str, why: str) -> None:
    """A log that begins with another side's founding founds nothing: no key, no credential."""
    t = Lab()
    members, signer = t.signed(1, found(FA), by=by, own=0)
    leaf = make_entry(members, signer.prove(members.challenge()), seq=0, time="2021-12-07T15:00:00Z").leaf
    state = refold(1, [leaf])
    assert state.verdicts == [why]
    assert state.key_at(1) is None
    assert not state.knows_credential(CREDENTIAL[by])
