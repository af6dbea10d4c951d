"""A content that does not open its commitment: said wherever its words would stand, and never shown (record.md §11)."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import httpx2
import pytest
from tests.flows.stage import found_dialogue, running_node, seat_delegation

from visavis.bootstrap import DATABASE

pytestmark = pytest.mark.anyio

WORDS = {"en": "Each side notifies the other.", "ru": "Каждая сторона уведомляет другую."}
SECRET = "What our side alone has said."
INLINE = "Damaged on this node’s disk"


async def test_damaged_contents_are_said_where_they_would_stand(tmp_path: Path) -> None:
    """One language: the other is shown, and beside it what is missing. All: nothing but that. Restored by nobody
    but a bundle; and whoever may not read a text is not told that it is damaged."""
    data = tmp_path / "data"
    async with running_node(data) as stage:
        officers = await found_dialogue(stage)
        people = [
            (await seat_delegation(stage, officer, side, "principal"))["principal"]
            for officer, side in zip(officers, "AB", strict=True)
        ]
        one, _ = people
        tabled = await one.act(
            "understandings.table",
            kind="understanding",
            title={"en": "Notice", "ru": "Уведомление"},
            body=WORDS,
        )
        proposed = await one.act(
            "talks.propose", title={"en": "Talk"}, start="2031-12-07T15:00:00Z", minutes=60, mode="video"
        )
        talk = proposed["talk"]
        offered = (await one.state())["talks"][0]["talk"]["times"][0]["hash"]
        for person in people:
            await person.act("talks.accept", talk=talk, hash=offered)
        await one.act(
            "press.clear",
            talk=talk,
            kind="statement",
            texts={"en": {"title": "T", "text": SECRET, "dateline": "D"}},
            initials="ab",
        )
        dialogue, understanding = one.dialogue, tabled["understanding"]
        tokens = [person.token for person in people]
        body = dict(tabled["body"])

    spoilt: list[str] = []

    def spoil(text: str) -> None:
        spoilt.append(text)
        with closing(sqlite3.connect(data / DATABASE)) as db:
            done = db.execute("UPDATE contents SET data = ? WHERE data = ?", (b"other words", text.encode()))
            assert done.rowcount == 1
            db.commit()

    async def pages(which: int) -> tuple[str, str, int]:
        """The text's page and the press desk's, the record's, and what the interface answers for its English."""
        async with running_node(data) as stage, httpx2.AsyncClient(base_url=stage.url) as http:
            http.headers |= {"Authorization": f"Bearer {tokens[which]}", "Accept": "text/html"}
            text = await http.get(f"/d/{dialogue}/understandings/{understanding}")
            record = await http.get(f"/d/{dialogue}/record")
            content = await http.get(f"/api/dialogues/{dialogue}/contents/{body['en']}")
            assert (text.status_code, record.status_code) == (200, 200)
            press = await http.get(f"/d/{dialogue}/talks/{talk}/press")
            assert ("visavis record restore" in press.text) is (SECRET in spoilt and which == 0)
            return text.text, record.text, content.status_code

    text, record, status = await pages(0)
    assert INLINE not in text and 'id="damaged"' not in record and status == 200
    spoil(WORDS["en"])
    spoil(SECRET)
    for which, damaged in ((0, 2), (1, 1)):
        text, record, status = await pages(which)
        assert "other words" not in text + record
        assert WORDS["ru"] in text and "data-damaged" in text and INLINE in text
        assert "visavis record restore" in text
        assert 'id="damaged"' in record and body["en"] in record and "visavis record restore" in record
        assert record.count('<li><code class="hash">') == damaged
        assert status == 503
    # Nobody signs what they cannot read, not even the side that tabled it, or one that has a receipt for it.
    async with running_node(data) as stage, httpx2.AsyncClient(base_url=stage.url) as http:
        for token in tokens:
            http.headers |= {"Authorization": f"Bearer {token}"}
            state = (await http.get(f"/api/dialogues/{dialogue}")).json()
            fields = {
                "understanding": understanding,
                "hash": state["understandings"][0]["open"][0]["hash"],
            }
            body_of = {"command": "understandings.sign", "fields": fields}
            refused = await http.post(f"/api/dialogues/{dialogue}/drafts", json=body_of)
            assert (refused.status_code, "damaged" in refused.json()["detail"]) == (409, True)
    spoil(WORDS["ru"])
    text, _, _ = await pages(1)
    assert WORDS["ru"] not in text and "Damaged on this node’s disk: whoever runs the node" in text
    spoil("Notice")
    spoil("Уведомление")
    text, _, _ = await pages(1)
    assert f'<span class="quiet">{INLINE}</span>' in text
