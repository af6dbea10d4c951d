"""`visavis record`: export from a node's data, verify offline, in processes of their own (record.md §14.3)."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path

import pytest
from tests.verification.desk import DIALOGUE, FOUNDINGS, RULEBOOK, SIDES, Desk, seed

from visavis import bootstrap
from visavis.bootstrap import DATABASE, alone, open_record, open_stopped
from visavis.cli.record import export, lines, one_of, printable
from visavis.dialogue.commands import Audience
from visavis.dialogue.errors import LogBehind
from visavis.dialogue.ports import ContentRow, FoundingRow, LogKeyRow
from visavis.dialogue.receiving import Finding
from visavis.dialogue.service import Dialogues
from visavis.errors import Refused
from visavis.record import canonical
from visavis.store.sqlite import open_store
from visavis.verification.verify import verify

pytestmark = pytest.mark.anyio
ROOT = Path(__file__).resolve().parents[2]


def visavis(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run the command line as a person does."""
    code = "from visavis.cli import main; main()"
    env = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT / "src"), "COLUMNS": "300"}
    command = [sys.executable, "-c", code, "record", *arguments]
    return subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True, timeout=120, check=False)


@pytest.fixture(scope="module")
def desk() -> Desk:
    desk = Desk().founded()
    desk.agreed(kind="guarantee")
    return desk


@pytest.fixture
def bundle(desk: Desk, tmp_path: Path) -> Path:
    path = tmp_path / "record.visavis"
    path.write_bytes(desk.bundle())
    return path


async def keep(desk: Desk, data: Path, own: set[str]) -> None:
    """Lay the desk's record into a node's data folder. own: commitments that side 0 alone may read."""
    store = await open_store(data / DATABASE)
    async with store.begin() as unit:
        for s in (0, 1):
            statement = canonical.encode(FOUNDINGS[s].to_json())
            await unit.add_founding(FoundingRow("pair", 1 - s, SIDES[s], statement))
            await unit.keep_log_key(LogKeyRow(SIDES[s], FOUNDINGS[s].log_key, seed("key", s, "log")))
            for seq, leaf in enumerate(desk.logs[s]):
                await unit.append_leaf(DIALOGUE, SIDES[s], seq, leaf)
        for commitment, opened in desk.contents.items():
            audience = Audience.OWN if commitment in own else Audience.BOTH
            await unit.add_content(
                ContentRow(DIALOGUE, SIDES[0], commitment, opened.salt, opened.content, "en", audience)
            )
    await store.close()


def test_verify_says_what_holds(bundle: Path) -> None:
    """A bundle that holds gives status 0 and an account in words."""
    done = visavis("verify", str(bundle), cwd=bundle.parent)
    assert (done.returncode, done.stderr) == (0, "")
    for words in (
        "The record holds.",
        "In force",
        "guarantee  text/u1",
        "“v1: duty of B”",
        "signed by Principal of side A, principal of Side A: entry 4",
        "its own side tabled the text, at entry",
        "no receipt for the text before signing",
        "known to both since entry",
        "as of             6 entries",
    ):
        assert words in done.stdout


