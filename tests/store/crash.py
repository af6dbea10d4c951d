"""A node killed at its n-th write, thousands of times. Run by `test_crash`, with `crash.c` loaded before libc.

    python -m tests.store.crash RUNS FOLDER        prints one JSON line: runs, writes, what the kills left

Each run: a copy of a scenario's data folder; a process that opens it, enters acts, cosigns, and dies at one of its
writes to disk, before it, after half of its bytes, or after it; another that opens what is left. A kill damages
nothing: every act that was confirmed is at its place, at most the one that was being entered is there beside, no
cosignature that left is forgotten, the log key in force is there and no other, and the node goes on writing.
"""

from __future__ import annotations

import ctypes
import json
import os
import random
import shutil
import sys
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import anyio
from tests.dialogue.test_service import PROFILE, Clock, House, Officer, open_house
from tests.store.disk import NODE, PROPOSAL, found, quiet, talk

from visavis.dialogue.ledger import Ledger
from visavis.record import tiles
from visavis.record.checkpoint import parse_text
from visavis.record.note import parse_note

BEFORE, HALF, AFTER = range(3)
NEVER = -1

libc: Any = ctypes.CDLL(None)


@dataclass(frozen=True, slots=True)
class Scenario:
    """Where a run begins. folder: its data, or None for nothing yet. officers: who may act in it."""

    name: str
    folder: Path | None
    officers: list[Officer]


Tell = Callable[[dict[str, Any]], None]


async def act(folder: Path, officers: list[Officer], tell: Tell) -> None:
    """Enter a few acts, and tell of each once it is confirmed."""
    if officers:
        house = await open_house(folder / NODE, Clock())
        house.officers = officers
    else:
        house = await found(folder)
    for officer in (*house.officers, house.officers[0]):
        entry = await house.enter(officer, "dialogue.profile", **PROFILE)
        tell({"side": officer.session.side, "seq": entry.seq, "leaf": entry.leaf.hex()})
        entry = await house.enter(officer, "talks.propose", **PROPOSAL)
        tell({"side": officer.session.side, "seq": entry.seq, "leaf": entry.leaf.hex()})
        if officer is house.officers[0]:
            entry = await house.enter(officer, "dialogue.rotate-key")
            tell({"side": officer.session.side, "seq": entry.seq, "leaf": entry.leaf.hex()})
        note = await house.dialogues.checkpoint(house.ledger.id, officer.session.side)
        _, side, size, _ = parse_text(parse_note(note).text)
        tell({"cosigned": side, "size": size})
    await erase(house, tell)
    await house.store.close()


async def erase(house: House, tell: Tell) -> None:
    """Enter words, and have both sides erase them."""
    words = f"Words that are erased, {os.urandom(8).hex()}"
    entry = await house.enter(house.officers[0], "talks.propose", **PROPOSAL | {"title": {"en": words}})
    ((_, commitment),) = entry.signed.act["title"]
    tell(
        {
            "side": entry.signed.side,
            "seq": entry.seq,
            "leaf": entry.leaf.hex(),
            "words": words,
            "of": commitment,
        }
    )
    for officer in house.officers:
        entry = await house.enter(officer, "record.erase", commitment=commitment)
        tell({"side": entry.signed.side, "seq": entry.seq, "leaf": entry.leaf.hex(), "erased": True})


async def look(folder: Path, officers: list[Officer], told: list[dict[str, Any]], before: int) -> str:
    """What is left, held against what was told. Raises `AssertionError` if anything is not as it should be."""
    house = await open_house(folder / NODE, Clock())
    try:
        if not house.dialogues.ids:
            assert not told, "what was confirmed is gone"
            return "nothing founded yet"
        ledger = house.ledger
        assert ledger.stopped is None, f"stopped: {ledger.stopped}"
        assert not ledger.damaged, "a text is damaged"
        assert all(verdict is None for log in ledger.joint.verdicts for verdict in log), "an entry is void"
        entries = [one for one in told if "leaf" in one]
        for one in entries:
            log = ledger.leaves[ledger.index(one["side"])]
            assert len(log) > one["seq"], "an act that was confirmed is gone"
            assert log[one["seq"]] == bytes.fromhex(one["leaf"]), "an act that was confirmed is another"
        if officers:
            more = sum(state.size for state in ledger.states) - before - len(entries)
            assert more in (0, 1), f"{more} entries were never confirmed"
        for one in told:
            if "cosigned" in one:
                kept = [row for (side, _), row in ledger.cosigned.items() if side == one["cosigned"]]
                assert kept, "a cosignature is forgotten"
                assert kept[0].size >= one["size"], "a cosigner remembers less than it gave"
        for us, side in enumerate(ledger.sides):
            async with house.store.begin() as unit:
                (kept,) = await unit.log_keys(side)
            assert kept.key == ledger.key_in_force(us), "another log key is kept than the one in force"
        check_erased(folder, ledger, told)
        house.officers = officers
        for officer in officers:
            await house.enter(officer, "dialogue.profile", **PROFILE)
        return "goes on"
    finally:
        await house.store.close()


