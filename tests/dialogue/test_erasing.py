"""A side erases its copy of a content: whose copy goes, what keeps it, and that no byte of it stays on the disk."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from tests.dialogue.test_service import (
    PROFILE,
    SITE,
    TIME,
    House,
    Officer,
    found_house,
    open_house,
    proposed,
)

from visavis.authenticator import Authenticator
from visavis.dialogue.admission import enrolment_challenge
from visavis.dialogue.commands import Audience
from visavis.dialogue.erasing import (
    Committed,
    ContentErased,
    ErasedAlready,
    NoSuchContent,
    committed,
    names_of,
)
from visavis.dialogue.errors import ActVoid, ContentMissing
from visavis.dialogue.ledger import readable
from visavis.dialogue.ports import ContentRow
from visavis.dialogue.service import DraftGone
from visavis.errors import Refused
from visavis.press.ports import Draft, DraftText
from visavis.record.bundle import parse_bundle
from visavis.rulebook import EDITION_1
from visavis.store.press import SqliteDrafts
from visavis.verification.holdings import holdings
from visavis.verification.verify import verify

pytestmark = pytest.mark.anyio

NAME = "Ekaterina Nikolaevna Someone"
WORDS = "Words that nobody should find on this disk,\n\nof two paragraphs"


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    """Both sides founded, with profiles."""
    made = await found_house(tmp_path / "node.sqlite")
    for officer in made.officers:
        await made.enter(officer, "dialogue.profile", **PROFILE)
    yield made
    await made.store.close()


@dataclass(frozen=True, slots=True)
class Kept:
    """A content as the store has it, to look for its bytes."""

    commitment: str
    salt: bytes
    data: bytes

    def on_disk(self, folder: Path) -> list[str]:
        """Which files hold the words or the salt."""
        found = []
        for path in sorted(each for each in folder.rglob("*") if each.is_file()):
            data = path.read_bytes()
            found += [path.name for part in (self.salt, self.data) if part in data]
        return found


def row(house: House, commitment: str) -> Kept:
    held = house.ledger.contents[commitment]
    return Kept(commitment, held.salt, held.data)


def reads(house: House, officer: Officer, commitment: str) -> bool:
    return readable(house.ledger, officer.session.side, commitment) is not None


async def named(house: House, officer: Officer, name: str = NAME) -> str:
    """A delegate of the officer's side, admitted under that name: the name's commitment."""
    side = officer.session.side
    opened = await house.admission.invite(house.ledger.id, side, name=name, role="adviser")
    key = Authenticator.generate(SITE.rp, SITE.origin)
    _, enrolment = await house.admission.enrol(
        opened.token, key.register(enrolment_challenge(opened.token)), SITE
    )
    assert enrolment is not None
    await house.dialogues.note_enrolment(house.ledger.id, side, enrolment)
    entry = await house.enter(officer, "dialogue.admit", enrolment=enrolment.id, role="adviser")
    return str(entry.signed.act["name"])


async def held_back(house: House) -> tuple[str, str, str]:
    """A position that the first side holds back under an item of an agreed talk: talk, item, commitment."""
    one, other = house.officers
    told = await proposed(house, one)
    for officer in (other, one):
        await house.enter(officer, "talks.accept", **told)
    powers = ["admit", "schedule", "sign", "release", "speak"]
    delegate = one.session.delegate
    await house.enter(one, "dialogue.powers", delegate=delegate, powers=powers)
    item = await house.enter(one, "talks.propose-item", talk=told["talk"], title={"en": "Item"}, kind="issue")
    fields = {"talk": told["talk"], "item": str(item.signed.act["item"])}
    entry = await house.enter(one, "talks.state-position", **fields, text={"en": WORDS}, hold=True)
    ((_, commitment),) = entry.signed.act["texts"]
    return fields["talk"], fields["item"], commitment


def test_what_an_act_commits_to() -> None:
    """Pairs in a list, and members that hold one by themselves; ids and hashes of the same length are none."""
    one, other, third, id_ = ("A" * 43, "B" * 42 + "A", "C" * 42 + "A", "D" * 42 + "A")
    act = {
        "type": "readout.clear",
        "release": id_,
        "hash": id_,
        "base": id_,
        "delegates": [id_, id_],
        "texts": [{"language": "fr", "title": one, "text": "in clear", "dateline": other}],
        "initials": third,
        "title": [["en", one], ["ru", "in clear"]],
        "undertakings": [{"by": id_, "id": id_, "texts": [["de", other]]}],
        "reason": None,
    }
    assert list(committed(act)) == [
        Committed(one, "title", "fr"),
        Committed(other, "dateline", "fr"),
        Committed(third, "initials", ""),
        Committed(one, "title", "en"),
        Committed(other, "texts", "de"),
    ]
    assert list(committed({"type": "side.found", "founding": {"name": one}})) == []
    assert list(committed({"type": "content.erase", "commitment": one})) == []


# --- whose copy goes ------------------------------------------------------------------------------------


async def test_what_only_one_side_held_is_gone_at_once(house: House, tmp_path: Path) -> None:
    """A position held back: no file of the node has its words or its salt once the erasure is confirmed."""
    one = house.officers[0]
    *_, commitment = await held_back(house)
    kept = row(house, commitment)
    assert kept.on_disk(tmp_path)
    await house.enter(one, "record.erase", commitment=commitment)
    assert kept.on_disk(tmp_path) == []
    assert commitment not in house.ledger.contents
    assert not house.dialogues._keeper.scrub_due


async def test_a_name_is_gone_when_both_have_erased_it(house: House, tmp_path: Path) -> None:
    """The other side keeps the copy that it received; a side's own log says by whom and when each copy went."""
    one, other = house.officers
    commitment = await named(house, one)
    kept = row(house, commitment)
    entry = await house.enter(one, "record.erase", commitment=commitment)
    assert (reads(house, one, commitment), reads(house, other, commitment)) == (False, True)
    assert readable(house.ledger, None, commitment) is None
    assert kept.on_disk(tmp_path)
    async with house.store.connection() as db:
        for query in ("SELECT name FROM links", "SELECT name FROM enrolments"):
            assert NAME not in (await db.exec_driver_sql(query)).scalars().all()
    assert not any(each.enrolment.name == NAME for each in house.ledger.enrolments.values())
    delegate = next(iter(house.ledger.enrolments.values())).enrolment.delegate
    person = house.dialogues.person(house.ledger.id, one.session.side, delegate, "")
    assert (person.role, person.name) == ("adviser", "")
    us = house.ledger.index(one.session.side)
    assert names_of(house.ledger.joint, us) == {delegate: (commitment,)}
    assert house.ledger.joint.erased[us] == {commitment: entry.seq}
    await house.enter(other, "record.erase", commitment=commitment)
    assert kept.on_disk(tmp_path) == []


