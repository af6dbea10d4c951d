"""Papers and seals in Debian's Chromium: by keys, by drag, signed, seen on the other side at once."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.async_api import Page, async_playwright
from tests.dossier.files import PDF
from tests.flows.chromium import CHROMIUM, FLAGS, LIMIT_S, at_the_door, until
from tests.flows.stage import found_dialogue, running_node
from tests.flows.test_agenda import a_talk, reads

pytestmark = [pytest.mark.anyio, pytest.mark.browser]

READY = "html[data-signs=ready]"
SAID = "form[data-lays] [data-form-status]"
DROPPED = """
([zone, name, words]) => {
  const data = new DataTransfer();
  data.items.add(new File([words], name));
  const on = document.querySelector(zone);
  for (const kind of ['dragover', 'drop']) {
    on.dispatchEvent(new DragEvent(kind, { dataTransfer: data, bubbles: true, cancelable: true }));
  }
}
"""


async def lay_by_keys(page: Page, path: Path) -> None:
    """The file by the field's own key, and on its way by Enter; then its page."""
    await page.focus("#lay-file")
    async with page.expect_file_chooser() as chooser:
        await page.keyboard.press("Space")
    await (await chooser.value).set_files(path)
    await reads(page, "the choice", SAID, path.name)
    await page.keyboard.press("Tab")
    assert await page.evaluate("document.activeElement.matches('form[data-lays] [type=submit]')")
    await page.keyboard.press("Enter")
    await page.wait_for_url("**/papers/*")


async def refusals(page: Page, limit: int) -> None:
    """Too large is said before a byte is sent; what runs, by the node: in words, with the focus on the field."""
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.method))
    await page.evaluate(DROPPED, ["[data-drop]", "large.txt", "x" * (limit + 1)])
    await reads(page, "that it is too large", SAID, "larger than")
    assert "POST" not in sent
    await page.evaluate(DROPPED, ["[data-drop]", "map.png", "<svg onload='x'/>"])
    await reads(page, "the choice", SAID, "map.png")
    await page.keyboard.press("Enter")
    await reads(page, "the reason", SAID, "would run")
    assert await page.evaluate("document.activeElement.id") == "lay-file"


async def share(page: Page) -> None:
    """Signed with the passkey; the page then says that it is shared."""
    await until("forms that sign", lambda: page.locator(READY).count())
    await page.click("#paper-acts summary")
    await page.click("form[data-command='talks.give-paper'] [type=submit]")
    await until("the words to sign", lambda: page.locator("dialog[open]").count())
    await page.click("dialog[open] button[value=sign]")
    await reads(page, "that it is shared", "#paper", "which names the file by its hash")


async def test_papers_and_a_seal_that_closes(tmp_path: Path) -> None:
    """Side A lays and shares; side B's page shows it as it stands, says so, and its seal closes before its eyes."""
    problems: list[str] = []
    file = tmp_path / "Map of the sector.pdf"
    file.write_bytes(PDF)
    async with running_node(tmp_path / "node") as stage, async_playwright() as tool:
        browser = await tool.chromium.launch(executable_path=CHROMIUM, args=[*FLAGS])
        a, b = await found_dialogue(stage)
        talk, items = await a_talk(a, b)
        here = f"{stage.url}/d/{a.dialogue}/talks/{talk}"
        one, _ = await at_the_door(browser, a, "A", problems)
        other, _ = await at_the_door(browser, b, "B", problems)
        for page in (one, other):
            page.set_default_timeout(LIMIT_S * 1000)
        await other.goto(here)
        await one.goto(f"{here}/papers?item={items['Trade']}")
        await until("forms that send", lambda: one.locator(READY).count())
        await refusals(one, stage.node.dossier.limits.paper)
        await lay_by_keys(one, file)
        assert file.name not in await other.content()
        await share(one)
        await reads(other, "the paper", f"#item-{items['Trade']}", file.name)

        await a.act("talks.offer-agenda", talk=talk, press_call="expected", statement="expected")
        agenda = (await a.state())["talks"][0]["talk"]["agendas"][0]["hash"]
        await reads(other, "their seal", "#seals", "Sealed by them")
        assert not await other.locator("[data-closing]").count()
        await b.act("talks.approve-agenda", talk=talk, hash=agenda)
        await until("a seal that closes", lambda: other.locator("#seals[data-closing]").count())
        figure = "#seals .seal-fig"
        assert (
            await other.eval_on_selector(figure, "one => getComputedStyle(one).animationName")
            == "seal-closes"
        )
        await other.emulate_media(reduced_motion="reduce")
        assert await other.eval_on_selector(figure, "one => getComputedStyle(one).animationName") == "none"
        await browser.close()
    assert problems == []