def check_erased(folder: Path, ledger: Ledger, told: list[dict[str, Any]]) -> None:
    """Erased by both, confirmed or not: no file of the node has the words. Erased by one: the other's copy is there."""
    for one in (each for each in told if "words" in each):
        erased = sum(one["of"] in log for log in ledger.joint.erased)
        assert erased >= sum("erased" in each for each in told), "an erasure that was confirmed is gone"
        assert (one["of"] in ledger.contents) is (erased < 2), "a text and its erasure do not agree"
        if erased == 2:
            for path in (each for each in folder.rglob("*") if each.is_file()):
                assert one["words"].encode() not in path.read_bytes(), (
                    f"erased words are still in {path.name}"
                )


def forked(
    work: Callable[[Tell], Awaitable[Any]], point: int, moment: int
) -> tuple[int, list[dict[str, Any]], int]:
    """Run `work` in a process that dies at its `point`-th write. Its status, what it told, its count of writes."""
    out, into = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(out)

        def tell(what: dict[str, Any]) -> None:
            os.write(into, json.dumps(what).encode() + b"\n")

        status = 1
        try:
            libc.crash_at(ctypes.c_long(point), moment)
            anyio.run(work, tell)
            writes = libc.crash_count()
            libc.crash_at(ctypes.c_long(NEVER), BEFORE)
            tell({"writes": writes})
            status = 0
        except BaseException as error:  # noqa: BLE001 - told to the parent, whatever it is
            libc.crash_at(ctypes.c_long(NEVER), BEFORE)
            tell({"failed": repr(error)})
        finally:
            os._exit(status)
    os.close(into)
    with os.fdopen(out, "rb") as pipe:
        told = [json.loads(line) for line in pipe.read().splitlines()]
    _, status = os.waitpid(pid, 0)
    writes = next((one["writes"] for one in told if "writes" in one), 0)
    return os.waitstatus_to_exitcode(status), [one for one in told if "writes" not in one], writes


def scenarios(folder: Path) -> list[Scenario]:
    """A node that is new; one in the midst; one whose next entries fill a tile, in each log in turn."""
    made = [Scenario("new", None, [])]
    for name, entries in (("midst", 4), ("tile", tiles.WIDTH - 2)):
        at = folder / name

        async def make(at: Path = at, entries: int = entries) -> list[Officer]:
            house: House = await found(at)
            if entries > 10:
                for officer in house.officers:
                    while house.ledger.states[house.ledger.index(officer.session.side)].size < entries:
                        await house.enter(officer, "dialogue.profile", **PROFILE)
            else:
                await talk(house, entries)
            await house.store.close()
            return house.officers

        made.append(Scenario(name, at, anyio.run(make)))
    return made


def main(runs: int, folder: Path) -> dict[str, Any]:
    quiet()
    libc.crash_count.restype = ctypes.c_long
    points: list[tuple[Scenario, int, int, int]] = []
    writes = {}
    for scenario in scenarios(folder):
        copy = fresh(scenario, folder / "count")
        status, told, count = forked(lambda tell, s=scenario, c=copy: act(c, s.officers, tell), 0, BEFORE)
        assert status == 0, told
        writes[scenario.name] = count
        before = size_of(scenario)
        points += [(scenario, before, n, m) for n in range(1, count + 1) for m in (BEFORE, HALF, AFTER)]
    draw = random.Random("crash")
    chosen = (
        [points[i % len(points)] for i in range(runs)] if runs >= len(points) else draw.sample(points, runs)
    )
    left: Counter[str] = Counter()
    killed = 0
    for scenario, before, n, moment in chosen:
        copy = fresh(scenario, folder / "run")
        status, told, _ = forked(lambda tell, s=scenario, c=copy: act(c, s.officers, tell), n, moment)
        where = f"{scenario.name}, write {n} of {writes[scenario.name]}, moment {moment}"
        assert not any("failed" in one for one in told), f"{where}: {told}"
        killed += status == 137

        async def check(
            tell: Tell, s: Scenario = scenario, c: Path = copy, t: Any = told, b: int = before
        ) -> None:
            tell({"left": await look(c, s.officers, t, b)})

        _, said, _ = forked(check, NEVER, BEFORE)
        assert "left" in said[-1], f"{where}: {said}"
        left[said[-1]["left"]] += 1
    return {
        "runs": len(chosen),
        "killed": killed,
        "points": len(points),
        "writes": writes,
        "left": dict(left),
    }


def size_of(scenario: Scenario) -> int:
    """Entries of both logs where the scenario begins."""
    if scenario.folder is None:
        return 0

    async def count(folder: Path = scenario.folder) -> int:
        house = await open_house(folder / NODE, Clock())
        await house.store.close()
        return sum(state.size for state in house.ledger.states)

    return anyio.run(count)


def fresh(scenario: Scenario, to: Path) -> Path:
    shutil.rmtree(to, ignore_errors=True)
    if scenario.folder is None:
        to.mkdir()
    else:
        shutil.copytree(scenario.folder, to)
    return to


if __name__ == "__main__":
    sys.stdout.write(json.dumps(main(int(sys.argv[1]), Path(sys.argv[2]))) + "\n")
