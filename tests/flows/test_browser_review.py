"""An assessment is signed in Debian's Chromium, with what its evidence refers to."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path

import pytest
from playwright.async_api import FilePayload
from tests.flows.browser import LIMIT_MS, laid_table
from tests.flows.test_browser_sign import principal

from visavis.dialogue.model import Role

pytestmark = [pytest.mark.anyio, pytest.mark.browser]

MINUTES = b"%PDF-1.7 minutes"


async def test_an_assessment_refers_to_a_file_that_stays_where_it_is(tmp_path: Path) -> None:
    """A line that is no reference is refused at its field; the hash is signed, and knows the file from another."""
    async with laid_table(tmp_path) as table:
        person = await table.admitted(0, Role.PRINCIPAL, "Principal of side A")
        other = await principal(table, table.officers[1], "Principal of side B")
        page, words = person.page, {"en": "Visas", "ru": "Визы"}
        made = await other.act("understandings.offer", kind="understanding", title=words, body=words)
        talk, _ = await table.talk({"visas": "Visas"})
        await person.open(f"/d/{table.dialogue}/understandings/{made['understanding']}")
        await page.get_by_role("button", name="Sign the text").click()
        await page.locator("dialog[open] button[value=sign]").click(timeout=LIMIT_MS)
        await page.wait_for_selector(".double-seal[data-force=yes]", timeout=LIMIT_MS)

        await person.open(f"/d/{table.dialogue}/talks/{talk}/review")
        refers = page.locator("[name='evidence.zxx']")
        await page.locator("[name=verdict]").select_option("not-begun")
        await page.locator("[name='evidence.en']").fill("24 applications wait.")
        await refers.fill("see the annex")
        await refers.press("Tab")
        await page.get_by_role("button", name="Sign our assessment").focus()
        await page.keyboard.press("Enter")
        await person.wait("[name='evidence.zxx'][aria-invalid]:focus")
        await refers.fill("https://example.org/list The list")
        a_file = FilePayload(name="minutes.pdf", mimeType="application/pdf", buffer=MINUTES)
        await page.locator("[data-hash-into] input").set_input_files(a_file)
        await person.wait("[name='evidence.zxx']:focus")
        digest = sha256(MINUTES).hexdigest()
        lines = f"https://example.org/list The list\nsha256:{digest} minutes.pdf"
        assert await refers.input_value() == lines
        await page.get_by_role("button", name="Sign our assessment").focus()
        await page.keyboard.press("Enter")
        await page.locator("dialog[open] button[value=sign]").click(timeout=LIMIT_MS)
        await person.wait(f".refs [data-hash-of='{digest}']")

        await page.locator(".review details").first.evaluate("each => { each.open = true; }")
        compare = page.locator("[data-hash-of] input")
        for buffer, said in ((MINUTES, "It is this file."), (MINUTES + b"!", "It is another file")):
            await compare.set_input_files({**a_file, "buffer": buffer})
            await page.get_by_text(said).wait_for(timeout=LIMIT_MS)
        assert "400" in " ".join(person.said)  # the refusal, and nothing else
        assert len(person.said) == 1
        (row,) = (await other.state())["understandings"][0]["assessed"]
        assert row["theirs"]["verdict"] == "not-begun"
        commitment = row["theirs"]["references"]
        read = await other.get(f"/api/dialogues/{other.dialogue}/contents/{commitment}")
        assert (read["text"], read["language"]) == (lines, "zxx")
