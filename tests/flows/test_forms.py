"""Forms that sign, in Debian's Chromium: read, cancelled, refused, signed; and pages that keep up."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.async_api import Page, Route, async_playwright
from tests.flows.chromium import CHROMIUM, FLAGS, LIMIT_S, Key, at_the_door, until
from tests.flows.stage import found_dialogue, running_node

from visavis.record.digest import from_text
from visavis.record.entry import parse_entry
from visavis.rehearsal.delegate import Delegate

pytestmark = [pytest.mark.anyio, pytest.mark.browser]

FORM = "form[data-command='talks.propose']"


async def unfold(page: Page) -> None:
    """Once there is a talk, the form for a further one is folded."""
    await page.evaluate(f"""() => {{ const fold = document.querySelector("{FORM}").closest("details");
        if (fold) fold.open = true; }}""")


WATCHES_NOTHING = """() => new Promise((done, failed) => {
  const opening = indexedDB.open('visavis');
  opening.onerror = () => failed(opening.error);
  opening.onsuccess = () => {
    const counting = opening.result.transaction('watched').objectStore('watched').count();
    counting.onsuccess = () => {
      opening.result.close();
      done(counting.result === 0);
    };
  };
})"""


async def fill(page: Page, *, minutes: str) -> None:
    await unfold(page)
    await page.fill(f"{FORM} [name='title.en']", "A talk by video")
    await page.fill(f"{FORM} [name=start]", "2031-12-07T10:00")
    await page.fill(f"{FORM} [name=minutes]", minutes)
    await page.select_option(f"{FORM} [name=mode]", "video")


async def said(page: Page) -> str:
    return str(await page.text_content(f"{FORM} [data-form-status]")).strip()


async def cancels_and_keeps(page: Page) -> None:
    """The dialog says what would be signed; Esc signs nothing and keeps what was typed."""
    await fill(page, minutes="90")
    await page.click(f"{FORM} button[type=submit]")
    dialog = page.locator("dialog[open]")
    await dialog.wait_for(timeout=LIMIT_S * 1000)
    focused = "document.activeElement?.closest('dialog') !== null"
    assert await page.evaluate(focused)
    assert "A talk by video" in str(await dialog.text_content())
    await page.keyboard.press("Escape")
    await dialog.wait_for(state="detached")

    async def told() -> bool:
        return await said(page) == "Not signed. What you typed is still here."

    await until("the word that nothing was signed", told)
    assert await page.input_value(f"{FORM} [name='title.en']") == "A talk by video"
    assert await page.evaluate(
        f'document.activeElement === document.querySelector("{FORM} button[type=submit]")'
    )


async def refuses_in_words(page: Page) -> None:
    """A node's refusal is said in words beside the form, the field is marked, what was typed stays."""
    await fill(page, minutes="99999999")
    await page.click(f"{FORM} button[type=submit]")

    async def refused() -> bool:
        return "Nothing was written." in await said(page)

    await until("the refusal", refused)
    assert await page.get_attribute(f"{FORM} [name=minutes]", "aria-invalid") == "true"
    assert await page.input_value(f"{FORM} [name='title.en']") == "A talk by video"


async def signs_once(page: Page, officer: Delegate) -> None:
    """Signing enters one entry, however often the button is pressed."""
    await fill(page, minutes="90")
    await page.evaluate(
        f"""() => {{ const form = document.querySelector("{FORM}");
        for (let i = 0; i < 3; i++) form.requestSubmit(); }}"""
    )
    await page.locator("dialog[open]").wait_for(timeout=LIMIT_S * 1000)
    assert await page.locator("dialog[open]").count() == 1
    async with page.expect_navigation():
        await page.click("dialog[open] button[value=sign]")
    talks = (await officer.state())["talks"]
    assert [each["talk"]["status"] for each in talks] == ["proposed"]
    time = talks[0]["talk"]["times"][0]
    assert (time["start"], time["minutes"]) == ("2031-12-07T15:00:00Z", 90)


async def offers(page: Page, officer: Delegate) -> None:
    """The second button proposes and accepts in one gesture: one dialog, one entry; they are waited for."""
    await fill(page, minutes="45")
    await page.click(f"{FORM} button[data-command='talks.offer']")
    dialog = page.locator("dialog[open]")
    await dialog.wait_for(timeout=LIMIT_S * 1000)
    assert "Propose a time for a talk and accept it" in str(await dialog.text_content())
    async with page.expect_navigation():
        await page.click("dialog[open] button[value=sign]")
    times = [time for each in (await officer.state())["talks"] for time in each["talk"]["times"]]
    (offered,) = (time for time in times if time["minutes"] == 45)
    assert (offered["seal"]["ours"]["state"], offered["seal"]["theirs"]["state"]) == ("sealed", "pending")


