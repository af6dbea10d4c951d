"""A counter-proposal drafted in real Chromium, by keyboard, while the other side goes on tabling: nothing is lost."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.flows.browser import LIMIT_MS, Table, Visitor, laid_table
from tests.flows.test_browser_sign import focus_on, principal

from visavis.dialogue.model import Role
from visavis.rehearsal.delegate import Delegate

pytestmark = [pytest.mark.anyio, pytest.mark.browser]

TITLE = {"en": "Visas", "ru": "Визы"}
FORM = "form[data-command='understandings.table']"


async def tables(other: Delegate, days: tuple[str, str], **of: str) -> str:
    """The other side tables a version; the understanding's id."""
    body = {
        "en": f"Visas are issued within {days[0]} days.\n\nNo fee is taken.",
        "ru": f"Визы выдаются в течение {days[1]} дней.\n\nСбор не взимается.",
    }
    made = await other.act("understandings.table", kind="understanding", title=TITLE, body=body, **of)
    return str(made["understanding"])


async def remarks_while_they_table(person: Visitor, other: Delegate, understanding: str) -> None:
    """A remark half typed stays while another version comes; kept, it stands beside that version's clause."""
    page = person.page
    await page.locator(".margin > summary").first.focus()
    await page.keyboard.press("Enter")
    await page.keyboard.press("Tab")
    await page.keyboard.type("Ask the ")
    await tables(other, ("twenty", "двадцати"), understanding=understanding)
    await person.wait("#texts[data-later]")
    await page.keyboard.type("capital")
    await focus_on(person, "Keep the remark")
    async with page.expect_navigation():
        await page.keyboard.press("Enter")
    await person.wait("html[data-signs=ready]")
    remarks = page.locator(".remark")
    assert await remarks.count() == 2  # on the version that it was made on, and on the one that came of it
    assert "Ask the capital" in str(await remarks.first.text_content())
    assert "on version 1, clause 1" in str(await remarks.last.text_content())
    assert await page.locator("[data-kept]").count() == 0


async def drafts_through_a_reload(person: Visitor) -> None:
    """Our alternative is put in brackets by a press; a reload and the way back keep it."""
    page = person.page
    field = page.locator("#body-en")
    await field.focus()
    text = await field.input_value()
    assert text == "Visas are issued within twenty days."
    await field.evaluate("(at, [from, to]) => at.setSelectionRange(from, to)", [24, 30])
    await page.keyboard.press("Shift+Tab")
    await page.keyboard.press("Enter")
    drafted = "Visas are issued within [Side A: twenty] days."
    assert await field.input_value() == drafted
    assert await page.evaluate("() => document.activeElement.id") == "body-en"
    await page.reload()
    await person.wait("html[data-signs=ready]")
    assert await field.input_value() == drafted
    await page.goto(f"{person.url}/")
    await page.go_back()
    await person.wait("html[data-signs=ready]")
    assert await field.input_value() == drafted
    # What lacks its like in the other language is refused beside the form, and shown where.
    await page.locator("#clause-2-en").fill("Journalists are named.")
    await page.get_by_role("button", name="Table the text").click()
    said = page.locator(f"{FORM} [data-form-status][data-state=error]")
    await said.wait_for(timeout=LIMIT_MS)
    assert "Clause 3 is not there in every language" in await said.inner_text()
    assert await page.evaluate("() => document.activeElement.id") == "clause-2-ru"
    await page.keyboard.type("Журналисты вносятся поимённо.")


async def tables_what_was_meant(person: Visitor, understanding: str) -> None:
    """Both versions are on the page; ours is tabled when it is meant, as a redline against theirs."""
    page = person.page
    await focus_on(person, "Table the text")
    await page.keyboard.press("Enter")
    both = page.locator(f"{FORM} .meanwhile")
    await both.first.wait_for(timeout=LIMIT_MS)
    assert "within fifteen days" in " ".join(await both.all_text_contents())
    assert "[Side A: twenty]" in await page.locator("#body-en").input_value()
    await page.get_by_role("button", name="Table mine all the same").press("Enter")
    await page.locator("dialog[open]").wait_for(timeout=LIMIT_MS)
    await focus_on(person, "Sign")
    await page.keyboard.press("Enter")
    await page.wait_for_url(f"**/understandings/{understanding}", timeout=LIMIT_MS)
    await person.wait("html[data-signs=ready]")
    main = str(await page.locator("main").text_content())
    assert "Version 4 of 4, ours." in " ".join(main.split())
    assert (
        await page.locator("details[open] .redline ins").count() == 3 + 1
    )  # English, Russian, the new clause in both
    assert await page.locator("form[data-command='understandings.sign']").count() == 0


async def test_a_counter_proposal_by_keyboard(tmp_path: Path) -> None:
    """From a remark of our own side to the counter-proposal, while the other side tables two more versions."""
    async with laid_table(tmp_path) as table:
        await plays(table)


async def plays(table: Table) -> None:
    person = await table.admitted(0, Role.PRINCIPAL, "Principal of side A")
    other = await principal(table, table.officers[1], "Principal of side B")
    understanding = await tables(other, ("thirty", "тридцати"))
    await person.open(f"/d/{table.dialogue}/understandings/{understanding}")
    await remarks_while_they_table(person, other, understanding)
    await person.page.get_by_role("link", name="Draft a counter-proposal").last.press("Enter")
    await person.page.wait_for_url("**/new?**", timeout=LIMIT_MS)
    await person.wait("html[data-signs=ready]")
    await drafts_through_a_reload(person)
    await tables(other, ("fifteen", "пятнадцати"), understanding=understanding)
    await tables_what_was_meant(person, understanding)
