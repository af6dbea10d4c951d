"""How long an act takes from the press of "Sign" to the other side's page: what a delegate waits, and sees.

    .venv/bin/python bench/act_shown.py [acts]

Workload: a node in a process of its own; in Chromium a principal of side A signs `acts` texts (default 12), one
after another, by passkey, while a principal of side B has the same text's page open. From the press of the dialog's
"Sign" to the frame in which B's page shows A's seal. In it are: the authenticator, the entry checked and on disk,
the event, B's page fetched, swapped and drawn. The authenticator is Chromium's own in software; the time that it
takes is measured in the same press and given apart, since a person's touch is no figure of ours.

Beside it, in the same run, the machine's own limit: B's page fetched by B's browser, `fetch_ms`.

Result, 2026-11-30, Debian 12, 2 cores, load 2.2, 8 acts: beyond the authenticator 77 ms in the median,
55 the least, 135 the greatest; fetch 11.
"""

from __future__ import annotations

import json
import os
import statistics
import sys
import tempfile
from pathlib import Path

import anyio

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "src")]

from tests.flows.browser import LIMIT_MS, Table, Visitor, laid_table  # noqa: E402

from visavis.dialogue.model import Role  # noqa: E402

READS_S = 1.0
"""A person reads what they sign; meanwhile the receipt of the text, which the draft brought about, is shown."""

WORDS = {"en": "Text", "ru": "Текст"}

AUTHENTICATOR = """(() => {
  const real = navigator.credentials.get.bind(navigator.credentials);
  navigator.credentials.get = async options => {
    const at = performance.now();
    try { return await real(options); } finally { window.asked = performance.now() - at; }
  };
})()"""

PRESS = """() => new Promise(done => {
  const at = performance.timeOrigin + performance.now();
  document.querySelector('dialog[open] button[value=sign]').click();
  document.addEventListener('visavis:entered', () => done([at, window.asked]), { once: true });
})"""

SHOWN = """() => { window.shown = new Promise(done => {
  const look = () => document.querySelector('.seal-half.theirs[data-seal=sealed]')
    ? done(performance.timeOrigin + performance.now()) : requestAnimationFrame(look);
  look();
}); }"""

FETCH = """async () => {
  const at = performance.now();
  await (await fetch(location.href, { headers: { Accept: 'text/html' } })).text();
  return performance.now() - at;
}"""


async def signed(signer: Visitor, reader: Visitor, page: str) -> tuple[float, float, float]:
    """(press to shown, of it the authenticator, a bare fetch of the page), in ms."""
    await signer.open(page)
    await reader.open(page)
    fetched: float = await reader.page.evaluate(FETCH)
    await signer.page.get_by_role("button", name="Sign the text").first.click()
    await signer.page.locator("dialog[open]").wait_for(timeout=LIMIT_MS)
    await reader.page.evaluate(SHOWN)
    await anyio.sleep(READS_S)
    pressed, asked = await signer.page.evaluate(PRESS)
    shown: float = await reader.page.evaluate("() => window.shown")
    return shown - pressed, asked, fetched


async def measured(table: Table, acts: int) -> list[tuple[float, float, float]]:
    people = [
        await table.admitted(side, Role.PRINCIPAL, f"Principal of side {'AB'[side]}") for side in (0, 1)
    ]
    await people[0].context.add_init_script(AUTHENTICATOR)
    took = []
    for _ in range(acts):
        await people[1].open(f"/d/{table.dialogue}/understandings/new")
        for code, words in WORDS.items():
            await people[1].page.locator(f"#title-{code}").fill(words)
            await people[1].page.locator(f"#body-{code}").fill(words)
        await people[1].page.get_by_role("button", name="Table the text").click()
        await people[1].page.locator("dialog[open] button[value=sign]").click(timeout=LIMIT_MS)
        await people[1].page.wait_for_url(lambda url: not url.endswith("/new"), timeout=LIMIT_MS)
        text = (await table.officers[0].state())["understandings"][-1]["id"]
        took.append(await signed(people[0], people[1], f"/d/{table.dialogue}/understandings/{text}"))
    return took


async def main(acts: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        async with laid_table(Path(folder)) as table:
            took = await measured(table, acts)
    beyond = [whole - asked for whole, asked, _ in took]
    result = {
        "acts": acts,
        "shown_ms": round(statistics.median(whole for whole, _, _ in took)),
        "authenticator_ms": round(statistics.median(asked for _, asked, _ in took)),
        "beyond_ms": round(statistics.median(beyond)),
        "beyond_min_ms": round(min(beyond)),
        "beyond_max_ms": round(max(beyond)),
        "fetch_ms": round(statistics.median(fetched for _, _, fetched in took)),
        "load_average": round(os.getloadavg()[0], 1),
        "processors": os.cpu_count(),
    }
    print(json.dumps(result))


if __name__ == "__main__":
    anyio.run(main, int(sys.argv[1]) if len(sys.argv) > 1 else 12)
