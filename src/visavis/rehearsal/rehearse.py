"""A whole rehearsal: the node, the seats, the day, the verification, the facts, the report.

Lives here: `rehearse`, `Outcome`. Not here: any of its parts.
"""

from __future__ import annotations

import json
import shutil
import sys
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import anyio
import structlog

from visavis.dialogue.model import Role
from visavis.errors import Unavailable, VisavisError
from visavis.rehearsal.facts import Fact, all_held, facts
from visavis.rehearsal.play import CHAIRS, OFFICER, Day
from visavis.rehearsal.report import write_report
from visavis.rehearsal.scenario import Chair, Scenario
from visavis.rehearsal.stage import PublicReader, SeatProcess, ServerProcess, seat_process

log = structlog.get_logger(__name__)

COLOURS: dict[Chair, tuple[int, int, int]] = {"a": (36, 63, 92), "b": (107, 70, 40)}
"""Prussian blue and umber: the two sides' colours on every page."""

BUNDLE = "record.visavis"


@dataclass(frozen=True, slots=True)
class Outcome:
    """How it went. held: whether every fact and every check of the record held."""

    held: bool
    facts: dict[str, Fact]
    account: dict[str, Any]
    took_s: float
    out: Path


@dataclass(slots=True)
class Cast:
    """The processes of everybody, by chair and role, and who has which voice."""

    people: dict[Chair, dict[Role, SeatProcess]]
    seats: dict[Chair, dict[Role, SeatProcess]]
    numbers: dict[str, int]


async def rehearse(
    scenario: Scenario,
    out: Path,
    *,
    told: Callable[[str], None],
    keep: Callable[[Outcome, Day, Cast, str], Awaitable[None]] | None = None,
) -> Outcome:
    """Play `scenario` against a fresh node; leave the report, the bundle and the logs in `out`.

    told: progress, one line a step. keep: called at the end, with the node still running, until it returns.
    Raises what a step raised, and is cancelled like any other: the report then says how far it came. No process
    that was started here outlives the call.
    """
    began = time.monotonic()
    prepare(out)
    server = ServerProcess(out / "data", out / "node.log")
    async with AsyncExitStack() as stack:
        told("A node starts on a loopback port")
        serving = await server.start()
        stack.push_async_callback(server.stop)
        cast = await gather(stack, scenario, serving.url, out)
        day = Day(scenario, cast.people, cast.seats, PublicReader(serving.url), told)
        before_s, before_at = server.cpu_s(), time.monotonic()
        account: dict[str, Any] = {"holds": False, "agreements": [], "faults": []}

        async def tell(failure: VisavisError | None) -> dict[str, Fact]:
            """Judge what was observed, and write the report."""
            load = {"cpu_s": server.cpu_s() - before_s, "wall_s": time.monotonic() - before_at}
            load["packets"] = await server.packets()
            found = facts(scenario, day.observed, account, cast.numbers) if day.observed.ids else {}
            took_s = time.monotonic() - began
            await anyio.to_thread.run_sync(
                lambda: write_report(out, scenario, day.observed, found, account, load, took_s, failure)
            )
            return found

        try:
            await play(day, serving.founding_links)
            async with day.step("The record is exported, and verified offline in another process"):
                bundle = out / BUNDLE
                bundle.write_bytes(await cast.people["a"][OFFICER].bundle())
                account = await verify_apart(bundle)
        except (VisavisError, ExceptionGroup) as error:
            failure = ours(error)
            await tell(failure)
            raise failure from error
        except anyio.get_cancelled_exc_class():
            with anyio.CancelScope(shield=True):
                await tell(Unavailable("it was interrupted"))
            raise
        found = await tell(None)
        held = all_held(found) and bool(account["holds"])
        outcome = Outcome(held, found, account, time.monotonic() - began, out)
        if keep is not None:
            await keep(outcome, day, cast, serving.url)
    return outcome


def ours(error: BaseException) -> VisavisError:
    """The first error of ours in a group of errors. Raises `error` again if there is none."""
    found: list[BaseException] = [error]
    for each in found:
        if isinstance(each, VisavisError):
            return each
        if isinstance(each, BaseExceptionGroup):
            found += each.exceptions
    raise error


def prepare(out: Path) -> None:
    """An empty folder for this rehearsal; what an earlier one left there goes."""
    out.mkdir(parents=True, exist_ok=True)
    shutil.rmtree(out / "data", ignore_errors=True)
    for old in (*out.glob("*.log"), *out.glob("*.visavis"), out / "report.html", out / "report.json"):
        old.unlink(missing_ok=True)


async def gather(stack: AsyncExitStack, scenario: Scenario, url: str, out: Path) -> Cast:
    """One process for each delegate of both sides, the officers among them."""
    people: dict[Chair, dict[Role, SeatProcess]] = {"a": {}, "b": {}}
    seats: dict[Chair, dict[Role, SeatProcess]] = {"a": {}, "b": {}}
    numbers: dict[str, int] = {}
    seated = {(c, p.role) for c in CHAIRS for p in scenario.sides[c].delegates if p.seat}
    for chair in CHAIRS:
        for role in (OFFICER, *(p.role for p in scenario.sides[chair].delegates)):
            name = f"{role.replace('-', ' ').capitalize()} of side {chair.upper()}"
            sits = (chair, role) in seated
            process = await stack.enter_async_context(
                seat_process(url, name, len(numbers), COLOURS[chair], out / "seats.log")
            )
            people[chair][role] = process
            if sits:
                seats[chair][role] = process
                numbers[name] = len(numbers)
    return Cast(people, seats, numbers)


async def play(day: Day, links: tuple[str, ...]) -> None:
    """The steps of the day, in order."""
    await day.found(links)
    await day.admit()
    await day.enter_earlier()
    await day.prepare()
    await day.refuse_the_others_matters()
    await day.sit()
    await day.tell_the_press()
    await day.look("closed")


async def verify_apart(bundle: Path) -> dict[str, Any]:
    """`visavis record verify BUNDLE --json` in a process that has no node, no database and no network to ask."""
    command = [sys.executable, "-m", "visavis", "record", "verify", str(bundle), "--json"]
    done = await anyio.run_process(command, check=False)
    try:
        account: dict[str, Any] = json.loads(done.stdout)
    except ValueError:
        account = {"holds": False, "agreements": [], "faults": [{"message": done.stderr.decode()[-400:]}]}
    # The process's own word counts: an account that claims to hold with another status does not.
    account["status"] = done.returncode
    account["holds"] = bool(account.get("holds")) and done.returncode == 0
    return account
