"""A log as static files over HTTP: C2SP tlog-tiles, and checkpoints that readers bring back (http.md §§4, 6)."""

from __future__ import annotations

import dataclasses
from collections.abc import AsyncIterator
from pathlib import Path

import httpx2
import pytest
from tests.flows.stage import Stage, found_dialogue, running_node

from visavis.access import COOKIE
from visavis.record import tiles
from visavis.record.checkpoint import (
    Checkpoint,
    encode_checkpoint,
    open_checkpoint,
    parse_text,
    sign_checkpoint,
)
from visavis.record.merkle import Tree
from visavis.record.note import parse_note
from visavis.rehearsal.delegate import Answered, Delegate

pytestmark = pytest.mark.anyio

PROFILE = {"zone": "Europe/Zurich", "languages": ["en"]}


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    async with running_node(tmp_path) as running:
        yield running


class Reader:
    """Anybody with an address, or a delegate with a token."""

    def __init__(self, stage: Stage, delegate: Delegate, side: str, *, signed_in: bool = True) -> None:
        self.base = f"{stage.url}/tlog/{delegate.dialogue}/{side}/"
        self.headers = {"Authorization": f"Bearer {delegate.token}"} if signed_in else {}

    async def get(self, path: str, method: str = "GET", **headers: str) -> httpx2.Response:
        async with httpx2.AsyncClient() as http:
            return await http.request(method, self.base + path, headers=self.headers | headers)


async def test_a_log_is_read_as_tiles(stage: Stage) -> None:
    """Checkpoint, entries and hashes come as C2SP says, and make the root that the log signed."""
    one, other = await found_dialogue(stage)
    ledger = stage.node.dialogues.ledger(one.dialogue)
    reader = Reader(stage, other, one.side)
    answer = await reader.get("checkpoint")
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert answer.headers["cache-control"] == "private, no-cache"
    us = ledger.index(one.side)
    key, cosigner = (ledger.foundings[s].log_key for s in (us, 1 - us))
    note = open_checkpoint(answer.content, key, other.side, cosigner)
    assert note.cosignature is not None
    entries = await reader.get(f"tile/entries/000.p/{note.size}")
    assert entries.headers["content-type"] == "application/octet-stream"
    assert "immutable" not in entries.headers["cache-control"]
    tree = Tree(tiles.decode_entries(entries.content, note.size))
    assert tree.root() == note.root
    hashes = await reader.get(f"tile/0/000.p/{note.size}")
    assert hashes.content == b"".join(tree.leaf_hashes())


@pytest.mark.parametrize(
    "path",
    [
        "tile/entries/000",
        "tile/entries/000.p/200",
        "tile/entries/001.p/1",
        "tile/entries/x000/000.p/1",
        "tile/entries/0.p/1",
        "tile/entries/000.p/0",
        "tile/entries/000.p/01",
        "tile/entries/000.p/256",
        "tile/1/000.p/1",
        "tile/64/000.p/1",
        "tile/00/000.p/1",
        "tile/",
        "head",
    ],
)
async def test_a_tile_that_is_not_there_is_not_found(stage: Stage, path: str) -> None:
    """Wider than the log, beyond it, or spelt otherwise than C2SP spells it: 404."""
    one, _ = await found_dialogue(stage)
    assert (await Reader(stage, one, one.side).get(path)).status_code == 404