async def test_exports_hold_each_sides_own_copy(house: House) -> None:
    """The eraser's bundle lacks the content, the other's has it, that for both lacks it; all of them hold."""
    one, other = house.officers
    commitment = await named(house, one)
    await house.enter(one, "record.erase", commitment=commitment)
    sides = (one.session.side, other.session.side, None)
    bundles = [await house.dialogues.export(house.ledger.id, side) for side in sides]
    accounts = [verify(data, EDITION_1) for data in bundles]
    assert [commitment in parse_bundle(data)[0].contents for data in bundles] == [False, True, False]
    assert all(account.holds for account in accounts)
    assert [[each.here for each in account.erasures(commitment)] for account in accounts] == [
        [False],
        [True],
        [False],
    ]
    assert all(commitment not in account.withheld for account in accounts)


async def test_a_side_erases_its_copy_of_the_others_content(house: House, tmp_path: Path) -> None:
    """Its author still reads it; erased by both, it is gone."""
    one, other = house.officers
    told = await proposed(house, one)
    (commitment,) = house.ledger.joint.tabled[told["hash"]].commitments
    kept = row(house, commitment)
    await house.enter(other, "record.erase", commitment=commitment)
    assert (reads(house, one, commitment), reads(house, other, commitment)) == (True, False)
    await house.enter(one, "record.erase", commitment=commitment)
    assert kept.on_disk(tmp_path) == []


