"""`visavis record verify --entries`: the entries of a record one by one, in words and as JSON.

Lives here: `in_words`, `in_json`, `width`.
Not here: the checks and what each entry came to (`verification`), the account in words (`cli.record`).
Spec: docs/spec/record.md §14.2.

     4  Signed a text                                                   ✓ stands
        Anna Petrova, principal · passkey, user verified
        7 December 2021, 15:00:04 UTC, as its node claims
          understanding: u1
          text en: “Guarantees of security”
        had seen 3 entries of Side B’s log · known to Side B since its entry 5
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from rich.cells import cell_len

from visavis.cli.record import body_lines, printable
from visavis.rulebook import EDITION_1
from visavis.verification.account import Account, LogAccount
from visavis.verification.lines import Line, ProofKind
from visavis.web.words.sentences import ACTS

WIDTHS = (60, 100)
"""Columns of a line, at least and at most."""
INDENT = 8
_PROOFS: Mapping[ProofKind, str] = {
    ProofKind.PASSKEY: "passkey, user verified",
    ProofKind.DEVICE: "a device’s key",
    ProofKind.RECOVERY: "a recovery key of the founding",
    ProofKind.NODE: "the node’s own key, unasked",
}
_MONTHS = ("January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
           "December")  # fmt: skip
"""The account is English, whatever the reader's locale."""
_FIRST = ("name", "understanding", "talk", "item", "delegate", "kind", "text", "title")
"""Members that say what an act is about; the others follow in the record's order."""


def width() -> int:
    """Columns to print in: the terminal's, within `WIDTHS`; 80 where there is none."""
    return min(max(shutil.get_terminal_size((80, 24)).columns, WIDTHS[0]), WIDTHS[1])


def in_json(account: str, lines: Iterator[Line]) -> Iterator[str]:
    """The account's JSON, an object, with a member `lines` more: an entry a line, so that none waits for the last."""
    yield account.removesuffix("\n}") + ',\n  "lines": ['
    before = "\n"
    for line in lines:
        yield f"{before}    {json.dumps(line.to_json(), ensure_ascii=False)}"
        before = ",\n"
    yield "\n  ]\n}\n"


def in_words(account: Account, lines: Iterator[Line], columns: int) -> Iterator[str]:
    """The entries in lines of at most so many columns; a heading begins with "# ", what does not stand with "! "."""
    logs = {log.side: log for log in account.logs}
    others = dict(zip(logs, reversed(logs.values()), strict=True))
    people = {log.side: {each.delegate: _person(each.name, each.role, each.delegate) for each in log.delegates}
              for log in account.logs}  # fmt: skip
    current = None
    for line in lines:
        if line.log != current:
            current = line.log
            yield ""
            yield f"# The log of {_name(logs[line.log])}, entry by entry"
        yield ""
        yield from _entry(line, people[line.log], logs[line.log], others[line.log], columns)
    if current is None:
        yield ""
        yield "No entries there."


def _entry(
    line: Line, people: Mapping[str, str], log: LogAccount, other: LogAccount, columns: int
) -> Iterator[str]:
    yield _head(line, columns)
    if line.verdict is not None:
        yield from _wrapped(_why(line), INDENT, columns, mark="! ")
    if line.act is None:
        yield from _wrapped(_reached(line, other), INDENT, columns)
        return
    proof = _PROOFS[line.proof] if line.proof is not None else ""
    holds = proof if line.proven else f"{proof}: THE PROOF DOES NOT HOLD"
    yield from _wrapped(f"{_who(line)} · {holds}", INDENT, columns)
    yield from _wrapped(f"{_time(line.time)}, as its node claims", INDENT, columns)
    known = {**line.contents, **{each.side: _plain(each) for each in (log, other)}}
    for said in body_lines(_told(line, people), known):
        yield from _wrapped(said, INDENT + 2, columns)
    yield from _wrapped(_reached(line, other), INDENT, columns)


