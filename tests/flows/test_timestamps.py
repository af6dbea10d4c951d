"""Timestamps in a running node: asked for in the background, in the bundle, verified offline; never in the way."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from pathlib import Path

import anyio
import pytest
import structlog
from tests.cli.test_record import visavis
from tests.flows.stage import Stage, found_dialogue, running_node
from tests.tsa import Authority, answering

from visavis.authority import HttpAuthority
from visavis.dialogue.stamping import Stamping
from visavis.record.timestamp import read_authorities
from visavis.rulebook import EDITION_1
from visavis.verification.verify import verify

pytestmark = pytest.mark.anyio

LIMIT_S = 60


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority.made(tmp_path_factory.mktemp("tsa") / "one")


async def until(stage: Stage, dialogue: str, what: Callable[[], bool]) -> None:
    """Wait on the dialogue's own events until `what` holds."""
    with anyio.fail_after(LIMIT_S):
        async with stage.node.dialogues.subscribe(dialogue, "test") as events:
            while not what():
                await events.receive()


async def test_a_node_has_its_checkpoints_stamped(authority: Authority, tmp_path: Path) -> None:
    """Tokens over cosigned checkpoints of both logs, in the bundle, kept over a restart, checked by the CLI."""
    roots = read_authorities(authority.ca.read_bytes())
    with answering(lambda query: (200, authority.reply(query))) as server:
        async with running_node(tmp_path / "data") as stage, anyio.create_task_group() as tasks:
            one, _ = await found_dialogue(stage)
            ledger = stage.node.dialogues.ledger(one.dialogue)
            stamping = Stamping(stage.node.dialogues, HttpAuthority(server.url, roots), every_s=0)
            tasks.start_soon(stamping.run)
            await until(stage, one.dialogue, lambda: all(ledger.timestamps[s] for s in ledger.sides))
            before = len(server.asked)
            await one.act("dialogue.profile", zone="Europe/Zurich", languages=["en"])
            size = ledger.states[ledger.index(one.side)].size
            await until(stage, one.dialogue, lambda: max(ledger.timestamps[one.side]) >= size)
            assert len(server.asked) > before
            tasks.cancel_scope.cancel()
            page = await one.page(f"/d/{one.dialogue}/record")
            assert "not later than" in page.text and "Authority of the test" in page.text
    async with running_node(tmp_path / "data") as stage:
        ledger = stage.node.dialogues.ledger(one.dialogue)
        kept = {side: sorted(ledger.timestamps[side]) for side in ledger.sides}
        assert all(kept.values())
        packed = await stage.node.dialogues.export(one.dialogue, one.side)
    account = verify(packed, EDITION_1)
    assert account.holds
    assert {log.side: list(log.timestamps) for log in account.logs} == kept
    (tmp_path / "record.visavis").write_bytes(packed)
    await anyio.to_thread.run_sync(offline, authority, tmp_path)


def offline(authority: Authority, folder: Path) -> None:
    """What `visavis record verify` says of the tokens: by whose word, checked or not."""
    hearsay = visavis("verify", "record.visavis", cwd=folder)
    assert hearsay.returncode == 0, hearsay.stderr
    assert "existed not later than" in hearsay.stdout
    assert "according to CN=Authority of the test" in hearsay.stdout
    assert "not checked against any authority that you trust" in hearsay.stdout
    trusted = visavis("verify", "record.visavis", "--tsa-ca", str(authority.ca), cwd=folder)
    assert trusted.returncode == 0, trusted.stderr
    assert " checked against an authority that you trust" in trusted.stdout
    assert "not checked" not in trusted.stdout
    spelt = json.loads(visavis("verify", "record.visavis", "--json", cwd=folder).stdout)
    assert spelt["holds"] and not any(bound["checked"] for bound in spelt["bounds"])
    other = Authority.made(folder / "other", "Another")
    wrong = visavis("verify", "record.visavis", "--tsa-ca", str(other.ca), cwd=folder)
    assert wrong.returncode == 1
    assert "! timestamp" in wrong.stdout
    (folder / "none.pem").write_text("no certificate")
    assert visavis("verify", "record.visavis", "--tsa-ca", "none.pem", cwd=folder).returncode == 2


async def test_an_authority_that_fails_is_never_in_the_way(authority: Authority, tmp_path: Path) -> None:
    """While it answers rubbish, or nothing at all, acts are entered and cosigned; once it answers, it is caught up."""
    good, slow = threading.Event(), threading.Event()

    def answer(query: bytes) -> tuple[int, bytes]:
        return (200, authority.reply(query)) if good.is_set() else (503, b"busy")

    with answering(answer) as server:
        async with running_node(tmp_path / "data") as stage:
            one, _ = await found_dialogue(stage)
            ledger = stage.node.dialogues.ledger(one.dialogue)
            stamping = Stamping(stage.node.dialogues, HttpAuthority(server.url), every_s=0)
            with structlog.testing.capture_logs() as lines:
                assert not await stamping.stamp()
            assert any(line["event"] == "timestamp.put-off" for line in lines)
            with answering(answer, then=slow) as silent:
                async with anyio.create_task_group() as tasks:
                    hung = Stamping(stage.node.dialogues, HttpAuthority(silent.url), every_s=0)
                    tasks.start_soon(hung.run)
                    await anyio.to_thread.run_sync(silent.came.wait, LIMIT_S)
                    entered = await one.act("dialogue.profile", zone="Europe/Zurich", languages=["en"])
                    assert entered["seq"] >= 2
                    assert await stage.node.dialogues.cosigned_now(one.dialogue, one.side) is not None
                    assert not any(ledger.timestamps.values())
                    tasks.cancel_scope.cancel()
            good.set()
            assert await stamping.stamp()
            assert all(ledger.timestamps[side] for side in ledger.sides)
