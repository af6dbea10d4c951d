"""Verification of bundles (record.md §14): what holds, and what each kind of tampering is called."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs
from tests.verification.desk import (
    COSIGNED_AT,
    CREDENTIAL,
    DIALOGUE,
    FOUNDINGS,
    KEYS,
    PUBLIC,
    RULEBOOK,
    SIDES,
    Desk,
)

from visavis.record import canonical, container
from visavis.record.bundle import Bundle, Opened, encode_bundle
from visavis.record.checkpoint import Checkpoint, encode_checkpoint, sign_checkpoint
from visavis.record.content import commit
from visavis.record.entry import NODE, Seen, make_entry, parse_entry
from visavis.record.merkle import Tree
from visavis.verification.account import Account, Receipt, Standing
from visavis.verification.verify import verify


def checked(desk: Desk, **changes: Any) -> Account:
    """The account of the desk's bundle, with parts of it replaced."""
    return verify(encode_bundle(dataclasses.replace(desk.parts(), **changes)), RULEBOOK)


def checks(account: Account) -> list[str]:
    return [fault.check for fault in account.faults]


def with_log(desk: Desk, s: int, **changes: Any) -> Account:
    parts = desk.parts()
    logs = {**parts.logs, SIDES[s]: dataclasses.replace(parts.logs[SIDES[s]], **changes)}
    return verify(encode_bundle(Bundle(logs, parts.contents)), RULEBOOK)


@pytest.fixture(scope="module")
def desk() -> Desk:
    """A guarantee in force between two sides; nobody writes to this one."""
    desk = Desk().founded()
    desk.agreed(kind="guarantee")
    return desk


# --- what holds -----------------------------------------------------------------------------------


def test_an_honest_bundle_holds(desk: Desk) -> None:
    """Nothing fails, nothing is void, and every entry is counted."""
    account = checked(desk)
    assert account.holds
    assert (account.faults, account.void, account.waiting) == ((), (), ())
    assert account.dialogue == DIALOGUE
    assert account.entries == sum(map(len, desk.logs))


def test_the_account_says_where_the_text_was_at_hand() -> None:
    """By its own log: tabled by the signer's side, received before signing, or no receipt: one after it is none."""
    for receipt in ("before", "after", "none"):
        desk = Desk().founded()
        hash_ = desk.table(0, desk.text("v1"))
        desk.receipts()
        act = {"type": "content.receive", "hash": hash_}
        at = desk.write(1, act) if receipt == "before" else None
        desk.sign(1, hash_)
        if receipt == "after":
            desk.write(1, act)
        desk.sign(0, hash_)
        desk.receipts()
        (agreement,) = checked(desk).in_force()
        a, b = agreement.signed
        assert (a.tabled is not None, a.received) == (True, None)
        assert (b.tabled, b.received) == (None, at)


def test_the_account_says_what_is_in_force_and_who_signed(desk: Desk) -> None:
    """Each consent is given with its delegate, role, name, entry and time; each text with its words (§14.2)."""
    (agreement,) = checked(desk).in_force()
    assert (agreement.slot, agreement.kind, agreement.standing) == ("text/u1", "guarantee", Standing.IN_FORCE)
    assert [(s.side, s.role, s.name, s.act) for s in agreement.signed] == [
        (SIDES[0], "principal", "Principal of side A", "understanding.sign"),
        (SIDES[1], "principal", "Principal of side B", "understanding.sign"),
    ]
    for s, signed in enumerate(agreement.signed):
        entry = parse_entry(desk.logs[s][signed.index])
        assert (entry.signed.act["hash"], entry.time) == (agreement.hash, signed.time)
    assert sorted(agreement.contents.values(), key=str) == [
        "v1: body",
        "v1: duty of A",
        "v1: duty of B",
        "v1: title",
    ]
    assert agreement.first == SIDES[0]


