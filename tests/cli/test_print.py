"""`visavis record print`, in a process of its own: a bundle in, a side's copy out (record.md §15)."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from tests.cli.test_record import visavis
from tests.paper.lab import agreed, told
from tests.paper.test_sealing import pdfsig
from tests.verification.desk import DIALOGUE, SIDES, Desk

from visavis.paper.sealing import make_seal


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    desk = Desk().founded()
    agreed(desk)
    path = tmp_path / "record.visavis"
    path.write_bytes(desk.bundle())
    return path


def test_print_says_that_a_bundle_holds_no_key(bundle: Path) -> None:
    """Without `--seal` the copy is unsealed, and the command says so; a file is not written over."""
    done = visavis("print", str(bundle), "--side", SIDES[1], cwd=bundle.parent)
    assert (done.returncode, done.stderr) == (0, "")
    name, said = done.stdout.splitlines()
    assert said == "unsealed: a bundle holds no key"
    assert told((bundle.parent / name).read_bytes()).startswith("Copy of Side B")
    again = visavis("print", str(bundle), "--side", SIDES[1], cwd=bundle.parent)
    assert again.returncode == 2
    assert "is there already" in again.stderr


def test_print_seals_with_the_key_that_is_given(bundle: Path) -> None:
    """With `--seal` Poppler accepts the seal, and the command names its certificate."""
    seal = make_seal(DIALOGUE, SIDES[0], "Side A", datetime.now(UTC))
    (bundle.parent / "seal.pem").write_bytes(seal.to_pem())
    done = visavis(
        "print", str(bundle), "--side", SIDES[0], "--seal", "seal.pem", "--out", "a.pdf", cwd=bundle.parent
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == ["a.pdf", f"sealed: certificate {seal.fingerprint}"]
    said = pdfsig((bundle.parent / "a.pdf").read_bytes(), bundle.parent / "checked.pdf")
    assert "Signature is Valid." in said


@pytest.mark.parametrize(
    "arguments",
    [
        ("--side", "none"),
        ("--side", SIDES[0], "--understanding", "none"),
        ("--side", SIDES[0], "--seal", "none"),
    ],
)
def test_print_of_what_is_not_there(bundle: Path, arguments: tuple[str, ...]) -> None:
    """No such side, understanding or key: one line, status 2, nothing written."""
    done = visavis("print", str(bundle), *arguments, cwd=bundle.parent)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert [each.name for each in bundle.parent.iterdir()] == [bundle.name]
