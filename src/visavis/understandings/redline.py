"""What a text changes in the one before it, word by word. Pure.

Lives here: `redline`.
Not here: which text follows which (`model`), markup (`web`), the check of a quotation (`press.quotes`), which
forgives what printers do; between two texts of a treaty nothing is forgiven but the length of a space.
"""

from __future__ import annotations

import re
from functools import lru_cache

from rapidfuzz.distance import Indel

Redline = tuple[tuple[tuple[str, str], ...], ...]
"""Paragraphs of (op, words); op: "equal", "delete" (only in the earlier text), "insert" (only in the later)."""

MAX_WORK = 10_000_000
"""Pairs of words that are aligned: a quarter of a second. Longer texts are shown as struck out and written anew."""
_TOKEN = re.compile(r"\n\s*\n|\S+")
_BREAK = "\n"


@lru_cache(maxsize=256)
def redline(before: str, after: str) -> Redline:
    """From `before` to `after`; what is struck out stands before what is new. A blank line parts paragraphs."""
    earlier, later = _tokens(before), _tokens(after)
    if len(earlier) * len(later) > MAX_WORK and earlier != later:
        return (*_paragraphs([("delete", earlier)]), *_paragraphs([("insert", later)]))
    spans: list[tuple[str, list[str]]] = []
    gone: list[str] = []
    new: list[str] = []
    for code in Indel.opcodes(earlier, later):
        if code.tag == "insert":
            new += later[code.dest_start : code.dest_end]
        elif code.tag == "delete":
            gone += earlier[code.src_start : code.src_end]
        else:
            spans += [("delete", gone), ("insert", new), ("equal", earlier[code.src_start : code.src_end])]
            gone, new = [], []
    spans += [("delete", gone), ("insert", new)]
    return _paragraphs(spans)


def _tokens(text: str) -> list[str]:
    return [word if word.strip() else _BREAK for word in _TOKEN.findall(text.strip())]


def _paragraphs(spans: list[tuple[str, list[str]]]) -> Redline:
    """Whatever its op, a break parts the paragraphs: what was one paragraph and is two shows as two."""
    out: list[list[tuple[str, str]]] = [[]]
    for op, words in spans:
        run: list[str] = []
        for word in (*words, None):
            if (word is None or word == _BREAK) and run:
                out[-1].append((op, " ".join(run)))
                run = []
            if word == _BREAK and out[-1]:
                out.append([])
            elif word is not None and word != _BREAK:
                run.append(word)
    return tuple(tuple(paragraph) for paragraph in out if paragraph)