def test_the_account_says_as_of_which_sizes(desk: Desk) -> None:
    """Sizes, roots, receipts and how far the other side has acknowledged are stated for each log (§12.4)."""
    for s, log in enumerate(checked(desk).logs):
        assert (log.side, log.size) == (SIDES[s], len(desk.logs[s]))
        assert log.names == {"en": f"Side {'AB'[s]}"}
        assert log.cosigned == Receipt(log.size, COSIGNED_AT)
        last = parse_entry(desk.logs[1 - s][-1])
        assert log.acknowledged == last.signed.ack.size


def test_known_since_names_the_first_entries_that_know_both_consents() -> None:
    """Before both logs acknowledge, "known since" says which of them does not yet (§5.5)."""
    desk = Desk().founded()
    hash_ = desk.table(0, desk.text("v1"))
    desk.receipts()
    desk.sign(0, hash_)
    second = desk.sign(1, hash_)
    (agreement,) = checked(desk).in_force()
    assert agreement.known_since == {SIDES[0]: None, SIDES[1]: second}
    receipt = len(desk.logs[0])
    desk.receipts()
    (agreement,) = checked(desk).in_force()
    assert agreement.known_since == {SIDES[0]: receipt, SIDES[1]: second}


def test_replaced_and_ended_texts_are_told() -> None:
    """An amendment replaces; an end by one side ends, and is told with its side and entry."""
    desk = Desk().founded()
    first = desk.agreed("v1")
    second = desk.agreed("v2", base=first)
    index = desk.write(1, {"type": "understanding.end", "understanding": "u1", "reason": []})
    account = checked(desk)
    assert account.holds
    assert [(each.hash, each.standing) for each in account.agreements] == [
        (first, Standing.REPLACED),
        (second, Standing.ENDED),
    ]
    assert [(ended.side, ended.index) for ended in account.agreements[1].ended] == [(SIDES[1], index)]


def test_what_waits_is_told() -> None:
    """An open consent waits for the other side."""
    desk = Desk().founded()
    hash_ = desk.table(0, desk.text("v1"))
    desk.sign(0, hash_)
    (waits,) = checked(desk).waiting
    assert (waits.for_side, waits.slot, waits.hash, waits.status) == (SIDES[1], "text/u1", hash_, "open")


def test_withheld_contents_are_told_and_do_no_harm(desk: Desk) -> None:
    """A bundle without contents holds; what is not opened stands as None (§11)."""
    account = checked(desk, contents={})
    assert account.holds
    assert set(account.in_force()[0].contents.values()) == {None}
    assert account.in_force()[0].signed[0].name is None


def test_a_bundle_without_cosignatures_holds(desk: Desk) -> None:
    """Nothing depends on a cosignature: it is a receipt (§10.3)."""
    parts = desk.parts()
    logs = {
        SIDES[s]: dataclasses.replace(parts.logs[SIDES[s]], checkpoint=desk.checkpoint(s, cosigned=False))
        for s in (0, 1)
    }
    account = verify(encode_bundle(Bundle(logs, parts.contents)), RULEBOOK)
    assert account.holds
    assert [log.cosigned for log in account.logs] == [None, None]


@pytest.mark.parametrize("s", [0, 1])
def test_a_cosignature_of_the_other_side_alone_is_no_receipt(desk: Desk, s: int) -> None:
    """What O has cosigned and S has not, though S alone can, meets no quorum, and is named (§10.3)."""
    account = with_log(desk, s, checkpoint=desk.checkpoint(s, own=False))
    assert [(fault.check, fault.log) for fault in account.faults] == [("cosignature", SIDES[s])]
    assert account.logs[s].cosigned is None


def test_the_own_cosignature_alone_is_no_fault(desk: Desk) -> None:
    """A log goes on without the other side: its own two lines make a checkpoint, and no receipt."""
    account = with_log(desk, 0, checkpoint=desk.checkpoint(0, cosigned=False))
    assert account.holds
    assert account.logs[0].cosigned is None
    assert with_log(desk, 0, checkpoint=desk.checkpoint(0, cosigned=False, own=False)).holds