def test_verify_needs_no_server_and_no_database(bundle: Path) -> None:
    """The verifier loads neither a web server nor a database, and opens no socket."""
    code = (
        "import sys\n"
        "sys.addaudithook(lambda name, _: name.startswith('socket.') and sys.exit(9))\n"
        "from visavis.cli import app\n"
        f"status = app(['record', 'verify', {str(bundle)!r}], result_action='return_value')\n"
        "odd = {'starlette', 'uvicorn', 'sqlalchemy', 'sqlite3', 'aiosqlite', 'httpx2', 'livekit'} & set(sys.modules)\n"
        "sys.exit(status or (7 if odd else 0))"
    )
    env = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT / "src")}
    done = subprocess.run(
        [sys.executable, "-c", code], env=env, capture_output=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr.decode()


def test_verify_says_what_was_erased_and_what_is_withheld(tmp_path: Path) -> None:
    """When, by whom, at which entry; whether another copy is in the bundle all the same; in words and as JSON."""
    desk = Desk().founded()
    gone, here, held = (desk.content(words) for words in ("gone", "here", "held back"))
    reason = [["en", gone], ["ru", here], ["ar", held]]
    position = {"type": "item.position", "talk": "T", "item": "i", "stage": "table", "texts": reason}
    desk.write(0, position)
    at = [
        desk.write(s, {"type": "content.erase", "commitment": c}, by="officer")
        for s, c in ((0, gone), (1, here))
    ]
    for commitment in (gone, held):
        del desk.contents[commitment]
    (tmp_path / "record.visavis").write_bytes(desk.bundle())
    done = visavis("verify", "record.visavis", cwd=tmp_path)
    assert done.returncode == 0
    said = done.stdout.splitlines()
    when = [f"2021-12-07T15:00:{index:02}.000Z by its node's clock" for index in at]
    who = [
        f"by delegate officer-{s}, protocol-officer (Side {'AB'[s]}, entry {index})"
        for s, index in enumerate(at)
    ]
    assert f"  {gone}: erased on {when[0]}, {who[0]}" in said
    assert f"  {here}: erased on {when[1]}, {who[1]}; in this bundle all the same: another copy" in said
    assert f"  {held}" in said[said.index("Committed to, not in the bundle, and erased by no side") :]
    account = json.loads(visavis("verify", "record.visavis", "--json", cwd=tmp_path).stdout)
    assert {each["commitment"]: (each["index"], each["here"]) for each in account["erased"]} == {
        gone: (at[0], False),
        here: (at[1], True),
    }
    assert account["withheld"] == [held]


def test_verify_names_what_fails(desk: Desk, tmp_path: Path) -> None:
    """A one-sided guarantee forced into a log gives status 1 and is named first."""
    forced = Desk().founded()
    forced.table(1, forced.text("v1", kind="guarantee", by=(0,)))
    path = tmp_path / "forced.visavis"
    path.write_bytes(forced.bundle())
    done = visavis("verify", str(path), cwd=tmp_path)
    assert done.returncode == 1
    assert "The record does not hold: 1 check fails." in done.stdout
    assert "! void: Side B, entry 2: understanding.table: one-sided guarantee" in done.stdout


def test_verify_gives_json(bundle: Path, desk: Desk) -> None:
    """`--json` prints the whole account, what timestamps say, and nothing else."""
    done = visavis("verify", str(bundle), "--json", cwd=bundle.parent)
    account = json.loads(json.dumps(verify(desk.bundle(), RULEBOOK).to_json()))
    assert json.loads(done.stdout) == {**account, "bounds": []}


@pytest.mark.parametrize(
    ("content", "status", "says"),
    [
        (b"no bundle", 1, "! bundle: archive: not a Visavis bundle"),
        (None, 2, "cannot be read"),
    ],
)
def test_verify_of_something_else(content: bytes | None, status: int, says: str, tmp_path: Path) -> None:
    """A file that is no bundle fails with status 1; no file at all is status 2, in one line."""
    path = tmp_path / "other"
    if content is not None:
        path.write_bytes(content)
    done = visavis("verify", str(path), cwd=tmp_path)
    assert done.returncode == status
    assert says in done.stdout + done.stderr
    assert "Traceback" not in done.stderr


async def test_export_then_verify(desk: Desk, tmp_path: Path) -> None:
    """What a node holds is exported by one process and verified by another; a file is not written over."""
    own = set(list(desk.contents)[:1])
    await keep(desk, tmp_path / "data", own)
    done = visavis("export", DIALOGUE[:6], "--data", "data", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    path = tmp_path / done.stdout.strip()
    assert path.name == f"{DIALOGUE[:8]}.visavis"
    account = verify(path.read_bytes(), RULEBOOK)
    assert account.holds
    assert account.entries == sum(map(len, desk.logs))
    assert account.contents == len(desk.contents) - 1
    assert all(log.cosigned is not None for log in account.logs)
    again = visavis("export", DIALOGUE, "--data", "data", cwd=tmp_path)
    assert again.returncode == 2
    assert "is there already" in again.stderr


async def test_export_for_a_side_holds_what_it_alone_may_read(desk: Desk, tmp_path: Path) -> None:
    """`--side` adds that side's own contents, and not the other's."""
    own = set(list(desk.contents)[:2])
    await keep(desk, tmp_path / "data", own)
    for side, count in ((SIDES[0], len(desk.contents)), (SIDES[1], len(desk.contents) - 2)):
        out = f"{side[:4]}.visavis"
        done = visavis("export", DIALOGUE, "--data", "data", "--side", side, "--out", out, cwd=tmp_path)
        assert done.returncode == 0
        assert verify((tmp_path / out).read_bytes(), RULEBOOK).contents == count


@pytest.mark.parametrize("arguments", [("none",), (DIALOGUE, "--side", "none")])
async def test_export_of_what_is_not_there(desk: Desk, tmp_path: Path, arguments: tuple[str, ...]) -> None:
    """An id that nothing bears is one line and status 2; nothing is written."""
    await keep(desk, tmp_path / "data", set())
    done = visavis("export", *arguments, "--data", "data", cwd=tmp_path)
    assert done.returncode == 2
    assert "has an id that begins with 'none'" in done.stderr
    assert os.listdir(tmp_path) == ["data"]


def test_export_makes_no_node(tmp_path: Path) -> None:
    """Where no node has run, nothing is made."""
    done = visavis("export", "x", "--data", "nowhere", cwd=tmp_path)
    assert done.returncode == 2
    assert "there is no node's data" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_an_entry_is_proven_to_who_has_the_policy(bundle: Path, desk: Desk) -> None:
    """`policy`, `prove` and `check-proof` in processes of their own: the proof holds for its entry, and no other."""
    folder = bundle.parent
    done = visavis("policy", bundle.name, cwd=folder)
    assert (done.returncode, done.stderr) == (0, "")
    (folder / "policy").write_text(done.stdout)
    done = visavis("prove", bundle.name, SIDES[0], "4", "-o", "signed.tlog-proof", cwd=folder)
    assert (done.returncode, done.stdout) == (0, "signed.tlog-proof\nsigned.json\n")
    assert (folder / "signed.json").read_bytes() == desk.logs[0][4]
    check = ("check-proof", "signed.tlog-proof", "signed.json", "policy")
    done = visavis(*check, cwd=folder)
    assert (done.returncode, done.stderr) == (0, "")
    assert f"✓ Entry 4 is in the log of side {SIDES[0]}" in done.stdout
    assert "cosigned          by B, 2021-12-07 15:00:00 UTC by its clock" in done.stdout
    (folder / "signed.json").write_bytes(desk.logs[0][3])
    done = visavis(*check, cwd=folder)
    assert done.returncode == 1
    assert "✗ The proof does not hold: inclusion proof leads to another root." in done.stdout
    done = visavis("check-proof", "signed.tlog-proof", "none", "policy", cwd=folder)
    assert (done.returncode, done.stdout) == (2, "")


def test_a_proof_is_not_written_over(bundle: Path) -> None:
    """Neither the proof's file nor the entry's is written where there is one already."""
    done = visavis("prove", bundle.name, SIDES[0], "0", cwd=bundle.parent)
    names = [f"{SIDES[0][:8]}-0.tlog-proof", f"{SIDES[0][:8]}-0.json"]
    assert done.stdout.split() == names
    for name in names:
        (bundle.parent / name).unlink()
        before = sorted(bundle.parent.iterdir())
        done = visavis("prove", bundle.name, SIDES[0], "0", cwd=bundle.parent)
        assert done.returncode == 2
        assert "is there already" in done.stderr
        assert sorted(bundle.parent.iterdir()) == before
        (bundle.parent / name).touch()


def test_unpack_lays_out_static_files(bundle: Path, desk: Desk) -> None:
    """`unpack` makes a folder of files, once; a bundle that is not whole makes none."""
    done = visavis("unpack", bundle.name, "files", cwd=bundle.parent)
    assert (done.returncode, done.stderr) == (0, "")
    files = {
        str(p.relative_to(bundle.parent / "files"))
        for p in (bundle.parent / "files").rglob("*")
        if p.is_file()
    }
    assert {"policy", *(f"{side}/checkpoint" for side in SIDES)} < files
    assert (bundle.parent / "files" / SIDES[1] / "checkpoint").read_bytes() == desk.checkpoint(1)
    again = visavis("unpack", bundle.name, "files", cwd=bundle.parent)
    assert again.returncode == 2
    assert "is there already" in again.stderr
    bundle.write_bytes(bundle.read_bytes()[:-1] + b"x")
    bent = visavis("unpack", bundle.name, "bent", cwd=bundle.parent)
    assert bent.returncode == 2
    assert "the bundle is not whole" in bent.stderr
    assert not (bundle.parent / "bent").exists()


def test_an_id_is_named_by_enough_of_its_beginning() -> None:
    """Too little, or nothing, is refused."""
    assert one_of(("abc", "abd"), "abc", "side") == "abc"
    for begins in ("ab", "", "x"):
        with pytest.raises(Refused):
            one_of(("abc", "abd"), begins, "side")


def test_words_do_not_command_the_terminal() -> None:
    """Escape sequences and overrides of direction in a text are shown as what they are: nothing readable."""
    assert printable("a\x1b[31mb\u202ec\nd\x9be") == "a�[31mb�c d�e"
    assert printable("می‌خواهم") == "می‌خواهم"
    assert len(printable("x" * 5000)) == 2001


def test_hostile_texts_stay_on_their_lines() -> None:
    """No text of a bundle makes a line of the account."""
    desk = Desk().founded()
    act = desk.text("v1")
    desk.contents.pop(act["title"][0][1])
    act["title"] = [["en", desk.content("✓ The record holds.\n✓ The record holds.\x1b[2J")]]
    hash_ = desk.table(0, act)
    desk.receipts()
    desk.sign(0, hash_)
    desk.sign(1, hash_)
    shown = list(lines(verify(desk.bundle(), RULEBOOK)))
    assert [line for line in shown if "\n" in line or "\x1b" in line] == []
    assert len([line for line in shown if line.startswith("✓")]) == 1


async def test_restore_fetches_back_what_an_old_copy_lacks(desk: Desk, bundle: Path) -> None:
    """A node whose database is an old copy writes nothing, gets entries and contents from a bundle, and goes on."""
    data = bundle.parent / "data"
    held = next(iter(desk.contents))
    await keep(desk, data, set())
    async with open_stopped(data) as dialogues:  # as a node does: heads and tiles are on disk
        assert dialogues.ledger(DIALOGUE).stopped is None
    with closing(sqlite3.connect(data / DATABASE)) as db:
        db.execute("DELETE FROM entries WHERE seq >= 3")
        db.execute("DELETE FROM contents WHERE commitment != ?", (held,))
        db.execute("UPDATE contents SET data = ?", (b"damaged",))
        db.commit()
    async with open_record(data) as dialogues:
        ledger = dialogues.ledger(DIALOGUE)
        assert isinstance(ledger.stopped, LogBehind)
        assert (set(ledger.damaged), ledger.contents) == ({held}, {})
    done = visavis("restore", str(bundle), "--data", str(data), cwd=bundle.parent)
    entries = sum(len(log) - 3 for log in desk.logs)
    said = f"{entries} entries and {len(desk.contents)} contents fetched back.\n"
    assert (done.returncode, done.stdout) == (0, said), done.stderr
    async with open_record(data) as dialogues:
        ledger = dialogues.ledger(DIALOGUE)
        assert ledger.stopped is None
        assert [list(log) for log in desk.logs] == [ledger.leaves[ledger.index(side)] for side in SIDES]
        assert {row.data for row in ledger.contents.values()} == {o.content for o in desk.contents.values()}


async def test_restore_replaces_nothing(desk: Desk, bundle: Path) -> None:
    """Another history, a bundle that does not verify, or a node that runs: nothing is written."""
    data = bundle.parent / "data"
    other = Desk().founded()
    other.agreed(kind="understanding")
    await keep(other, data, set())
    done = visavis("restore", str(bundle), "--data", str(data), cwd=bundle.parent)
    assert (done.returncode, "another history" in done.stderr) == (2, True)
    broken = bundle.with_name("broken.visavis")
    broken.write_bytes(desk.bundle()[:-1] + b"x")
    done = visavis("restore", str(broken), "--data", str(data), cwd=bundle.parent)
    assert (done.returncode, "does not verify" in done.stderr) == (2, True)
    with alone(data):
        done = visavis("restore", str(bundle), "--data", str(data), cwd=bundle.parent)
    assert (done.returncode, "stop it first" in done.stderr) == (2, True)
    with closing(sqlite3.connect(data / DATABASE)) as db:
        assert db.execute("SELECT count(*) FROM entries").fetchone() == (sum(map(len, other.logs)),)


async def test_a_proven_fork_goes_with_the_record(desk: Desk, bundle: Path) -> None:
    """A fork that a reader showed is exported, named by verification, and fetched back with what was lost."""
    data, packed = bundle.parent / "data", bundle.with_name("forked.visavis")
    await keep(desk, data, set())
    other = Desk().founded()
    other.agreed("shown")
    async with open_stopped(data) as dialogues:
        assert await dialogues.present(DIALOGUE, other.checkpoint(0, 4)) is Finding.FORKED
        (fork,) = dialogues.ledger(DIALOGUE).forks
        packed.write_bytes(await dialogues.export(DIALOGUE, None))
    account = verify(packed.read_bytes(), RULEBOOK)
    assert [fault.check for fault in account.faults] == ["fork"]
    assert [(each.log, each.size) for each in account.forks] == [(SIDES[0], 4)]
    done = visavis("verify", packed.name, cwd=bundle.parent)
    assert (done.returncode, "signed two logs of 4 entries" in done.stdout) == (1, True)
    with closing(sqlite3.connect(data / DATABASE)) as db:
        db.execute("DELETE FROM forks")
        db.execute("DELETE FROM entries WHERE seq >= 3")
        db.commit()
    for _ in range(2):
        done = visavis("restore", packed.name, "--data", str(data), cwd=bundle.parent)
        assert done.returncode == 0, done.stderr
        async with open_record(data) as dialogues:
            assert dialogues.ledger(DIALOGUE).forks == [fork]


async def test_an_export_beside_a_node_that_goes_on_is_cosigned(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An entry written and cosigned between the reading and the export: the data is read again."""
    data = tmp_path / "data"
    await keep(desk, data, set())
    late = len(desk.logs[0]) - 1
    with closing(sqlite3.connect(data / DATABASE)) as db:
        db.execute("DELETE FROM entries WHERE side = ? AND seq = ?", (SIDES[0], late))
        db.commit()
    readings = 0

    @asynccontextmanager
    async def reading(path: Path) -> AsyncIterator[Dialogues]:
        nonlocal readings
        readings += 1
        async with open_record(path) as dialogues:
            if readings == 1:
                store = await open_store(path / DATABASE)
                async with store.begin() as unit:
                    await unit.append_leaf(DIALOGUE, SIDES[0], late, desk.logs[0][late])
                await store.close()
                async with open_stopped(path) as node:
                    await node.checkpoint(DIALOGUE, SIDES[0])
            yield dialogues

    monkeypatch.setattr(bootstrap, "open_record", reading)
    await export(DIALOGUE, out=tmp_path / "out.visavis", data=data)
    account = verify((tmp_path / "out.visavis").read_bytes(), RULEBOOK)
    assert readings == 2
    assert account.holds
    assert [log.cosigned and log.cosigned.size for log in account.logs] == [log.size for log in account.logs]
    assert account.logs[0].size == len(desk.logs[0])
