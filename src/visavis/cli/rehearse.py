"""`visavis rehearse`: play a scenario end to end on this machine, and report what was seen.

Lives here: the command, its progress display, `--keep`. Not here: the rehearsal (`visavis.rehearsal`).
"""

from __future__ import annotations

import time
from pathlib import Path

import anyio
from rich.console import Console

from visavis.dialogue.model import Role
from visavis.errors import Refused, Unavailable, VisavisError
from visavis.rehearsal.play import CHAIRS, OFFICER, Day
from visavis.rehearsal.rehearse import Cast, Outcome
from visavis.rehearsal.rehearse import rehearse as play
from visavis.rehearsal.scenario import read_scenario

ADMIT_EVERY_S = 0.5


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
    console = Console(highlight=False)
    read = read_scenario(scenario)
    began = time.monotonic()

    def told(step: str) -> None:
        console.print(f"[dim]{time.monotonic() - began:6.1f} s[/]  {step}")

    async def stay(day: Day, cast: Cast, url: str) -> None:
        await keep_open(day, cast, url, console)

    try:
        outcome = await play(read, out, told=told, keep=stay if keep else None)
    except VisavisError as error:
        console.print(f"[red]The rehearsal ended early:[/] {error.message}")
        console.print(f"The logs are in {out}.")
        return 1
    conclude(console, outcome)
    return 0 if outcome.held else 1


def conclude(console: Console, outcome: Outcome) -> None:
    """The outcome in a few lines."""
    for name, fact in outcome.facts.items():
        mark = "[green]●[/]" if fact.held else "[red]○[/]"
        console.print(f"  {mark} {name:4} {fact.says}")
        if not fact.held:
            console.print(f"         observed: {fact.observed}")
    if not outcome.account["holds"]:
        console.print("[red]The record does not verify:[/]")
        for fault in outcome.account["faults"][:10]:
            console.print(f"    {fault}")
    words = "[green]Everything held[/]" if outcome.held else "[red]Not everything held[/]"
    console.print(f"{words}, in {outcome.took_s:.0f} s. Report: {outcome.out / 'report.html'}")


async def keep_open(day: Day, cast: Cast, url: str, console: Console) -> None:
    """Print links for a person's browser; admit whoever enrols by them; until interrupted."""
    base = f"/api/dialogues/{day.dialogue}"
    console.print()
    console.print("The node stays. Open these in a browser (each delegate's link opens once):")
    for chair in CHAIRS:
        officer = cast.people[chair][OFFICER]
        name = f"Visiting principal of side {chair.upper()}"
        invited = await officer.post(f"{base}/invitations", {"name": name, "role": Role.PRINCIPAL})
        console.print(f"  a delegate of side {chair.upper()}:  [bold]{invited['link']}[/]")
    side = day.sides["a"]
    console.print(f"  a journalist's page:    [bold]{url}/newsroom/{side}[/]")
    console.print(f"  the talk:               [bold]{url}/d/{day.dialogue}/talks/{day.talk}[/]")
    console.print(f"  the room:               [bold]{url}/d/{day.dialogue}/talks/{day.talk}/room[/]")
    console.print("Ctrl-C ends it.")
    while True:
        for chair in CHAIRS:
            try:
                await admit_visitors(day, cast, chair, base)
            except (Refused, Unavailable) as error:
                console.print(f"[dim]{error.message}[/]")
        await anyio.sleep(ADMIT_EVERY_S)


async def admit_visitors(day: Day, cast: Cast, chair: str, base: str) -> None:
    """What the officer of a side does when somebody has enrolled: admit the credential."""
    officer = cast.people[chair][OFFICER]  # type: ignore[index]
    for enrolment in (await officer.get(f"{base}/enrolments"))["enrolments"]:
        await officer.act("dialogue.admit", enrolment=enrolment["id"], role=enrolment["role"])