def test_an_earlier_receipt_counts(desk: Desk) -> None:
    """The latest cosigned checkpoint may be of an earlier size; the account gives that size."""
    account = with_log(desk, 0, checkpoint=desk.checkpoint(0, cosigned=False), receipt=desk.checkpoint(0, 3))
    assert account.holds
    assert account.logs[0].cosigned == Receipt(3, COSIGNED_AT)


def test_rotated_log_keys_hold() -> None:
    """Checkpoints larger than a rotation's index need the new key; older acknowledgements keep theirs (§9.4)."""
    desk = Desk().founded()
    desk.agreed("v1")
    desk.rotate(0)
    desk.agreed("v2", base=checked(desk).in_force()[0].hash)
    assert checked(desk).holds
    old = with_log(desk, 0, checkpoint=desk.checkpoint(0, key=KEYS[0, "log"]))
    assert checks(old) == ["checkpoint"]


def test_the_smallest_bundles_hold() -> None:
    """Two sides that have founded and nothing else; and two that have not written yet."""
    desk = Desk()
    assert checked(desk).holds is True
    for s in (0, 1):
        desk.write(s, {"type": "side.found", "founding": FOUNDINGS[s].to_json()}, by="officer")
    assert checked(desk).holds


def test_the_account_is_json(desk: Desk) -> None:
    """The account is plain JSON values, and says first whether it holds."""
    value = json.loads(json.dumps(checked(desk).to_json()))
    assert next(iter(value)) == "holds"
    assert value["agreements"][0]["standing"] == "in force"


# --- tampering with the bytes ---------------------------------------------------------------------


def test_every_byte_of_the_smallest_bundle_counts() -> None:
    """One byte changed anywhere is found: sampled here, at every offset in `tests/record/test_bundle.py`."""
    desk = Desk()
    for s in (0, 1):
        desk.write(s, {"type": "side.found", "founding": FOUNDINGS[s].to_json()}, by="officer")
    desk.contents.clear()
    data = desk.bundle()
    for at in range(0, len(data), 9):
        changed = bytearray(data)
        changed[at] ^= 1 << (at % 8)
        assert not verify(bytes(changed), RULEBOOK).holds, f"byte {at} passed"


@settings(max_examples=150)
@given(data=st.data())
def test_any_byte_of_a_bundle_counts(desk: Desk, data: st.DataObject) -> None:
    """One byte of a full bundle changed to anything else is found."""
    bundle = bytearray(desk.bundle())
    at = data.draw(st.integers(0, len(bundle) - 1))
    bundle[at] ^= data.draw(st.integers(1, 255))
    assert not verify(bytes(bundle), RULEBOOK).holds


@settings(max_examples=150)
@given(data=st.data())
def test_a_byte_changed_and_packed_again_is_found(desk: Desk, data: st.DataObject) -> None:
    """Whoever changes a byte of a member and makes the archive's checksums fit is found all the same."""
    members = container.read(desk.bundle())[0]
    at = data.draw(st.integers(0, len(members) - 1))
    name, content = members[at]
    changed = bytearray(content)
    changed[data.draw(st.integers(0, len(content) - 1))] ^= data.draw(st.integers(1, 255))
    members[at] = (name, bytes(changed))
    assert not verify(container.write(members), RULEBOOK).holds


@given(st.binary(max_size=300) | st.binary(max_size=200).map(lambda rest: b"PK\x03\x04" + rest))
def test_any_bytes_give_an_account(data: bytes) -> None:
    """Bytes that are no bundle give an account with the one check "bundle", and raise nothing."""
    account = verify(data, RULEBOOK)
    assert checks(account) == ["bundle"]
    assert not account.holds


