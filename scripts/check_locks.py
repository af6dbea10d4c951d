"""Check that no lock file says where packages come from.

A lock pins names, versions and hashes. The registry is the builder's own choice, which the machine
tells to pip, npm and cargo. A host in a lock would send every builder to that host.

Lives here: reading the locks and each .npmrc.
Not here: making them (`make lock`, `npm install`, `cargo update`).
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

# Cargo's fixed name of its default registry: every Cargo.lock carries it, whatever mirror serves the crates.
CARGO_DEFAULT = "registry+https://github.com/rust-lang/crates.io-index"
PYTHON_HOST = re.compile(
    r"://|^\s*--(?:index-url|extra-index-url|find-links|trusted-host)|^\s*\S+\s+@\s", re.MULTILINE
)


def python_lock(text: str) -> list[str]:
    """Say every place in a requirements file that names a host or a place to look."""
    return [f"names a place: {match.group().strip()}" for match in PYTHON_HOST.finditer(text)]


def npm_lock(text: str) -> list[str]:
    """Say every package of a package-lock.json that records where it was fetched, or lacks its hash."""
    faults = []
    for name, package in json.loads(text).get("packages", {}).items():
        if not name or package.get("link"):
            continue
        if "resolved" in package:
            faults.append(f"{name}: `resolved` names a host (set omit-lockfile-registry-resolved=true)")
        if "integrity" not in package:
            faults.append(f"{name}: no `integrity`")
    return faults


def cargo_lock(text: str) -> list[str]:
    """Say every source in a Cargo.lock that is not cargo's default registry."""
    sources = re.findall(r'^source = "(.*)"$', text, re.MULTILINE)
    return [f"another source: {source}" for source in sorted(set(sources)) if source != CARGO_DEFAULT]


def npmrc(text: str) -> list[str]:
    """Say every line of an .npmrc that names a registry or carries a token."""
    return [f"line {at}: names a registry" for at, line in enumerate(text.splitlines(), 1) if "//" in line]


LOCKS = {
    "requirements.lock": python_lock,
    "scripts/tools.lock": python_lock,
    "client/package-lock.json": npm_lock,
    "client/.npmrc": npmrc,
    "tests/conformance/rtc_node/package-lock.json": npm_lock,
    "tests/conformance/rtc_node/.npmrc": npmrc,
    "Cargo.lock": cargo_lock,
    "crates/sfu/fuzz/Cargo.lock": cargo_lock,
}


def main() -> int:
    """Print one line for each fault; the exit status is 1 if there is any, or if a lock is not there."""
    faults = []
    for name, read in LOCKS.items():
        path = ROOT / name
        if path.is_file():
            faults += [f"{name}: {fault}" for fault in read(path.read_text(encoding="utf-8"))]
        else:
            faults.append(f"{name}: is not there")
    for fault in faults:
        print(fault, file=sys.stderr)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
