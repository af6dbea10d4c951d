"""A second device shows what is about to be signed, recomputed there; what does not come out the same is loud."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import anyio
import pytest
from playwright.async_api import Page, Route
from tests.flows.browser import LIMIT_MS, Table, laid_table
from tests.flows.test_browser_sign import BODY, TITLE, focus_on, principal

from visavis.dialogue.model import Role

pytestmark = [pytest.mark.anyio, pytest.mark.browser]


@pytest.fixture
async def table(tmp_path: Path) -> AsyncIterator[Table]:
    async with laid_table(tmp_path) as laid:
        yield laid


async def second_device(table: Table, locale: str = "en-GB") -> Page:
    """A telephone that nobody is signed in at; it must not ask anybody else for anything."""
    context = await table.browser.new_context(locale=locale, viewport={"width": 360, "height": 740})
    table.stack.push_async_callback(context.close)
    page = await context.new_page()

    async def only_the_node(route: Route) -> None:
        assert route.request.url.startswith(table.url), route.request.url
        await route.continue_()

    await context.route("**/*", only_the_node)
    return page


async def see(page: Page, link: str, state: str) -> str:
    """Open the link, and wait for what the page makes of it; its words."""
    await page.goto("about:blank")  # the same address with another fragment would load nothing
    await page.goto(link, timeout=LIMIT_MS)
    await page.locator(f"[data-check={state}]").wait_for(timeout=LIMIT_MS)
    return await page.locator("main").inner_text()


async def test_a_second_device_shows_what_is_about_to_be_signed(table: Table, tmp_path: Path) -> None:
    """By keyboard to the code; ZBar reads it; the other device has the same hash and the words; tampering is loud."""
    person = await table.admitted(0, Role.PRINCIPAL, "Principal of side A")
    other = await principal(table, table.officers[1], "Principal of side B")
    undertakings = [{"by": other.side, "text": {"en": "Duty of side B", "ru": "Обязанность стороны B"}}]
    tabled = await other.act(
        "understandings.table", kind="understanding", title=TITLE, body=BODY, undertakings=undertakings
    )
    await person.open(f"/d/{table.dialogue}/understandings/{tabled['understanding']}")

    # A node that gives the first device another subject than the act names is told from an honest one, too: what the
    # node says of the act is not shown, and nothing is signed.
    async def another(route: Route) -> None:
        answer = await route.fetch()
        given: dict[str, Any] = await answer.json()
        given["subject"]["kind"] = "guarantee"
        await route.fulfill(response=answer, json=given)

    await person.page.route("**/api/checks", another)
    await focus_on(person, "Sign the text")
    await person.page.keyboard.press("Enter")
    said = person.page.locator("[data-form-status][data-state=error]")
    await said.wait_for(timeout=LIMIT_MS)
    assert "it was not signed: what it is about is not what the act names" in await said.inner_text()
    assert await person.page.locator("dialog").count() == 0
    await person.page.unroute("**/api/checks")

    await focus_on(person, "Sign the text")
    await person.page.keyboard.press("Enter")
    dialog = person.page.locator("dialog[open]")
    await dialog.wait_for(timeout=LIMIT_MS)
    assert await dialog.locator("svg.qr").count() == 0
    await dialog.get_by_text("Check on another device").focus()
    await person.page.keyboard.press("Enter")
    code = dialog.locator("svg.qr")
    await code.wait_for(timeout=LIMIT_MS)
    picture = tmp_path / "code.png"
    await code.screenshot(path=picture)
    link = (await anyio.run_process(["zbarimg", "-q", "--raw", str(picture)])).stdout.decode().strip()
    assert link == await dialog.locator("a[href*='/check#']").get_attribute("href")
    assert link.startswith(f"{table.url}/check#")
    short = link.rpartition(".")[2][:12]
    read = await dialog.inner_text()
    assert short in read and "Sign this text" in read and "agreed to this one hash" in read
    assert BODY["en"] in read and BODY["ru"] in read and "Duty of side B" in read and "Side B" in read

    phone = await second_device(table)
    words = await see(phone, link, "same")
    assert short in words
    assert "Sign this text" in words and "Side A" in words
    assert BODY["en"] in words and BODY["ru"] in words and "Duty of side B" in words
    assert await phone.evaluate("document.documentElement.scrollWidth <= innerWidth")

    # Another language is another address; the draft goes along.
    await phone.locator(".langs a[lang=ar]").click()
    await phone.wait_for_url("**lang=ar#*", timeout=LIMIT_MS)
    await phone.locator("html[dir=rtl] [data-check=same]").wait_for(timeout=LIMIT_MS)
    assert short in await phone.locator("main").inner_text()
    await phone.locator(".langs a[lang=en]").click()
    await phone.locator("html[lang=en] [data-check=same]").wait_for(timeout=LIMIT_MS)

    # The other screen's code says another hash than the node's draft has.
    start, _, hash_ = link.rpartition(".")
    words = await see(phone, f"{start}.{'A' if hash_[0] != 'A' else 'B'}{hash_[1:]}", "differs")
    assert "NOT THE SAME" in words and "Do not sign" in words and BODY["en"] not in words
    assert await phone.locator("[role=alert]").count() == 1

    # The node gives this device another text.
    async def tampered(route: Route) -> None:
        answer = await route.fetch()
        given: dict[str, Any] = await answer.json()
        given["contents"][0]["text"] += "!"
        await route.fulfill(response=answer, json=given)

    await phone.route("**/api/checks", tampered)
    words = await see(phone, link, "differs")
    assert "not the one that the act commits to" in words
    await phone.unroute("**/api/checks")

    await see(phone, f"{table.url}/check", "none")
    await see(phone, f"{table.url}/check#{'x' * 16}.{hash_}", "gone")

    await focus_on(person, "Sign")
    await person.page.keyboard.press("Enter")
    await person.page.locator("dialog").wait_for(state="detached", timeout=LIMIT_MS)
    await person.page.locator("[data-entered], .half-seal, .double-seal").first.wait_for(timeout=LIMIT_MS)
    words = await see(phone, link, "gone")
    assert "signed already" in words