@pytest.mark.parametrize("s", [0, 1])
def test_a_changed_entry_is_named(desk: Desk, s: int) -> None:
    """An entry changed and all hashes made to fit: its proof fails, and the checkpoint is of another log."""
    leaves = list(desk.logs[s])
    entry = parse_entry(leaves[2])
    act = {**entry.signed.act, "extra": 1}
    leaves[2] = make_entry(structs.replace(entry.signed, act=act), entry.proof, seq=2, time=entry.time).leaf
    account = with_log(desk, s, leaves=tuple(leaves))
    named = {(fault.check, fault.log, fault.index) for fault in account.faults}
    assert ("void", SIDES[s], 2) in named
    assert ("checkpoint-root", SIDES[s], None) in named
    assert any(void.index == 2 and void.reason == "bad proof" for void in account.void)


def test_another_time_or_place_is_found_by_the_checkpoint(desk: Desk) -> None:
    """`time` is not signed by the person; the log's own checkpoint covers it."""
    leaves = list(desk.logs[1])
    entry = parse_entry(leaves[-1])  # nobody has acknowledged this one yet; else it is a fork, too
    leaves[-1] = make_entry(entry.signed, entry.proof, seq=entry.seq, time="1999-01-01T00:00:00.000Z").leaf
    assert checks(with_log(desk, 1, leaves=tuple(leaves))) == ["checkpoint-root"]


@pytest.mark.parametrize("at", [0, 2, -2])
def test_an_entry_removed_is_found(desk: Desk, at: int) -> None:
    """A log without one of its entries has another size and root, and its later entries are out of place."""
    leaves = list(desk.logs[0])
    del leaves[at]
    account = with_log(desk, 0, leaves=tuple(leaves))
    assert "checkpoint-size" in checks(account)
    assert any(void.log == SIDES[0] and void.reason == "wrong seq" for void in account.void)


def test_the_last_entry_removed_is_found(desk: Desk) -> None:
    """Cutting a log short leaves a checkpoint that is of more."""
    account = with_log(desk, 1, leaves=tuple(desk.logs[1][:-1]))
    assert checks(account) == ["checkpoint-size"]
    assert account.faults[0].log == SIDES[1]


def test_an_older_log_with_its_own_checkpoint_is_found_by_the_others_acknowledgements(desk: Desk) -> None:
    """Who shows an older log hides what the other side has truly acknowledged: those entries are held (§3.5)."""
    account = with_log(desk, 0, leaves=tuple(desk.logs[0][:3]), checkpoint=desk.checkpoint(0, 3))
    assert checks(account) == ["held"]
    (fault,) = account.faults
    assert fault.log == SIDES[1]
    assert "truly, " in fault.message
    assert account.agreements == ()


def test_logs_swapped_are_found(desk: Desk) -> None:
    """The two logs under each other's names: neither founding statement fits, and nothing stands."""
    swap = {SIDES[0]: SIDES[1], SIDES[1]: SIDES[0]}
    members = []
    for name, content in container.read(desk.bundle())[0]:
        parts = name.split("/")
        if parts[0] == "logs":
            parts[1] = swap[parts[1]]
        members.append(("/".join(parts), content))
    account = verify(container.write(members), RULEBOOK)
    assert {"founding", "checkpoint", "void"} <= set(checks(account))
    assert account.agreements == ()


def test_leaves_swapped_between_the_logs_are_named(desk: Desk) -> None:
    """Under the right founding statements, the other side's entries are "of another log"."""
    parts = desk.parts()
    one, other = (parts.logs[side] for side in SIDES)
    logs = {
        SIDES[0]: dataclasses.replace(one, leaves=other.leaves),
        SIDES[1]: dataclasses.replace(other, leaves=one.leaves),
    }
    account = verify(encode_bundle(Bundle(logs, {})), RULEBOOK)
    assert {void.reason for void in account.void} == {"of another log"}
    assert account.agreements == ()


# --- forged and forced acts -----------------------------------------------------------------------


