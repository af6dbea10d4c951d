"""`visavis quotes check`: a file against a node's data, in a process of its own."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from tests.talks.table import OFFICER, PRINCIPAL, Table, agreed_talk

from visavis.bootstrap import DATABASE, open_record
from visavis.cli.quotes import MAX_BYTES, lines, read_article
from visavis.dialogue.ports import ContentRow, FoundingRow, LogKeyRow
from visavis.errors import Malformed, Unavailable
from visavis.press.quotes import Released, check
from visavis.record import canonical
from visavis.store.sqlite import open_store

pytestmark = pytest.mark.anyio
ROOT = Path(__file__).resolve().parents[2]
SAID = "A guarantee that binds one of us protects neither of us."


def visavis(*arguments: str, cwd: Path, stdin: str = "") -> subprocess.CompletedProcess[str]:
    """Run the command line as a person does."""
    code = "from visavis.cli import main; main()"
    env = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT / "src"), "COLUMNS": "300", "PYTHONUTF8": "1"}
    command = [sys.executable, "-c", code, "quotes", "check", *arguments]
    return subprocess.run(
        command, cwd=cwd, env=env, input=stdin, capture_output=True, text=True, timeout=120, check=False
    )


@pytest.fixture
async def data(tmp_path: Path) -> Path:
    """A node's data with one readout released and one only cleared."""
    table = Table()
    talk = agreed_talk(table)
    table.do(OFFICER[0], "talks.conclude", talk=talk)
    for words in (SAID, "This was cleared and never released."):
        act = table.do(
            PRINCIPAL[0],
            "press.clear",
            talk=talk,
            kind="readout",
            texts={"en": {"title": "Readout", "text": words, "dateline": "Capital"}},
            initials="PS",
        )
        if words == SAID:
            table.do(PRINCIPAL[0], "press.release", release=act["release"], version=1)
    store = await open_store(tmp_path / DATABASE)
    async with store.begin() as unit:
        for s, side in enumerate(table.sides):
            statement = canonical.encode(table.foundings[s].to_json())
            seed = hashlib.sha256(f"log {s}".encode()).digest()
            await unit.add_founding(FoundingRow("pair", s, side, statement))
            await unit.keep_log_key(LogKeyRow(side, table.foundings[s].log_key, seed))
            for seq, judged in enumerate(table.states[s].judged):
                assert judged.entry is not None
                await unit.append_leaf(table.dialogue, side, seq, judged.entry.leaf)
        for commitment, (owner, content) in table.contents.items():
            audience = table.audience[commitment]
            row = (table.sides[owner], commitment, content.salt, content.data, content.language, audience)
            await unit.add_content(ContentRow(table.dialogue, *row))
    await store.close()
    return tmp_path


async def test_an_article_is_checked_against_what_was_released(data: Path) -> None:
    """Verbatim, altered with its difference, and not found: what was only cleared is not there to be quoted."""
    article = data / "article.txt"
    article.write_text(
        f"“{SAID}”\n\n“A guarantee that binds one of us protects nobody”, he said.\n\n“This was cleared and never"
        " released”, they wrote.",
        encoding="utf-8",
    )
    done = visavis(str(article), "--data", str(data), cwd=data)
    assert done.returncode == 1, done.stderr
    assert "Checked: 3; 1 verbatim, 1 altered, 1 not found." in done.stdout
    assert "[-neither of us-]" in done.stdout
    assert "{+nobody+}" in done.stdout
    assert "/newsroom/" in done.stdout


async def test_a_faithful_article_has_status_0(data: Path) -> None:
    """From standard input, as JSON: every quotation verbatim."""
    done = visavis("-", "--json", "--data", str(data), cwd=data, stdin=f"«{SAID}»")
    assert done.returncode == 0, done.stderr
    assert [q["finding"] for q in json.loads(done.stdout)["quotations"]] == ["verbatim"]


async def test_a_bundle_speaks_for_itself_if_it_verifies(data: Path) -> None:
    """What is public in a bundle can be quoted from it; a bundle with one byte changed proves nothing."""
    async with open_record(data) as dialogues:
        packed = await dialogues.export(dialogues.ids[0], None)
    bundle, article = data / "record.visavis", data / "article.txt"
    bundle.write_bytes(packed)
    article.write_text(f"“{SAID}”\n\n“This was cleared and never released”, they wrote.", encoding="utf-8")
    done = visavis(str(article), "--bundle", str(bundle), cwd=data)
    assert done.returncode == 1, done.stderr
    assert "Checked: 2; 1 verbatim, 0 altered, 1 not found." in done.stdout
    at = packed.index(b"binds one of us")
    bundle.write_bytes(packed[:at] + b"B" + packed[at + 1 :])
    done = visavis(str(article), "--bundle", str(bundle), cwd=data)
    assert (done.returncode, done.stdout) == (2, "")
    assert "does not verify" in done.stderr


async def test_what_cannot_be_checked_says_so(tmp_path: Path) -> None:
    """No file, no node's data, nothing to check: one calm line, and status 2."""
    article = tmp_path / "article.txt"
    article.write_text("words enough here", encoding="utf-8")
    for arguments in (
        (str(tmp_path / "nothing.txt"),),
        (str(article), "--data", str(tmp_path / "nowhere")),
        (str(article), "--node", "http://127.0.0.1:1"),
    ):
        done = visavis(*arguments, cwd=tmp_path)
        assert done.returncode == 2, done.stdout
        assert done.stderr.startswith("visavis: ")
        assert len(done.stderr.splitlines()) == 1


def test_a_file_that_is_no_article_is_refused(tmp_path: Path) -> None:
    """Other bytes than UTF-8, a folder, and a file beyond the budget are refused in words."""
    (tmp_path / "picture").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(Malformed):
        read_article(tmp_path / "picture")
    (tmp_path / "large").write_bytes(b"a" * (MAX_BYTES + 1))
    with pytest.raises(Malformed):
        read_article(tmp_path / "large")
    with pytest.raises(Unavailable):
        read_article(tmp_path)


def test_hostile_words_do_not_command_the_terminal() -> None:
    """Control characters and marks that turn the line are not printed."""
    report = check("“two \x1b[2J words \u202e here”", (Released("/r", "en", ("two words",)),))
    assert all(c.isprintable() and c != "\u202e" for line in lines(report) for c in line)
