"""After a whole day one side erases whatever the rules let it: every page, feed and export is looked at again."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import httpx2
import pytest
from lxml import html
from tests.flows.stage import Stage, running_node
from tests.flows.test_day import day_on
from tests.web.test_pages import Browser, every_path, lint

from visavis.dialogue.ledger import Ledger, readable
from visavis.dialogue.model import Role
from visavis.rehearsal.delegate import Answered
from visavis.rehearsal.play import Day
from visavis.rulebook import EDITION_1
from visavis.verification.verify import verify

pytestmark = [pytest.mark.anyio, pytest.mark.slow]

KEPT_BACK_LENGTH = 15
"""Words of fewer characters may stand on a page by themselves."""


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    """As everywhere, but as long as the module: the day is played once."""
    return "asyncio"


@dataclass(frozen=True, slots=True)
class Erased:
    """A day, and what side a has erased of it. words: erased, and nowhere else among what it may read. bound: kept."""

    stage: Stage
    day: Day
    words: frozenset[str]
    count: int
    bound: int

    @property
    def ledger(self) -> Ledger:
        return self.stage.node.dialogues.ledger(self.day.dialogue)

    def browser(self, chair: str, role: Role, language: str = "en") -> Browser:
        return Browser(self.stage.url, self.day.people[chair][role].token, language)

    def on(self, text: str) -> list[str]:
        return [each for each in self.words if each in text]


@pytest.fixture(scope="module")
async def after(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Erased]:
    folder: Path = tmp_path_factory.mktemp("erased")
    async with running_node(folder) as stage:
        day = day_on(stage)
        await day.found(stage.links)
        await day.admit()
        await day.enter_earlier()
        await day.prepare()
        await day.sit()
        await day.tell_the_press()
        side, ledger = day.sides["a"], stage.node.dialogues.ledger(day.dialogue)
        officer = day.people["a"][Role.PROTOCOL_OFFICER]
        gone, bound = [], 0
        for commitment, row in list(ledger.contents.items()):
            if readable(ledger, side, commitment) is None:
                continue
            try:
                await officer.act("record.erase", commitment=commitment)
            except Answered as answer:
                if answer.code != "binds-you":
                    raise
                bound += 1
            else:
                gone.append(row.data.decode())
        left = "\n".join(row.data.decode() for c, row in ledger.contents.items() if readable(ledger, side, c))
        words = frozenset(
            paragraph
            for text in gone
            for paragraph in text.splitlines()
            if len(paragraph) >= KEPT_BACK_LENGTH and paragraph not in left
        )
        yield Erased(stage, day, words, len(gone), bound)


async def get(address: str) -> httpx2.Response:
    async with httpx2.AsyncClient(timeout=30) as http:
        return await http.get(address)


async def test_much_is_erased_and_what_binds_is_not(after: Erased) -> None:
    """The day has both, so that the other tests of this module look at something."""
    assert after.count > 30
    assert after.bound > 10
    assert len(after.words) > 20


@pytest.mark.parametrize("language", ["en", "ru", "fr", "id", "ar"])
async def test_no_page_of_the_eraser_shows_the_words(after: Erased, language: str) -> None:
    """Every page still answers, in the form of the house, without one erased word, and says that they were erased."""
    wrong, noted = [], 0
    for role in (Role.PROTOCOL_OFFICER, Role.PRINCIPAL, Role.PRESS_OFFICER):
        for path in every_path(after.day):
            answer = await after.browser("a", role, language).get(path)
            gone = path == f"/newsroom/{after.day.sides['a']}/{after.day.releases['a']}"
            if answer.status_code != (410 if gone else 200):
                wrong.append(f"{role} {path}: {answer.status_code}")
                continue
            page = html.document_fromstring(answer.text)
            wrong += lint(page, f"{role} {path}")
            if path.startswith(("/newsroom", "/quotes")):
                continue
            said = page.text_content()
            wrong += [f"{role} {path}: {each[:60]}" for each in after.on(said)]
            noted += ("Erased by us on" in said) + ("Стёрто нами" in said) + ("محوناه نحن" in said)
            noted += ("Effacé par nous le" in said) + ("Dihapus oleh kami" in said)
    assert wrong == []
    assert noted > 6


async def test_the_other_side_still_reads_its_copies(after: Erased) -> None:
    """What it received stays on its pages; nothing there is erased by it."""
    seen = ""
    for path in every_path(after.day):
        if not path.startswith("/newsroom"):
            seen += (await after.browser("b", Role.PRINCIPAL).page(path)).text_content()
    assert "Erased by us on" not in seen
    assert len(after.on(seen)) > 5


async def test_the_newsroom_of_the_eraser_is_empty_of_them(after: Erased) -> None:
    """Front page, feed, permalink and quotation check; the other side's newsroom stands."""
    ours, theirs = after.day.sides["a"], after.day.sides["b"]
    feed = await get(f"{after.stage.url}/newsroom/{ours}/feed.atom")
    front = await get(f"{after.stage.url}/newsroom/{ours}")
    release = await get(f"{after.stage.url}/newsroom/{ours}/{after.day.releases['a']}")
    assert (feed.status_code, front.status_code, release.status_code) == (200, 200, 410)
    mine = [
        row.data.decode()
        for c, row in after.ledger.contents.items()
        if row.audience == "public"
        and row.side == ours
        and c in after.ledger.joint.erased[after.ledger.index(ours)]
    ]
    assert mine
    for text in (feed.text, front.text, release.text):
        assert not [each for each in mine if len(each) >= KEPT_BACK_LENGTH and each.splitlines()[0] in text]
    assert "This release was erased" in release.text
    sentence = max(mine, key=len).split(". ")[0].strip("> ")
    async with httpx2.AsyncClient(timeout=30) as http:
        answer = await http.post(f"{after.stage.url}/api/quotes", json={"text": f"“{sentence}”"})
    assert answer.status_code == 200
    assert ours not in answer.text
    other = await get(f"{after.stage.url}/newsroom/{theirs}/{after.day.releases['b']}")
    assert other.status_code == 200


async def test_the_eraser_exports_none_of_them(after: Erased) -> None:
    """Its bundle holds, names every erasure, and opens none of them."""
    side = after.day.sides["a"]
    data = await after.stage.node.dialogues.export(after.day.dialogue, side)
    account = verify(data, EDITION_1)
    assert account.holds
    assert len(account.erased) == after.count
    assert {each.side for each in account.erased} == {side}
    assert not any(each.here for each in account.erased)
    assert {each.role for each in account.erased} == {"protocol-officer"}
