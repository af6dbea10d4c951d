"""What is one side's own: the other side's delegates get 403 and a line in the log."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import structlog
from tests.flows.stage import Stage, found_dialogue, running_node, seat_delegation

from visavis.rehearsal.delegate import Answered, Delegate

pytestmark = pytest.mark.anyio


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    async with running_node(tmp_path) as running:
        yield running


async def a_talk_with_an_item(one: Delegate, other: Delegate) -> tuple[str, str]:
    """A scheduled talk with one issue; its id and the item's."""
    await one.act(
        "talks.propose",
        title={"en": "Talks"},
        start="2021-12-07T15:00:00Z",
        minutes=60,
        mode="video",
    )
    talk = (await one.state())["talks"][0]["talk"]
    for officer in (one, other):
        await officer.act("talks.accept", talk=talk["id"], hash=talk["times"][0]["hash"])
    item = await one.act("talks.propose-item", talk=talk["id"], title={"en": "Tension"}, kind="issue")
    return talk["id"], item["item"]


async def test_a_position_held_back_is_not_read_by_the_other_side(stage: Stage) -> None:
    """The words of a position that was not tabled are refused to the other side, and the asking is logged."""
    one, other = await found_dialogue(stage)
    adviser = (await seat_delegation(stage, one, "A", "adviser"))["adviser"]
    talk, item = await a_talk_with_an_item(one, other)
    stated = await adviser.act(
        "talks.state-position", talk=talk, item=item, text={"en": "Ours, for now."}, hold=True
    )
    ((_, commitment),) = stated["texts"]
    path = f"/api/dialogues/{one.dialogue}/contents/{commitment}"
    with structlog.testing.capture_logs() as lines, pytest.raises(Answered) as refused:
        await other.get(path)
    assert (refused.value.status, refused.value.code) == (403, "not-yours")
    assert [line["path"] for line in lines if line["event"] == "access.refused"] == [path]
    await adviser.act("talks.table-position", talk=talk, item=item)
    assert (await other.get(path))["text"] == "Ours, for now."


async def test_another_dialogues_matters_are_refused(stage: Stage) -> None:
    """Who is of one dialogue gets 403 for another, whether it exists or not."""
    one, _ = await found_dialogue(stage)
    for path in ("", "/bundle", "/enrolments", "/foundings", f"/logs/{one.side}", "/comments"):
        with structlog.testing.capture_logs() as lines, pytest.raises(Answered) as refused:
            await one.get(f"/api/dialogues/{'A' * 43}{path}")
        assert refused.value.status == 403
        assert any(line["event"] == "access.refused" for line in lines)


async def test_a_draft_is_entered_by_nobody_else(stage: Stage) -> None:
    """A draft of one delegate cannot be entered by the other side's, nor with another's signature."""
    one, other = await found_dialogue(stage)
    base = f"/api/dialogues/{one.dialogue}"
    fields = {"zone": "Europe/Zurich", "languages": ["en"]}
    draft = await one.post(f"{base}/drafts", {"command": "dialogue.profile", "fields": fields})
    proof = {"type": "ed25519", "sig": "A" * 86}
    with pytest.raises(Answered) as refused:
        await other.post(f"{base}/entries", {"draft": draft["draft"], "proof": proof})
    assert refused.value.code == "draft-gone"
    with pytest.raises(Answered) as refused:
        await one.post(f"{base}/entries", {"draft": draft["draft"], "proof": proof})
    assert refused.value.status == 403
    size = (await one.get(f"{base}/logs/{one.side}"))["size"]
    # Its word lets anybody read it, whoever they are; it enters nothing, and no other text opens it.
    seen = await stage.delegate("Somebody").post("/api/checks", {"check": draft["check"]})
    assert seen["signed"] == draft["signed"]
    for word in (draft["draft"], "", "é", "A" * 65):
        with pytest.raises(Answered):
            await other.post("/api/checks", {"check": word})
    again = await one.act("dialogue.profile", **fields)
    assert again["seq"] >= size
