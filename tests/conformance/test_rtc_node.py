"""The end-to-end tests that LiveKit's Node SDK ships with itself pass on our engine, all of them.

Lives here: their installing (npm, by the lock in `rtc_node/`) and their running (vitest, one after another).
Not here: the tests themselves: they are in the package.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest
from tests.conformance.servers import DEV_KEY, DEV_SECRET, ROOT

pytestmark = [pytest.mark.media, pytest.mark.slow]

HERE = Path(__file__).resolve().parent / "rtc_node"
CASES = 29
LIMIT_S = 420
"""A minute where nothing else runs; twenty seconds of it are one case, a stream that the SDK paces itself."""


def run(command, **options):
    """A program that has to succeed; pytest says what it said if it does not."""
    path = os.pathsep.join([str(ROOT / ".tools/node/bin"), os.environ["PATH"]])
    program = shutil.which(command[0], path=path)
    assert program is not None, f"no {command[0]}: `make setup` brings it"
    options["env"] = {**os.environ, **options.get("env", {}), "PATH": path}
    return subprocess.run([program, *command[1:]], capture_output=True, text=True, check=False, **options)


@pytest.fixture(scope="session")
def suite():
    """The folder of the SDK's sources with its tests, beside what they need; installed once for each lock."""
    made_from = [HERE / name for name in ("package.json", "package-lock.json", ".npmrc")]
    digest = hashlib.sha256(b"".join(path.read_bytes() for path in made_from)).hexdigest()[:16]
    home = ROOT / "build" / "conformance" / f"rtc-node-{digest}"
    if not (home / "src").is_dir():
        shutil.rmtree(home, ignore_errors=True)
        home.mkdir(parents=True)
        for path in made_from:
            shutil.copy(path, home)
        done = run(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"], cwd=home)
        assert done.returncode == 0, done.stderr
        # Out of node_modules, where vitest takes files for built ones and runs no test.
        shutil.copytree(home / "node_modules/@livekit/rtc-node/src", home / "src.new")
        (home / "src.new").rename(home / "src")
    return home


def test_rtc_nodes_own(engine, suite, tmp_path):
    """All of rtc-node's end-to-end tests run, and pass."""
    report = tmp_path / "report.json"
    env = {"LIVEKIT_URL": engine.url, "LIVEKIT_API_KEY": DEV_KEY, "LIVEKIT_API_SECRET": DEV_SECRET}
    command = ["node", "node_modules/vitest/vitest.mjs", "run", "src/tests", "--no-file-parallelism"]
    # They are written to run at once; on two cores their clients then starve each other.
    command += ["--maxConcurrency=1", "--reporter=json", f"--outputFile={report}"]
    done = run(command, cwd=suite, env=env, timeout=LIMIT_S)
    assert report.is_file(), done.stdout[-3000:] + done.stderr[-3000:]
    cases = [
        case for file in json.loads(report.read_text())["testResults"] for case in file["assertionResults"]
    ]
    failed = [(c["fullName"], c["failureMessages"][:1]) for c in cases if c["status"] != "passed"]
    assert not failed
    assert len(cases) == CASES
