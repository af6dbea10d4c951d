"""The quotation check: do words ascribed to a release stand in it? Pure.

Lives here: `quotations` (what an article quotes), `check` (verbatim, altered with the difference, not found),
`repeated` (paragraphs printed twice).
Not here: which releases are public (`model.newsroom`), opening their contents (the caller), pages, commands.
Spec: docs/spec/http.md §6.

Two texts are compared word by word: white space, the form of quotation marks, dashes and apostrophes, and what
cannot be seen are the printer's and do not count; a word, its case or a mark of punctuation are the speaker's
and do. Two liberties are every editor's: the case of the first letter, and the mark that ends the quotation.

The articles are anybody's, so there is a budget for their length, for the number of quotations and for the work;
what exceeds it is refused, or named as not checked, never left unsaid.
"""

from __future__ import annotations

import unicodedata
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

import regex
from rapidfuzz import fuzz
from rapidfuzz.distance import Indel, Opcode

from visavis.errors import Malformed

MAX_ARTICLE = 100_000
"""Characters of an article: the longest of newspapers have some 60 000."""
MAX_QUOTATIONS = 200
MAX_WORDS = 600
"""Of one quotation that is aligned. A longer one is checked as verbatim or not at all: it says so."""
MAX_WORK = 40_000_000
"""Pairs of words (quotation × release) that one check aligns: about a second on one core."""
MIN_WORDS = 2
"""A single word in quotation marks is a name or irony, not a quotation."""
_SLACK = 4
"""Words by which what was replaced may be longer than what replaced it."""
CANDIDATES = 4
"""Releases that share most rare words with a quotation; only these are aligned."""
ALTERED_AT = 0.6
"""Share of words, of both passages, that must stand in both, in order, to call one an altered form of the other.
Below it half of the words are others: then it is another sentence on the same matter."""
ALTERED_WORDS = 3
"""…and at least so many common words: "the talks will" alters nothing."""


class Finding(StrEnum):
    VERBATIM = "verbatim"
    ALTERED = "altered"
    NOT_FOUND = "not-found"


@dataclass(frozen=True, slots=True)
class Released:
    """A public release in one language, opened. paragraphs: without marks of layout."""

    permalink: str
    language: str
    paragraphs: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Quotation:
    """One quotation and what was found.

    released:   the passage as released, or None. permalink: of its release, or None.
    difference: (op, words) from the released passage to the quotation; op is "equal", "delete" (released, not
                quoted) or "insert" (quoted, not released). Empty if not found.
    times:      how often the article prints it.
    """

    quotation: str
    finding: Finding
    released: str | None = None
    difference: tuple[tuple[str, str], ...] = ()
    permalink: str | None = None
    language: str | None = None
    times: int = 1


@dataclass(frozen=True, slots=True)
class Report:
    """repeated: paragraphs that the article prints more than once, each named once.
    unchecked: quotations left out because the article has more than a check takes."""

    quotations: tuple[Quotation, ...]
    repeated: tuple[str, ...] = ()
    unchecked: int = 0

    def count(self, finding: Finding) -> int:
        return sum(q.finding is finding for q in self.quotations)


# --- words ----------------------------------------------------------------------------------------

_TOKEN = regex.compile(r"[\p{L}\p{M}\p{N}]+(?:['’ʼ‐‑\-][\p{L}\p{M}\p{N}]+)*|\p{P}|\p{S}")
_INVISIBLE = regex.compile(r"[\p{Cf}--[\u200c]]", flags=regex.V1)
"""Soft hyphens, joiners, direction marks. The zero-width non-joiner is spelling in Persian and stays."""
_QUOTING = frozenset("«»“”„‟‹›\"‘’‚‛'「」『』")
_DASHES = str.maketrans(dict.fromkeys("–—―−‒⸺⸻", "—") | dict.fromkeys("‐‑", "-") | dict.fromkeys("’ʼ‘", "'"))
_ENDING = frozenset(".,;:!?…—-")
_STOPS = frozenset(".!?") | {"..."}
_SENTENCE = regex.compile(r"(?<=[.!?…؟。])[\s]+(?=[\p{Lu}\p{Lt}\p{Lo}\d«“„\"‘])")


@dataclass(frozen=True, slots=True)
class _Word:
    """key: what is compared. start, end: where it stands in its text."""

    key: str
    start: int
    end: int


def _clean(text: str) -> str:
    """Composed form, nothing invisible, every white space a plain one; lines stay."""
    text = unicodedata.normalize("NFC", text).replace("\r\n", "\n").replace("\r", "\n")
    return str(_INVISIBLE.sub("", text))


