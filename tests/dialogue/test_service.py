"""Drafting, entering, receipts, restarts: the use cases over a real store, in virtual time."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import anyio
import pytest
from sqlalchemy import event

from visavis.authenticator import Authenticator
from visavis.dialogue.admission import (
    Admission,
    LinkSpent,
    NotSignedIn,
    Site,
    enrolment_challenge,
    session_challenge,
)
from visavis.dialogue.errors import ContentMissing
from visavis.dialogue.ledger import Ledger
from visavis.dialogue.ports import Session
from visavis.dialogue.service import Dialogues, DraftGone
from visavis.errors import Malformed, Refused, Unavailable, Untrusted
from visavis.record.digest import to_text
from visavis.record.entry import Entry
from visavis.record.proof import Proof
from visavis.rulebook import COMMANDS, EDITION_1
from visavis.store.sqlite import SqliteStore, SqliteUnit, open_store

pytestmark = pytest.mark.anyio

PROFILE = {"zone": "Europe/Zurich", "languages": ["en"]}


class Fresh:
    def id(self) -> str:
        return to_text(secrets.token_bytes(12))

    def salt(self) -> bytes:
        return secrets.token_bytes(32)


SITE = Site.of("https://node.example:8443")


@dataclass(slots=True)
class Clock:
    now: datetime = datetime(2021, 12, 7, 15, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


@dataclass(slots=True)
class Officer:
    """A founding officer: the key, and the session as the node knows it."""

    key: Authenticator
    session: Session

    @property
    def credential(self) -> str:
        return self.key.credential


@dataclass(slots=True)
class House:
    """A node's inside: a store on disk, its use cases, a clock that stands still."""

    store: SqliteStore
    clock: Clock
    admission: Admission
    dialogues: Dialogues
    officers: list[Officer] = field(default_factory=list)

    @property
    def ledger(self) -> Ledger:
        return self.dialogues.ledger(self.dialogues.ids[0])

    async def enter(self, officer: Officer, command: str, **fields: object) -> Entry:
        draft = await self.dialogues.draft(officer.session, self.ledger.id, command, fields)
        proof = officer.key.prove(draft.signed.challenge())
        return await self.dialogues.enter(officer.session, self.ledger.id, draft.id, proof)


async def open_house(path: Path, clock: Clock) -> House:
    store = await open_store(path)
    dialogues = Dialogues(store, EDITION_1, COMMANDS, clock, Fresh())
    try:
        await dialogues.load()
    except BaseException:
        await store.close()
        raise
    return House(store, clock, Admission(store, clock, Fresh()), dialogues)


async def found_house(path: Path) -> House:
    """An open node over the database at `path`, with both sides founded."""
    made = await open_house(path, Clock())
    for token in await made.admission.invite_founders():
        key = Authenticator.generate(SITE.rp, SITE.origin)
        opened, _ = await made.admission.enrol(token, key.register(enrolment_challenge(token)), SITE)
        made.officers.append(Officer(key, opened.session))
        await made.dialogues.state_founding(opened.session, {"en": f"Side {len(made.officers)}"}, ())
    for officer in made.officers:
        whose = await made.admission.founder(officer.credential)
        assert whose is not None
        officer.session = whose
        await made.enter(officer, "dialogue.found")
    return made


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    """Both sides founded."""
    made = await found_house(tmp_path / "node.sqlite")
    yield made
    await made.store.close()


async def test_a_draft_lives_ten_minutes(house: House) -> None:
    """What is signed too late is not entered; nothing of it stays."""
    one = house.officers[0]
    draft = await house.dialogues.draft(one.session, house.ledger.id, "dialogue.profile", PROFILE)
    house.clock.now += timedelta(minutes=10)
    with pytest.raises(DraftGone):
        await house.dialogues.enter(
            one.session, house.ledger.id, draft.id, one.key.prove(draft.signed.challenge())
        )
    assert house.ledger.states[house.ledger.index(one.session.side)].size == 1


