"""Words in several languages, and the commitments by which an act names them. Pure.

Lives here: `Texts` (what an act holds), `Words` (what a person wrote), `Writer` (from the one to the other),
the field types that all slices' acts share; `harmless` and `direction`, how words are shown.
Not here: opening a commitment (`record.content`), keeping contents (`store`), translation.
Spec: docs/spec/record.md §7; docs/spec/http.md §3.

The log holds no text and no personal data: an act carries [language, commitment] for each language.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from typing import Annotated

import msgspec
from msgspec import Meta

from visavis.dialogue.commands import Audience, Fresh, NewContent, new_content
from visavis.errors import Malformed

Id = Annotated[str, Meta(pattern=r"^[A-Za-z0-9_.:-]{1,64}\Z")]
"""A random id, or one made of such ids ("review.<talk>"). Never a name."""
Hash = Annotated[str, Meta(pattern=r"^[A-Za-z0-9_-]{43}\Z")]
"""Base64url of 32 bytes: a subject's hash, a commitment."""
TAG = r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{1,8}){0,4}\Z"
Language = Annotated[str, Meta(pattern=TAG)]
"""A BCP 47 tag."""
Texts = Annotated[tuple[tuple[Language, Hash], ...], Meta(max_length=16)]
"""(language, commitment), each language once; at most 16 languages."""
Words = Annotated[dict[Language, str], Meta(max_length=16)]
"""language → what a person wrote."""


class ActFields(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the fields of all acts and commands share: a fixed set of members, and nothing beside them."""


TITLE_LIMIT = 300
TEXT_LIMIT = 100_000
"""Characters. A title is one line on the spine; a text is a treaty at the longest (Versailles: some 420 000;
it would come in parts)."""

_TURNING = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
"""Embeddings, overrides and isolates: what is left open would turn the words after it. Marks of direction (U+200E,
U+200F, U+061C) turn nothing but themselves, and stay."""
_UNPRINTABLE = re.compile("[\x00-\x08\x0b-\x1f\x7f\ufeff\ufffe\uffff]")


def tag_of(typed: str) -> str | None:
    """The tag of a language, spelt as BCP 47 §2.1.1 has it ("ZH-hant-tw" → "zh-Hant-TW"); None: it is none."""
    if re.match(TAG, typed) is None:
        return None
    first, *rest = typed.split("-")
    spelt = {2: str.upper, 4: str.title}
    return "-".join((first.lower(), *(spelt.get(len(part), str.lower)(part) for part in rest)))


def each_once(texts: Texts) -> bool:
    """Whether there is at least one language, and each is given once."""
    return bool(texts) and len({language for language, _ in texts}) == len(texts)


def at_most_once(texts: Texts) -> bool:
    """Whether each language is given once, if any is."""
    return not texts or each_once(texts)


def languages(texts: Texts) -> frozenset[str]:
    return frozenset(language for language, _ in texts)


def commitments(*parts: Iterable[tuple[str, str]]) -> frozenset[str]:
    return frozenset(commitment for part in parts for _, commitment in part)


def texts_of(value: object) -> Texts:
    """Read [[language, commitment], …] from a stored register or subject that an act's form has passed."""
    if not isinstance(value, list | tuple):
        return ()
    return tuple((str(language), str(commitment)) for language, commitment in value)


def listed(texts: Iterable[tuple[str, str]]) -> list[list[str]]:
    """`texts` as an act spells it."""
    return [[language, commitment] for language, commitment in texts]


def is_odd(character: str) -> bool:
    """Whether a character would turn the direction of the words after it, command a terminal, or has no shape."""
    return character in _TURNING or unicodedata.category(character) in {"Cc", "Cs", "Zl", "Zp"}


def harmless(text: str) -> str:
    """`text` as it is shown, on a page as on paper: "\ufffd" for each odd character, ends of lines and tabs kept.

    Two readers of one text then read the same words in the same order, which is the order that was signed.
    """
    if text.isprintable():
        return text
    return "".join("\ufffd" if c not in "\n\t\r" and is_odd(c) else c for c in text)


_RIGHT_TO_LEFT = frozenset({"ar", "fa", "he", "ur", "ps", "ckb", "yi", "dv", "syr"})


def direction(language: str) -> str:
    """Either "rtl" or "ltr", of any BCP 47 language that a text may carry."""
    return "rtl" if language.split("-")[0].lower() in _RIGHT_TO_LEFT else "ltr"


class Writer:
    """Turns what a person wrote into commitments for the act and contents for the store.

    One writer drafts one act; `contents` is what it has written so far.
    """

    def __init__(self, fresh: Fresh, audience: Audience) -> None:
        self._fresh = fresh
        self._audience = audience
        self._contents: list[NewContent] = []

    @property
    def contents(self) -> tuple[NewContent, ...]:
        return tuple(self._contents)

    def texts(
        self, words: Mapping[str, str], field: str, *, limit: int = TEXT_LIMIT, needed: bool = True
    ) -> list[list[str]]:
        """[[language, commitment], …] by language, as the act holds it.

        Languages whose words are blank are left out, as an empty line of a form. Raises `Malformed`
        (details: field) if nothing is left and something is `needed`, or words exceed `limit` characters.
        """
        out = [
            [language, self.one(words[language], language, field, limit=limit)]
            for language in sorted(words)
            if words[language].strip()
        ]
        if needed and not out:
            raise Malformed("%(field)s: words in at least one language are due", field=field)
        return out

    def one(self, words: str, language: str, field: str, *, limit: int = TEXT_LIMIT) -> str:
        """Commit to `words`, trimmed; returns the commitment."""
        words = words.replace("\r\n", "\n").strip()
        if len(words) > limit:
            raise Malformed(
                "%(field)s: %(given)s characters where %(limit)s are allowed",
                field=field,
                given=len(words),
                limit=limit,
            )
        if _UNPRINTABLE.search(words):
            raise Malformed("%(field)s: a control character", field=field)
        try:
            words.encode()
        except UnicodeEncodeError as error:
            raise Malformed("%(field)s: a lone surrogate", field=field) from error
        content = new_content(self._fresh, words, language, self._audience)
        self._contents.append(content)
        return content.commitment


def misformed(error: Exception) -> Malformed:
    """What msgspec says of fields of another form: "Expected … - at `$.start`" has `start` at fault."""
    _, _, path = str(error).partition("`$.")
    field = path.rstrip("`")
    if not field:
        return Malformed("this is not of the form that is due (%(form)s)", form=str(error))
    return Malformed("%(field)s: not of the form that is due (%(form)s)", field=field, form=str(error))


def same_languages(fields: Mapping[str, Mapping[str, str]]) -> None:
    """Check that every one of `fields` has words in the same languages. Raises `Malformed`, naming the field.

    Equally authentic texts stand in the same languages throughout (rule book §7.1).
    """
    spoken: dict[str, frozenset[str]] = {
        name: frozenset(language for language, text in words.items() if text.strip())
        for name, words in fields.items()
    }
    first: tuple[str, frozenset[str]] | None = None
    for name, these in spoken.items():
        if first is None:
            first = (name, these)
        elif these != first[1]:
            odd = sorted(these ^ first[1])
            raise Malformed(
                "%(field)s: its languages are not those of %(first)s (%(odd)s differs)",
                field=name,
                first=first[0],
                odd=", ".join(odd),
            )
