"""Stages run all, tell all, and fail if one fails."""

from __future__ import annotations

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