async def test_a_drafts_word_opens_it_while_it_waits(house: House) -> None:
    """A second device reads the draft by its word, with both foundings; once entered, or too old, nobody does."""
    one = house.officers[0]
    draft = await house.dialogues.draft(one.session, house.ledger.id, "dialogue.profile", PROFILE)
    shown = house.dialogues.shown(draft.check)
    assert shown.draft.signed.challenge() == draft.signed.challenge()
    assert {founding.side() for founding in shown.foundings} == set(house.ledger.sides)
    for word in ("", draft.id, draft.check[:-1], draft.check + "A"):
        with pytest.raises(DraftGone):
            house.dialogues.shown(word)
    proof = one.key.prove(draft.signed.challenge())
    await house.dialogues.enter(one.session, house.ledger.id, draft.id, proof)
    with pytest.raises(DraftGone):
        house.dialogues.shown(draft.check)
    late = await house.dialogues.draft(one.session, house.ledger.id, "dialogue.profile", PROFILE)
    house.clock.now += timedelta(minutes=10)
    with pytest.raises(DraftGone):
        house.dialogues.shown(late.check)


async def test_a_draft_is_entered_once(house: House) -> None:
    """Two entries of one draft: the second finds it gone."""
    one = house.officers[0]
    draft = await house.dialogues.draft(one.session, house.ledger.id, "dialogue.profile", PROFILE)
    proof = one.key.prove(draft.signed.challenge())
    await house.dialogues.enter(one.session, house.ledger.id, draft.id, proof)
    with pytest.raises(DraftGone):
        await house.dialogues.enter(one.session, house.ledger.id, draft.id, proof)


async def test_a_forged_proof_enters_nothing_and_leaves_the_draft(house: House) -> None:
    """A proof by another key is refused, and the right one is still taken."""
    one, other = house.officers
    draft = await house.dialogues.draft(one.session, house.ledger.id, "dialogue.profile", PROFILE)
    with pytest.raises(Untrusted):
        await house.dialogues.enter(
            one.session, house.ledger.id, draft.id, other.key.prove(draft.signed.challenge())
        )
    entry = await house.dialogues.enter(
        one.session, house.ledger.id, draft.id, one.key.prove(draft.signed.challenge())
    )
    assert entry.seq == 1


@pytest.mark.parametrize(
    ("command", "fields", "error"),
    [
        ("nothing.there", {}, Malformed),
        ("dialogue.profile", {}, Malformed),
        ("dialogue.profile", {"zone": 7, "languages": ["en"]}, Malformed),
        ("dialogue.profile", PROFILE | {"more": True}, Malformed),
        ("dialogue.profile", {"zone": "Nowhere/At all", "languages": ["en"]}, Malformed),
        ("dialogue.profile", {"zone": "UTC"}, Malformed),
        ("dialogue.profile", PROFILE | {"languages": ["Russian"]}, Malformed),
        ("dialogue.profile", PROFILE | {"languages": ["ru", "RU"]}, Malformed),
        ("dialogue.revoke", {"credential": "A" * 43}, Refused),
        ("talks.accept", {"talk": "none", "hash": "A" * 43}, Refused),
    ],
)
async def test_what_is_wrong_is_refused_before_anybody_signs(
    house: House, command: str, fields: dict[str, object], error: type[Exception]
) -> None:
    """An unknown command, bad fields or an act against the rules gives one clear error and no draft."""
    with pytest.raises(error) as refused:
        await house.dialogues.draft(house.officers[0].session, house.ledger.id, command, fields)
    assert refused.value.args[0]


TIME = {
    "title": {"en": "Meeting in Geneva"},
    "start": "2021-12-10T15:00:00Z",
    "minutes": 60,
    "mode": "video",
}


def acts_of(house: House, officer: Officer) -> list[str]:
    """The types of all acts in the log of an officer's side."""
    state = house.ledger.states[house.ledger.index(officer.session.side)]
    return [str(judged.entry.signed.act["type"]) for judged in state.judged if judged.entry is not None]


