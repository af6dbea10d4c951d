"""The record of real acts, made by the slices' own commands: exported, verified, told (record.md §14.2)."""

from __future__ import annotations

import pytest
from tests.talks.table import OFFICER, PRINCIPAL, Table, agreed_talk, key, signed_text

from visavis.record.bundle import Bundle, LogPart, Opened, encode_bundle
from visavis.record.checkpoint import Checkpoint, cosign, encode_checkpoint, sign_checkpoint
from visavis.rulebook import EDITION_1
from visavis.verification.account import Account, Standing
from visavis.verification.verify import verify


def account_of(table: Table) -> Account:
    """The account of what the table's two sides have written."""
    logs = {}
    for s in (0, 1):
        state, keys = table.states[s], (key(f"log {s}"), key(f"log {1 - s}"))
        head = (table.dialogue, state.id, state.size, state.root())
        own, other = (cosign(each, *head, 1_638_889_200) for each in keys)
        note = Checkpoint(*head, sign_checkpoint(keys[0], *head), other, own)
        public = [each.public_key().public_bytes_raw() for each in keys]
        data = encode_checkpoint(note, public[0], table.sides[1 - s], public[1])
        leaves = tuple(state.entry(i).leaf for i in range(state.size))
        logs[state.id] = LogPart(table.foundings[s], leaves, data)
    contents = {c: Opened(content.salt, content.data) for c, (_, content) in table.contents.items()}
    return verify(encode_bundle(Bundle(logs, contents)), EDITION_1)


@pytest.fixture(scope="module")
def table() -> Table:
    """A meeting entered afterwards, an understanding signed there, its readout released."""
    table = Table()
    geneva = agreed_talk(
        table, title={"en": "Geneva"}, start="2021-06-16T11:00:00Z", mode="in-person", place={"en": "Geneva"}
    )
    signed_text(table, geneva, "Heads of mission")
    table.do(OFFICER[1], "talks.conclude", talk=geneva)
    return table


def test_what_the_commands_wrote_holds(table: Table) -> None:
    """Every check holds of what honest delegates wrote, and every content opens."""
    account = account_of(table)
    assert account.faults == ()
    assert account.contents == len(table.contents)
    assert [sum(log.acts.values()) for log in account.logs] == [log.size for log in account.logs]


def test_the_understanding_is_told_with_its_words(table: Table) -> None:
    """What is in force is told in words, with both principals' signatures."""
    (text,) = [agreement for agreement in account_of(table).in_force() if agreement.slot.startswith("text/")]
    assert [(signed.role, signed.name) for signed in sorted(text.signed, key=lambda one: one.delegate)] == [
        ("principal", "principal of 0"),
        ("principal", "principal of 1"),
    ]
    assert [signed.delegate for signed in text.signed if signed.side == table.sides[0]] == [
        PRINCIPAL[0].delegate
    ]
    assert any("Heads of mission" in (words or "") for words in text.contents.values())


def test_the_talk_is_told_as_it_was_agreed(table: Table) -> None:
    """The time of a concluded talk is what was agreed; who concluded it is told."""
    (time,) = [agreement for agreement in account_of(table).agreements if agreement.slot.startswith("time/")]
    assert (time.kind, time.standing) == ("time", Standing.ENDED)
    assert time.body["start"] == "2021-06-16T11:00:00Z"
    assert [ended.side for ended in time.ended] == [table.sides[1]]
