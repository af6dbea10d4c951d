"""Languages by their names, as people choose them."""

from __future__ import annotations

import pytest
from babel import Locale

from visavis.dialogue.texts import tag_of
from visavis.web import words
from visavis.web.languages import OWN, choice_words, language_choices, language_name


@pytest.mark.parametrize("language", words.LANGUAGES)
def test_every_language_is_named_in_the_reader_s(language):
    """Each once, by a name that is not its tag; every tag may stand in an act; those of the interface are there."""
    listed = dict(language_choices(language))
    assert len(listed) == len(OWN) == len(set(listed.values()))
    assert all(tag_of(tag) == tag and not shown.startswith(tag) for tag, shown in listed.items())
    assert set(words.LANGUAGES) <= set(listed)


def test_names_are_those_of_the_reader_and_of_the_language_itself():
    """One name where both are the same; without any, the tag."""
    assert choice_words("ru", "en") == "Russian · Русский"
    assert choice_words("ru", "ru") == "Русский"
    assert choice_words("fr", "ar") == "الفرنسية · Français"
    assert choice_words("pt-BR", "en").startswith("Portuguese (Brazil) · ")
    assert choice_words("tlh", "en") == "tlh"
    some = [shown for _, shown in language_choices("fr")]
    assert some.index("Espagnol · Español") < some.index("Estonien · Eesti") < some.index("Finnois · Suomi")


def test_own_names_are_those_of_cldr():
    """Of a few, since each is in a file of its own; those of the interface have words of its own."""
    for tag in ("de", "ka", "sr-Latn", "zh-Hant"):
        known = Locale.parse(tag, sep="-").get_display_name() or ""
        assert language_name(tag).casefold() == known.casefold()


@pytest.mark.parametrize(
    ("typed", "due"),
    [
        ("fr", "fr"),
        ("PT-br", "pt-BR"),
        ("ZH-hant-tw", "zh-Hant-TW"),
        ("French", None),
        ("", None),
        ("fr\n", None),
        ("f", None),
    ],
)
def test_a_tag_is_spelt_one_way(typed, due):
    """So that one language is not stated twice."""
    assert tag_of(typed) == due