async def test_the_summary_says_what_goes(house: House) -> None:
    """The words in short, whose copy, and that the log and the other side's copy stay."""
    one, other = house.officers
    commitment = await named(house, one, "N" * 119)
    draft = await house.dialogues.draft(
        one.session, house.ledger.id, "record.erase", {"commitment": commitment}
    )
    said = "\n".join(draft.drafted.summary.lines)
    assert "N" * 119 in said
    assert "entry 2 of our log: side.admit, name" in said
    assert "The other side keeps the copy that it received" in said
    assert "The log stays whole" in said
    assert "role and id" in said
    await house.enter(other, "record.erase", commitment=commitment)
    draft = await house.dialogues.draft(
        one.session, house.ledger.id, "record.erase", {"commitment": commitment}
    )
    assert "The other side has erased its copy already" in "\n".join(draft.drafted.summary.lines)
    *_, own = await held_back(house)
    draft = await house.dialogues.draft(one.session, house.ledger.id, "record.erase", {"commitment": own})
    assert "The other side never received it" in "\n".join(draft.drafted.summary.lines)


# --- what is refused ------------------------------------------------------------------------------------


async def test_what_is_refused_is_refused_before_anybody_signs(house: House) -> None:
    """Unknown, held by the other side alone, in force, open to the other, erased already: each in words."""
    one, other = house.officers
    *_, own = await held_back(house)
    size = sum(state.size for state in house.ledger.states)

    async def refused(officer: Officer, commitment: str, kind: type[Refused]) -> str:
        with pytest.raises(kind) as error:
            await house.dialogues.draft(
                officer.session, house.ledger.id, "record.erase", {"commitment": commitment}
            )
        return error.value.message

    await refused(one, "A" * 43, NoSuchContent)
    assert "theirs to erase" in await refused(other, own, NoSuchContent)
    hash_ = next(iter(house.ledger.joint.tabled))
    (agreed,) = house.ledger.joint.tabled[hash_].commitments
    for officer in (one, other):
        assert "keeps its words" in await refused(officer, agreed, ActVoid)
    assert sum(state.size for state in house.ledger.states) == size
    await house.enter(one, "record.erase", commitment=own)
    assert "by entry" in await refused(one, own, ErasedAlready)


async def test_what_is_open_to_the_other_is_erased_after_its_withdrawal_is_heard(house: House) -> None:
    """An own consent keeps the words; withdrawn and acknowledged, it keeps them no longer."""
    one, other = house.officers
    told = await proposed(house, one)
    (commitment,) = house.ledger.joint.tabled[told["hash"]].commitments
    await house.enter(one, "talks.accept", **told)
    with pytest.raises(ActVoid):
        await house.enter(one, "record.erase", commitment=commitment)
    await house.enter(one, "talks.withdraw", **told)
    with pytest.raises(ActVoid):
        await house.enter(one, "record.erase", commitment=commitment)
    await house.enter(other, "dialogue.profile", **PROFILE)
    await house.enter(one, "record.erase", commitment=commitment)
    assert not reads(house, one, commitment)


async def test_only_who_may_admit_erases(house: House) -> None:
    """Another delegate of the side is refused."""
    one = house.officers[0]
    commitment = await named(house, one)
    await house.enter(one, "dialogue.powers", delegate=one.session.delegate, powers=["admit", "schedule"])
    side = one.session.side
    opened = await house.admission.invite(house.ledger.id, side, name="Another", role="principal")
    key = Authenticator.generate(SITE.rp, SITE.origin)
    session, enrolment = await house.admission.enrol(
        opened.token, key.register(enrolment_challenge(opened.token)), SITE
    )
    assert enrolment is not None
    await house.dialogues.note_enrolment(house.ledger.id, side, enrolment)
    await house.enter(one, "dialogue.admit", enrolment=enrolment.id, role="principal")
    with pytest.raises(ActVoid) as error:
        await house.dialogues.draft(
            session.session, house.ledger.id, "record.erase", {"commitment": commitment}
        )
    assert error.value.code == "no-power"


