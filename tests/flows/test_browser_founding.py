"""A side is founded in real Chromium, by keyboard alone: back without loss, and on to the first of its people."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.flows.browser import Visitor, chromium
from tests.flows.chromium import Key
from tests.flows.stage import NAMES, running_node
from tests.flows.test_browser_keyboard import focus, press, sign, tab_to

pytestmark = [pytest.mark.anyio, pytest.mark.browser]


async def test_a_side_is_founded_by_keyboard(tmp_path: Path) -> None:
    """From the one-time link to the link for the next one; the other side's officer has no browser."""
    async with running_node(tmp_path) as stage, chromium() as browser:
        context = await browser.new_context(locale="en-GB", timezone_id="Asia/Jakarta")
        page = await context.new_page()
        person = Visitor("Officer of side A", 440.0, context, page, await Key.of(page), stage.url)
        page.on("pageerror", lambda error: person.said.append(str(error)))
        await person.open(stage.links[0])
        await press(person, "BUTTON", "Make my passkey and come in")
        await person.wait("#founding [aria-current=step] input[name='name.en']")

        # What was typed is there again after reading it once more, and after the browser's own way back.
        await tab_to(person, "INPUT", "English")
        await page.keyboard.type("Side C")
        await page.keyboard.press("Enter")
        await person.wait("form[action='/founding/change']")
        await press(person, "BUTTON", "Back, and change it")
        await person.wait("form[action='/founding/check']")
        await tab_to(person, "INPUT", "English")
        assert await page.evaluate("() => document.activeElement.value") == "Side C"
        await page.keyboard.press("Control+A")
        await page.keyboard.type("Side A")
        await page.keyboard.press("Enter")
        await person.wait("form[action='/founding/change']")
        await press(person, "BUTTON", "State our side")
        await person.wait("#letter")

        other = stage.delegate("Officer of side B")
        await other.enrol(stage.links[1])
        await other.post("/api/foundings", {"name": NAMES[1]})
        await press(person, "A", "Look again")
        await person.wait("form[data-command='dialogue.found']")
        await sign(person, "Sign the first entry", "form[data-command='dialogue.profile']")

        # The zone is this browser's own, to be signed or changed.
        await tab_to(person, "INPUT", "Time zone")
        assert await page.evaluate("() => document.activeElement.value") == "Asia/Jakarta"
        await page.keyboard.press("Control+A")
        await page.keyboard.type("Nowhere/Else")
        await press(person, "BUTTON", "Sign it")
        await person.wait("[data-form-status][data-state=error]")
        at = await focus(person)  # at the field that is wrong, and nothing else is lost
        assert at["words"].startswith("Time zone")
        await page.keyboard.press("Control+A")
        await page.keyboard.type("Asia/Makassar")
        # Languages are chosen by name; what is in no list goes by its tag, and is refused where it stands.
        await tab_to(person, "SELECT", "Language 2")
        await page.keyboard.press("i")
        chosen = "() => document.activeElement.selectedOptions[0].text"
        while await page.evaluate(chosen) != "Indonesian · Bahasa Indonesia":
            await page.keyboard.press("i")
        await press(person, "SUMMARY", "A language that is not in the list")
        await tab_to(person, "TEXTAREA", "Tags of languages")
        await page.keyboard.type("Sundanese")
        await press(person, "BUTTON", "Sign it")
        await person.wait("textarea[aria-invalid=true]")
        assert (await focus(person))["words"].startswith("Tags of languages")
        await page.keyboard.press("Control+A")
        await page.keyboard.type("SU")
        await sign(person, "Sign it", "#ours")
        assert "English, Bahasa Indonesia and Basa Sunda" in await page.locator("#founding").inner_text()

        await tab_to(person, "INPUT", "Name, as it stands in the log")
        await page.keyboard.type("Principal of side A")
        await page.keyboard.press("Enter")
        await person.wait("#new-link")
        link = await page.locator("#new-link").text_content()
        # Loaded anew, the page is asked for: the form is not sent again, and makes no second link.
        await page.reload()
        await person.wait("html[data-signs=ready]")
        assert await page.locator("#new-link").count() == 0
        assert await page.locator("#links li form").count() == 1
        # Opened in the officer's own browser, it makes nobody a passkey by mistake.
        await page.goto(str(link))
        await press(person, "BUTTON", "Sign out, and open the link")
        await person.wait("form[data-enrol]")
        assert page.url == link
        assert person.said == []
        await context.close()