def _words(text: str) -> tuple[_Word, ...]:
    out = []
    for found in _TOKEN.finditer(text):
        key = found.group().translate(_DASHES)
        if key not in _QUOTING:
            out.append(_Word("..." if key == "…" else key, found.start(), found.end()))
    return tuple(out)


def _keys(words: Sequence[_Word]) -> tuple[str, ...]:
    return tuple(word.key for word in words)


def _bare(words: Sequence[_Word]) -> Sequence[_Word]:
    """Without the marks at its two ends."""
    start, end = 0, len(words)
    while start < end and words[start].key in _ENDING:
        start += 1
    while end > start and (words[end - 1].key in _ENDING or words[end - 1].key == "..."):
        end -= 1
    return words[start:end]


# --- what an article quotes -------------------------------------------------------------------------

_CLOSES: dict[str, str] = {
    "«": "»",
    "“": "”",
    "„": "“”",
    "‟": "”",
    "‹": "›",
    "‘": "’",
    "‚": "‘’",
    '"': '"',
    "「": "」",
    "『": "』",
    "»": "«",  # Danish, some German; only where it opens a word
}
_SINGLE = frozenset("‘‚")


_PAIRED = {"«": "»", "“": "”", "„": "“”"}
"""Marks whose two forms differ, so that a line tells whether one is still open at its end."""


def paragraphs(article: str) -> tuple[str, ...]:
    """The article's paragraphs: blocks between empty lines, or lines where there are none.

    A line that ends inside a quotation which a later line closes goes on in it: somebody pasted wrapped lines.
    """
    text = _clean(article)
    if regex.search(r"\n[ \t]*\n", text):
        blocks = regex.split(r"\n[ \t]*\n", text)
    else:
        blocks = []
        for line in text.split("\n"):
            if blocks and _left_open(blocks[-1]) and _closes_first(line):
                blocks[-1] += "\n" + line
            else:
                blocks.append(line)
    return tuple(block for part in blocks if (block := " ".join(part.split())))


def _left_open(block: str) -> bool:
    mark = max(_PAIRED, key=block.rfind)
    at = block.rfind(mark)
    return at >= 0 and not any(close in block[at + 1 :] for close in _PAIRED[mark])


def _closes_first(line: str) -> bool:
    """Whether a closing mark comes in the line before any opening one."""
    closing = [at for mark in "»”" if (at := line.find(mark)) >= 0]
    opening = [at for mark in "«„" if (at := line.find(mark)) >= 0]
    return bool(closing) and (not opening or min(closing) < min(opening))


