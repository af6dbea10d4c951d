"""The record page's form for a newer edition of the rules: only where the software knows one (record.md §13)."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.flows.stage import found_dialogue, running_node, seat_delegation

from visavis import bootstrap
from visavis.dialogue.acts import ActSpec, Register, Rulebook
from visavis.dialogue.texts import ActFields
from visavis.rulebook import EDITION_1

pytestmark = pytest.mark.anyio


class Novel(ActFields, frozen=True):
    note: str


EDITION_2 = Rulebook(
    [
        *EDITION_1.by_type.values(),
        ActSpec("test.novel", Novel, lambda f: Register(("novel",), {"note": f.note}), None, edition=2),
    ],
    EDITION_1.explained,
)


async def test_one_edition_has_nothing_to_adopt(tmp_path: Path) -> None:
    """With the newest in force the page says which it is, and offers nothing."""
    async with running_node(tmp_path / "data") as stage:
        one, _ = await found_dialogue(stage)
        page = (await one.page(f"/d/{one.dialogue}/record")).text
        assert "Edition 1 of the rules is in force." in page
        assert "dialogue.adopt-rules" not in page


async def test_a_newer_edition_is_adopted_by_both(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The form is for who may sign; one seal of two, then the newer edition is in force, and the form is gone."""
    monkeypatch.setattr(bootstrap, "EDITION_1", EDITION_2)
    async with running_node(tmp_path / "data") as stage:
        officers = await found_dialogue(stage)
        record = f"/d/{officers[0].dialogue}/record"
        signers = [
            (await seat_delegation(stage, officer, side, "principal"))["principal"]
            for officer, side in zip(officers, "AB", strict=True)
        ]
        form = 'data-command="dialogue.adopt-rules"'
        assert form not in (await officers[0].page(record)).text
        page = (await signers[0].page(record)).text
        assert form in page and "Adopt edition 2" in page and "Edition 1 of the rules is in force." in page
        await signers[0].act("dialogue.adopt-rules", edition=2)
        assert form not in (await signers[0].page(record)).text
        assert form in (await signers[1].page(record)).text
        await signers[1].act("dialogue.adopt-rules", edition=2)
        for person in (*signers, *officers):
            page = (await person.page(record)).text
            assert form not in page and "Edition 2 of the rules is in force." in page