async def proposed(house: House, officer: Officer) -> dict[str, str]:
    """A time on the table: what names it in an answer."""
    act = (await house.enter(officer, "talks.propose", **TIME)).signed.act
    (hash_,) = house.ledger.joint.tabled_at[house.ledger.index(officer.session.side)]
    return {"talk": str(act["talk"]), "hash": hash_}


async def test_the_node_says_by_itself_that_a_tabled_text_is_at_hand(house: House) -> None:
    """One receipt for the contents, which is also the receipt for the entry; the tabling side writes none."""
    one, other = house.officers
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(house.dialogues.run)
        async with house.dialogues.subscribe(house.ledger.id, "somebody") as events:
            told = await proposed(house, one)
            with anyio.fail_after(60):
                while house.ledger.joint.received == ({}, {}):
                    await events.receive()
        tasks.cancel_scope.cancel()
    assert acts_of(house, other) == ["side.found", "content.receive"]
    assert "content.receive" not in acts_of(house, one)
    assert set(house.ledger.joint.received[house.ledger.index(other.session.side)]) == {told["hash"]}
    assert not any(house.ledger.joint.owes_receipt(s) for s in (0, 1))


async def test_a_consent_is_drafted_after_the_receipt_for_its_contents(house: House) -> None:
    """Nobody waits for the loop: the draft writes the receipt first, once, and the person has it in view."""
    one, other = house.officers
    told = await proposed(house, one)
    for _ in range(2):
        draft = await house.dialogues.draft(other.session, house.ledger.id, "talks.accept", told)
        assert acts_of(house, other) == ["side.found", "content.receive"]
        assert draft.signed.own.size == 2
    proof = other.key.prove(draft.signed.challenge())
    await house.dialogues.enter(other.session, house.ledger.id, draft.id, proof)
    await house.enter(one, "talks.accept", **told)
    assert acts_of(house, one) == ["side.found", "talk.propose", "talk.accept"]
    assert house.ledger.joint.in_force(("time", told["talk"])) is not None


async def test_what_is_not_at_hand_is_not_signed(house: House) -> None:
    """A content that did not come: the draft is refused in words, and neither it nor the loop writes a receipt."""
    one, other = house.officers
    told = await proposed(house, one)
    us = house.ledger.index(other.session.side)
    (commitment,) = house.ledger.joint.tabled[told["hash"]].commitments
    kept = house.ledger.contents.pop(commitment)
    with pytest.raises(ContentMissing) as refused:
        await house.dialogues.draft(other.session, house.ledger.id, "talks.accept", told)
    assert refused.value.details["missing"] == 1
    assert house.ledger.to_receive(us) == ()
    assert acts_of(house, other) == ["side.found"]
    house.ledger.contents[commitment] = kept
    assert house.ledger.to_receive(us) == (told["hash"],)
    await house.enter(other, "talks.accept", **told)
    assert acts_of(house, other)[1:] == ["content.receive", "talk.accept"]


async def test_a_signature_that_the_node_kept_is_made_worthless(house: House) -> None:
    """Its signer spends the nonce, and the node that enters it afterwards is refused by its own rules."""
    one, other = house.officers
    told = await proposed(house, one)
    draft = await house.dialogues.draft(other.session, house.ledger.id, "talks.accept", told)
    await house.enter(other, "record.spend", nonce=to_text(draft.signed.nonce))
    with pytest.raises(Refused) as refused:
        await house.dialogues.enter(
            other.session, house.ledger.id, draft.id, other.key.prove(draft.signed.challenge())
        )
    assert refused.value.code == "replayed"
    with pytest.raises(Refused) as twice:
        await house.enter(other, "record.spend", nonce=to_text(draft.signed.nonce))
    assert twice.value.code == "spent-already"


