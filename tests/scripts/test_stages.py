"""Stages run all, tell all, and fail if one fails."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path

STAGES = Path(__file__).resolve().parents[2] / "scripts/stages.sh"


def stages(*named: str) -> tuple[int, str]:
    """Run `scripts/stages.sh` and return its exit status and what it printed."""
    done = subprocess.run(
        [str(STAGES), "title", *named], capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL
    )
    return done.returncode, done.stdout


def test_all_stages_succeed() -> None:
    """Where every stage succeeds the exit status is 0 and each has its line at the end."""
    status, told = stages("first: true", "second: echo two: three")
    assert status == 0
    assert "two: three" in told
    assert [line.split()[:2] for line in told.splitlines()[-2:]] == [["ok", "first"], ["ok", "second"]]


def test_one_stage_fails() -> None:
    """A stage that fails makes the whole fail, and the stages after it run all the same."""
    status, told = stages("first: false", "second: echo reached")
    assert status == 1
    assert "reached" in told
    assert [line.split()[:2] for line in told.splitlines()[-2:]] == [["FAILED", "first"], ["ok", "second"]]


def test_a_stage_fails_in_a_pipe() -> None:
    """A failure at the head of a pipe is not hidden by its tail."""
    assert stages("first: false | cat")[0] == 1


def test_a_stage_beside_another(tmp_path: Path) -> None:
    """A stage marked with & runs while the next one does; the one after waits for both, and each is told whole."""
    one, other = tmp_path / "one", tmp_path / "other"
    for fifo in (one, other):
        os.mkfifo(fifo)
    # Neither ends unless the other runs meanwhile.
    status, told = stages(
        f"first &: echo to; cat {one}; echo fro >{other}; false",
        f"second: echo there >{one}; cat {other}",
        "third: echo after",
    )
    assert status == 1
    *said, first, second, third = [line for line in told.splitlines() if not line.startswith("\x1b")]
    assert said == ["fro", "to", "there", "after"]
    assert [line.split()[:2] for line in (first, second, third)] == [
        ["FAILED", "first"],
        ["ok", "second"],
        ["ok", "third"],
    ]


def test_a_stage_beside_nothing() -> None:
    """A stage marked with & that nothing follows is waited for, too."""
    status, told = stages("first: true", "second &: echo reached; false")
    assert status == 1
    assert "reached" in told
    assert [line.split()[:2] for line in told.splitlines()[-2:]] == [["ok", "first"], ["FAILED", "second"]]


def test_a_stage_beside_another_ends_with_all(tmp_path: Path) -> None:
    """Who interrupts the stages ends the one beside, too."""
    alive = tmp_path / "alive"
    os.mkfifo(alive)
    process = subprocess.Popen(
        [str(STAGES), "title", f"first &: exec sleep infinity >{alive}", "second: sleep infinity"],
        stdout=subprocess.DEVNULL,
        start_new_session=True,
    )
    with alive.open() as held:  # by the stage, until it ends
        os.killpg(process.pid, signal.SIGINT)
        assert process.wait() == 130
        assert held.read() == ""
