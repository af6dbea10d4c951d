"""What somebody has typed and not signed, in Debian's Chromium: it outlives whatever happens to the page."""

from __future__ import annotations

from pathlib import Path

import anyio
import pytest
from playwright.async_api import Page, Route, async_playwright
from tests.flows.chromium import CHROMIUM, FLAGS, LIMIT_S, at_the_door, until
from tests.flows.stage import found_dialogue, running_node, seat_delegation
from tests.flows.test_meanwhile import a_talk, position

from visavis.rehearsal.delegate import Delegate

pytestmark = [pytest.mark.anyio, pytest.mark.browser]

FORM = "form[data-command='talks.state-position']"
WORDS = f"{FORM} textarea[lang=en]"
KEPT = "() => Object.keys(sessionStorage).filter(name => name.startsWith('visavis.typed.')).length"


async def opened(page: Page, address: str) -> None:
    await page.goto(address)
    await page.wait_for_selector("html[data-signs=ready]", state="attached")


async def unfold(page: Page) -> None:
    await page.evaluate(f"""() => {{ for (let at = document.querySelector("{FORM}").closest("details"); at;
        at = at.parentElement.closest("details")) at.open = true; }}""")


async def is_there(page: Page, words: str) -> None:
    """In the field, unfolded, with the line that says that it is kept."""
    assert await page.input_value(WORDS) == words
    assert await page.is_visible(WORDS)
    assert await page.is_visible(f"{FORM} [data-kept]")


async def before_the_script(page: Page, address: str) -> None:
    """Pressed while the script is on its way: nothing is sent, the words stay and enter no address. Then it says so."""
    due = anyio.Event()

    async def held(route: Route) -> None:
        await due.wait()
        await route.continue_()

    await page.route("**/bundle/page-*.js", held)
    await page.goto(address, wait_until="commit")
    await page.wait_for_selector(FORM, state="attached")
    await unfold(page)
    await page.fill(WORDS, "Too early")
    await page.click(f"{FORM} button[type=submit]")
    assert await page.input_value(WORDS) == "Too early"
    due.set()
    await page.wait_for_selector("html[data-signs=ready]", state="attached")
    assert "press again" in str(await page.text_content(f"{FORM} [data-form-status]"))
    assert await page.input_value(WORDS) == "Too early"
    assert page.url == address
    await page.unroute("**/bundle/page-*.js")
    await page.fill(WORDS, "")


async def while_they_speak(page: Page, theirs: Delegate, talk: str, item: str) -> None:
    """Their position appears beside ours while we type it; caret and words stay."""
    await unfold(page)
    await page.click(WORDS)
    await page.keyboard.type("Half a sen")
    await theirs.act("talks.state-position", talk=talk, item=item, text={"en": "Theirs at once"}, hold=False)

    async def shown() -> bool:
        return "Theirs at once" in str(await page.text_content(f"#position-theirs-{item}"))

    await until("their position", shown)
    await page.keyboard.type("tence")
    await is_there(page, "Half a sentence")


async def through_reload_and_back(page: Page, address: str) -> None:
    await page.reload()
    await page.wait_for_selector("html[data-signs=ready]", state="attached")
    await is_there(page, "Half a sentence")
    await page.goto(address.rpartition("/talks/")[0])
    await page.go_back()
    await page.wait_for_selector("html[data-signs=ready]", state="attached")
    await is_there(page, "Half a sentence")


async def while_the_node_is_silent(page: Page, address: str) -> None:
    """The page says so and stays, whatever link is pressed; it says no more once the node answers."""
    notice = page.locator("[data-reach=lost]")
    await page.context.set_offline(True)
    await notice.wait_for(timeout=LIMIT_S * 1000)
    await page.locator(".mast-nav a").first.click()
    await notice.get_by_text("you stay on this page").wait_for(timeout=LIMIT_S * 1000)
    assert page.url == address
    await is_there(page, "Half a sentence")
    await page.context.set_offline(False)
    await notice.wait_for(state="detached", timeout=LIMIT_S * 1000)
    await is_there(page, "Half a sentence")


async def through_an_ended_session(page: Page, address: str, theirs: Delegate, talk: str, item: str) -> None:
    """The page says that the session ended, and so does a refusal; who signs in again finds the words as they were."""
    await page.context.clear_cookies()
    await theirs.act("talks.state-position", talk=talk, item=item, text={"en": "Theirs anew"}, hold=False)
    await page.locator("[data-reach=ended] a[target=_blank]").wait_for(timeout=LIMIT_S * 1000)
    await page.click(f"{FORM} button[type=submit]")

    async def told() -> bool:
        return "session has ended" in str(await page.text_content(f"{FORM} [data-form-status]"))

    await until("the word that the session ended", told)
    await is_there(page, "Half a sentence")
    # A link that is opened without a session leads there, once one has signed in.
    await page.goto(address)
    await page.click("form[data-sign-in] button[type=submit]")
    await page.wait_for_selector(FORM, state="attached")
    await page.wait_for_selector("html[data-signs=ready]", state="attached")
    assert page.url == address
    await is_there(page, "Half a sentence")