async def keeps_up(page: Page, other: Delegate) -> None:
    """What the other side does appears by itself, and is announced; a form that is being filled stays."""
    await unfold(page)
    await page.fill(f"{FORM} [name='title.en']", "Half a wo")
    await other.act(
        "talks.propose",
        title={"en": "Another talk"},
        start="2032-01-10T15:00:00Z",
        minutes=60,
        mode="video",
    )

    async def shown() -> bool:
        return "Another talk" in str(await page.text_content("#talk-line"))

    await until("the other side's proposal", shown)

    async def announced() -> bool:
        return "What is on the time line has changed." in str(await page.text_content("#announcements"))

    await until("its announcement", announced)
    assert await page.input_value(f"{FORM} [name='title.en']") == "Half a wo"


async def signs_in_again(page: Page, home: str) -> None:
    """Without the cookie the passkey opens a session again, also in a browser that remembers nothing of it."""
    await page.context.clear_cookies()
    await page.evaluate("new Promise(done => indexedDB.deleteDatabase('visavis').onsuccess = done)")
    await page.goto(home)
    await page.click("form[data-sign-in] button[type=submit]")
    await page.wait_for_selector("form[data-sign-in]", state="detached")
    assert await page.evaluate("fetch('/api/session').then(answer => answer.status)") == 200


async def is_not_verified(page: Page, key: Key, officer: Delegate, address: str) -> None:
    """A passkey that does not verify its user signs nothing; the form says so, and what was typed stays."""
    before = [each["talk"]["id"] for each in (await officer.state())["talks"]]
    await page.goto(address)
    await fill(page, minutes="90")
    await key.verifies(False)
    await page.click(f"{FORM} button[type=submit]")
    await page.locator("dialog[open]").wait_for(timeout=LIMIT_S * 1000)
    await page.click("dialog[open] button[value=sign]")

    async def told() -> bool:
        return "nothing was signed" in await said(page)

    await until("the word that nothing was signed", told)
    assert await page.input_value(f"{FORM} [name='title.en']") == "A talk by video"
    assert [each["talk"]["id"] for each in (await officer.state())["talks"]] == before
    await key.verifies(True)
    await page.click(f"{FORM} button[type=submit]")
    await page.locator("dialog[open]").wait_for(timeout=LIMIT_S * 1000)
    async with page.expect_navigation():
        await page.click("dialog[open] button[value=sign]")
    assert len((await officer.state())["talks"]) == len(before) + 1


async def lets_this_device_act(page: Page, address: str) -> None:
    """The passkey admits a key of this browser, which cannot be taken out of it."""
    await page.goto(address)
    await page.click("#devices summary")
    await page.click("#devices form[data-command='dialogue.admit-device'] button")
    async with page.expect_navigation():
        await page.click("dialog[open] button[value=sign]")
    extractable = await page.evaluate(
        """() => new Promise(done => {
          const opened = indexedDB.open('visavis');
          opened.onsuccess = () => {
            const read = opened.result.transaction('acting').objectStore('acting').getAll();
            read.onsuccess = () => {
              opened.result.close();
              done(read.result.map(each => each.keys.privateKey.extractable));
            };
          };
        })"""
    )
    assert extractable == [False]


async def last_signer(officer: Delegate, act: str) -> tuple[str, str]:
    """Whose credential proved the latest entry of that act in our log, and the type of its proof."""
    page = await officer.get(f"/api/dialogues/{officer.dialogue}/logs/{officer.side}?from=0")
    entries = [parse_entry(from_text(leaf)) for leaf in page["leaves"]]
    entry = next(each for each in reversed(entries) if each.signed.act["type"] == act)
    return entry.signed.credential, entry.proof.type


