"""`visavis rehearse`, the command itself, in a process of its own: media, record, report, and how it fails."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

pytestmark = [pytest.mark.media, pytest.mark.slow]

ROOT = Path(__file__).parents[2]
SCENARIO = (ROOT / "examples" / "december" / "scenario.toml").read_text(encoding="utf-8")
LIMIT_S = 240


def short(text: str) -> str:
    """The December scenario with the principals alone in the call, and one second a turn."""
    head, _, rest = text.partition("turns = [\n")
    turns, _, tail = rest.partition("]\n")
    kept = [line for line in turns.splitlines() if '"adviser"' not in line]
    lines = "\n".join(
        line.replace("seconds = 3", "seconds = 1").replace("seconds = 2", "seconds = 1") for line in kept
    )
    return f"{head}turns = [\n{lines}\n]\n{tail}".replace(
        '{ role = "adviser", seat = true }', '{ role = "adviser" }'
    )


def command(scenario: str, folder: Path) -> subprocess.Popen[str]:
    """Start the rehearsal as a person does."""
    path = folder / "scenario.toml"
    path.write_text(scenario, encoding="utf-8")
    arguments = [sys.executable, "-m", "visavis", "rehearse", str(path), "--out", str(folder / "out")]
    env = {**os.environ, "PYTHONPATH": str(ROOT / "src"), "COLUMNS": "200"}
    return subprocess.Popen(
        arguments, cwd=folder, env=env, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )


def report_of(folder: Path) -> dict[str, Any]:
    report: dict[str, Any] = json.loads((folder / "out" / "report.json").read_text(encoding="utf-8"))
    return report


def processes_of(folder: Path) -> list[str]:
    """Command lines of what still runs for that rehearsal."""
    found = []
    for each in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = each.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if str(folder) in words:
            found.append(words)
    return found


def node_of(folder: Path) -> int:
    """The node's process id, once it has said it."""
    marker = folder / "out" / "data" / "serving.json"
    ends = time.monotonic() + LIMIT_S
    while time.monotonic() < ends:
        try:
            return int(json.loads(marker.read_text())["pid"])
        except (OSError, ValueError):
            time.sleep(0.05)
    raise AssertionError("the node never came up")


def test_a_rehearsed_day_holds(tmp_path: Path) -> None:
    """Status 0, twelve facts held with their places, a bundle that verifies, and nothing left running."""
    done = command(short(SCENARIO), tmp_path)
    said, complaints = done.communicate(timeout=LIMIT_S)
    assert done.returncode == 0, said + complaints
    assert complaints == ""
    report = report_of(tmp_path)
    assert report["held"] is True
    assert len(report["facts"]) == 12
    assert all(fact["held"] and fact["where"] for fact in report["facts"].values())
    for seat in report["seats"].values():
        for saw in seat["saw"].values():
            assert saw["frames_decoded"] >= 10
            assert saw["voiced_s"] > 0.5
    assert list((tmp_path / "out").glob("*.visavis"))
    assert processes_of(tmp_path) == []


def test_a_false_expectation_is_told(tmp_path: Path) -> None:
    """A quotation expected verbatim that was altered: status 1, S10 alone did not hold."""
    false = short(SCENARIO).replace('finding = "altered"', 'finding = "verbatim"')
    done = command(false, tmp_path)
    said, complaints = done.communicate(timeout=LIMIT_S)
    assert done.returncode == 1, said + complaints
    assert "Not everything held" in said
    report = report_of(tmp_path)
    assert report["held"] is False
    assert [name for name, fact in report["facts"].items() if not fact["held"]] == ["S10"]


@pytest.mark.parametrize("how", ["node", "interrupt"])
def test_a_day_that_breaks_says_so(how: str, tmp_path: Path) -> None:
    """The node dies, or the person ends it: one calm line, no traceback, no orphan, and a report of how far it came."""
    running = command(short(SCENARIO), tmp_path)
    node = node_of(tmp_path)
    # In the middle of it: once the delegations have come.
    assert running.stdout is not None
    said = ""
    for line in running.stdout:
        said += line
        if "The delegations come" in line:
            break
    os.kill(node if how == "node" else running.pid, signal.SIGKILL if how == "node" else signal.SIGINT)
    rest, complaints = running.communicate(timeout=LIMIT_S)
    said += rest
    assert running.returncode not in (0, None)
    assert "Traceback" not in said + complaints
    assert ("ended early" if how == "node" else "Interrupted") in said
    report = report_of(tmp_path)
    assert report["held"] is False
    assert report["failure"]["step"]
    assert processes_of(tmp_path) == []