async def test_two_drafts_of_one_erasure_enter_it_once(house: House) -> None:
    """The second finds its draft gone: what it showed of the words is gone with it."""
    one = house.officers[0]
    commitment = await named(house, one)
    drafts = [
        await house.dialogues.draft(one.session, house.ledger.id, "record.erase", {"commitment": commitment})
        for _ in range(2)
    ]
    first, second = [(draft.id, one.key.prove(draft.signed.challenge())) for draft in drafts]
    await house.dialogues.enter(one.session, house.ledger.id, *first)
    with pytest.raises(DraftGone):
        await house.dialogues.enter(one.session, house.ledger.id, *second)


async def test_nobody_consents_to_what_their_side_has_erased(house: House) -> None:
    """Neither drafts nor enters it, receipt or not; nor does the side that tabled it."""
    one, other = house.officers
    told = await proposed(house, one)
    (commitment,) = house.ledger.joint.tabled[told["hash"]].commitments
    early = [
        await house.dialogues.draft(each.session, house.ledger.id, "talks.accept", told)
        for each in (one, other)
    ]
    for officer, draft in zip((one, other), early, strict=True):
        await house.enter(officer, "record.erase", commitment=commitment)
        with pytest.raises(ContentMissing, match="table the matter anew"):
            await house.dialogues.draft(officer.session, house.ledger.id, "talks.accept", told)
        with pytest.raises(Refused):
            await house.dialogues.enter(
                officer.session, house.ledger.id, draft.id, officer.key.prove(draft.signed.challenge())
            )
    assert house.ledger.joint.in_force(("time", told["talk"])) is None
    await house.enter(one, "talks.propose", **TIME)


async def test_erased_words_are_never_shown_more_widely(house: House) -> None:
    """A position held back and erased is not tabled afterwards, by a draft of before neither."""
    one = house.officers[0]
    talk, item, commitment = await held_back(house)
    fields = {"talk": talk, "item": item}
    early = await house.dialogues.draft(one.session, house.ledger.id, "talks.table-position", fields)
    await house.enter(one, "record.erase", commitment=commitment)
    with pytest.raises(ContentErased):
        await house.dialogues.draft(one.session, house.ledger.id, "talks.table-position", fields)
    with pytest.raises(Refused):
        await house.dialogues.enter(
            one.session, house.ledger.id, early.id, one.key.prove(early.signed.challenge())
        )
    await house.enter(one, "talks.state-position", **fields, text={"en": "Another"}, hold=True)


# --- the disk -------------------------------------------------------------------------------------------


async def test_the_desks_draft_loses_the_same_words(house: House, tmp_path: Path) -> None:
    """A readout cleared and erased does not stay among the desk's drafts; other words of the draft do."""
    one = house.officers[0]
    talk, *_ = await held_back(house)
    texts = {"en": {"title": "A title", "text": WORDS, "dateline": "Geneva"}}
    drafts = SqliteDrafts(house.store)
    given = {"en": DraftText("A title", WORDS.replace("\n", "\r\n") + " ", "Geneva")}
    mine = Draft("d", house.ledger.id, one.session.side, talk, "readout", house.clock(), given, "MZ")
    theirs = replace(
        mine, side=house.officers[1].session.side, texts={"en": DraftText("A title", "Theirs", "")}
    )
    for draft in (mine, theirs):
        await drafts.keep(draft)
    fields = {"talk": talk, "kind": "readout", "texts": texts, "initials": "MZ"}
    entry = await house.enter(one, "press.clear", **fields)
    kept = row(house, entry.signed.act["texts"][0]["text"])
    *_, position = [c for c, each in house.ledger.contents.items() if each.data == WORDS.encode()]
    for commitment in {position, kept.commitment}:
        await house.enter(one, "record.erase", commitment=commitment)
    found = await drafts.get(house.ledger.id, mine.side, "d")
    assert found is not None
    assert (found.texts["en"], found.initials) == (DraftText("A title", "", "Geneva"), "MZ")
    assert await drafts.get(house.ledger.id, theirs.side, "d") == theirs
    others = [c for c, each in house.ledger.contents.items() if each.data == WORDS.encode()]
    for commitment in others:
        await house.enter(one, "record.erase", commitment=commitment)
    assert Kept("", kept.salt, WORDS.encode()).on_disk(tmp_path) == []


