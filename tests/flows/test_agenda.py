"""A talk's page at work, in Debian's Chromium: the ranking by keys and by drag, and what comes of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Page, async_playwright
from tests.flows.chromium import CHROMIUM, FLAGS, LIMIT_S, at_the_door, until
from tests.flows.stage import found_dialogue, running_node

from visavis.rehearsal.delegate import Delegate

pytestmark = [pytest.mark.anyio, pytest.mark.browser]

ITEMS = ("Tension", "Guarantees", "Trade")
RANK = "form[data-command='talks.rank']"
ROWS = f"{RANK} [data-rank-list] > li"
MERGED = "[data-rank-merged] > li"


async def a_talk(a: Delegate, b: Delegate) -> tuple[str, dict[str, str]]:
    """A talk whose time is agreed, with three items of side A; its id, title → item's id."""
    await a.act("talks.offer", title={"en": "Talks"}, start="2031-12-07T15:00:00Z", minutes=60, mode="video")
    talk = (await a.state())["talks"][0]["talk"]
    await b.act("talks.accept", talk=talk["id"], hash=talk["times"][0]["hash"])
    made = {
        title: await a.act(
            "talks.propose-item", talk=talk["id"], title={"en": title, "ru": title}, kind="issue"
        )
        for title in ITEMS
    }
    return talk["id"], {title: str(act["item"]) for title, act in made.items()}


async def order_of(page: Page, rows: str) -> list[str]:
    words: Any = await page.eval_on_selector_all(
        rows, "rows => rows.map(row => row.querySelector('.rank-title').textContent.trim())"
    )
    return list(words)


async def reads(page: Page, what: str, selector: str, words: str) -> None:
    async def told() -> bool:
        return words in str(await page.text_content(selector))

    await until(what, told)


async def by_keys(page: Page) -> None:
    """A button moves the item; focus stays on it; its place is announced; the merged order follows."""
    first = (await order_of(page, ROWS))[0]
    button = page.locator(f"{ROWS}:first-child [data-move=down]")
    box = await button.bounding_box()
    assert box is not None
    assert min(box["width"], box["height"]) >= 44
    await button.focus()
    await page.keyboard.press("Enter")
    assert (await order_of(page, ROWS))[1] == first
    assert f"{first}: move down" == await page.evaluate("document.activeElement.getAttribute('aria-label')")
    await reads(page, "the new place", "#announcements", f"{first}: place 2 of 3")
    await page.keyboard.press("ArrowUp")
    assert (await order_of(page, ROWS))[0] == first
    # At the top there is no further up, and nothing is lost by trying.
    await page.keyboard.press("ArrowUp")
    assert (await order_of(page, ROWS))[0] == first


async def by_drag(page: Page) -> None:
    """A row that is dragged below the last one is the last; Esc puts it back."""
    before = await order_of(page, ROWS)
    grip, last = page.locator(f"{ROWS}:first-child .rank-grip"), page.locator(f"{ROWS}:last-child")
    start, end = await grip.bounding_box(), await last.bounding_box()
    assert start is not None
    assert end is not None
    for put in (False, True):
        await page.mouse.move(start["x"] + start["width"] / 2, start["y"] + start["height"] / 2)
        await page.mouse.down()
        await page.mouse.move(start["x"] + 5, end["y"] + end["height"] - 2, steps=4)
        assert await order_of(page, ROWS) == [*before[1:], before[0]]
        if not put:
            await page.keyboard.press("Escape")
        await page.mouse.up()
        assert await order_of(page, ROWS) == ([*before[1:], before[0]] if put else before)


async def test_ranking_by_keys_and_by_drag(tmp_path: Path) -> None:
    """What the list shows is what is signed, and the merged order shown before is the node's after."""
    problems: list[str] = []
    async with running_node(tmp_path / "data") as stage, async_playwright() as playwright:
        a, b = await found_dialogue(stage)
        talk, items = await a_talk(a, b)
        await b.act("talks.rank", talk=talk, items=[items[t] for t in ("Trade", "Tension", "Guarantees")])
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, headless=True, args=list(FLAGS))
        page, _ = await at_the_door(browser, a, "A", problems)
        await page.goto(f"{stage.url}/d/{a.dialogue}/talks/{talk}")
        await page.click("#ranking summary")
        assert sorted(await order_of(page, ROWS)) == sorted(ITEMS)
        await by_keys(page)
        await by_drag(page)
        ours, shown = await order_of(page, ROWS), await order_of(page, MERGED)
        places = [ours.index(shown[0]) + 1, ["Trade", "Tension", "Guarantees"].index(shown[0]) + 1]
        why = f"ours {places[0]} + theirs {places[1]} = {sum(places)}"
        assert why in str(await page.text_content(f"{MERGED}:first-child"))
        await page.click(f"{RANK} button[type=submit]")
        await page.locator("dialog[open]").wait_for(timeout=LIMIT_S * 1000)
        async with page.expect_navigation():
            await page.click("dialog[open] button[value=sign]")
        draft = (await a.state())["talks"][0]["talk"]["draft"]
        issues = [item for item in draft if item["kind"] == "issue"]
        assert [item["id"] for item in issues] == [items[title] for title in shown]
        assert {item["id"]: item["place_ours"] for item in issues} == {
            items[title]: place for place, title in enumerate(ours, 1)
        }
        # The other side ranks anew: the page follows by itself.
        await page.wait_for_selector("html[data-signs=ready]")
        await b.act("talks.rank", talk=talk, items=[items[title] for title in ours])

        async def alike() -> bool:
            return await order_of(page, MERGED) == ours

        await until("the merged order of two equal rankings", alike)
        assert await order_of(page, ROWS) == ours
        await browser.close()
    assert problems == []
