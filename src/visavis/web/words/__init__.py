"""The words of the interface, in its languages.

Lives here: the languages, the catalogues, the choice of a language for a reader and of
one text among several.
Not here: sentences for codes of the model (`sentences`), for refusals (`refusals`), gathering phrases for translators
(`gather`), texts that people write (they carry their own language).

A phrase's English words are its key, in the templates as in the catalogues (`ru.po` and its fellows). The catalogues
are read as they are, so that nothing has to be compiled; `tests/web/test_pages_words.py` fails on a phrase
that one of them lacks. After changing words: `python -m visavis.web.words.gather`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from importlib.resources import files
from io import BytesIO

from babel import Locale
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.support import NullTranslations, Translations

LANGUAGES: Mapping[str, str] = {
    "en": "English",
    "ru": "Русский",
    "fr": "Français",
    "id": "Bahasa Indonesia",
    "ar": "العربية",
}
"""Languages of the interface: code and own name."""

DEFAULT = "en"


@cache
def translations(language: str) -> NullTranslations:
    """The catalogue of one of `LANGUAGES`. English needs none: its words are the keys."""
    if language == DEFAULT:
        return NullTranslations()
    with (files(__name__) / f"{language}.po").open("rb") as source:
        catalogue = read_po(source, locale=language)
    compiled = BytesIO()
    write_mo(compiled, catalogue)
    compiled.seek(0)
    return Translations(compiled)


@cache
def locale(language: str) -> Locale:
    """Babel's locale of one of `LANGUAGES`; English is written the British way."""
    return Locale.parse("en_GB" if language == DEFAULT else language)


def language_for(wanted: Iterable[str | None], accept: str) -> str:
    """The reader's language: the first of `wanted` that we have, else by `Accept-Language`, else English.

    accept: the header as it came; at most its first twenty ranges are looked at.
    """
    for code in wanted:
        if code and code.split("-")[0].lower() in LANGUAGES:
            return code.split("-")[0].lower()
    ranges: list[tuple[float, str]] = []
    for part in accept[:1000].split(",")[:20]:
        tag, _, parameter = part.strip().partition(";")
        try:
            quality = float(parameter.strip().removeprefix("q=")) if parameter else 1.0
        except ValueError:
            continue
        ranges.append((-quality, tag.split("-")[0].strip().lower()))
    for quality, code in sorted(ranges, key=lambda pair: pair[0]):
        if quality < 0 and code in LANGUAGES:
            return code
    return DEFAULT


def one_of(texts: Mapping[str, str], language: str) -> tuple[str, str]:
    """(language, text) out of several: the reader's, else English, else the first. ("", "") when there is none."""
    for code in (language, DEFAULT):
        if texts.get(code):
            return code, texts[code]
    for code, text in texts.items():
        if text:
            return code, text
    return "", ""
