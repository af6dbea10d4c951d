"""`kill -9` of the node at moments of the day: the talk goes on, and nothing that was confirmed is lost."""

from __future__ import annotations

from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

import anyio
import pytest
from tests.flows.test_day import day_of

from visavis.dialogue.model import Role
from visavis.rehearsal.delegate import Delegate
from visavis.rehearsal.logs import LogReader
from visavis.rehearsal.play import CHAIRS, OFFICER, Day
from visavis.rehearsal.stage import ServerProcess
from visavis.rulebook import EDITION_1

pytestmark = [pytest.mark.anyio, pytest.mark.slow]


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[ServerProcess]:
    process = ServerProcess(tmp_path / "data", tmp_path / "node.log")
    await process.start()
    yield process
    await process.stop()


class KilledDay(Day):
    """The day, with the node killed after the steps named and before every `often`-th act."""

    server: ServerProcess
    often = 17
    kills = 0
    acts = 0

    async def act(self, chair, role, command, /, **fields):
        self.acts += 1
        if self.acts % self.often == 0:
            await self.kill()
        return await super().act(chair, role, command, **fields)

    async def kill(self):
        """Kill without warning, start again at the same ports."""
        await self.server.kill()
        await self.server.start()
        self.kills += 1


async def both_read_on(readers: dict[str, LogReader]) -> None:
    """Until both have read equally far: between their reading the node may have written a receipt."""
    with anyio.fail_after(60):
        while True:
            for reader in readers.values():
                await reader.refresh()
            if len({tuple(side.size for side in reader.joint.sides) for reader in readers.values()}) == 1:
                return


async def test_the_day_goes_on_after_every_kill(server: ServerProcess) -> None:
    """Killed at several moments, the node comes back with every confirmed act at its place, and the day ends."""
    assert server.serving is not None
    day = day_of(server.url, partial(Delegate, server.url), KilledDay)
    people, day.server = day.people, server
    try:
        await day.found(server.serving.founding_links)
        await day.admit()
        await day.enter_earlier()
        await day.prepare()
        await day.sit()
        await day.kill()
        await day.tell_the_press()
        assert day.kills >= 4
        readers = {chair: LogReader(people[chair][OFFICER], EDITION_1) for chair in CHAIRS}
        await both_read_on(readers)
        joint = readers["a"].joint
        # Every act that a delegate was told is entered stands where it was said to stand.
        for signed in day.observed.signed:
            state = next(s for s in joint.sides if s.id == day.sides[signed["side"]])
            entry = state.entry(signed["seq"])
            assert entry is not None
            assert entry.signed.act["type"] == signed["act"]
        assert all(verdict is None for log in joint.verdicts for verdict in log)
        assert joint.held == (0, 0)
        assert readers["b"].joint.state() == joint.state()
        officer = people["a"][OFFICER]
        view = await officer.state()
        assert day.part(view, day.talk)["talk"]["status"] == "concluded"
        assert people["b"][Role.PRINCIPAL].id in {d["id"] for d in view["sides"]["theirs"]["delegates"]}
    finally:
        for chair in CHAIRS:
            for person in people[chair].values():
                await person.__aexit__(None, None, None)
