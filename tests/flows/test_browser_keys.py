"""A side's keys in real Chromium: a passkey that is lost, a log key that is stolen, a dialogue that has moved."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from tests.flows.browser import LIMIT_MS, Table, Visitor, laid_table

from visavis.bootstrap import DATABASE
from visavis.dialogue.model import Role
from visavis.record.checkpoint import Checkpoint, encode_checkpoint, sign_checkpoint
from visavis.record.digest import to_text
from visavis.rehearsal.delegate import Answered

pytestmark = [pytest.mark.anyio, pytest.mark.browser]

HUGE = 10**16 - 1
"""Entries: more than a number of JavaScript counts."""

SHOTS = os.environ.get("VISAVIS_SHOTS", "")
"""A folder for pictures of what a person sees; none are taken otherwise."""


@pytest.fixture
async def table(tmp_path: Path) -> AsyncIterator[Table]:
    async with laid_table(tmp_path) as laid:
        yield laid


async def officer_of(table: Table) -> Visitor:
    return await table.admitted(0, Role.PROTOCOL_OFFICER, "Second officer of side A")


async def unfold(person: Visitor, id: str) -> None:
    """Open the part of the dialogue's page that has this id, or holds these words."""
    fold = person.page.locator(f"details#{id}")
    if await fold.get_attribute("open") is None:
        await fold.locator("summary").click()


async def sign(person: Visitor) -> str:
    """Read the dialog that is open and sign; what it said. The page is loaded again when it is entered."""
    dialog = person.page.locator("dialog[open]")
    await dialog.wait_for(timeout=LIMIT_MS)
    said = await dialog.inner_text()
    async with person.page.expect_navigation(timeout=LIMIT_MS):
        await dialog.get_by_role("button", name="Sign", exact=True).click()
    await person.wait("html[data-signs=ready]")
    return said


async def shot(person: Visitor, name: str, selector: str = "body") -> None:
    """Pictures at two widths, in English and Arabic, if wanted."""
    if not SHOTS:
        return
    at = person.page.url.partition("#")[0].partition("?")[0]
    for language in ("ar", "en"):
        await person.page.goto(f"{at}?lang={language}")
        await person.wait("html[data-signs=ready]")
        await person.page.evaluate("() => document.querySelectorAll('details').forEach(d => d.open = true)")
        for width in (360, 1280):
            await person.page.set_viewport_size({"width": width, "height": 900})
            wide = await person.page.evaluate("() => document.documentElement.scrollWidth - innerWidth")
            assert wide <= 0, (name, language, width, wide)
            place = person.page.locator(selector).first
            await place.screenshot(path=f"{SHOTS}/{name}-{language}-{width}.png")
    await person.page.set_viewport_size({"width": 1280, "height": 800})


async def test_a_lost_passkey_is_replaced_on_the_pages(table: Table) -> None:
    """The officer revokes it and makes another link; the delegate comes back on another device, not on the lost one."""
    officer = await officer_of(table)
    lost = await table.admitted(0, Role.PRINCIPAL, "Principal of side A")
    here = f"/d/{table.dialogue}"
    credential = (await lost.page.evaluate("() => fetch('/api/session').then(r => r.json())"))["credential"]
    await officer.open(here)
    await officer.page.get_by_text("Full powers of our delegates").first.click()
    row = officer.page.locator(".row", has=officer.page.get_by_text(credential[:12]))
    await row.get_by_role("button", name="Revoke this key").click()
    assert credential[:12] in await sign(officer)
    await shot(officer, "lost", "#lost-passkey")
    await unfold(officer, "lost-passkey")
    form = officer.page.locator("#lost-passkey form", has_text="Principal of side A")
    await form.get_by_role("button", name="Make a link for a new passkey").click()
    await officer.wait("code.invitation")
    link = await officer.page.locator("code.invitation").inner_text()
    again = await table.visitor("Principal of side A")  # another browser, another authenticator
    await again.enrol(link)
    await officer.open(here)
    enrolment = officer.page.locator("#enrolments .notice", has_text="Principal of side A")
    await enrolment.get_by_role("button", name="Admit").click()
    await sign(officer)
    await again.wait("main section.dialogue")
    await again.open(f"{here}/understandings/new")
    for code in ("en", "ru"):
        await again.page.locator(f"#title-{code}").fill("Title")
        await again.page.locator(f"#body-{code}").fill("Body")
    await again.page.get_by_role("button", name="Table it and sign it").click()
    dialog = again.page.locator("dialog[open]")
    await dialog.wait_for(timeout=LIMIT_MS)
    await dialog.get_by_role("button", name="Sign", exact=True).click()
    await again.page.wait_for_url("**#register", timeout=LIMIT_MS)
    # The lost device: its page says so, and its passkey opens nothing.
    await lost.open("/")
    assert "Your passkey is revoked" in await lost.page.locator("main").inner_text()
    await shot(lost, "revoked", "main")
    await lost.page.get_by_role("button", name="Sign out").click()
    await lost.page.get_by_role("button", name="Sign in with your passkey").click()
    said = lost.page.locator("[data-form-status][data-state=error]")
    await said.wait_for(timeout=LIMIT_MS)
    assert "revoked" in await said.inner_text()


