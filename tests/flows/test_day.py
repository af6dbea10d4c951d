"""The day of the report as a transcript over HTTP, without sound and picture. Media: `test_rehearsal`."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path
from typing import TypeVar

import httpx2
import pytest
from tests.flows.stage import Stage, running_node

from visavis.rehearsal.delegate import Delegate
from visavis.rehearsal.play import CHAIRS, OFFICER, Day
from visavis.rehearsal.scenario import read_scenario

pytestmark = pytest.mark.anyio

SCENARIO = Path(__file__).parents[2] / "examples" / "december" / "scenario.toml"


class Public:
    """A reader: no session, no cookie kept."""

    def __init__(self, url: str) -> None:
        self._url = url

    async def page(self, path: str) -> tuple[int, str]:
        async with httpx2.AsyncClient() as http:
            answer = await http.get(self._url + path, headers={"Accept": "text/html,*/*"})
        assert "set-cookie" not in answer.headers
        return answer.status_code, answer.text

    async def form(self, path: str, fields: Mapping[str, str]) -> tuple[int, str]:
        async with httpx2.AsyncClient() as http:
            answer = await http.post(self._url + path, data=fields, headers={"Accept": "text/html"})
        return answer.status_code, answer.text

    async def ask(self, path: str, body: object) -> dict[str, object]:
        async with httpx2.AsyncClient() as http:
            answer = await http.post(self._url + path, json=body)
        return answer.json()


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    async with running_node(tmp_path) as running:
        yield running


D = TypeVar("D", bound=Day)


def day_on(stage: Stage, made: type[D] = Day) -> D:  # type: ignore[assignment]
    """The day of the report, everybody in this process, nobody in the call. made: the kind of day."""
    return day_of(stage.url, stage.delegate, made)


def day_of(url: str, delegate: Callable[[str], Delegate], made: type[D] = Day) -> D:  # type: ignore[assignment]
    """The same on any node. delegate: a person of that name at its door."""
    scenario = read_scenario(SCENARIO)
    people = {
        chair: {
            role: delegate(f"{role.replace('-', ' ').capitalize()} of side {chair.upper()}")
            for role in (OFFICER, *(p.role for p in scenario.sides[chair].delegates))
        }
        for chair in CHAIRS
    }
    return made(scenario, people, {chair: {} for chair in CHAIRS}, Public(url))


async def test_the_day_up_to_the_conclusion(stage: Stage) -> None:
    """From the founding to the concluded talk: agreed by both, reviewed by each, guaranteed by both."""
    day = day_on(stage)
    await day.found(stage.links)
    await day.admit()
    await day.enter_earlier()
    await day.prepare()
    await day.refuse_the_others_matters()
    await day.sit()
    for chair in CHAIRS:
        view = day.observed.views["concluded"][chair]
        part = day.part(view, day.talk)
        assert part["talk"]["status"] == "concluded"
        items = part["talk"]["agenda"]["items"]
        assert [item["kind"] for item in items] == ["review", "relation", "issue", "issue", "issue"]
        assert [item["id"] for item in items[2:]] == [
            day.items["tension"],
            *sorted(
                (day.items["expansion"], day.items["guarantees"]),
                key=[item["id"] for item in items].index,
            ),
        ]
        assert items[0]["understandings"] == list(day.understandings.values())
        guarantee = next(u for u in view["understandings"] if u["id"] == day.guarantee)
        assert guarantee["status"] == "in-force"
        assert (len(guarantee["text"]["ours"]), len(guarantee["text"]["theirs"])) == (1, 1)
    assert day.observed.refusals[-1]["code"] == "one-sided-guarantee"
