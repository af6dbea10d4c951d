"""Lock files pin names, versions and hashes, and name no host."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Callable
from pathlib import Path

import pytest

SCRIPT = Path(__file__).resolve().parents[2] / "scripts/check_locks.py"
spec = importlib.util.spec_from_file_location("check_locks", SCRIPT)
assert spec is not None
assert spec.loader is not None
check_locks = importlib.util.module_from_spec(spec)
spec.loader.exec_module(check_locks)

CLEAN_NPM = {
    "packages": {"": {"name": "x"}, "node_modules/a": {"version": "1.0.0", "integrity": "sha512-AA"}}
}
HOSTED_NPM = {
    "packages": {"node_modules/a": {"integrity": "sha512-AA", "resolved": "https://host.example/a"}}
}
BARE_NPM = {"packages": {"node_modules/a": {"version": "1.0.0"}}}


def test_the_locks_of_this_project_are_clean() -> None:
    """Every lock of the project is there and names no host."""
    assert check_locks.main() == 0


@pytest.mark.parametrize(
    ("read", "text"),
    [
        (check_locks.python_lock, "a==1 \\\n    --hash=sha256:00\n"),
        (check_locks.npm_lock, json.dumps(CLEAN_NPM)),
        (check_locks.cargo_lock, f'source = "{check_locks.CARGO_DEFAULT}"\n'),
        (check_locks.npmrc, "omit-lockfile-registry-resolved=true\n"),
    ],
)
def test_a_clean_lock_passes(read: Callable[[str], list[str]], text: str) -> None:
    """A lock of names, versions and hashes has no fault."""
    assert read(text) == []


@pytest.mark.parametrize(
    ("read", "text"),
    [
        (check_locks.python_lock, "--index-url https://host.example/simple\na==1\n"),
        (check_locks.python_lock, "--find-links wheels\na==1\n"),
        (check_locks.python_lock, "a @ https://host.example/a.whl\n"),
        (check_locks.npm_lock, json.dumps(HOSTED_NPM)),
        (check_locks.npm_lock, json.dumps(BARE_NPM)),
        (check_locks.cargo_lock, 'source = "registry+https://host.example/index"\n'),
        (check_locks.cargo_lock, 'source = "git+https://host.example/a.git#0123"\n'),
        (check_locks.npmrc, "registry=https://host.example/\n"),
    ],
)
def test_a_host_in_a_lock_is_found(read: Callable[[str], list[str]], text: str) -> None:
    """A lock that names a host, a place to look or nothing to check by has a fault."""
    assert read(text)
