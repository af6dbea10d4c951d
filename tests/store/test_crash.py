"""`kill -9` between any two writes, in the midst of one, and after it: nothing that was confirmed is lost.

`CRASH_RUNS=n` tries n points instead of a few; every point has its turn from some hundreds on.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
RUNS = int(os.environ.get("CRASH_RUNS", "60"))


def test_a_kill_at_any_write_loses_nothing(tmp_path: Path) -> None:
    """A node killed at a write, whichever, comes back with every confirmed act, its memory, and goes on."""
    library = tmp_path / "crash.so"
    source = Path(__file__).with_name("crash.c")
    subprocess.run(["cc", "-shared", "-fPIC", "-o", library, source, "-ldl"], check=True, timeout=60)
    env = os.environ | {"LD_PRELOAD": str(library), "PYTHONPATH": f"{ROOT / 'src'}:{ROOT}"}
    (folder := tmp_path / "data").mkdir()
    done = subprocess.run(
        [sys.executable, "-m", "tests.store.crash", str(RUNS), folder],
        env=env,
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=60 + 5 * RUNS,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    told = json.loads(done.stdout.splitlines()[-1])
    sys.stdout.write(f"{told}\n")
    assert told["runs"] == RUNS
    assert told["killed"] > RUNS // 2
    assert min(told["writes"].values()) > 20
