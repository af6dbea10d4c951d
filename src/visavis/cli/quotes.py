"""`visavis quotes`: whether an article quotes rightly what was released.

Lives here: `check`, its account in words.
Not here: the check (`press.quotes`), what is public (`web.newsroom`), its page and JSON (`web`).
Spec: docs/spec/http.md §6.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
from cyclopts import App, Parameter

from visavis.cli.record import printable, read_bundle
from visavis.errors import Malformed, Unavailable, Untrusted

if TYPE_CHECKING:
    from visavis.press.quotes import Finding, Quotation, Released, Report

app = App(name="quotes", help="Check whether an article quotes rightly what was released.")

MAX_BYTES = 1024 * 1024
"""Of the file: a hundred thousand characters of any script, and room for what is trimmed."""
NODE_LIMIT_S = 30.0


@app.command
async def check(
    file: Annotated[Path, Parameter(allow_leading_hyphen=True)],
    /,
    *,
    node: str | None = None,
    data: Path | None = None,
    bundle: Path | None = None,
    as_json: Annotated[bool, Parameter(name="--json")] = False,
) -> int:
    """Find every quotation of an article, or a bare sentence, in what both sides have released.

    The status is 0 if every quotation is verbatim, 1 if one is altered, not found or left unchecked, 2 if nothing
    could be checked.

    Parameters
    ----------
    file:
        The article as plain text, UTF-8; `-` for standard input.
    node:
        Ask a node by its public address (https://…). Otherwise the node's data are read.
    data:
        Folder of the node's data (VISAVIS_DATA; default ./visavis-data). The node may be running.
    bundle:
        Look in the public releases of this bundle (`*.visavis`) instead; one that does not verify proves nothing.
    as_json:
        Print the findings as JSON.
    """
    from visavis.press.quotes import Finding
    from visavis.press.quotes import check as find

    article = read_article(file)
    if node is not None:
        report = await _ask(node, article)
    elif bundle is not None:
        report = find(article, released_in(read_bundle(bundle)))
    else:
        report = find(article, await _released(data))
    if as_json:
        sys.stdout.write(json.dumps(msgspec.to_builtins(report), ensure_ascii=False, indent=2) + "\n")
    else:
        sys.stdout.write("".join(line + "\n" for line in lines(report)))
    return 0 if report.count(Finding.VERBATIM) == len(report.quotations) and not report.unchecked else 1


def read_article(file: Path) -> str:
    """The article's text. Raises `Unavailable` if it cannot be read, `Malformed` if it is too large or no text."""
    try:
        if str(file) == "-":
            data = sys.stdin.buffer.read(MAX_BYTES + 1)
        else:
            with file.open("rb") as opened:
                data = opened.read(MAX_BYTES + 1)
    except OSError as error:
        raise Unavailable(f"{file} cannot be read: {error.strerror}") from error
    if len(data) > MAX_BYTES:
        raise Malformed(f"{file} is larger than {MAX_BYTES} bytes, which no article is")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Malformed(f"{file} is no text in UTF-8") from error


async def _released(data: Path | None) -> list[Released]:
    """Everything public in the node's data."""
    from visavis.bootstrap import open_record
    from visavis.config import Settings
    from visavis.press.public import to_quote_from
    from visavis.web.newsroom import address, public_text

    settings = Settings.from_environment(data=data)
    base = settings.public_url or ""
    found: list[Released] = []
    async with open_record(settings.data) as dialogues:
        for dialogue in dialogues.ids:
            ledger = dialogues.ledger(dialogue)
            found += to_quote_from(
                ledger.joint, partial(public_text, ledger), lambda *release: base + address(*release)
            )
    return found


def released_in(data: bytes) -> tuple[Released, ...]:
    """Everything released in a bundle's bytes. Raises `Untrusted` if the bundle does not verify."""
    from visavis.dialogue.fold import fold
    from visavis.dialogue.join import Joint
    from visavis.press.public import to_quote_from
    from visavis.record.bundle import parse_bundle
    from visavis.rulebook import EDITION_1
    from visavis.verification.verify import verify
    from visavis.web.newsroom import address

    verified = verify(data, EDITION_1)
    if not verified.holds:
        why = printable(verified.faults[0].message) if verified.faults else "an entry in it is void"
        raise Untrusted(f"the bundle does not verify: {why}")
    read, _ = parse_bundle(data)
    states = [fold(read.dialogue, side, read.sides, EDITION_1, read.logs[side].leaves) for side in read.sides]

    def text(commitment: str) -> str | None:
        opened = read.contents.get(commitment)
        return None if opened is None else opened.content.decode("utf-8", "replace")

    # A bundle also holds what both sides alone may read; only the words of public releases are asked for.
    return to_quote_from(Joint(states[0], states[1], EDITION_1), text, address)


async def _ask(node: str, article: str) -> Report:
    """What the node at that address finds. Raises `Unavailable`, or `Malformed` with the node's own words."""
    import httpx2

    from visavis.press.quotes import Report

    try:
        async with httpx2.AsyncClient(base_url=node.rstrip("/"), timeout=NODE_LIMIT_S) as client:
            answer = await client.post("/api/quotes", json={"text": article})
    except (httpx2.TransportError, httpx2.InvalidURL) as error:
        raise Unavailable(f"{node} does not answer: {type(error).__name__}") from error
    try:
        if answer.status_code == 400:
            raise Malformed(printable(str(msgspec.json.decode(answer.content)["detail"])))
        if answer.status_code != 200:
            raise Unavailable(f"{node} answered with status {answer.status_code}")
        return msgspec.json.decode(answer.content, type=Report)
    except (msgspec.DecodeError, KeyError, TypeError) as error:
        raise Unavailable(f"{node} gave an answer that is none of a node's") from error


# --- in words -------------------------------------------------------------------------------------


def lines(report: Report) -> Iterator[str]:
    """The findings, quotation by quotation, and what was printed twice."""
    for quotation in report.quotations:
        yield from _quotation_lines(quotation)
        yield ""
    for paragraph in report.repeated:
        yield f"Printed more than once: {printable(paragraph)}"
        yield ""
    if report.unchecked:
        yield f"{report.unchecked} further quotations were not checked: the article has too many."
    counts = ", ".join(f"{report.count(finding)} {word}" for finding, word in _words().items())
    yield f"Checked: {len(report.quotations)}; {counts}."


def _words() -> dict[Finding, str]:
    from visavis.press.quotes import Finding

    return {Finding.VERBATIM: "verbatim", Finding.ALTERED: "altered", Finding.NOT_FOUND: "not found"}


def _quotation_lines(quotation: Quotation) -> Iterator[str]:
    times = f" ({quotation.times} times)" if quotation.times > 1 else ""
    yield f"{_words()[quotation.finding].capitalize()}{times}: “{printable(quotation.quotation)}”"
    if quotation.released is None:
        return
    if len(quotation.difference) > 1 or any(op != "equal" for op, _ in quotation.difference):
        yield f"  as released: “{printable(quotation.released)}”"
        yield "  difference:  " + " ".join(_marked(op, words) for op, words in quotation.difference)
    yield f"  at {quotation.permalink}"


def _marked(op: str, words: str) -> str:
    """[-released, not quoted-] and {+quoted, not released+}, as `git diff --word-diff` marks them."""
    match op:
        case "delete":
            return f"[-{printable(words)}-]"
        case "insert":
            return f"{{+{printable(words)}+}}"
        case _:
            return printable(words)