async def test_a_reader_beside_only_puts_the_cleaning_off(house: House, tmp_path: Path) -> None:
    """While another process reads the database the erasure is confirmed; its bytes go as soon as they can."""
    one = house.officers[0]
    *_, commitment = await held_back(house)
    kept = row(house, commitment)
    with closing(sqlite3.connect(tmp_path / "node.sqlite", isolation_level=None)) as beside:
        beside.execute("BEGIN")
        beside.execute("SELECT count(*) FROM contents").fetchone()
        await house.enter(one, "record.erase", commitment=commitment)
        assert house.dialogues._keeper.scrub_due
        assert commitment not in house.ledger.contents
        assert kept.on_disk(tmp_path)
    await house.dialogues._keeper.scrub()
    assert not house.dialogues._keeper.scrub_due
    assert kept.on_disk(tmp_path) == []


async def test_a_restart_knows_what_was_erased(house: House, tmp_path: Path) -> None:
    """What stays for the other side alone is still not the eraser's to read."""
    one, other = house.officers
    commitment = await named(house, one)
    await house.enter(one, "record.erase", commitment=commitment)
    await house.store.close()
    again = await open_house(tmp_path / "node.sqlite", house.clock)
    try:
        assert (reads(again, one, commitment), reads(again, other, commitment)) == (False, True)
    finally:
        await again.store.close()


async def put_back(house: House, *rows: ContentRow) -> None:
    """As if an older copy of the database had been put back, which still has these contents."""
    async with house.store.begin() as unit:
        for each in rows:
            await unit.add_content(each)


async def test_what_an_older_copy_brings_back_is_deleted_at_the_start(house: House, tmp_path: Path) -> None:
    """A content that is erased by all who might read it and still lies on the disk is gone when the node is open."""
    one = house.officers[0]
    *_, commitment = await held_back(house)
    before = house.ledger.contents[commitment]
    kept = row(house, commitment)
    await house.enter(one, "record.erase", commitment=commitment)
    await put_back(house, before)
    assert kept.on_disk(tmp_path)
    await house.store.close()
    again = await open_house(tmp_path / "node.sqlite", house.clock)
    try:
        assert commitment not in again.ledger.contents
        assert kept.on_disk(tmp_path) == []
    finally:
        await again.store.close()


async def test_fetching_back_brings_no_erased_content(house: House, tmp_path: Path) -> None:
    """A bundle of before the erasure, an older database: entries come back, erased words do not, nor the name."""
    one, other = house.officers
    *_, own = await held_back(house)
    name = await named(house, one)
    given = {
        commitment: opened
        for side in house.ledger.sides
        for commitment, opened in parse_bundle(await house.dialogues.export(house.ledger.id, side))[
            0
        ].contents.items()
    }
    await house.store.scrub()
    old = (tmp_path / "node.sqlite").read_bytes()
    kept = [row(house, commitment) for commitment in (own, name)]
    for officer, commitment in ((one, own), (one, name), (other, name)):
        await house.enter(officer, "record.erase", commitment=commitment)
    logs = {side: tuple(leaves) for side, leaves in zip(house.ledger.sides, house.ledger.leaves, strict=True)}
    await house.store.close()
    (tmp_path / "node.sqlite").write_bytes(old)
    again = await open_house(tmp_path / "node.sqlite", house.clock)
    try:
        assert again.ledger.stopped is not None
        assert name in again.ledger.contents
        known = holdings(logs, EDITION_1)
        rows = [
            ContentRow(again.ledger.id, of.side, c, opened.salt, opened.content, of.language, of.audience)
            for c, opened in given.items()
            if (of := known.get(c)) is not None
        ]
        assert {own, name} <= {each.commitment for each in rows}
        assert known[own].audience is Audience.OWN
        entries, contents = await again.dialogues.restore(again.ledger.id, logs, rows)
        assert (entries, contents) == (3, 0)
        assert again.ledger.stopped is None
        assert {own, name} & again.ledger.contents.keys() == set()
        assert [each.on_disk(tmp_path) for each in kept] == [[], []]
    finally:
        await again.store.close()
