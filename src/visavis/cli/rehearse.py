"""`visavis rehearse`: play a scenario end to end on this machine, and report what was seen.

Lives here: the command, its progress display. Not here: the rehearsal (`visavis.rehearsal`), what stays open
afterwards (`visavis.rehearsal.keeping`).
"""

from __future__ import annotations

import signal
import time
from pathlib import Path

import anyio
from rich.console import Console

from visavis.errors import VisavisError
from visavis.rehearsal.keeping import Kept, keep_open
from visavis.rehearsal.play import CHAIRS, Day
from visavis.rehearsal.rehearse import Cast, Outcome, ours
from visavis.rehearsal.rehearse import rehearse as play
from visavis.rehearsal.scenario import read_scenario

INTERRUPTED = 130
"""The shell's status of a command that Ctrl-C ended."""


async def rehearse(scenario: Path, /, *, out: Path = Path("build/rehearsal"), keep: bool = False) -> int:
    """Rehearse a day of talks: a real node, both delegations in a real call, real signatures, and a report.

    The status is 0 only if all twelve facts were observed and the record verifies offline.

    Parameters
    ----------
    scenario:
        A scenario file (see examples/december/scenario.toml).
    out:
        Folder of the report (report.html, report.json), the bundle and the logs. What an earlier rehearsal left is
        replaced.
    keep:
        Leave the node running with the dialogue in it, and print links to open in a browser; Ctrl-C ends it.
    """
    console = Console(highlight=False, soft_wrap=True)
    read = read_scenario(scenario)
    began = time.monotonic()
    status, interrupted = 1, False
    with console.status("") as line:

        def told(step: str) -> None:
            """One line a step; while it lasts, the line below moves."""
            console.print(f"[dim]{time.monotonic() - began:6.1f} s[/]  {step}")
            line.update(f"[dim]{step} …[/]")

        async def stay(outcome: Outcome, day: Day, cast: Cast, url: str) -> None:
            nonlocal status
            conclude(console, outcome)
            status = 0 if outcome.held else 1
            if keep:
                line.update("[dim]The officers open a next talk …[/]")
                await keep_open(day, cast, url, lambda kept: show(console, kept), told)

        async with anyio.create_task_group() as tasks:

            async def listen() -> None:
                nonlocal interrupted
                with anyio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
                    async for _ in signals:
                        interrupted = True
                        line.update("[dim]Ending …[/]")
                        tasks.cancel_scope.cancel()

            tasks.start_soon(listen)
            try:
                await play(read, out, told=told, keep=stay)
            except (VisavisError, ExceptionGroup) as error:
                status = 1
                console.print("[red]The rehearsal ended early:[/]", ours(error).message)
                console.print(f"How far it came: {out / 'report.html'}. The logs are beside it.")
            tasks.cancel_scope.cancel()
    if interrupted and status:
        console.print(f"Interrupted. How far it came: {out / 'report.html'}.")
        return INTERRUPTED
    return status


def conclude(console: Console, outcome: Outcome) -> None:
    """The outcome in a few lines."""
    for name, fact in outcome.facts.items():
        mark = "[green]●[/]" if fact.held else "[red]○[/]"
        console.print(f"  {mark} {name:4} {fact.says}")
        if not fact.held:
            console.print(f"         observed: {fact.observed}", markup=False)
    if not outcome.account["holds"]:
        console.print("[red]The record does not verify:[/]")
        for fault in outcome.account["faults"][:10]:
            console.print(f"    {fault}", markup=False)
    words = "[green]Everything held[/]" if outcome.held else "[red]Not everything held[/]"
    console.print(f"{words}, in {outcome.took_s:.0f} s. Report: {outcome.out / 'report.html'}")


def show(console: Console, kept: Kept) -> None:
    """The links of what stays open."""
    console.print()
    console.print(
        "The node stays, and a next talk sits now. Open these in a browser, each side in one of its own:"
    )
    for chair in CHAIRS:
        console.print(f"  a delegate of side {chair.upper()} (good once):  [bold]{kept.links[chair]}[/]")
    console.print(f"  the room, once inside:           [bold]{kept.room}[/]")
    console.print(
        f"  the talk of the day:             [bold]{kept.url}/d/{kept.dialogue}/talks/{kept.concluded}[/]"
    )
    console.print(
        f"  its review:                      [bold]{kept.url}/d/{kept.dialogue}/talks/{kept.concluded}/review[/]"
    )
    console.print(f"  a journalist's page:             [bold]{kept.newsroom}[/]")
    console.print("Whoever comes by these links is admitted by their officer. Ctrl-C ends it.")
