"""After the day: another talk that runs, so that a person with a browser finds somebody at the table.

Lives here: `Kept`, `keep_open`. Not here: the command (`cli.rehearse`), the day itself (`play`).

The officers stay at their desks: they agree a next talk, open its room, name whoever enrols by one of the printed
links in its delegation, and admit them. One delegate of each side sits in the room and speaks in turn.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

import anyio

from visavis.dialogue.model import Role
from visavis.errors import Refused, Unavailable
from visavis.rehearsal.play import CALL_LIMIT_S, CHAIRS, OFFICER, SITTING, Day
from visavis.rehearsal.rehearse import Cast
from visavis.rehearsal.scenario import Chair
from visavis.rehearsal.stage import SeatProcess

ADMIT_EVERY_S = 0.5
SPEAK_S = 2.0
PAUSE_S = 1.5
MINUTES = 120
TITLE = {"en": "A next talk, open to visitors", "ru": "Следующие переговоры, открытые для гостей"}
ITEM = {"en": "Carrying out the guarantees", "ru": "Выполнение гарантий"}


@dataclass(frozen=True, slots=True)
class Kept:
    """What can be opened. links: one-time link of a visitor of each side, by chair. talk: the one that runs now."""

    url: str
    dialogue: str
    links: dict[Chair, str]
    talk: str
    concluded: str
    newsroom: str

    @property
    def room(self) -> str:
        return f"{self.url}/d/{self.dialogue}/talks/{self.talk}/room"


async def keep_open(
    day: Day, cast: Cast, url: str, ready: Callable[[Kept], None], told: Callable[[str], None]
) -> None:
    """Open a next talk, call `ready` with its links, and serve visitors until cancelled. told: what happens."""
    base = f"/api/dialogues/{day.dialogue}"
    links: dict[Chair, str] = {}
    for chair in CHAIRS:
        name = f"Visiting principal of side {chair.upper()}"
        invited = await cast.people[chair][OFFICER].post(
            f"{base}/invitations", {"name": name, "role": Role.PRINCIPAL}
        )
        links[chair] = str(invited["link"])
    hosts = {chair: _host(cast, chair) for chair in CHAIRS}
    talk = await _open_talk(day, {chair: [hosts[chair].id] for chair in CHAIRS})
    for host in hosts.values():
        await host.join(talk, SITTING)
    for host in hosts.values():
        await host.watch(1, 1, CALL_LIMIT_S)
    newsroom = f"{url}/newsroom/{day.sides['a']}"
    ready(Kept(url, day.dialogue, links, talk, day.talk, newsroom))
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(_converse, list(hosts.values()))
        for chair in CHAIRS:
            tasks.start_soon(_admit, day, cast, chair, talk, [hosts[chair].id], told)


def _host(cast: Cast, chair: Chair) -> SeatProcess:
    """Who stays in the room: not the principal, if somebody else has a seat."""
    seats = cast.seats[chair]
    return next(
        (seat for role, seat in seats.items() if role is not Role.PRINCIPAL), next(iter(seats.values()))
    )


async def _open_talk(day: Day, delegations: dict[Chair, list[str]]) -> str:
    """A talk that begins now, its agenda of one item approved, its room open; its id."""
    start = datetime.now(UTC).replace(second=0, microsecond=0).isoformat()
    talk = await day.agree_time(title=TITLE, start=start, minutes=MINUTES, mode="video")
    for chair in CHAIRS:
        await day.act(chair, OFFICER, "talks.delegation", talk=talk, delegates=delegations[chair])
    proposed = await day.act("b", OFFICER, "talks.propose-item", talk=talk, title=ITEM, kind="issue")
    item = str(proposed["item"])
    for chair in CHAIRS:
        await day.act(chair, OFFICER, "talks.rank", talk=talk, items=[item])
    await day.act(
        "a", OFFICER, "talks.table-agenda", talk=talk, press_call="not-expected", statement="not-expected"
    )
    views = await day.look("next talk")
    offered = day.part(views["a"], talk)["talk"]["agendas"][0]["hash"]
    for chair in CHAIRS:
        await day.act(chair, OFFICER, "talks.approve-agenda", talk=talk, hash=offered)
    for chair in CHAIRS:
        await day.act(chair, OFFICER, "talks.open-sitting", talk=talk, n=SITTING)
    for chair in CHAIRS:
        await day.act(chair, OFFICER, "talks.put-item", talk=talk, item=item)
    return talk


async def _converse(hosts: list[SeatProcess]) -> None:
    """The two who stay have the floor in turn."""
    while True:
        for host in hosts:
            await host.speak(SPEAK_S)
            await anyio.sleep(PAUSE_S)


async def _admit(
    day: Day, cast: Cast, chair: Chair, talk: str, listed: list[str], told: Callable[[str], None]
) -> None:
    """What the officer of a side does when somebody has enrolled: admit them, and name them in the delegation."""
    officer = cast.people[chair][OFFICER]
    path = f"/api/dialogues/{day.dialogue}/enrolments"
    while True:
        try:
            for enrolment in (await officer.get(path))["enrolments"]:
                await officer.act("dialogue.admit", enrolment=enrolment["id"], role=enrolment["role"])
                listed = sorted({*listed, str(enrolment["delegate"])})
                await officer.act("talks.delegation", talk=talk, delegates=listed)
                told(f"Side {chair.upper()} has admitted a visitor")
        except (Refused, Unavailable) as error:
            told(error.message)
            await anyio.sleep(4 * ADMIT_EVERY_S)
        await anyio.sleep(ADMIT_EVERY_S)
