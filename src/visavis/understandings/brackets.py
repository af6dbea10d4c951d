"""Brackets in a draft: words that are not agreed, as drafters write them: "[Side A: ten] [Side B: thirty]". Pure.

Lives here: `clauses_of`; `parts` (a clause as plain words and brackets), `open_places` (where a text has some),
`taken` (one side's alternatives taken).
Not here: the refusal to sign what has them (`service`), markup (`web`), what an act says: to the record a bracket is a
character like any other, since its words are beside the log.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

_MARK = re.compile(r"[\[\]]")
_BLANK_LINE = re.compile(r"\n[^\S\n]*\n\s*")
_LABEL = re.compile(r"\s*([^\[\]:：\n]{1,300}?)\s*[:：]\s*(.*)\Z", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Bracket:
    """One alternative. side: whose, by the name before its colon; "" if it names neither. words: what is in it, without
    that name; brackets in it stand there as written. raw: as written. closed: False if its other half is missing."""

    side: str
    words: str
    raw: str
    closed: bool = True


Part = str | Bracket


def parts(text: str, names: Mapping[str, str]) -> tuple[Part, ...]:
    """A text from its beginning to its end. names: how a side is called, in any language → the side."""
    known = {_plain(name): side for name, side in names.items()}
    return tuple(_parts(text, known))


def _parts(text: str, known: Mapping[str, str]) -> Iterator[Part]:
    at = depth = begun = 0
    for mark in _MARK.finditer(text):
        if mark[0] == "[":
            if depth == 0:
                if mark.start() > at:
                    yield text[at : mark.start()]
                begun = at = mark.start()
            depth += 1
        elif depth == 0:
            if mark.start() > at:
                yield text[at : mark.start()]
            yield Bracket("", "", "]", closed=False)
            at = mark.end()
        else:
            depth -= 1
            if depth == 0:
                at = mark.end()
                yield _bracket(text[begun:at], known)
    if depth:
        yield Bracket("", text[begun + 1 :], text[begun:], closed=False)
    elif at < len(text):
        yield text[at:]


def _bracket(raw: str, known: Mapping[str, str]) -> Bracket:
    within = raw[1:-1]
    label = _LABEL.match(within)
    side = known.get(_plain(label[1]), "") if label else ""
    return Bracket(side, (label[2] if label and side else within).strip(), raw)


def _plain(name: str) -> str:
    return " ".join(name.split()).casefold()


def clauses_of(text: str) -> tuple[str, ...]:
    """A text's clauses: what blank lines part."""
    parted = _BLANK_LINE.split(text.replace("\r\n", "\n"))
    return tuple(clause for part in parted if (clause := part.strip()))


def open_places(
    title: Mapping[str, str], body: Mapping[str, str], undertakings: Sequence[Mapping[str, str]]
) -> tuple[str, ...]:
    """Where a text has brackets in any of its languages: "title", "clause-2", "undertaking-1", in its order."""
    spoken = [clauses_of(text) for text in body.values()]
    found = {
        f"clause-{n}": n for clauses in spoken for n, words in enumerate(clauses, 1) if _MARK.search(words)
    }
    places = ["title"] if any(map(_MARK.search, title.values())) else []
    places += sorted(found, key=found.__getitem__)
    places += [
        f"undertaking-{n}" for n, u in enumerate(undertakings, 1) if any(map(_MARK.search, u.values()))
    ]
    return tuple(places)


def taken(text: str, side: str, names: Mapping[str, str]) -> str:
    """The text with that side's alternatives in place of the brackets, and the other's left out.

    A bracket that names neither side stays: nobody knows what it is an alternative to.
    """
    out: list[str] = []
    for part in parts(text, names):
        if isinstance(part, str):
            out.append(part)
        elif not part.side:
            out.append(part.raw)
        elif part.side == side and part.words:
            out.append(part.words)
        elif out and out[-1][-1:].isspace():
            out[-1] = out[-1].rstrip(" ")  # the space before what is left out goes with it
    return "".join(out).strip()
