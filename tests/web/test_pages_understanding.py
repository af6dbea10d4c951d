"""What the page of an understanding says to each side as it lives: in plain words, from tabling to the end."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from lxml import html
from tests.flows.stage import found_dialogue, running_node, seat_delegation

from visavis.dialogue import service
from visavis.rehearsal.delegate import Delegate

pytestmark = [pytest.mark.anyio, pytest.mark.slow]

TITLE = {"en": "Visas", "ru": "Визы"}
BODY = {"en": "Visas are issued within thirty days.", "ru": "Визы выдаются в течение тридцати дней."}
SOONER = {"en": "Visas are issued within ten days.", "ru": "Визы выдаются в течение десяти дней."}
LATE = 3600.0
"""Seconds: the nodes' receipts come after the test, so that what a log has heard is what the test lets it hear."""


@dataclass(frozen=True)
class Pair:
    """The principals of both sides at a node that writes no receipts by itself."""

    people: tuple[Delegate, Delegate]

    async def tabled(self, command: str = "understandings.table", **fields: Any) -> dict[str, str]:
        """A text of side A's; what names it."""
        asked = {"kind": "understanding", "title": TITLE, "body": BODY, "undertakings": []} | fields
        act = await self.people[0].act(command, **asked)
        found = next(
            u for u in (await self.people[0].state())["understandings"] if u["id"] == act["understanding"]
        )
        return {"understanding": found["id"], "hash": found["open"][-1]["hash"]}

    async def do(self, s: int, command: str, told: dict[str, str], **fields: Any) -> None:
        await self.people[s].act(f"understandings.{command}", **told, **fields)

    async def says(self, s: int, told: dict[str, str]) -> str:
        """The words of the understanding's page for side s, white space collapsed."""
        person = self.people[s]
        answer = await person.page(f"/d/{person.dialogue}/understandings/{told['understanding']}")
        assert answer.status_code == 200
        (main,) = html.document_fromstring(answer.text).xpath("//main")
        return " ".join(main.text_content().split())


@pytest.fixture
async def pair(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Pair]:
    monkeypatch.setattr(service, "RECEIPT_DELAY_S", LATE)
    async with running_node(tmp_path) as stage:
        officers = await found_dialogue(stage)
        people = [
            (await seat_delegation(stage, officer, letter, "principal"))["principal"]
            for officer, letter in zip(officers, "AB", strict=True)
        ]
        yield Pair((people[0], people[1]))


async def test_a_withdrawal_that_is_not_heard_yet_says_so(pair: Pair) -> None:
    """Who withdrew reads that the other may still sign; the other, that its next signature acknowledges it."""
    told = await pair.tabled("understandings.offer")
    await pair.do(0, "withdraw", told)
    ours, theirs = [await pair.says(s, told) for s in (0, 1)]
    assert "Our withdrawal is not heard yet: they may still sign, and then it is in force." in ours
    assert "They have withdrawn; our log has not acknowledged it yet." in theirs
    await pair.do(1, "initial", told)  # any entry of B's hears it
    ours, theirs = [await pair.says(s, told) for s in (0, 1)]
    assert "not heard yet" not in ours
    assert "They have withdrawn; our log" not in theirs
    assert "Withdrawn by us" in ours
    assert "Withdrawn by them" in theirs


async def test_a_withdrawal_that_came_too_late_says_so(pair: Pair) -> None:
    """B signed what it had before it, entered after A's withdrawal and not having heard it: in force for both."""
    told = await pair.tabled()
    await pair.do(0, "sign", told)
    b = pair.people[1]
    asked = {"command": "understandings.sign", "fields": told}
    draft = await b.post(f"/api/dialogues/{b.dialogue}/drafts", asked)
    await pair.do(0, "withdraw", told)
    proof = b.signer.prove(b.check(draft, "understandings.sign").challenge()).to_json()
    await b.post(f"/api/dialogues/{b.dialogue}/entries", {"draft": draft["draft"], "proof": proof})
    ours, theirs = [await pair.says(s, told) for s in (0, 1)]
    assert "Our withdrawal came too late: they had signed before they heard of it." in ours
    assert "Their withdrawal came too late: we had signed before we heard of it." in theirs
    assert "In force since" in ours
    assert "In force since" in theirs


