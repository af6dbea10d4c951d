"""A real node on a loopback port, and delegates of both sides at its door. For tests.

Lives here: `running_node`, `Stage`, `found_dialogue`, `seat_delegation`.
Not here: what is played on it (the tests), a node in a process of its own (`test_kill`).
"""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import anyio
import uvicorn

from visavis.bootstrap import open_node
from visavis.cli.serve import founding_links
from visavis.config import Settings
from visavis.node import Node
from visavis.rehearsal.delegate import Delegate
from visavis.serving import address, bind
from visavis.web.app import create_app

NAMES = ({"en": "Side A", "ru": "Сторона А"}, {"en": "Side B", "ru": "Сторона Б"})
ZONES = ("America/New_York", "Europe/Moscow")


class _Server(uvicorn.Server):
    """Says when it listens, so that nobody waits by the clock."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.listening = anyio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.listening.set()


@dataclass(slots=True)
class Stage:
    """A node that listens. people: everybody made here, closed with it."""

    url: str
    node: Node
    links: list[str]
    people: list[Delegate] = field(default_factory=list)

    def delegate(self, name: str) -> Delegate:
        made = Delegate(self.url, name)
        self.people.append(made)
        return made


@asynccontextmanager
async def running_node(data: Path) -> AsyncIterator[Stage]:
    """A node over `data`, its application served by uvicorn in this process, until the block ends."""
    with bind("127.0.0.1", 0) as sock:
        url = f"http://{address(sock)}"
        settings = Settings(data=data, port=0, udp_port=0, public_url=url)
        async with open_node(settings) as node:
            config = uvicorn.Config(
                create_app(node), log_config=None, access_log=False, timeout_graceful_shutdown=1
            )
            server = _Server(config)
            stage = Stage(url, node, list(await founding_links(node, url)))
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(lambda: server.serve(sockets=[sock]))
                await server.listening.wait()
                try:
                    yield stage
                finally:
                    for person in stage.people:
                        await person.__aexit__(None, None, None)
                    server.should_exit = True


async def found_dialogue(stage: Stage, recovery: Sequence[str] = ()) -> tuple[Delegate, Delegate]:
    """Both officers enrol, state their sides, sign entry 0 and say their zones. In a's, b's order.

    recovery: offline keys that both sides lay down.
    """
    officers = (
        stage.delegate("Protocol officer of side A"),
        stage.delegate("Protocol officer of side B"),
    )
    for officer, link, name in zip(officers, stage.links, NAMES, strict=True):
        await officer.enrol(link)
        await officer.post("/api/foundings", {"name": name, "recovery": list(recovery)})
    for officer, zone in zip(officers, ZONES, strict=True):
        await officer.place()
        await officer.act("dialogue.found")
        await officer.act("dialogue.profile", zone=zone, languages=["en", "ru"])
    return officers


async def seat_delegation(stage: Stage, officer: Delegate, side: str, *roles: str) -> dict[str, Delegate]:
    """Invite, enrol and admit one delegate for each role. side: "A" or "B", for their names."""
    people: dict[str, Delegate] = {}
    for role in roles:
        name = f"{role.replace('-', ' ').capitalize()} of side {side}"
        invited = await officer.post(
            f"/api/dialogues/{officer.dialogue}/invitations", {"name": name, "role": role}
        )
        person = people[role] = stage.delegate(name)
        await person.enrol(invited["link"])
        waiting = (await officer.get(f"/api/dialogues/{officer.dialogue}/enrolments"))["enrolments"]
        enrolment = next(e["id"] for e in waiting if e["credential"] == person.credential)
        await officer.act("dialogue.admit", enrolment=enrolment, role=role)
    return people