def repeated(blocks: Iterable[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """(the paragraphs, each once; those that came more than once, each named once), compared by their words.

    Headings and bylines of a few words may well repeat; only whole paragraphs count: eight words or more.
    """
    once: dict[tuple[str, ...], str] = {}
    twice: dict[tuple[str, ...], str] = {}
    for block in blocks:
        keys = _keys(_words(block))
        if keys not in once:
            once[keys] = block
        elif len(keys) >= 8:
            twice.setdefault(keys, once[keys])
    return tuple(once.values()), tuple(twice.values())


def _quoted(block: str) -> list[str]:
    """What stands in quotation marks in one paragraph, outermost marks only.

    A quotation that is not closed runs to the paragraph's end: so printers open every paragraph of a long one.
    """
    out, at = [], 0
    while at < len(block):
        mark = block[at]
        closes = _CLOSES.get(mark)
        if closes is None or not _opens(block, at):
            at += 1
            continue
        end = _closing(block, at, mark, closes)
        if end is None:
            if mark in _SINGLE or mark == '"':
                at += 1
                continue
            end = len(block)
        out.append(block[at + 1 : end].strip())
        at = end + 1
    return out


def _opens(block: str, at: int) -> bool:
    """Whether the mark stands where a quotation can begin: not inside or after a word, and before something."""
    before, after = block[at - 1 : at], block[at + 1 : at + 2]
    if not after or after.isspace():
        return False
    if block[at] in '"‘‚»':
        return not before or not (before.isalnum() or before in ".,!?;:")
    return True


def _closing(block: str, at: int, mark: str, closes: str) -> int | None:
    depth = 1
    for i in range(at + 1, len(block)):
        char = block[i]
        if char in closes:
            inside = block[i - 1 : i].isalnum() and block[i + 1 : i + 2].isalnum()
            if char == "’" and inside:
                continue  # an apostrophe
            depth -= 1
            if depth == 0:
                return i
        elif char == mark:
            depth += 1
    return None


def quotations(article: str) -> tuple[str, ...]:
    """The quotations of an article in order, repeats included; of a text without any quotation mark, its sentences.

    Raises `Malformed` if the article has more than `MAX_ARTICLE` characters, or no words.
    """
    once, _ = _taken(article)
    return _quotations(once)


def _taken(article: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The paragraphs of an article, as `repeated` has them. Raises `Malformed` above the budget."""
    if len(article) > MAX_ARTICLE:
        raise Malformed(
            "the text has %(given)s characters; a check takes %(limit)s",
            given=len(article),
            limit=MAX_ARTICLE,
            field="text",
        )
    return repeated(paragraphs(article))


def _quotations(blocks: Sequence[str]) -> tuple[str, ...]:
    found = [q for block in blocks for q in _quoted(block) if _counts(q)]
    if not found:
        found = [s.strip() for block in blocks for s in _SENTENCE.split(block) if _counts(s)]
    if not found:
        raise Malformed("there is nothing to check: paste a sentence or an article", field="text")
    return tuple(found)


def _counts(text: str) -> bool:
    return sum(key[0].isalnum() for key in _keys(_words(text))) >= MIN_WORDS


# --- the check --------------------------------------------------------------------------------------


class _Passages:
    """Released texts, made ready to be searched."""

    def __init__(self, released: Sequence[Released]) -> None:
        self.released = released
        self.texts = [_clean("\n\n".join(r.paragraphs)) for r in released]
        self.words = [_words(text) for text in self.texts]
        self.keys = [_keys(words) for words in self.words]
        self.joined = ["\x1f" + "\x1f".join(keys) + "\x1f" for keys in self.keys]
        self.starts = [_offsets(keys) for keys in self.keys]
        self.kinds = [frozenset(keys) for keys in self.keys]
        self.rarity: dict[str, float] = {}
        for kinds in self.kinds:
            for key in kinds:
                self.rarity[key] = self.rarity.get(key, 0) + 1
        self.work = 0

    def verbatim(self, keys: tuple[str, ...]) -> tuple[int, int] | None:
        """(release, first word) of the passage with exactly these words, but for the first letter's case."""
        for variant in dict.fromkeys((keys, _recased(keys))):
            needle = "\x1f" + "\x1f".join(variant) + "\x1f"
            for n, text in enumerate(self.joined):
                at = text.find(needle)
                if at >= 0:
                    return n, bisect_right(self.starts[n], at) - 1
        return None

    def candidates(self, keys: tuple[str, ...]) -> list[int]:
        """Releases that share the rarest words with the quotation, best first."""
        wanted = set(keys)
        scores = [
            (sum(1 / self.rarity[key] for key in wanted & kinds if key[0].isalnum()), -n)
            for n, kinds in enumerate(self.kinds)
        ]
        best = sorted((s for s in scores if s[0] > 0), reverse=True)
        return [-n for _, n in best[:CANDIDATES]]

    def passage(self, n: int, first: int, last: int) -> str:
        """The released words from `first` to before `last`, as they were printed, with the mark that ends them."""
        words, text = self.words[n], self.texts[n]
        end = words[last - 1].end
        if last < len(words) and words[last].key in _STOPS and words[last].start == end:
            end = words[last].end
        return " ".join(text[words[first].start : end].split())


def _offsets(keys: Sequence[str]) -> list[int]:
    """Where each word's separator stands in the joined keys."""
    out, at = [], 0
    for key in keys:
        out.append(at)
        at += len(key) + 1
    return out


def _recased(keys: tuple[str, ...]) -> tuple[str, ...]:
    """With the case of the first letter changed."""
    if not keys:
        return keys
    first = keys[0]
    other = first[0].upper() if first[0].islower() else first[0].lower()
    return (other + first[1:], *keys[1:])


def check(article: str, released: Sequence[Released]) -> Report:
    """Check every quotation of `article`, or the bare sentence that it is, against what was released.

    Raises `Malformed` for an article without words, or above the budget.
    """
    blocks, twice = _taken(article)
    times: dict[str, int] = {}
    for quotation in _quotations(blocks):
        times[quotation] = times.get(quotation, 0) + 1
    passages = _Passages(released)
    found = [_find(quotation, passages, n) for quotation, n in list(times.items())[:MAX_QUOTATIONS]]
    return Report(tuple(found), twice, max(0, len(times) - MAX_QUOTATIONS))


def _find(quotation: str, passages: _Passages, times: int) -> Quotation:
    words = _bare(_words(quotation))
    keys = _keys(words)
    if not keys:
        return Quotation(quotation, Finding.NOT_FOUND, times=times)
    exact = passages.verbatim(keys)
    if exact is not None:
        n, first = exact
        shown = passages.passage(n, first, first + len(keys))
        source = passages.released[n]
        return Quotation(
            quotation,
            Finding.VERBATIM,
            shown,
            (("equal", shown),),
            source.permalink,
            source.language,
            times,
        )
    best: tuple[float, int, int, int] | None = None
    for n in passages.candidates(keys) if len(keys) <= MAX_WORDS else ():
        cost = len(keys) * len(passages.keys[n])
        if passages.work + cost > MAX_WORK:
            continue
        passages.work += cost
        window = _window(keys, passages.keys[n])
        if window is not None and (best is None or window[0] > best[0]):
            best = (window[0], n, window[1], window[2])
    if best is None:
        return Quotation(quotation, Finding.NOT_FOUND, times=times)
    _, n, first, last = best
    source = passages.released[n]
    return Quotation(
        quotation,
        Finding.ALTERED,
        passages.passage(n, first, last),
        _difference(passages, n, first, last, quotation, words),
        source.permalink,
        source.language,
        times,
    )


def _window(quoted: tuple[str, ...], text: tuple[str, ...]) -> tuple[float, int, int] | None:
    """(likeness, first word, word after the last) of the passage of `text` most like `quoted`; None if none is
    like enough."""
    if not text:
        return None
    low, low_text = _lowered(quoted), _lowered(text)
    found = fuzz.partial_ratio_alignment(low, low_text)
    if found is None:
        return None
    # Let the passage be longer than the quotation: words may have been left out inside it.
    first = max(0, found.dest_start - len(quoted))
    last = min(len(text), found.dest_end + len(quoted))
    codes = [c for c in Indel.opcodes(low_text[first:last], low) if c.tag == "equal"]
    codes = _dense(codes)
    if not codes:
        return None
    common = sum(c.src_end - c.src_start for c in codes)
    start, end = first + codes[0].src_start, first + codes[-1].src_end
    likeness = 2 * common / (len(quoted) + end - start)
    spoken = sum(key[0].isalnum() for c in codes for key in low_text[first + c.src_start : first + c.src_end])
    if likeness < ALTERED_AT or spoken < ALTERED_WORDS:
        return None
    # Words of the quotation before the first common one, or after the last, stand for released ones there.
    before, after = codes[0].dest_start, len(quoted) - codes[-1].dest_end
    return likeness, _reach_back(text, start, before), _reach_on(text, end, after)


def _reach_on(text: tuple[str, ...], end: int, words: int) -> int:
    """Where the sentence ends, if that is not much further than `words` more words; else so many words on."""
    if words == 0:
        return end
    for at in range(end, min(len(text), end + words + _SLACK)):
        if text[at] in _STOPS:
            return at
    return min(len(text), end + words)


def _reach_back(text: tuple[str, ...], start: int, words: int) -> int:
    if words == 0:
        return start
    for at in range(start, max(0, start - words - _SLACK) - 1, -1):
        if at == 0 or text[at - 1] in _STOPS:
            return at
    return max(0, start - words)


def _dense(codes: list[Opcode]) -> list[Opcode]:
    """Drop common words at either end that stand further from the rest than they are worth: a stray "the" ten
    words before the passage is not part of it."""
    while (
        len(codes) > 1 and codes[1].src_start - codes[0].src_end > codes[0].src_end - codes[0].src_start + 2
    ):
        codes = codes[1:]
    while (
        len(codes) > 1
        and codes[-1].src_start - codes[-2].src_end > codes[-1].src_end - codes[-1].src_start + 2
    ):
        codes = codes[:-1]
    return codes


def _lowered(keys: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(key.casefold() for key in keys)


def _difference(
    passages: _Passages, n: int, first: int, last: int, quotation: str, words: Sequence[_Word]
) -> tuple[tuple[str, str], ...]:
    """Word by word from the released passage to the quotation, in the words as each printed them."""
    text, released = passages.texts[n], passages.words[n][first:last]
    keys = _keys(released)
    quoted = _keys(words)
    if keys[0] != quoted[0] and _recased(quoted)[0] == keys[0]:
        quoted = _recased(quoted)
    quotation = _clean(quotation)
    out: list[tuple[str, str]] = []
    for code in Indel.opcodes(keys, quoted):
        if code.tag == "insert":
            out.append(("insert", _span(quotation, words[code.dest_start : code.dest_end])))
        else:
            out.append((code.tag, _span(text, released[code.src_start : code.src_end])))
    return tuple(out)


def _span(text: str, words: Sequence[_Word]) -> str:
    return " ".join(text[words[0].start : words[-1].end].split())
