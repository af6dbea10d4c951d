"""What a text changes in the one before it, clause against clause and word by word. Pure.

Lives here: `redline` (one text against another), `compared` (lists of clauses in several languages).
Not here: which text follows which (`model`), markup (`web`), the check of a quotation (`press.quotes`), which
forgives what printers do; between two texts of a treaty nothing is forgiven but the length of a space.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from rapidfuzz.distance import Indel

Spans = tuple[tuple[str, str], ...]
"""(op, words); op: "equal", "delete" (only in the earlier text), "insert" (only in the later)."""
Redline = tuple[Spans, ...]
"""By paragraph."""
Clause = Mapping[str, str]
"""A clause in every language that it stands in."""

MAX_WORK = 10_000_000
"""Pairs of words that are aligned: a quarter of a second. Longer texts are shown as struck out and written anew."""
ALIKE = 0.4
"""From here on two clauses are one that was changed; below, one has fallen and the other is new."""
_TOKEN = re.compile(r"\n\s*\n|\S+")
_BREAK = "\n"


@dataclass(frozen=True, slots=True)
class ClauseChange:
    """One clause of either text. before, after: its number there, from 1; None where it is new, or has fallen.

    lines: language → what changed. changed: whether anything did.
    """

    before: int | None
    after: int | None
    lines: Mapping[str, Spans]

    @property
    def changed(self) -> bool:
        return any(op != "equal" for spans in self.lines.values() for op, _ in spans)


def compared(before: Sequence[Clause], after: Sequence[Clause]) -> tuple[ClauseChange, ...]:
    """Both texts as one list of clauses. Clauses are matched in all their languages at once, so that the languages stay
    side by side; what is struck out stands before what is new."""
    out: list[ClauseChange] = []
    for i, j in _matched(before, after):
        old: Clause = {} if i is None else before[i]
        new: Clause = {} if j is None else after[j]
        lines = {
            code: tuple(span for line in redline(old.get(code, ""), new.get(code, "")) for span in line)
            for code in dict.fromkeys((*new, *old))
        }
        out.append(ClauseChange(None if i is None else i + 1, None if j is None else j + 1, lines))
    return tuple(out)


def _matched(before: Sequence[Clause], after: Sequence[Clause]) -> list[tuple[int | None, int | None]]:
    """Pairs of places, in both orders at once; one of the two is None where the clause has no like."""
    head = 0
    while head < min(len(before), len(after)) and before[head] == after[head]:
        head += 1
    tail = 0
    while tail < min(len(before), len(after)) - head and before[-1 - tail] == after[-1 - tail]:
        tail += 1
    pairs: list[tuple[int | None, int | None]] = [(n, n) for n in range(head)]
    old, new = before[head : len(before) - tail], after[head : len(after) - tail]
    pairs += [
        (None if i is None else head + i, None if j is None else head + j) for i, j in _aligned(old, new)
    ]
    shift = len(after) - len(before)
    return pairs + [(n, n + shift) for n in range(len(before) - tail, len(before))]


def _aligned(old: Sequence[Clause], new: Sequence[Clause]) -> list[tuple[int | None, int | None]]:
    """The pairs whose likeness is the greatest in sum; clauses that are less alike than `ALIKE` are no pair."""
    olds, news = [_words_of(each) for each in old], [_words_of(each) for each in new]
    work = sum(map(len, olds)) * sum(map(len, news))
    if work > MAX_WORK:
        most = max(len(old), len(new))
        return [(n if n < len(old) else None, n if n < len(new) else None) for n in range(most)]
    best = [[0.0] * (len(new) + 1) for _ in range(len(old) + 1)]
    like = [[Indel.normalized_similarity(one, other) for other in news] for one in olds]
    for i in range(len(old) - 1, -1, -1):
        for j in range(len(new) - 1, -1, -1):
            paired = like[i][j] + best[i + 1][j + 1] if like[i][j] >= ALIKE else 0.0
            best[i][j] = max(paired, best[i + 1][j], best[i][j + 1])
    pairs: list[tuple[int | None, int | None]] = []
    i = j = 0
    while i < len(old) and j < len(new):
        if like[i][j] >= ALIKE and best[i][j] == like[i][j] + best[i + 1][j + 1]:
            pairs.append((i, j))
            i, j = i + 1, j + 1
        elif best[i][j] == best[i + 1][j]:
            pairs.append((i, None))
            i += 1
        else:
            pairs.append((None, j))
            j += 1
    pairs += [(n, None) for n in range(i, len(old))]
    return pairs + [(None, n) for n in range(j, len(new))]


def _words_of(clause: Clause) -> list[str]:
    """All its words, each with its language: a word is like another of its own language alone."""
    return [f"{code} {word}" for code in sorted(clause) for word in clause[code].split()]


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
