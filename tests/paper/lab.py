"""Records with understandings to print: two languages, hostile words, changed and ended texts. For tests.

Lives here: `agreed`, `account`, `pages`. Not here: the desk itself (`tests.verification.desk`).
"""

from __future__ import annotations

import subprocess
from collections.abc import Mapping, Sequence

from tests.verification.desk import RULEBOOK, SIDES, Desk

from visavis.verification.account import Account
from visavis.verification.verify import verify

Words = Mapping[str, str]
TITLE = {"en": "Notice before exercises", "ru": "Уведомление об учениях"}
BODY = {
    "en": "Each side gives notice of every exercise.\n\nNotice is given seven days before.",
    "ru": "Каждая сторона уведомляет о каждом учении.\n\nУведомление даётся за семь дней.",
}
DUTIES = (
    {"en": "Side A names the place.", "ru": "Сторона А называет место."},
    {"en": "Side B names the day.", "ru": "Сторона Б называет день."},
)


def agreed(
    desk: Desk,
    title: Words = TITLE,
    body: Words = BODY,
    duties: Sequence[Words] = DUTIES,
    *,
    base: str | None = None,
    correction: bool = False,
) -> str:
    """A guarantee tabled, signed by both and acknowledged; its hash."""

    def texts(words: Words) -> list[list[str]]:
        return [[code, desk.content(words[code])] for code in sorted(words)]

    act = {
        "type": "understanding.table", "understanding": "u1", "base": base, "kind": "guarantee", "talk": None,
        "title": texts(title), "body": texts(body), "correction": correction,
        "undertakings": [
            {"id": f"d{s}", "by": SIDES[s], "texts": texts(words)} for s, words in enumerate(duties)
        ],
    }  # fmt: skip
    hash_ = desk.table(0, act)
    desk.receipts()
    desk.sign(0, hash_)
    desk.sign(1, hash_)
    desk.receipts()
    return hash_


def speaks(desk: Desk, *firsts: str) -> None:
    """Each side states its own language."""
    for s, language in enumerate(firsts):
        desk.write(s, {"type": "side.profile", "zone": "UTC", "languages": [language]}, by="officer")


def account(desk: Desk) -> Account:
    return verify(desk.bundle(), RULEBOOK)


def told(pdf: bytes, *options: str) -> str:
    """The PDF's words, as Poppler reads them."""
    done = subprocess.run(["pdftotext", *options, "-", "-"], input=pdf, capture_output=True, check=True)
    return done.stdout.decode()
