"""The delegations to a talk, as pages: ours in full, theirs as notified, and the room's door by the list."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from lxml import html
from tests.flows.stage import Stage, found_dialogue, running_node, seat_delegation
from tests.flows.test_attacks import a_sitting, join, validated
from tests.web.test_calendars import agreed
from tests.web.test_pages import Browser, lint

from visavis.rehearsal.delegate import Answered

pytestmark = pytest.mark.anyio


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    async with running_node(tmp_path) as running:
        yield running


def said(page: html.HtmlElement, who: str) -> str:
    """What stands of one side's delegation."""
    return " ".join(page.xpath(f"string(//*[@id='delegations']/section[@class='{who} stack'])").split())


async def test_ours_in_full_theirs_as_notified(stage: Stage) -> None:
    """Alternates, and who is not on the list, are our side's alone; the list, roles and powers are told to both."""
    a, b = await found_dialogue(stage)
    talk = await agreed(a, b)
    at = f"/d/{a.dialogue}/talks/{talk}/delegation"
    people = await seat_delegation(stage, a, "A", "principal", "adviser")
    principal, adviser = people["principal"], people["adviser"]
    ours, theirs = Browser(stage.url, a.token), Browser(stage.url, b.token)
    page = await ours.page(at)
    assert lint(page, at) == [] and "Not named yet" in said(page, "ours")
    home = await ours.page("/")
    assert "Name who of us may enter the room" in home.text_content()
    form = {"delegate": adviser.id, "stands_for": principal.id}
    put = f"/d/{a.dialogue}/talks/{talk}/alternates"
    assert (await ours.post(put, **form)).status_code == 303
    for wrong, word in (
        ({"delegate": a.id, "stands_for": a.id}, "Nobody stands in for themselves"),
        ({"delegate": principal.id, "stands_for": a.id}, "an alternate has no alternate"),
        ({"delegate": a.id, "stands_for": adviser.id}, "an alternate has no alternate"),
    ):
        answer = await ours.post(put, **wrong)
        refused = html.document_fromstring(answer.text)
        assert answer.status_code == 400 and lint(refused, put) == []
        assert word in refused.xpath("string(//*[@role='alert'])")
        chosen = refused.xpath("//form[.//*[@name='stands_for']]//option[@selected]/@value")
        assert chosen == [wrong["delegate"], wrong["stands_for"]]
    assert (await ours.post(put, delegate=b.id, stands_for=a.id)).status_code == 409
    assert (await Browser(stage.url, adviser.token).post(put, **form)).status_code == 403
    await a.act("talks.delegation", talk=talk, delegates=[a.id, principal.id])
    page = await ours.page(at)
    assert lint(page, at) == []
    assert "If they cannot come: Adviser of side A" in said(page, "ours")
    assert "Not on the list Adviser of side A" in said(page, "ours")
    seen = await theirs.page(at)
    assert "Principal of side A May sign texts for its side." in said(seen, "theirs")
    for path in (at, f"/d/{a.dialogue}/talks/{talk}"):
        told = (await theirs.page(path)).get_element_by_id("delegations").text_content()
        assert "Adviser of side A" not in told
    assert "Adviser of side A" not in seen.get_element_by_id("alternates").text_content()
    # The alternate takes the place: by the list, which says what has changed.
    take = page.xpath("//*[@id='stand-ins']//form[@data-command='talks.delegation']")[0]
    listed = take.xpath(".//input[@name='delegates[]']/@value")
    assert listed == [a.id, adviser.id]
    await a.act("talks.delegation", talk=talk, delegates=listed)
    seen = await theirs.page(at)
    assert "new: Adviser of side A" in said(seen, "theirs")
    assert "no longer: Principal of side A" in said(seen, "theirs")
    assert "Nobody on this list may sign texts" in said(seen, "theirs")
    page = await ours.page(at)
    back = page.xpath(
        "//*[@id='stand-ins']//form[@data-command='talks.delegation']//input[@name='delegates[]']/@value"
    )
    assert back == [a.id, principal.id]
    assert (await ours.post(put, delegate=adviser.id, drop="1")).status_code == 303
    assert "None is named" in (await ours.page(at)).get_element_by_id("stand-ins").text_content()


async def test_the_room_follows_the_list(stage: Stage) -> None:
    """Who is taken off it loses the seat at once and is told so at the door; who is put on it comes in."""
    a, b = await found_dialogue(stage)
    people = await seat_delegation(stage, a, "A", "principal", "adviser")
    principal, adviser = people["principal"], people["adviser"]
    talk = await a_sitting(a, b)
    await b.act("talks.open-sitting", talk=talk, n=1)
    await a.act("talks.delegation", talk=talk, delegates=[a.id, principal.id])
    token = await join(principal, talk)
    assert await validated(stage, token) == 200
    with pytest.raises(Answered):
        await join(adviser, talk)
    await a.act("talks.delegation", talk=talk, delegates=[a.id, adviser.id])
    assert await validated(stage, token) == 401
    with pytest.raises(Answered):
        await join(principal, talk)
    assert await validated(stage, await join(adviser, talk)) == 200
    at = f"/d/{a.dialogue}/talks/{talk}/room"
    shut = await Browser(stage.url, principal.token).page(at)
    assert "You are not of the delegation" in shut.text_content()
    assert shut.xpath("//a[contains(@href, '/delegation')]")
    assert "You are not of" not in (await Browser(stage.url, adviser.token).page(at)).text_content()
