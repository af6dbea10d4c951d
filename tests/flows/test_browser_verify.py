"""*Verify* on the record page in real Chromium: what holds, and a node that serves something else."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from playwright.async_api import Route
from tests.flows.browser import LIMIT_MS, Table, Visitor, laid_table

from visavis.dialogue.model import Role
from visavis.record import container
from visavis.record.bundle import parse_bundle
from visavis.record.container import Member

pytestmark = [pytest.mark.anyio, pytest.mark.browser]

SHOTS = os.environ.get("VISAVIS_SHOTS", "")
"""A folder for pictures of what a person sees; none are taken otherwise."""


@pytest.fixture
async def table(tmp_path: Path) -> AsyncIterator[Table]:
    async with laid_table(tmp_path) as laid:
        yield laid


@pytest.fixture
async def reader(table: Table) -> Visitor:
    """An adviser at the record of a dialogue in which a talk's time and agenda are in force."""
    await table.talk({"tension": "Tension in the disputed area"})
    return await table.admitted(0, Role.ADVISER, "Adviser of side A")


async def at_record(table: Table, reader: Visitor, query: str = "") -> None:
    await reader.open(f"/d/{table.dialogue}/record{query}")
    await reader.wait("[data-verify][data-ready=true]")


async def verified(reader: Visitor, verdict: str) -> str:
    """Press *Verify* and wait for its verdict; what the section says then."""
    section = reader.page.locator("[data-verify]")
    await reader.page.locator("[data-verify-start]").click()
    await reader.wait("[data-verify][data-verdict]:not([aria-busy])")
    words = await section.inner_text()
    assert await section.get_attribute("data-verdict") == verdict, words
    return words


async def serve(table: Table, reader: Visitor, change: Callable[[bytes], bytes]) -> None:
    """From here on the node's bundle comes to this reader changed."""
    bundle = await table.officers[0].bytes_of(f"/api/dialogues/{table.dialogue}/bundle")

    async def answer(route: Route) -> None:
        await route.fulfill(body=change(bundle), content_type="application/vnd.visavis.bundle")

    await reader.page.route("**/bundle", answer)


async def shot(reader: Visitor, name: str) -> None:
    """Pictures of the section at both widths, if wanted."""
    for width in (360, 1440) if SHOTS else ():
        await reader.page.set_viewport_size({"width": width, "height": 1000})
        await reader.page.locator("[data-verify]").screenshot(path=f"{SHOTS}/{name}-{width}.png")


async def test_the_record_holds_and_is_what_the_page_shows(table: Table, reader: Visitor) -> None:
    """By keyboard: every entry is checked, in force is what the page says, and each entry is shown on request."""
    await at_record(table, reader)
    button = reader.page.locator("[data-verify-start]")
    await button.focus()
    await reader.page.keyboard.press("Enter")
    await reader.wait("[data-verify][data-verdict=holds]")
    data = await table.officers[0].bytes_of(f"/api/dialogues/{table.dialogue}/bundle")
    entries = sum(len(part.leaves) for part in parse_bundle(data)[0].logs.values())
    words = await reader.page.locator("[data-verify]").inner_text()
    assert "The record holds." in words
    assert "2 of 2" in words
    assert "agenda/" in words
    assert "time/" in words
    status = reader.page.locator("[data-verify-status]")
    assert await status.get_attribute("role") == "status"
    shown = await reader.page.locator("[data-verify-result] .facts dd").first.inner_text()
    assert int(shown) >= entries - 2  # the nodes may note meanwhile what they received
    await reader.page.get_by_text("Entry by entry").focus()
    await reader.page.keyboard.press("Enter")
    row = reader.page.locator("[data-verify-result] tbody tr")
    await row.first.wait_for(timeout=LIMIT_MS)
    assert "side.found" in await row.first.inner_text()
    assert await reader.page.locator("[data-verify-result] tbody tr.is-void").count() == 0
    await shot(reader, "holds-en")
    words = await verified(reader, "holds")
    assert "Contained in this record." in words
    await at_record(table, reader, "?lang=ar")
    await verified(reader, "holds")
    await shot(reader, "holds-ar")
    assert not [line for line in reader.said if "verify" in line.lower()]


def _in_an_entry(data: bytes) -> bytes:
    """The bundle with one bit of an entry changed, and the archive's checksums made to fit."""
    members = container.read(data)[0]
    return container.write([_flip(m) if "/entries/" in m[0] else m for m in members])


def _flip(member: Member) -> Member:
    name, content = member
    return name, content[:40] + bytes([content[40] ^ 1]) + content[41:]


async def test_a_node_that_serves_a_changed_entry_is_shown_as_failing(table: Table, reader: Visitor) -> None:
    """One bit of an entry changed on the way: the record does not hold, and the entry is named."""
    await at_record(table, reader)
    await serve(table, reader, _in_an_entry)
    words = await verified(reader, "fails")
    assert "The record does not hold." in words
    assert "leaf-hash" in words
    await shot(reader, "fails-en")
    await at_record(table, reader, "?lang=ar")
    await verified(reader, "fails")
    await shot(reader, "fails-ar")


async def test_bytes_that_are_no_bundle_are_shown_as_failing(table: Table, reader: Visitor) -> None:
    """What cannot be read as a bundle is said to be none; the page goes on."""
    await at_record(table, reader)
    await serve(table, reader, lambda _: b"no bundle")
    assert "not a Visavis bundle" in await verified(reader, "fails")


async def test_an_older_record_than_this_browser_has_seen_is_said_loudly(
    table: Table, reader: Visitor
) -> None:
    """A node that goes back to a record which held once is found by what this browser kept."""
    early: list[bytes] = []
    await at_record(table, reader)
    await serve(table, reader, lambda data: early.append(data) or data)
    assert "is kept from now on" in await verified(reader, "holds")
    await reader.page.unroute("**/bundle")
    for officer in table.officers:
        await officer.act("dialogue.profile", zone="Europe/Vienna", languages=["en"])
    await at_record(table, reader)
    await verified(reader, "holds")
    await serve(table, reader, lambda _: early[0])
    words = await verified(reader, "odds")
    assert "AN OLDER LOG IS SHOWN" in words
    await shot(reader, "older-en")


async def test_a_page_that_shows_another_state_is_said_loudly(table: Table, reader: Visitor) -> None:
    """A page on which something is in force that the record does not have is named, though the record holds."""
    await at_record(table, reader)
    await reader.page.evaluate(
        """() => { const at = document.querySelector('[data-shown]'); const shown = JSON.parse(at.dataset.shown);
                   shown.in_force.push(['text/u', 'x']); at.dataset.shown = JSON.stringify(shown); }"""
    )
    assert "THIS PAGE SHOWS SOMETHING ELSE" in await verified(reader, "odds")
