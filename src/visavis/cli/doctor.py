"""`visavis doctor`: what is wrong with a node and its surroundings, and how to mend it.

Lives here: the command, what it prints. Not here: the checks (`checks`).
Status: 0: nothing is wrong; 1: something is.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence

from rich.console import Console

from visavis.cli.checks import Finding, Verdict, examine
from visavis.cli.options import Options

MARKS = {Verdict.OK: "[green]✓[/]", Verdict.NOTE: "[yellow]·[/]", Verdict.WRONG: "[red]✗[/]"}


async def doctor(*, options: Options | None = None, json: bool = False) -> None:
    """Check this machine for a node, or a node that runs on it: ports, engine, database, clock, certificate.

    Nothing is changed. The settings are those of `visavis serve`, from the same variables of the environment.
    Exits with 1 if something is wrong.

    Parameters
    ----------
    json:
        Print the findings as JSON: {"ok": …, "checks": [{"check", "verdict", "found", "mend"}]}.
    """
    findings = [finding async for finding in examine(vars(options or Options()))]
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
