"""A node's data folder in the hands of a disk, and what a node makes of it afterwards.

Lives here: `Original` (what was confirmed), `make`, `outcome`. Not here: the attacks (`test_disk`, `test_crash`).
"""

from __future__ import annotations

import logging
import shutil
from dataclasses import dataclass
from pathlib import Path

import structlog
from tests.dialogue.test_service import PROFILE, Clock, House, found_house, open_house

from visavis.errors import VisavisError

NODE = "node.sqlite"
PROPOSAL = {"title": {"en": "Talks"}, "start": "2021-12-07T15:00:00Z", "minutes": 60, "mode": "video"}


@dataclass(frozen=True, slots=True)
class Original:
    """What was confirmed to people. leaves: by side, in order. contents: commitment → words."""

    leaves: dict[str, list[bytes]]
    contents: dict[str, bytes]


def quiet() -> None:
    """Thousands of damaged nodes say so; nobody reads it."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))


async def found(folder: Path) -> House:
    """An open node in `folder` with both sides founded."""
    return await found_house(folder / NODE)


async def talk(house: House, entries: int) -> None:
    """So many entries more, of both sides in turn, some with texts; cosigned now and then."""
    for n in range(entries):
        officer = house.officers[n % 3 == 0]
        if n % 5 == 0:
            await house.enter(officer, "talks.propose", **PROPOSAL)
        else:
            await house.enter(officer, "dialogue.profile", **PROFILE)
        if n % 7 == 0:
            await house.dialogues.checkpoint(house.ledger.id, officer.session.side)


def confirmed(house: House) -> Original:
    ledger = house.ledger
    return Original(
        {side: list(leaves) for side, leaves in zip(ledger.sides, ledger.leaves, strict=True)},
        {commitment: row.data for commitment, row in ledger.contents.items()},
    )


def copy(original: Path, to: Path) -> Path:
    """The files as they lie there, with the write-ahead log and without SQLite's shared memory."""
    shutil.rmtree(to, ignore_errors=True)
    shutil.copytree(original, to, ignore=shutil.ignore_patterns("*-shm"))
    return to


async def outcome(folder: Path, original: Original) -> str:
    """What a node makes of the folder: "whole", "stopped" (shown, not written), "refused" (said, not shown).

    Raises `AssertionError` where the node would show or extend a log that is not what was confirmed, and whatever a
    node should not die of.
    """
    try:
        house = await open_house(folder / NODE, Clock())
    except VisavisError as error:
        assert error.message  # noqa: PT017 - that it says what is wrong is the claim
        return "refused"
    try:
        assert house.dialogues.has_foundings, "founded dialogues passed for a new node"
        ledger = house.ledger
        for side, leaves in original.leaves.items():
            held = ledger.leaves[ledger.index(side)]
            assert held == leaves[: len(held)], "a log that nobody wrote is shown"
            assert len(held) == len(leaves) or ledger.stopped is not None, "entries are missing, unsaid"
        assert all(verdict is None for log in ledger.joint.verdicts for verdict in log)
        for commitment, row in ledger.contents.items():
            assert original.contents.get(commitment) == row.data, "words that nobody wrote are shown"
        missing = original.contents.keys() - ledger.contents.keys()
        assert not missing or ledger.stopped is not None or ledger.damaged, "texts are missing, unsaid"
        return "whole" if ledger.stopped is None else "stopped"
    finally:
        await house.store.close()
