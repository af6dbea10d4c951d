"""The words of the interface: complete in every language, true to their English."""

from __future__ import annotations

import re
from importlib.resources import files

import pytest
from babel.messages.pofile import read_po
from hypothesis import given
from hypothesis import strategies as st

from visavis.dialogue.errors import act_void
from visavis.errors import Malformed, Untrusted
from visavis.rulebook import EDITION_1
from visavis.understandings.errors import OneSidedGuarantee
from visavis.web import words
from visavis.web.context import Times
from visavis.web.words import sentences
from visavis.web.words.gather import gathered, raised_phrases
from visavis.web.words.refusals import refusal_words

OTHERS = [code for code in words.LANGUAGES if code != words.DEFAULT]
PLACES = re.compile(r"%\((\w+)\)s")


def catalogue(language: str):
    with (files("visavis.web.words") / f"{language}.po").open("rb") as source:
        return read_po(source, locale=language)


@pytest.mark.parametrize("language", OTHERS)
def test_no_phrase_lacks_its_words(language):
    """Every phrase of templates and Python is translated, in every form of its number."""
    known = catalogue(language)
    missing = []
    for message in gathered():
        if not message.id:
            continue
        one = message.id if isinstance(message.id, str) else message.id[0]
        found = known.get(one)
        forms = () if found is None else (found.string,) if isinstance(found.string, str) else found.string
        if not forms or not all(forms):
            missing.append(one)
    assert missing == []


@pytest.mark.parametrize("language", OTHERS)
def test_no_catalogue_keeps_what_nobody_says(language):
    """A phrase that left the interface leaves the catalogues too."""
    said = {m.id if isinstance(m.id, str) else m.id[0] for m in gathered()}
    kept = {m.id if isinstance(m.id, str) else m.id[0] for m in catalogue(language) if m.id}
    assert kept - said == set()


@pytest.mark.parametrize("language", OTHERS)
def test_what_is_filled_in_stays(language):
    """A translation has the same places to fill as its English, so that no page fails on it."""
    for message in catalogue(language):
        if not message.id:
            continue
        due = set(PLACES.findall("".join(message.id)))
        forms = [message.string] if isinstance(message.string, str) else message.string
        for form in forms:
            filled = set(PLACES.findall(form))
            assert filled <= due, message.id
            # A form for one or two may say the number in a word.
            assert len(forms) > 1 or filled == due, message.id
            assert not re.search(r"%(?!\(\w+\)s|%)", form), message.id


def test_french_is_set_as_french():
    """Before : ; ? ! and inside « » stands a space that no line is broken at; the apostrophe is ’."""
    for message in catalogue("fr"):
        for form in [message.string] if isinstance(message.string, str) else message.string:
            if message.id:
                assert not re.search(r"(?<![\u00a0\u202f])(?::(?!\d|//)|[;?!»])|«(?!\u00a0)|['\"“”]", form), (
                    form
                )


def test_marks_are_set_as_the_language_sets_them():
    """A list in Arabic has no Latin comma and no Latin semicolon; French keeps its spaces."""
    assert [Times("ar").comma, Times("ar").stop(";"), Times("ar").stop(":")] == ["، ", "؛ ", ": "]
    assert [Times("fr").stop(";"), Times("fr").stop(":")] == ["\u202f; ", "\u00a0: "]
    assert [Times("en").comma, Times("en").stop(";")] == [", ", "; "]


def test_every_act_of_the_rule_book_has_words():
    """No entry of the record is shown by its code alone."""
    assert set(EDITION_1.by_type) - set(sentences.ACTS) == set()


@given(st.text(max_size=300))
def test_any_wish_of_a_browser_is_answered(header):
    """Whatever `Accept-Language` says, the reader gets one of our languages."""
    assert words.language_for([None], header) in words.LANGUAGES


@pytest.mark.parametrize(
    ("wanted", "accept", "due"),
    [
        ([], "", "en"),
        ([], "ar-EG, en;q=0.5", "ar"),
        ([], "xx, ru;q=0.3, ar;q=0.2", "ru"),
        ([], "ru;q=0", "en"),
        (["ru"], "ar", "ru"),
        (["tlh"], "ar", "ar"),
        ([], "fr-CH, en;q=0.5", "fr"),
        ([], "id-ID, en;q=0.5", "id"),
    ],
)
def test_the_reader_s_language(wanted, accept, due):
    """What was asked for counts first, then the browser's order; English when nothing fits."""
    assert words.language_for(wanted, accept) == due


def test_one_text_of_several():
    """The reader's language, else English, else whatever there is; never nothing while there is something."""
    assert words.one_of({"ru": "да", "en": "yes"}, "ru") == ("ru", "да")
    assert words.one_of({"ru": "да", "en": "yes"}, "ar") == ("en", "yes")
    assert words.one_of({"id": "ya"}, "ar") == ("id", "ya")
    assert words.one_of({"en": ""}, "ar") == ("", "")


@pytest.mark.parametrize("language", OTHERS)
def test_every_rule_refuses_in_the_reader_s_language(language):
    """Every reason for which an act may be void is said in words of the reader's, and not in English."""
    explained = EDITION_1.explained
    said = {reason: refusal_words(act_void(reason, explained), language) for reason in explained}
    assert [reason for reason, told in said.items() if told == explained[reason]] == []


ONLY_PROGRAMS_MEET = {
    "dialogue/acts.py",
    "dialogue/cosigning.py",
    "dialogue/keeping.py",
    "dialogue/receiving.py",
    "dialogue/service.py",
    "web/context.py",
    "web/tlog.py",
}


def test_what_a_person_is_refused_with_can_be_translated():
    """A refusal's phrase is whole where it is raised, and its values are details; but for logs that are damaged."""
    made_up = {place.partition(":")[0] for place, phrase in raised_phrases() if phrase is None}
    assert made_up == ONLY_PROGRAMS_MEET


@pytest.mark.parametrize(
    ("error", "language", "due"),
    [
        (Malformed("%(field)s: whole minutes are due", field="start"), "en", "start: whole minutes are due"),
        (Malformed("%(field)s: whole minutes are due", field="start"), "ru", "Начало: нужны целые минуты"),
        (Untrusted("the root is another"), "en", "the root is another"),
        (Untrusted("%(field)s and %(no)s stay"), "en", "%(field)s and %(no)s stay"),
        (
            Untrusted("the root is another"),
            "fr",
            "Une signature, une preuve ou une identité ne tient pas. (the root is another)",
        ),
        (OneSidedGuarantee(("a",), ("b",)), "id", "Ini sebuah jaminan, dan hanya mengikat satu pihak."),
    ],
)
def test_a_refusal_s_words(error, language, due):
    """Values are filled into the reader's phrase; what has none stands in English behind its family's words."""
    assert refusal_words(error, language).startswith(due)