async def verified(person: Visitor, dialogue: str) -> None:
    await person.open(f"/d/{dialogue}/record")
    await person.wait("[data-verify][data-ready=true]")
    await person.page.locator("[data-verify-start]").click()
    await person.wait("[data-verify][data-verdict]:not([aria-busy])")
    section = person.page.locator("[data-verify]")
    assert await section.get_attribute("data-verdict") == "holds", await section.inner_text()


def stolen(tmp_path: Path, side: str) -> Ed25519PrivateKey:
    """What a thief of the node's disk has."""
    with closing(sqlite3.connect(tmp_path / "data" / DATABASE)) as db:
        ((seed,),) = db.execute("SELECT seed FROM log_keys WHERE side = ?", (side,)).fetchall()
    return Ed25519PrivateKey.from_private_bytes(seed)


async def test_a_stolen_log_key_is_replaced_on_the_pages(table: Table, tmp_path: Path) -> None:
    """Replaced at a press; and again when a thief has stopped the dialogue, whose checkpoint is declared false."""
    officer = await officer_of(table)
    one, other = table.officers
    here = f"/d/{table.dialogue}"
    first = stolen(tmp_path, one.side)
    await officer.open(here)
    await unfold(officer, "log-key")
    await shot(officer, "log-key", "#log-key")
    await officer.page.get_by_role("button", name="Replace the log’s key").click()
    assert "Replace the key of our log" in await sign(officer)
    assert stolen(tmp_path, one.side).private_bytes_raw() != first.private_bytes_raw()
    await verified(officer, table.dialogue)
    await shot(officer, "record", "#sizes")
    thief = stolen(tmp_path, one.side)
    sig = sign_checkpoint(thief, table.dialogue, one.side, HUGE, bytes(32))
    note = encode_checkpoint(
        Checkpoint(table.dialogue, one.side, HUGE, bytes(32), sig), thief.public_key().public_bytes_raw()
    )
    path = f"/api/dialogues/{table.dialogue}/checkpoints"
    assert (await other.post(path, {"note": note.decode()}))["finding"] == "behind"
    for person in (one, other):
        with pytest.raises(Answered, match="somebody has shown"):
            await person.act("dialogue.profile", zone="UTC", languages=["en"])
    await officer.open(f"{here}/record")
    await shot(officer, "stopped", "[role=alert]")
    await officer.page.get_by_role("link", name="Then an officer of our side replaces the key").click()
    await officer.wait("#log-key[open]")
    await shot(officer, "disown", "#log-key")
    button = officer.page.get_by_role("button", name="Replace the key, and declare the checkpoint false")
    await button.click()  # the word on it is due first
    assert await officer.page.locator("dialog[open]").count() == 0
    await officer.page.get_by_role("checkbox", name="We never signed so many entries").check()
    await button.click()
    said = await sign(officer)
    assert f"We declare false the checkpoint of {HUGE} entries" in said
    assert await officer.page.locator("[role=alert]").count() == 0
    await other.act("dialogue.profile", zone="UTC", languages=["en"])
    await verified(officer, table.dialogue)
    assert "A log has two histories" in await officer.page.locator("main").inner_text()


async def test_a_side_signs_its_move_on_the_pages(table: Table) -> None:
    """The key and the address that were asked for are in what is signed; then every page says where it is."""
    officer = await officer_of(table)
    here = f"/d/{table.dialogue}"
    await officer.open(here)
    await unfold(officer, "move")
    await shot(officer, "move", "#move")
    key = to_text(Ed25519PrivateKey.generate().public_key().public_bytes_raw())
    await officer.page.locator("#move-key").fill(key)
    await officer.page.locator("#move-address").fill("https://new.example")
    await officer.page.get_by_role("button", name="Move our log").click()
    said = await sign(officer)
    assert key in said
    assert "https://new.example" in said
    alert = officer.page.locator("[role=alert]")
    assert "It has moved" in await alert.inner_text()
    assert await alert.get_by_role("link").get_attribute("href") == "https://new.example"
    await shot(officer, "moved", "[role=alert]")
    await verified(officer, table.dialogue)
    assert await officer.page.locator("[data-watch]").count() == 0  # its own log shows what was signed