def test_a_forged_signature_is_named(desk: Desk) -> None:
    """A consent that its delegate did not sign is void, named, and brings nothing into force."""
    forged = Desk().founded()
    hash_ = forged.table(0, forged.text("v1", kind="guarantee"))
    forged.receipts()
    forged.sign(0, hash_)
    act = {"type": "understanding.sign", "understanding": "u1", "hash": hash_}
    index = forged.write(1, act, forge=True)
    account = checked(forged)
    assert [(f.check, f.log, f.index, f.message) for f in account.faults] == [
        ("void", SIDES[1], index, "understanding.sign: bad proof")
    ]
    assert account.agreements == ()
    assert [waits.for_side for waits in account.waiting] == [SIDES[1]]


def test_a_one_sided_guarantee_forced_into_a_log_is_named() -> None:
    """It is void where it stands, named with its reason, and what both sign of it has no effect (§7.2)."""
    desk = Desk().founded()
    hash_ = desk.table(0, desk.text("v1", kind="guarantee", by=(1,)))
    index = len(desk.logs[0]) - 1
    desk.receipts()
    desk.sign(0, hash_)
    account = checked(desk)
    first = account.void[0]
    assert (first.log, first.index, first.reason, first.act, first.delegate) == (
        SIDES[0],
        index,
        "one-sided guarantee",
        "understanding.table",
        "principal-0",
    )
    assert account.faults[0].message == "understanding.table: one-sided guarantee"
    assert not account.holds
    assert account.agreements == ()


def test_a_node_that_consents_for_its_side_is_named() -> None:
    """The log key signs receipts and stops; a consent by it is void."""
    desk = Desk().founded()
    hash_ = desk.table(0, desk.text("v1"))
    desk.receipts()
    desk.write(0, {"type": "understanding.sign", "understanding": "u1", "hash": hash_}, by=NODE)
    assert [void.reason for void in checked(desk).void] == ["not for the node"]


def test_garbage_in_a_log_is_named() -> None:
    """Bytes that are no entry are void where they stand, and stop nothing (§2.4)."""
    desk = Desk().founded()
    index = desk.put(0, b"\xff garbage")
    desk.agreed("v1")
    account = checked(desk)
    assert [(void.index, void.reason, void.act) for void in account.void] == [(index, "malformed", None)]
    assert [fault.message for fault in account.faults] == ["bytes that are no entry: malformed"]
    assert len(account.in_force()) == 1


def test_a_false_acknowledgement_is_named() -> None:
    """An entry that claims to have seen what the other side never signed is void (§3.1)."""
    desk = Desk().founded()
    lie = Seen(2, bytes(32), bytes(64))
    desk.write(0, desk.text("v1"), ack=lie)
    assert [void.reason for void in checked(desk).void] == ["false acknowledgement"]


# --- checkpoints, receipts, forks -----------------------------------------------------------------


def test_a_checkpoint_by_another_key_is_named(desk: Desk) -> None:
    """A checkpoint that the log's key did not sign fails."""
    account = with_log(desk, 0, checkpoint=desk.checkpoint(0, key=KEYS[1, "log"]))
    assert [(fault.check, fault.log) for fault in account.faults] == [("checkpoint", SIDES[0])]


def test_a_checkpoint_of_the_other_log_is_named(desk: Desk) -> None:
    """A checkpoint speaks for the log in its origin, and for no other."""
    assert checks(with_log(desk, 0, checkpoint=desk.checkpoint(1))) == ["checkpoint"]


def test_a_cosignature_that_fails_is_named(desk: Desk) -> None:
    """A line in either side's name whose signature does not hold makes the checkpoint fail."""
    lines = desk.checkpoint(0).splitlines(keepends=True)
    for at in (-1, -2, -3):
        forged = list(lines)
        forged[at] = forged[at][:-20] + bytes([forged[at][-20] ^ 2]) + forged[at][-19:]
        assert checks(with_log(desk, 0, checkpoint=b"".join(forged))) == ["checkpoint"]


def test_the_lines_of_a_note_stand_in_one_order(desk: Desk) -> None:
    """The log's line, its own cosignature, the other's: any other order or a line twice fails (§12.3)."""
    *text, log, own, other = desk.checkpoint(0).splitlines(keepends=True)
    for odd in ([own, log, other], [log, other, own], [log, log, own, other], [log, own, own, other]):
        assert checks(with_log(desk, 0, checkpoint=b"".join(text + odd))) == ["checkpoint"]