async def test_a_full_tile_is_kept_for_ever(stage: Stage) -> None:
    """A full tile is on disk read-only, is answered with a strong tag, and not sent again to who has it."""
    one, _ = await found_dialogue(stage)
    session = await stage.node.admission.session(one.token)
    for _ in range(tiles.WIDTH):
        draft = await stage.node.dialogues.draft(session, one.dialogue, "dialogue.profile", PROFILE)
        await stage.node.dialogues.enter(
            session, one.dialogue, draft.id, one.signer.prove(draft.signed.challenge())
        )
    reader = Reader(stage, one, one.side)
    answer = await reader.get("tile/entries/000")
    file = stage.node.settings.data / "logs" / one.dialogue / one.side / "tile/entries/000"
    assert answer.content == file.read_bytes()
    assert file.stat().st_mode & 0o777 == 0o444
    assert answer.headers["cache-control"] == "private, max-age=31536000, immutable"
    again = await reader.get("tile/entries/000", **{"If-None-Match": answer.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    head = await reader.get("tile/entries/000", method="HEAD")
    assert (head.status_code, head.content, head.headers["etag"]) == (200, b"", answer.headers["etag"])
    assert (await reader.get("tile/1/000.p/1")).content == Tree(
        tiles.decode_entries(answer.content, tiles.WIDTH)
    ).root()
    file.chmod(0o600)
    file.write_bytes(answer.content[:-1] + bytes([answer.content[-1] ^ 1]))
    damaged = await reader.get("tile/entries/000")
    assert (damaged.status_code, damaged.json()["tile"]) == (503, "tile/entries/000")


async def test_tiles_are_the_delegates_alone_unless_the_node_says_otherwise(stage: Stage) -> None:
    """Nobody else reads a log, but where the node's operator has made the logs public."""
    one, _ = await found_dialogue(stage)
    stranger = Reader(stage, one, one.side, signed_in=False)
    assert (await stranger.get("checkpoint")).status_code == 401
    stage.node.settings = dataclasses.replace(stage.node.settings, public_logs=True)
    answer = await stranger.get("checkpoint")
    assert answer.headers["cache-control"] == "public, no-cache"
    assert answer.headers["access-control-allow-origin"] == "*"


# --- checkpoints that readers bring back ----------------------------------------------------------------


async def shown(stage: Stage, delegate: Delegate, note: bytes) -> str:
    path = f"/api/dialogues/{delegate.dialogue}/checkpoints"
    return str((await delegate.post(path, {"note": note.decode()}))["finding"])


def forged(stage: Stage, delegate: Delegate, side: str, size: int, root: bytes) -> bytes:
    """A checkpoint by that side's log key, of whatever it never was."""
    ledger = stage.node.dialogues.ledger(delegate.dialogue)
    key = ledger.log_keys[side]
    sig = sign_checkpoint(key, ledger.id, side, size, root)
    return encode_checkpoint(
        Checkpoint(ledger.id, side, size, root, sig), key.public_key().public_bytes_raw()
    )


async def test_an_older_checkpoint_is_no_news(stage: Stage) -> None:
    """What this log had, and has, is simply held."""
    one, other = await found_dialogue(stage)
    ledger = stage.node.dialogues.ledger(one.dialogue)
    for size in (1, 2):
        assert await shown(stage, other, ledger.note(one.side, size)) == "held"
    assert not ledger.forks
    assert ledger.stopped is None


async def test_a_larger_checkpoint_stops_all_writing(stage: Stage, tmp_path: Path) -> None:
    """Who has seen more of a log than the node has stops it from writing, now and after a restart."""
    one, other = await found_dialogue(stage)
    assert await shown(stage, other, forged(stage, one, one.side, 9, bytes(32))) == "behind"
    for person in (one, other):
        with pytest.raises(Answered) as refused:
            await person.act("dialogue.profile", **PROFILE)
        assert (refused.value.status, refused.value.code) == (409, "log-behind")
    assert (await Reader(stage, one, one.side).get("checkpoint")).status_code == 200
    dialogue = one.dialogue
    stopped = stage.node.dialogues
    await stopped.load()
    assert stopped.ledger(dialogue).stopped is not None


async def test_a_contradicting_checkpoint_is_kept_and_shown(stage: Stage) -> None:
    """Two histories under one key are proof: both notes are kept, both sides get them, and talks go on."""
    one, other = await found_dialogue(stage)
    for _ in range(2):
        assert await shown(stage, other, forged(stage, one, one.side, 2, bytes(32))) == "forked"
    for person in (one, other):
        (fork,) = (await person.get(f"/api/dialogues/{one.dialogue}/forks"))["forks"]
        assert fork["side"] == one.side
        key = stage.node.dialogues.ledger(one.dialogue).log_keys[one.side].public_key().public_bytes_raw()
        held, other_one = (open_checkpoint(fork[name].encode(), key) for name in ("held", "shown"))
        assert (held.size, other_one.size) == (2, 2)
        assert held.root != other_one.root
    await one.act("dialogue.profile", **PROFILE)


async def test_a_checkpoint_by_another_key_says_nothing(stage: Stage) -> None:
    """A note that the log's key did not sign, or of another log, or no note, is refused and changes nothing."""
    one, other = await found_dialogue(stage)
    note = forged(stage, one, one.side, 9, bytes(32))
    ledger = stage.node.dialogues.ledger(one.dialogue)
    by_other = Checkpoint(
        ledger.id,
        one.side,
        9,
        bytes(32),
        sign_checkpoint(ledger.log_keys[other.side], ledger.id, one.side, 9, bytes(32)),
    )
    wrong = encode_checkpoint(by_other, ledger.log_keys[other.side].public_key().public_bytes_raw())
    for bad, status in ((wrong, 403), (note.replace(b"\n9\n", b"\n8\n"), 403), (b"no note", 400)):
        with pytest.raises(Answered) as refused:
            await shown(stage, one, bad)
        assert refused.value.status == status
    assert ledger.stopped is None
    assert parse_text(parse_note(note).text)[2] == 9


# --- what the pages say of it --------------------------------------------------------------------------


async def record_page(stage: Stage, delegate: Delegate) -> str:
    async with httpx2.AsyncClient() as http:
        cookies = {"Cookie": f"{COOKIE}={delegate.token}", "Accept": "text/html", "Accept-Language": "en"}
        return (await http.get(f"{stage.url}/d/{delegate.dialogue}/record", headers=cookies)).text


async def test_both_sides_see_a_fork_and_an_old_copy(stage: Stage) -> None:
    """The record's page shows the two notes of a fork, and every page one banner while nothing can be written."""
    one, other = await found_dialogue(stage)
    for person in (one, other):
        page = await record_page(stage, person)
        assert "two histories" not in page
        assert "Nothing can be written" not in page
    await shown(stage, one, forged(stage, one, one.side, 2, bytes(32)))
    await shown(stage, one, forged(stage, one, one.side, 9, bytes(32)))
    for person in (one, other):
        page = await record_page(stage, person)
        assert "A log has two histories" in page
        assert "\n2\n" + "A" * 43 + "=\n" in page
        assert page.count("Nothing can be written in this dialogue now.") == 1
