"""Signing in real Chromium: by keyboard alone, with the text read before it; and what may not be signed."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.flows.browser import LIMIT_MS, Table, Visitor, laid_table

from visavis.dialogue.model import Role
from visavis.rehearsal.delegate import Delegate

pytestmark = [pytest.mark.anyio, pytest.mark.browser]

TITLE = {"en": "Mutual guarantees of security", "ru": "Взаимные гарантии безопасности"}
BODY = {
    "en": "The sides guarantee each other's security.",
    "ru": "Стороны гарантируют безопасность друг друга.",
}


@pytest.fixture
async def table(tmp_path: Path) -> AsyncIterator[Table]:
    async with laid_table(tmp_path) as laid:
        yield laid


async def focus_on(person: Visitor, words: str) -> None:
    """Press Tab until the button of that name has the focus. Raises `AssertionError` if no Tab reaches it."""
    for _ in range(120):
        await person.page.keyboard.press("Tab")
        name = await person.page.evaluate("() => document.activeElement?.textContent?.trim() ?? ''")
        tag = await person.page.evaluate("() => document.activeElement?.tagName ?? ''")
        if tag == "BUTTON" and name == words:
            return
    raise AssertionError(f"no Tab reaches “{words}”: {await person.page.locator('main').inner_text()}")


async def principal(table: Table, officer: Delegate, name: str) -> Delegate:
    """A principal without a browser, admitted."""
    base = f"/api/dialogues/{table.dialogue}"
    person = await table.stack.enter_async_context(Delegate(table.url, name))
    invited = await officer.post(f"{base}/invitations", {"name": name, "role": "principal"})
    await person.enrol(invited["link"])
    waiting = (await officer.get(f"{base}/enrolments"))["enrolments"]
    enrolment = next(e["id"] for e in waiting if e["delegate"] == invited["delegate"])
    await officer.act("dialogue.admit", enrolment=enrolment, role="principal")
    return person


async def test_a_principal_signs_by_keyboard_alone(table: Table) -> None:
    """No pointer: Tab to the button, Enter, the dialog with the text, Enter: both seals, in force."""
    person = await table.admitted(0, Role.PRINCIPAL, "Principal of side A")
    other = await principal(table, table.officers[1], "Principal of side B")
    undertakings = [
        {"by": side, "text": {"en": f"Duty of side {n}", "ru": f"Обязанность стороны {n}"}}
        for side, n in ((other.side, "B"), (table.officers[0].side, "A"))
    ]
    tabled = await other.act(
        "understandings.table", kind="guarantee", title=TITLE, body=BODY, undertakings=undertakings
    )
    understanding = str(tabled["understanding"])
    view = await other.state()
    offered = next(u for u in view["understandings"] if u["id"] == understanding)["open"][0]["hash"]
    await other.act("understandings.sign", understanding=understanding, hash=offered)

    await person.open(f"/d/{table.dialogue}/understandings/{understanding}")
    await focus_on(person, "Sign the text")
    await person.page.keyboard.press("Enter")
    dialog = person.page.locator("dialog[open]")
    await dialog.wait_for(timeout=LIMIT_MS)
    assert offered[:8] in await dialog.inner_text() or offered in await dialog.inner_html()
    await focus_on(person, "Sign")
    await person.page.keyboard.press("Enter")
    await person.page.wait_for_selector(".double-seal[data-force=yes]", timeout=LIMIT_MS)
    view = await table.officers[1].state()
    found = next(u for u in view["understandings"] if u["id"] == understanding)
    assert found["status"] == "in-force"
    assert found["text"]["hash"] == offered


async def test_escape_signs_nothing(table: Table) -> None:
    """Who reads and closes the dialog has entered nothing."""
    person = await table.admitted(1, Role.PRINCIPAL, "Principal of side B")
    other = await principal(table, table.officers[0], "Principal of side A")
    undertakings = [{"by": other.side, "text": {"en": "Duty of side A", "ru": "Обязанность стороны A"}}]
    tabled = await other.act(
        "understandings.table", kind="understanding", title=TITLE, body=BODY, undertakings=undertakings
    )
    await person.open(f"/d/{table.dialogue}/understandings/{tabled['understanding']}")
    before = await table.officers[1].get(f"/api/dialogues/{table.dialogue}/logs/{table.officers[1].side}")
    await person.page.evaluate("() => { window.before = document.querySelector('.double-seal').innerHTML }")
    await focus_on(person, "Sign the text")
    await person.page.keyboard.press("Enter")
    dialog = person.page.locator("dialog[open]")
    await dialog.wait_for(timeout=LIMIT_MS)
    await person.page.keyboard.press("Escape")
    await dialog.wait_for(state="detached", timeout=LIMIT_MS)
    await person.page.get_by_text("Not signed.").first.wait_for(timeout=LIMIT_MS)
    after = await table.officers[1].get(f"/api/dialogues/{table.dialogue}/logs/{table.officers[1].side}")
    acts = len(after["leaves"]) - len(before["leaves"])
    # The node may note meanwhile what it has received of the other log; nobody's act is entered.
    assert acts <= 1
    view = await table.officers[0].state()
    found = next(u for u in view["understandings"] if u["id"] == tabled["understanding"])
    assert found["status"] == "tabled"
    # Whatever comes in meanwhile: that it was not signed stands on the page until the form says another thing.
    await other.act(
        "understandings.sign", understanding=tabled["understanding"], hash=found["open"][0]["hash"]
    )
    await person.page.wait_for_function(
        "() => document.querySelector('.double-seal').innerHTML !== window.before", timeout=LIMIT_MS
    )
    assert await person.page.get_by_text("Not signed.").count() == 1


async def test_a_one_sided_guarantee_is_refused_on_the_page(table: Table) -> None:
    """Drafted in the form, it is refused there with the reason; what was typed stays, and nothing is entered."""
    person = await table.admitted(0, Role.PRINCIPAL, "Principal of side A")
    page = person.page
    await person.open(f"/d/{table.dialogue}/understandings/new")
    await page.locator("#kind").select_option("guarantee")
    for code in ("en", "ru"):
        await page.locator(f"#title-{code}").fill(TITLE[code])
        await page.locator(f"#body-{code}").fill(BODY[code])
        await page.locator(f".theirs textarea[name$='.text.{code}']").first.fill("Duty of theirs alone")
    await page.get_by_role("button", name="Table the text").click()
    said = page.locator("form.draft [data-form-status][data-state=error]")
    await said.wait_for(timeout=LIMIT_MS)
    words = await said.inner_text()
    assert "both sides" in words or "one-sided" in words
    assert await page.locator("dialog[open]").count() == 0
    assert await page.locator("#title-en").input_value() == TITLE["en"]
    view = await table.officers[0].state()
    assert view["understandings"] == []


async def test_one_button_tables_and_signs(table: Table) -> None:
    """The second button of the form: one gesture, one entry, and the text waits for the other side alone."""
    person = await table.admitted(0, Role.PRINCIPAL, "Principal of side A")
    page = person.page
    await person.open(f"/d/{table.dialogue}/understandings/new")
    for code in ("en", "ru"):
        await page.locator(f"#title-{code}").fill(TITLE[code])
        await page.locator(f"#body-{code}").fill(BODY[code])
    await page.get_by_role("button", name="Table it and sign it").click()
    dialog = page.locator("dialog[open]")
    await dialog.wait_for(timeout=LIMIT_MS)
    assert "Table a text and sign it" in await dialog.inner_text()
    await focus_on(person, "Sign")
    await page.keyboard.press("Enter")
    await page.wait_for_url("**#register", timeout=LIMIT_MS)
    (found,) = (await table.officers[0].state())["understandings"]
    assert found["status"] == "signed-by-one"
    (offered,) = found["open"]
    assert offered["by"][0]["index"] == offered["seal"]["ours"]["mark"]["index"]