def test_a_line_too_many_is_named(desk: Desk) -> None:
    """In a bundle a note has no line that nobody checks (§12.3)."""
    line = "— witness.example/w1 jWbPPwAAAABkGFDLEZMHwSRaJNiIDoe9DYn/zXcrtPHeolMI5OWXEhZCB9dlrDJs\n"
    assert checks(with_log(desk, 0, checkpoint=desk.checkpoint(0) + line.encode())) == ["checkpoint"]
    unsigned = desk.checkpoint(0, cosigned=False) + line.encode()
    assert checks(with_log(desk, 0, checkpoint=unsigned)) == ["checkpoint"]


@pytest.mark.parametrize(
    ("receipt", "check"),
    [
        (lambda desk: desk.checkpoint(0, 3, cosigned=False), "cosignature"),
        (lambda desk: desk.checkpoint(0, 3, own=False), "cosignature"),
        (lambda desk: desk.checkpoint(0), "receipt"),
        (lambda desk: desk.checkpoint(1, 3), "receipt"),
        (lambda desk: b"no note", "receipt"),
        (lambda desk: _other_log(desk), "receipt-root"),
    ],
)
def test_receipts_that_say_nothing_are_named(desk: Desk, receipt: Any, check: str) -> None:
    """A receipt is of an earlier size of this log, and cosigned; anything else fails."""
    bare = desk.checkpoint(0, cosigned=False)
    assert checks(with_log(desk, 0, checkpoint=bare, receipt=receipt(desk))) == [check]


def _other_log(desk: Desk) -> bytes:
    other = Desk()
    other.put(0, b"another entry")
    other.put(0, b"and another")
    return other.checkpoint(0)


def test_a_fork_is_named() -> None:
    """A side that showed the other one log and shows another here is proven to have forked (§3.5)."""
    desk = Desk().founded()
    other = Desk().founded()
    other.write(0, other.text("shown"))
    size = len(other.logs[0])
    shown = other.seen(0, sign_it=True)
    desk.write(0, desk.text("kept"))
    assert len(desk.logs[0]) == size
    desk.write(1, {"type": "record.receive"}, by=NODE, ack=shown)
    account = checked(desk)
    assert [(fault.check, fault.log) for fault in account.faults] == [("fork", SIDES[0]), ("held", SIDES[1])]


# --- contents --------------------------------------------------------------------------------------


def test_a_content_that_does_not_open_is_named(desk: Desk) -> None:
    """Other words, or another salt, under a commitment are named, and never shown as what was signed."""
    commitment = next(iter(desk.contents))
    opened = desk.contents[commitment]
    for wrong in (Opened(opened.salt, b"other words"), Opened(bytes(32), opened.content)):
        account = checked(desk, contents={**desk.contents, commitment: wrong})
        assert checks(account) == ["content"]
        assert commitment in account.faults[0].message
        assert "other words" not in json.dumps(account.to_json())


def test_a_content_that_nobody_committed_to_is_named(desk: Desk) -> None:
    """A text slipped into the bundle is no part of the record (§12.3)."""
    salt = bytes(32)
    contents = {**desk.contents, commit(salt, b"slipped in"): Opened(salt, b"slipped in")}
    account = checked(desk, contents=contents)
    assert checks(account) == ["content"]
    assert "no entry commits to it" in account.faults[0].message


def test_a_content_that_is_no_text_is_not_shown(desk: Desk) -> None:
    """Bytes that are not UTF-8 open their commitment, and are shown as not at hand."""
    fresh = Desk().founded()
    salt, data = bytes(32), b"\xff\xfe"
    act = fresh.text("v1")
    fresh.contents.pop(act["body"][0][1])
    act["body"] = [["en", commit(salt, data)]]
    fresh.contents[commit(salt, data)] = Opened(salt, data)
    hash_ = fresh.table(0, act)
    fresh.receipts()
    fresh.sign(0, hash_)
    fresh.sign(1, hash_)
    account = checked(fresh)
    assert account.holds
    assert account.in_force()[0].contents[commit(salt, data)] is None