async def while_a_colleague_signs(page: Page, colleague: Delegate, talk: str, item: str) -> None:
    """Ours goes along into the page that shows the colleague's; signing is refused until it is meant."""
    await colleague.act(
        "talks.state-position", talk=talk, item=item, text={"en": "A colleague’s"}, hold=False
    )

    async def shown() -> bool:
        return "A colleague’s" in str(await page.text_content(f"#position-ours-{item}"))

    await until("the colleague's position", shown)
    await is_there(page, "Half a sentence")
    await page.click(f"{FORM} button[type=submit]")
    both = page.locator(f"{FORM} .meanwhile")
    await both.wait_for(timeout=LIMIT_S * 1000)
    assert await both.text_content() == "A colleague’s"
    await is_there(page, "Half a sentence")
    assert await position(colleague) == ["A colleague’s"]
    await page.get_by_role("button", name="Sign mine in its place").click()
    await page.locator("dialog[open]").wait_for(timeout=LIMIT_S * 1000)
    async with page.expect_navigation():
        await page.click("dialog[open] button[value=sign]")
    await page.wait_for_selector("html[data-signs=ready]", state="attached")
    assert await position(colleague) == ["Half a sentence"]
    assert await page.evaluate(KEPT) == 0
    assert await page.input_value(WORDS) == ""


async def thrown_away(page: Page) -> None:
    """What is discarded is gone from the page and the tab; so is all when its person signs out."""
    await unfold(page)
    await page.fill(WORDS, "Never mind")
    assert await page.evaluate(KEPT) == 1
    await page.click(f"{FORM} [data-kept] button")
    assert await page.input_value(WORDS) == ""
    assert await page.evaluate(KEPT) == 0
    await page.fill(WORDS, "Private")
    beside = await page.context.new_page()
    await opened(beside, page.url)
    await unfold(beside)
    await beside.fill(WORDS, "Of another tab")
    assert await page.input_value(WORDS) == "Private"
    async with page.expect_navigation(), beside.expect_navigation():
        await beside.click("form.leave button")
    # Signing out in one tab leaves nothing to be read in the other.
    await page.locator("form[data-sign-in]").wait_for(timeout=LIMIT_S * 1000)

    async def gone() -> bool:
        return not await page.evaluate(KEPT) and not await beside.evaluate(KEPT)

    await until("that nothing is kept in either tab", gone)


async def test_nothing_typed_is_lost(tmp_path: Path) -> None:
    """From the other side's act to a colleague's, and to signing out, which leaves nothing."""
    problems: list[str] = []
    async with running_node(tmp_path / "data") as stage, async_playwright() as playwright:
        a, b = await found_dialogue(stage)
        talk, item = await a_talk(a, b)
        theirs = (await seat_delegation(stage, b, "B", "principal"))["principal"]
        colleague = (await seat_delegation(stage, a, "A", "principal"))["principal"]
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, headless=True, args=list(FLAGS))
        page, _ = await at_the_door(browser, a, "A", problems)
        address = f"{stage.url}/d/{a.dialogue}/talks/{talk}"
        await before_the_script(page, address)
        await while_they_speak(page, theirs, talk, item)
        await through_reload_and_back(page, address)
        await while_the_node_is_silent(page, address)
        await through_an_ended_session(page, address, theirs, talk, item)
        await while_a_colleague_signs(page, colleague, talk, item)
        await thrown_away(page)
        await browser.close()
    assert problems == []


async def test_another_person_finds_nothing(tmp_path: Path) -> None:
    """Words that one person typed are gone from the tab once another has signed in there."""
    problems: list[str] = []
    async with running_node(tmp_path / "data") as stage, async_playwright() as playwright:
        a, b = await found_dialogue(stage)
        talk, _ = await a_talk(a, b)
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, headless=True, args=list(FLAGS))
        page, _ = await at_the_door(browser, a, "A", problems)
        address = f"{stage.url}/d/{a.dialogue}/talks/{talk}"
        await opened(page, address)
        await unfold(page)
        await page.fill(WORDS, "Not for others")
        other, _ = await at_the_door(browser, a, "A", problems)
        (cookie,) = (each for each in await other.context.cookies() if each["name"] == "visavis_session")
        await page.context.clear_cookies()
        await page.context.add_cookies([cookie])  # type: ignore[list-item]
        # The page of the one signs nothing in the name of the other.
        await page.click(f"{FORM} button[type=submit]")
        told = page.locator(f"{FORM} [data-form-status][data-state=error]")
        await told.wait_for(timeout=LIMIT_S * 1000)
        assert "another delegate has signed in in this browser" in str(await told.text_content())
        await opened(page, address)
        assert await page.evaluate(KEPT) == 0
        assert await page.input_value(WORDS) == ""
        await browser.close()
    assert problems == []
