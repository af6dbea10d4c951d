"""The programs of others that read our files, built from the Go module proxy.

Lives here: `programs`. Not here: what they are asked (test_interop.py), what they say (main.go).
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
BUILD = ROOT / "build" / "interop"
FSCK = "github.com/transparency-dev/tessera/cmd/fsck"


@pytest.fixture(scope="session")
def programs() -> Path:
    """The folder of `tlogcheck` (torchwood) and `fsck` (tessera), built as go.mod and go.sum pin them.

    Go keeps what it built by the sources' hashes: half a minute the first time, a third of a second after.
    """
    path = os.pathsep.join([str(ROOT / ".tools/go/bin"), os.environ["PATH"]])
    go = shutil.which("go", path=path)
    if go is None:
        pytest.fail("no Go: scripts/system-packages.sh go brings it (`make test` calls it)", pytrace=False)
    # Without C: the same programs, and nothing of the machine's in them.
    env = {**os.environ, "PATH": path, "CGO_ENABLED": "0"}
    command = [go, "build", "-mod=readonly", "-buildvcs=false", "-o", f"{BUILD}{os.sep}", ".", FSCK]
    done = subprocess.run(command, cwd=HERE, env=env, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.fail(f"go build failed:\n{done.stderr}", pytrace=False)
    return BUILD