async def test_a_device_that_acts(tmp_path: Path) -> None:
    """Once let, this device tables a time without asking; ended by the passkey, it acts no more."""
    problems: list[str] = []
    async with running_node(tmp_path / "data") as stage, async_playwright() as playwright:
        a, _ = await found_dialogue(stage)
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, headless=True, args=list(FLAGS))
        page, key = await at_the_door(browser, a, "A", problems)
        address = f"{stage.url}/d/{a.dialogue}"
        await lets_this_device_act(page, address)
        passkey, proven = await last_signer(a, "side.admit")
        assert proven == "webauthn"
        asked = await key.uses()
        await fill(page, minutes="90")
        async with page.expect_navigation():
            await page.click(f"{FORM} button[type=submit]")
        device, proven = await last_signer(a, "talk.propose")
        assert proven == "ed25519"
        assert await key.uses() == asked

        await page.click("#devices summary")
        await page.click("#devices form[data-command='dialogue.revoke'] button")
        async with page.expect_navigation():
            await page.click("dialog[open] button[value=sign]")
        assert await key.uses() > asked
        await fill(page, minutes="60")
        await page.click(f"{FORM} button[type=submit]")
        async with page.expect_navigation():
            await page.click("dialog[open] button[value=sign]")
        again, proven = await last_signer(a, "talk.propose")
        assert proven == "webauthn"
        assert (passkey, again != device) == (again, True)
        await browser.close()
    assert problems == []


async def test_a_node_that_says_entered_and_does_not(tmp_path: Path) -> None:
    """What was signed and is not in the log is said on the page, until it is there."""
    problems: list[str] = []
    async with running_node(tmp_path / "data") as stage, async_playwright() as playwright:
        a, _ = await found_dialogue(stage)
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, headless=True, args=list(FLAGS))
        page, _ = await at_the_door(browser, a, "A", problems)
        address = f"{stage.url}/d/{a.dialogue}"
        held: list[str] = []

        async def holds_back(route: Route) -> None:
            held.append(route.request.post_data or "")
            await route.fulfill(status=201, json={"side": a.side, "seq": 4, "leaf": "A" * 43})

        await page.goto(address)
        await page.route("**/entries", holds_back)
        await fill(page, minutes="90")
        await page.click(f"{FORM} button[type=submit]")
        async with page.expect_navigation():
            await page.click("dialog[open] button[value=sign]")
        warning = page.locator("[data-watch][role=alert]")
        await warning.wait_for(timeout=LIMIT_S * 1000)
        assert "does not show it" in str(await warning.text_content())
        assert (await a.state())["talks"] == []

        # It can be made worthless; that is signed like anything else, and then nothing is left to warn of.
        first = held.pop()
        await page.unroute("**/entries")
        await page.get_by_role("button", name="Make it worthless").click()
        async with page.expect_navigation():
            await page.click("dialog[open] button[value=sign]")
        await page.wait_for_selector("html[data-signs=ready]", timeout=LIMIT_S * 1000)
        refused = await page.evaluate(
            """([path, body]) => fetch(path, {
                method: 'POST', headers: { 'Content-Type': 'application/json' }, body }).then(r => r.json())""",
            [f"/api/dialogues/{a.dialogue}/entries", first],
        )
        assert refused["code"] == "replayed"

        async def forgotten() -> bool:
            return bool(await page.evaluate(WATCHES_NOTHING))

        await until("that nothing is watched any more", forgotten)
        await page.goto(address)
        assert await warning.count() == 0

        # Another one is held back, and the node enters it after all: not the entry that it said.
        await page.route("**/entries", holds_back)
        await fill(page, minutes="90")
        await page.click(f"{FORM} button[type=submit]")
        async with page.expect_navigation():
            await page.click("dialog[open] button[value=sign]")
        await warning.wait_for(timeout=LIMIT_S * 1000)
        await page.unroute("**/entries")
        await page.evaluate(
            """([path, body]) => fetch(path, {
                method: 'POST', headers: { 'Content-Type': 'application/json' }, body })""",
            [f"/api/dialogues/{a.dialogue}/entries", held[0]],
        )
        assert len((await a.state())["talks"]) == 1
        await page.goto(address)
        await warning.wait_for(timeout=LIMIT_S * 1000)
        assert "another entry than your node said" in str(await warning.text_content())
        await browser.close()
    assert problems == []


async def test_forms_that_sign(tmp_path: Path) -> None:
    """A principal's forms, from the first press to a passkey that does not verify them."""
    problems: list[str] = []
    async with running_node(tmp_path / "data") as stage, async_playwright() as playwright:
        a, b = await found_dialogue(stage)
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, headless=True, args=list(FLAGS))
        page, key = await at_the_door(browser, a, "A", problems)
        address = f"{stage.url}/d/{a.dialogue}"
        await page.goto(address)
        await cancels_and_keeps(page)
        await refuses_in_words(page)
        await signs_once(page, a)
        await page.goto(address)
        await offers(page, a)
        await page.goto(address)
        await keeps_up(page, b)
        await signs_in_again(page, stage.url)
        await is_not_verified(page, key, a, address)
        await browser.close()
    assert problems == []