def _head(line: Line, columns: int) -> str:
    kind = "" if line.act is None else str(line.act["type"])
    act = (
        "Bytes that are no entry"
        if line.act is None
        else ACTS.get(kind) or f"An act unknown here: {printable(kind)}"
    )
    verdict = {None: "✓ stands", "held": "… held"}.get(line.verdict, "✗ void")
    room = columns - INDENT - len(verdict) - 2
    shown = act if cell_len(act) <= room else act[: room - 1] + "…"
    gap = " " * (columns - INDENT - cell_len(shown) - len(verdict))
    mark = "" if line.verdict is None else "!"
    return f"{mark}{line.index:>{INDENT - 2 - len(mark)}}  {shown}{gap}{verdict}"


def _why(line: Line) -> str:
    reason = str(line.verdict)
    said = EDITION_1.explained.get(reason, "")
    return f"{reason}. {said}".strip() if reason != "held" else said


def _who(line: Line) -> str:
    if line.proof is ProofKind.NODE:
        return "The node"
    if line.proof is ProofKind.RECOVERY:
        return "Whoever holds a recovery key"
    return _person(line.name, line.role, str(line.delegate))


def _person(name: str | None, role: str, delegate: str) -> str:
    who = printable(name) if name is not None else f"delegate {printable(delegate)}"
    return f"{who}, {role.replace('-', ' ')}" if role else who


def _reached(line: Line, other: LogAccount) -> str:
    name = _name(other)
    if line.seen is None:
        seen = "acknowledges nothing"
    elif line.seen == 0:
        seen = f"had seen nothing of {name}’s log"
    else:
        seen = f"had seen {line.seen} {'entry' if line.seen == 1 else 'entries'} of {name}’s log"
    if line.known_since is None:
        return f"{seen} · not yet acknowledged by {name}"
    return f"{seen} · known to {name} since its entry {line.known_since}"


def _told(line: Line, names: Mapping[str, str]) -> dict[str, Any]:
    """The act's members as they are to be read: titles for hashes, people for ids, keys named and not spelt."""
    told: dict[str, Any] = {}
    for member, value in (line.act or {}).items():
        match member, value:
            case "type", _:
                continue
            case "founding", {
                "name": dict(names_of),
                "officer": {"delegate": officer},
                "recovery": list(recovery),
            }:
                told["name"] = {language: f"“{words}”" for language, words in names_of.items()}
                told |= {"officer": officer, "recovery keys": str(len(recovery) or "none")}
            case "passkey", {"alg": str(alg), "rp": str(rp)}:
                told["passkey"] = f"{alg}, of {rp}"
            case "passkey", None:
                told["passkey"] = "none: a device’s key"
            case "hash", str() if line.title:
                told["text"] = {language: f"“{words}”" for language, words in line.title.items()}
                told["hash"] = value
            case "delegate", str():
                told[member] = names.get(value, value)
            case "delegates", list():
                told[member] = [names.get(str(each), str(each)) for each in value]
            case "base", None:
                continue
            case _:
                told[member] = value
    return {**{name: told[name] for name in _FIRST if name in told}, **told}


def _name(log: LogAccount) -> str:
    return printable(_plain(log))


def _plain(log: LogAccount) -> str:
    return next(iter(log.names.values()))


def _time(spelt: str) -> str:
    """7 December 2021, 15:00:04 UTC; what is no such time is shown as it stands."""
    try:
        when = datetime.fromisoformat(spelt)
    except ValueError:
        return printable(spelt) or "no time"
    if when.utcoffset() is None or when.utcoffset():
        return printable(spelt)
    return f"{when.day} {_MONTHS[when.month - 1]} {when.year}, {when:%H:%M:%S} UTC"


def _wrapped(words: str, indent: int, columns: int, mark: str = "") -> Iterator[str]:
    """Lines of at most so many columns, as wide as a terminal draws them; what follows the first stands deeper."""
    margin, line, wide = mark + " " * (indent - len(mark)), "", 0
    for word in words.split(" "):
        size = cell_len(word)
        if line and wide + 1 + size > columns - len(margin):
            yield margin + line
            margin, line, wide = mark + " " * (indent + 2 - len(mark)), word, size
        else:
            line, wide = (f"{line} {word}", wide + 1 + size) if line else (word, size)
    yield margin + line
