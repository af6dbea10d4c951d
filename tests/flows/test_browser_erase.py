"""A name is erased in Debian's Chromium: read, signed by the passkey, gone from pages and from the disk."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.flows.browser import LIMIT_MS, Table, Visitor, laid_table

from visavis.dialogue.model import Role

pytestmark = [pytest.mark.anyio, pytest.mark.browser]

NAME = "Someone Whose Name Is Erased"


async def signs(visitor: Visitor, form: str, *, shows: str) -> None:
    """Press the form's button by the keyboard, read the dialog, sign, and wait for the page."""
    page = visitor.page
    await page.locator(f"{form} button[type=submit]").focus()
    await page.keyboard.press("Enter")
    dialog = page.locator("dialog[open]")
    await dialog.wait_for()
    said = str(await dialog.text_content())
    assert shows in said
    assert "Nobody can take this back." in said
    async with page.expect_navigation():
        await dialog.locator("button[value=sign]").click()
    await visitor.wait("html[data-signs=ready]")


async def open_entries(visitor: Visitor) -> None:
    """Unfold every entry on the page, one by the keyboard: what each says comes to its place."""
    assert await visitor.page.locator("#logs .entry-open").count() == 0
    await visitor.page.locator("#logs summary").first.focus()
    await visitor.page.keyboard.press("Enter")
    await visitor.wait("#logs li:first-child .entry-open")
    await visitor.page.evaluate(
        "document.querySelectorAll('#logs details').forEach(each => { each.open = true; })"
    )
    await visitor.wait("#logs:not(:has(a[data-fills]))")


async def name_of(table: Table, person: str) -> str:
    """The commitment by which the first side's log names that delegate."""
    state = await table.officers[0].state()
    (found,) = [each["name"] for each in state["sides"]["ours"]["delegates"] if each["id"] == person]
    return str(found)


async def test_a_name_is_erased_by_a_passkey(tmp_path: Path) -> None:
    """Our pages show who erased it and when, the record offers it no more, and no byte stays once both have."""
    async with laid_table(tmp_path) as table:
        officer = await table.admitted(0, Role.PROTOCOL_OFFICER, "Protocol officer at a browser")
        person = await table.admitted(0, Role.ADVISER, NAME)
        commitment = await name_of(table, await table.delegate_of(person))
        page, at = officer.page, f"/d/{table.dialogue}"
        form = f"form[data-command='record.erase']:has(input[value='{commitment}'])"
        await officer.open(at)
        assert NAME in str(await page.text_content("#delegates"))
        await page.locator("#erase > summary").focus()
        await page.keyboard.press("Enter")
        await signs(officer, form, shows=NAME)
        assert NAME not in await page.content()
        shown = str(await page.text_content("#delegates"))
        assert "Erased by us on" in shown
        assert await page.locator(form).count() == 0

        await officer.open(f"{at}/record")
        assert NAME not in await page.content()
        entry = page.locator("#logs li.ours", has_text="Erased a content")
        assert await entry.count() == 1
        await open_entries(officer)
        admitted = page.locator("#logs li.ours:has-text('Erased by us on')")
        assert await admitted.count() == 1
        await page.click("[data-verify-start]")
        await officer.wait("section[data-verify][data-verdict=holds]")
        told = str(await page.text_content("[data-verify-result]"))
        assert "Erased by a side" in told
        assert "Protocol officer at a browser" in told

        assert officer.said == []
        theirs = table.officers[1]
        content = f"/api/dialogues/{table.dialogue}/contents/{commitment}"
        assert (await theirs.get(content))["text"] == NAME
        gone = await page.evaluate(
            "path => fetch(path).then(r => r.json().then(j => [r.status, j.code]))", content
        )
        assert gone == [410, "content-erased"]
        await theirs.act("record.erase", commitment=commitment)
        files = [each for each in (tmp_path / "data").rglob("*") if each.is_file()]
        assert [each.name for each in files if NAME.encode() in each.read_bytes()] == []


async def test_what_one_has_written_is_erased_by_its_entry(tmp_path: Path) -> None:
    """The record page offers what an entry commits to, and says what cannot be erased."""
    async with laid_table(tmp_path) as table:
        officer = await table.admitted(0, Role.PROTOCOL_OFFICER, "Protocol officer at a browser")
        title = {"en": "A talk that nobody accepts"}
        fields = {"start": "2021-12-07T15:00:00Z", "minutes": 60, "mode": "video"}
        await table.talk({"one": "An item"})
        await table.officers[0].act("talks.propose", title=title, **fields)
        page, at = officer.page, f"/d/{table.dialogue}"
        await officer.open(f"{at}/record")
        await open_entries(officer)
        await signs(officer, "#logs li.ours:has-text('A talk that nobody accepts') form", shows=title["en"])
        assert title["en"] not in await page.content()
        await open_entries(officer)
        bound = page.locator("#logs li.ours", has_text="Talks by video conference")
        assert await bound.locator("form").count() == 0
        assert "Not to be erased" in str(await bound.first.text_content())
        await officer.open(at)
        assert "Erased by us on" in str(await page.text_content("#talk-line"))
        # A link to an entry that is not on the page leads to the entry.
        await officer.open(f"{at}/record?from=9999#theirs-0")
        await page.wait_for_url(f"**{at}/record/{table.officers[1].side}/0", timeout=LIMIT_MS)
        assert "Entry 0 of their log" in str(await page.text_content("h1"))
        assert officer.said == []
