"""Readers' comments: held for moderation, decided by the release's own side, within a budget."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

import anyio
import pytest
from tests.talks.table import Counted

from visavis.press.desk import COMMENT_LIMIT, MAX_HELD, Desk
from visavis.press.errors import CommentRefused, NoSuchRelease
from visavis.press.ports import Comment, CommentState

pytestmark = pytest.mark.anyio


class InMemory:
    """`press.ports.Comments` in a dictionary."""

    def __init__(self) -> None:
        self.kept: dict[str, Comment] = {}

    async def add(self, comment: Comment) -> None:
        self.kept[comment.id] = comment

    async def get(self, dialogue: str, comment: str) -> Comment | None:
        found = self.kept.get(comment)
        return found if found is not None and found.dialogue == dialogue else None

    async def set_state(self, dialogue: str, comment: str, state: CommentState) -> None:
        self.kept[comment] = replace(self.kept[comment], state=state)

    async def of(self, dialogue: str, side: str, release: str, state: CommentState) -> Sequence[Comment]:
        at = (dialogue, side, release, state)
        return [c for c in self.kept.values() if (c.dialogue, c.side, c.release, c.state) == at]

    async def held(self, dialogue: str, side: str) -> Sequence[Comment]:
        at = (dialogue, side, CommentState.HELD)
        return [c for c in self.kept.values() if (c.dialogue, c.side, c.state) == at]

    async def count_held(self, dialogue: str, side: str) -> int:
        return len(await self.held(dialogue, side))


def desk() -> Desk:
    return Desk(InMemory(), lambda: datetime(2021, 12, 7, 18, tzinfo=UTC), Counted())


async def test_a_comment_is_held_until_somebody_has_read_it() -> None:
    """It appears when the release's own side publishes it, and not before."""
    board = desk()
    comment = await board.leave("d", "A", "r", name=" A  reader ", text="What does it mean?\r\nThank you.")
    assert (comment.name, comment.text) == ("A reader", "What does it mean?\nThank you.")
    assert await board.published("d", "A", "r") == []
    assert [c.id for c in await board.held("d", "A")] == [comment.id]
    await board.decide("d", "A", comment.id, publish=True)
    assert [c.state for c in await board.published("d", "A", "r")] == [CommentState.PUBLISHED]
    assert await board.held("d", "A") == []


async def test_a_refused_comment_never_appears() -> None:
    """Refused it is neither held nor published."""
    board = desk()
    comment = await board.leave("d", "A", "r", name="", text="No.")
    decided = await board.decide("d", "A", comment.id, publish=False)
    assert decided.state is CommentState.REFUSED
    assert await board.published("d", "A", "r") == []


async def test_only_the_releases_own_side_decides() -> None:
    """To the other side the comment is as if it were not there."""
    board = desk()
    comment = await board.leave("d", "A", "r", name="", text="Yes.")
    for dialogue, side, id_ in (("d", "B", comment.id), ("e", "A", comment.id), ("d", "A", "elsewhere")):
        with pytest.raises(NoSuchRelease):
            await board.decide(dialogue, side, id_, publish=True)
    assert len(await board.held("d", "A")) == 1


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("", " \n "),
        ("", "x" * (COMMENT_LIMIT + 1)),
        ("x" * 81, "words"),
        ("", "bell \x07"),
        ("\x1b[31m", "words"),
    ],
)
async def test_a_comment_out_of_bounds_keeps_nothing(name: str, text: str) -> None:
    """Too long, empty, or with control characters: refused in words, and nothing is kept."""
    board = desk()
    with pytest.raises(CommentRefused):
        await board.leave("d", "A", "r", name=name, text=text)
    assert await board.held("d", "A") == []


async def test_a_comment_that_is_sent_twice_is_one() -> None:
    """By a second press, at once or later, until the desk has decided; other words, or another's, are another."""
    board = desk()
    async with anyio.create_task_group() as tasks:
        for _ in range(2):
            tasks.start_soon(lambda: board.leave("d", "A", "r", name="Reader", text="Why?\r\nThank you."))
    first = await board.leave("d", "A", "r", name=" Reader", text="Why?\nThank you.\n")
    assert [c.id for c in await board.held("d", "A")] == [first.id]
    await board.leave("d", "A", "r", name="", text="Why?\nThank you.")
    await board.leave("d", "A", "r2", name="Reader", text="Why?\nThank you.")
    assert len(await board.held("d", "A")) == 3
    await board.decide("d", "A", first.id, publish=False)
    assert (await board.leave("d", "A", "r", name="Reader", text="Why?\nThank you.")).id != first.id


async def test_a_flood_stops_at_the_desks_budget() -> None:
    """When too many wait, further ones are refused; the other side's newsroom is not touched."""
    board = desk()
    for n in range(MAX_HELD):
        await board.leave("d", "A", "r", name="", text=f"words {n}")
    with pytest.raises(CommentRefused, match="too many"):
        await board.leave("d", "A", "r", name="", text="one more")
    await board.leave("d", "B", "r", name="", text="elsewhere")