async def test_initials_are_shown_for_each_side_and_bind_nobody(pair: Pair) -> None:
    """One side's initial is said to both; both together settle the text, and it is not in force."""
    told = await pair.tabled()
    await pair.do(0, "initial", told)
    assert "Initialled by us: we hold the text for settled. That binds nobody." in await pair.says(0, told)
    assert "Initialled by them: they hold the text for settled. That binds nobody." in await pair.says(
        1, told
    )
    await pair.do(1, "initial", told)
    for s in (0, 1):
        said = await pair.says(s, told)
        assert "Initialled by both: the text is settled. It binds nobody until both have signed." in said
        assert "In force since" not in said


async def test_a_corrected_text_is_readable_with_what_was_changed(pair: Pair) -> None:
    """The text in force is said to be as corrected, shows its redline, and keeps the earlier one to be read."""
    told = await pair.tabled()
    for s in (0, 1):
        await pair.do(s, "sign", told)
    again = await pair.tabled(understanding=told["understanding"], body=SOONER, correction=True)
    assert "Signed by both, it replaces it from the beginning." in await pair.says(1, again)
    for s in (0, 1):
        await pair.do(s, "sign", again)
    for s in (0, 1):
        said = await pair.says(s, again)
        assert "The text in force, as corrected" in said
        assert "Visas are issued within (struck out:) thirty (end) (new:) ten (end) days." in said
        assert "Corrected: the correction replaces it from the beginning." in said
        assert BODY["en"] in said
        assert BODY["ru"] in said


async def test_an_end_by_one_side_is_shown_to_both_with_its_reason(pair: Pair) -> None:
    """Who ended it, when by its own node, and why; where no reason was given, that is said."""
    for reason in ("No visa was issued.", None):
        told = await pair.tabled()
        for s in (0, 1):
            await pair.do(s, "sign", told)
        given = {} if reason is None else {"reason": reason}
        await pair.people[1].act("understandings.end", understanding=told["understanding"], **given)
        for s, who in ((0, "Ended by them"), (1, "Ended by us")):
            said = await pair.says(s, told)
            assert who in said
            assert "The time is what that side’s node states" in said
            assert (reason or "No reason was given.") in said


async def test_both_readings_of_a_place_stand_side_by_side(pair: Pair) -> None:
    """Each page shows the words in question and either reading as whose it is."""
    told = await pair.tabled()
    place = {"en": "within thirty days", "ru": "в течение тридцати дней"}
    await pair.do(0, "diverge", told, place=place, reading="Working days.")
    state = await pair.people[1].state()
    found = next(u for u in state["understandings"] if u["id"] == told["understanding"])
    (noted,) = found["open"][0]["divergences"]
    await pair.do(1, "diverge", told, divergence=noted["id"], reading="Calendar days.")
    for s, ours, theirs in ((0, "Working days.", "Calendar days."), (1, "Calendar days.", "Working days.")):
        said = await pair.says(s, told)
        assert place["en"] in said
        assert place["ru"] in said
        assert (
            said.index("As we read it")
            < said.index(ours)
            < said.index("As they read it")
            < said.index(theirs)
        )


async def test_the_page_says_where_the_text_was_received(pair: Pair) -> None:
    """The side that tabled it says so; the other had no receipt until it was about to sign, and then before."""
    told = await pair.tabled()
    before = await pair.says(0, told)
    assert "Tabled by us" in before
    assert "No receipt" in before
    await pair.do(1, "sign", told)
    after = await pair.says(0, told)
    assert "before signing" in after
    assert "No receipt" not in after


async def test_the_record_names_the_edition_in_force(pair: Pair) -> None:
    """Nobody adopted another one, and this software knows none."""
    person = pair.people[0]
    answer = await person.page(f"/d/{person.dialogue}/record")
    assert "Edition 1 of the rules is in force." in answer.text
