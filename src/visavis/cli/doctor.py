"""`visavis doctor`: what is wrong with a node and its surroundings, and how to mend it.

Lives here: the command, what it prints. Not here: the checks (`checks`).
Status: 0: nothing is wrong; 1: something is.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from visavis.cli.checks import Finding, Verdict, examine

MARKS = {Verdict.OK: "[green]✓[/]", Verdict.NOTE: "[yellow]·[/]", Verdict.WRONG: "[red]✗[/]"}


async def doctor(
    *,
    data: Path | None = None,
    host: str | None = None,
    port: int | None = None,
    udp_port: int | None = None,
    call_host: str | None = None,
    public_url: str | None = None,
    advertise: str | None = None,
    udp: bool | None = None,
    tcp: bool | None = None,
    json: bool = False,
) -> None:
    """Check this machine for a node, or a node that runs on it: ports, engine, database, clock, certificate.

    Nothing is changed. The settings are those of `visavis serve`, from the same variables of the environment.
    Exits with 1 if something is wrong.

    Parameters
    ----------
    data:
        Folder of the node's data (VISAVIS_DATA; default ./visavis-data).
    host:
        As of `visavis serve`, like the seven that follow.
    port:
        TCP port of the pages.
    udp_port:
        Port of the call, UDP and TCP.
    call_host:
        IP addresses to open it at.
    public_url:
        How browsers reach the node.
    advertise:
        IP addresses at which clients reach the call's port.
    udp:
        Whether the call takes datagrams.
    tcp:
        Whether it takes connections.
    json:
        Print the findings as JSON: {"ok": …, "checks": [{"check", "verdict", "found", "mend"}]}.
    """
    given = {
        "data": data,
        "host": host,
        "port": port,
        "udp_port": udp_port,
        "call_host": call_host,
        "public_url": public_url,
        "advertise": advertise,
        "udp": udp,
        "tcp": tcp,
    }
    findings = [finding async for finding in examine(given)]
    (as_json if json else in_words)(findings)
    if any(f.verdict is Verdict.WRONG for f in findings):
        sys.exit(1)


def as_json(findings: Sequence[Finding]) -> None:
    """One object on standard output."""
    ok = all(f.verdict is not Verdict.WRONG for f in findings)
    checks = [
        {"check": f.check, "verdict": f.verdict.value, "found": f.found, "mend": f.mend} for f in findings
    ]
    sys.stdout.write(json.dumps({"ok": ok, "checks": checks}, indent=2, ensure_ascii=False) + "\n")


def in_words(findings: Sequence[Finding]) -> None:
    """One line for each finding, and one more for how to mend it."""
    console = Console(highlight=False, soft_wrap=True)
    for f in findings:
        console.print(f"{MARKS[f.verdict]} [bold]{f.check}[/]", end=": ")
        console.print(f.found, markup=False)
        if f.mend:
            console.print(f"  → {f.mend}", markup=False)