# --- hostile logs, well packed ----------------------------------------------------------------------


@settings(max_examples=60)
@given(leaves=st.lists(st.binary(max_size=60) | st.just(b"{}"), max_size=6), mixed=st.booleans())
def test_hostile_logs_raise_nothing(desk: Desk, leaves: list[bytes], mixed: bool) -> None:
    """A bundle in perfect form around any leaves gives an account; each such leaf is void."""
    log = (*desk.logs[0], *leaves) if mixed else tuple(leaves)
    head = (DIALOGUE, SIDES[0], len(log), Tree(log).root())
    note = encode_checkpoint(Checkpoint(*head, sign_checkpoint(KEYS[0, "log"], *head)), PUBLIC[0, "log"])
    account = with_log(desk, 0, leaves=log, checkpoint=note)
    assert len([void for void in account.void if void.log == SIDES[0]]) == len(leaves)
    assert account.holds is (not leaves and mixed)


@settings(max_examples=40)
@given(st.data())
def test_odd_acts_raise_nothing(data: st.DataObject) -> None:
    """A signed entry with any JSON for an act is judged, and void unless it is an act."""
    desk = Desk().founded()
    leaf = st.none() | st.booleans() | st.integers(0, 9) | st.text(max_size=9)
    value = st.recursive(
        leaf, lambda v: st.lists(v, max_size=3) | st.dictionaries(st.text(max_size=5), v, max_size=3)
    )
    kind = data.draw(st.sampled_from([*RULEBOOK.by_type, "no.such", ""]))
    act = {
        **data.draw(st.dictionaries(st.sampled_from(["talk", "hash", "slot", "n", "x"]), value)),
        "type": kind,
    }
    canonical.encode(act)
    desk.write(0, act)
    account = checked(desk)
    assert account.entries == 5


def test_the_account_says_languages_and_what_was_erased() -> None:
    """Each side's languages are those that it stated last; a content is erased if a side's log says so."""
    desk = Desk().founded()
    gone, kept = desk.content("gone"), desk.content("kept")
    desk.contents.pop(gone)
    reason = {"type": "understanding.end", "understanding": "u1", "reason": [["en", kept], ["ru", gone]]}
    desk.agreed("v1")
    withheld = min(desk.contents.keys() - {kept})
    del desk.contents[withheld]
    desk.write(0, reason)
    desk.write(1, {"type": "side.profile", "zone": "UTC", "languages": ["ru", "en"]}, by="officer")
    at = [
        desk.write(s, {"type": "content.erase", "commitment": c}, by="officer")
        for s, c in ((1, gone), (0, kept), (0, gone), (0, gone))
    ]
    account = verify(desk.bundle(), RULEBOOK)
    assert account.holds
    assert [log.languages for log in account.logs] == [("en",), ("ru", "en")]
    assert {(each.commitment, each.side, each.index, each.here) for each in account.erased} == {
        (gone, SIDES[1], at[0], False),
        (kept, SIDES[0], at[1], True),
        (gone, SIDES[0], at[2], False),
    }
    first = account.erasures(gone)[1 if SIDES[0] < SIDES[1] else 0]
    assert (first.delegate, first.role) == ("officer-1", "protocol-officer")
    assert first.time == desk.states[1].entry(at[0]).time
    assert account.withheld == (withheld,)


def test_the_powers_of_all_delegates_are_those_of_each(desk: Desk) -> None:
    """Whoever is told of everybody at once is told the same, and not at the price of everybody times everybody."""
    desk.write(0, {"type": "side.revoke", "credential": CREDENTIAL[0, "principal"]}, by="officer")
    for state in desk.states:
        found = state.powers_by_delegate()
        assert found == {who: powers for who in state.delegates if (powers := state.powers_of_delegate(who))}