async def test_receipts_end(house: House) -> None:
    """Each side's node acknowledges what the other wrote, once; receipts are not acknowledged in turn."""
    one = house.officers[0]
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(house.dialogues.run)
        async with house.dialogues.subscribe(house.ledger.id, "somebody") as events:
            await house.enter(one, "dialogue.profile", **PROFILE)
            with anyio.fail_after(60):
                told = [(await events.receive()).data["side"] for _ in range(2)]
        tasks.cancel_scope.cancel()
    # The act, then the other side's receipt for it; nobody owes one any more, and nothing is due.
    assert told == [one.session.side, house.officers[1].session.side]
    acts = [
        [entry.entry.signed.act["type"] for entry in state.judged if entry.entry is not None]
        for state in house.ledger.states
    ]
    assert sorted(log.count("record.receive") for log in acts) == [0, 1]
    assert not any(house.ledger.joint.owes_receipt(s) for s in (0, 1))
    assert not house.ledger.receipts_due.is_set()
    assert all(verdict is None for log in house.ledger.joint.verdicts for verdict in log)


async def test_a_restart_finds_the_dialogue_as_it_was(house: House, tmp_path: Path) -> None:
    """A node opened again over the same data folds to the same state, and goes on from there."""
    one = house.officers[0]
    await house.enter(one, "dialogue.profile", **PROFILE)
    await house.enter(
        one,
        "talks.propose",
        title={"en": "Talks"},
        start="2021-12-07T15:00:00Z",
        minutes=60,
        mode="video",
    )
    before = house.ledger
    await house.store.close()
    again = await open_house(tmp_path / "node.sqlite", house.clock)
    try:
        assert again.ledger.joint.state() == before.joint.state()
        assert again.ledger.contents == before.contents
        entry = await again.enter(one, "dialogue.profile", **PROFILE)
        assert entry.seq == before.states[before.index(one.session.side)].size
    finally:
        await again.store.close()


async def test_a_listener_that_fails_harms_nobody(house: House) -> None:
    """An entry stands though something that was told of it raises."""

    def fail(_: Ledger) -> None:
        raise ZeroDivisionError

    house.dialogues.on_entry(fail)
    assert (await house.enter(house.officers[0], "dialogue.profile", **PROFILE)).seq == 1


async def test_who_listens_too_slowly_is_let_go(house: House) -> None:
    """A subscriber that takes nothing is closed rather than waited for."""
    async with house.dialogues.subscribe(house.ledger.id, "somebody") as events:
        for _ in range(100):
            house.ledger.publish("log", side="x", size=1)
        assert not house.ledger.subscribers
        with pytest.raises(anyio.EndOfStream):
            for _ in range(100):
                await events.receive()


async def test_a_side_is_stated_once(house: House) -> None:
    """An officer cannot state the side anew; the first statement stands."""
    session = house.officers[0].session
    with pytest.raises(Refused):
        await house.dialogues.state_founding(session, {"en": "Another name"}, ())


async def test_texts_have_a_budget(house: House) -> None:
    """An act that brings more text than the budget is refused, and nothing is kept of it."""
    with pytest.raises(Malformed):
        await house.dialogues.draft(
            house.officers[0].session,
            house.ledger.id,
            "talks.propose",
            {
                "title": {"en": "x" * 400_000},
                "start": "2021-12-07T15:00:00Z",
                "minutes": 60,
                "mode": "video",
            },
        )
    assert not house.ledger.contents


# --- the door -----------------------------------------------------------------------------------------


async def test_sessions_and_challenges_end(house: House) -> None:
    """A session ends with its time; a challenge is good once and for two minutes."""
    one = house.officers[0]

    def proof(challenge: str) -> Proof:
        return one.key.prove(session_challenge(challenge))

    challenge = house.admission.challenge()
    opened = await house.admission.sign_in(one.key.passkey, challenge, proof(challenge), one.session)
    assert (await house.admission.session(opened.token)).side == one.session.side
    with pytest.raises(Untrusted):
        await house.admission.sign_in(one.key.passkey, challenge, proof(challenge), one.session)
    late = house.admission.challenge()
    house.clock.now += timedelta(minutes=2)
    with pytest.raises(Untrusted):
        await house.admission.sign_in(one.key.passkey, late, proof(late), one.session)
    house.clock.now += timedelta(hours=14)
    with pytest.raises(NotSignedIn):
        await house.admission.session(opened.token)


async def test_a_link_ends_after_seven_days(house: House) -> None:
    """A link that nobody used in time opens nothing."""
    side = house.officers[0].session.side
    invited = await house.admission.invite(house.ledger.id, side, name="Adviser", role="adviser")
    assert (await house.admission.link(invited.token)).role == "adviser"
    house.clock.now += timedelta(days=7)
    with pytest.raises(LinkSpent):
        await house.admission.link(invited.token)


async def test_a_log_with_a_gap_stops_the_node(house: House, tmp_path: Path) -> None:
    """A node that finds its log not whole says so and does not start."""
    ledger = house.ledger
    async with house.store.begin() as unit:
        await unit.append_leaf(ledger.id, ledger.sides[0], 7, b"from nowhere")
    with pytest.raises(Unavailable, match="gap"):
        await open_house(tmp_path / "node.sqlite", house.clock)


# --- a store that fails -----------------------------------------------------------------------------


class Failing:
    """A store that raises `error` at each of its next `times` transactions' ends, then is itself again."""

    def __init__(self, store: SqliteStore, error: Exception, times: int) -> None:
        self._store, self._error, self.times = store, error, times
        self.failed = anyio.Event()

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[SqliteUnit]:
        async with self._store.begin() as unit:
            yield unit
            if self.times:
                self.times -= 1
                self.failed.set()
                raise self._error


async def test_a_full_disk_loses_nothing_and_enters_nothing(house: House) -> None:
    """Memory and disk stay one when the store cannot write; the same signed draft is taken once it can."""
    one = house.officers[0]
    title = {f"x{letter}": "слово " * 40 for letter in "abcdefghijklmnop"}
    fields = {"title": title, "start": "2021-12-07T15:00:00Z", "minutes": 60, "mode": "video"}
    draft = await house.dialogues.draft(one.session, house.ledger.id, "talks.propose", fields)
    async with house.store.connection() as db:
        pages = (await db.exec_driver_sql("PRAGMA page_count")).scalar_one()
    event.listen(
        house.store._engine.sync_engine,
        "begin",
        full := lambda db: db.exec_driver_sql(f"PRAGMA max_page_count = {pages}"),
    )
    size, held = house.ledger.states[0].size, dict(house.ledger.contents)
    with pytest.raises(Unavailable):
        await house.dialogues.enter(
            one.session, house.ledger.id, draft.id, one.key.prove(draft.signed.challenge())
        )
    assert (house.ledger.states[0].size, house.ledger.contents) == (size, held)
    event.remove(house.store._engine.sync_engine, "begin", full)
    async with house.store.connection() as db:
        await db.exec_driver_sql("PRAGMA max_page_count = 1000000")
    entry = await house.dialogues.enter(
        one.session, house.ledger.id, draft.id, one.key.prove(draft.signed.challenge())
    )
    async with house.store.begin() as unit:
        assert (await unit.leaves(house.ledger.id, one.session.side))[-1] == entry.leaf


@pytest.mark.parametrize("error", [Unavailable("away"), ZeroDivisionError("unforeseen")])
async def test_receipts_survive_a_store_that_fails(house: House, error: Exception) -> None:
    """A receipt that could not be written is written later; an error that nobody foresaw ends no dialogue."""
    one, other = house.officers
    house.dialogues._store = failing = Failing(house.store, error, 0)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(house.dialogues.run)
        async with house.dialogues.subscribe(house.ledger.id, "somebody") as events:
            await house.enter(one, "dialogue.profile", **PROFILE)
            failing.times = 1
            with anyio.fail_after(60):
                await events.receive()
                await failing.failed.wait()
                if not isinstance(error, Unavailable):  # not tried again by itself, but by the next entry
                    await house.enter(one, "dialogue.profile", **PROFILE)
                    await events.receive()
                assert (await events.receive()).data["side"] == other.session.side
        tasks.cancel_scope.cancel()
    assert not any(house.ledger.joint.owes_receipt(s) for s in (0, 1))
