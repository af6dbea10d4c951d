"""The quotation check: what stands verbatim, what was altered and how, what was never released."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from visavis.errors import Malformed
from visavis.press.quotes import (
    MAX_ARTICLE,
    MAX_QUOTATIONS,
    Finding,
    Released,
    check,
    paragraphs,
    quotations,
    repeated,
)

EN = Released(
    "/newsroom/a/r1?lang=en",
    "en",
    (
        "Principals talk for two hours",
        "The two principals talked today for two hours. They went through three issues.",
        "“A guarantee that binds one of us protects neither of us. We will look at a text that binds both in the"
        " same way, and at nothing less.”",
        "The relation, in the words of our side, is “still sad”.",
    ),
)
RU = Released(
    "/newsroom/a/r1?lang=ru",
    "ru",
    ("Гарантии безопасности не могут быть односторонними: бывают только взаимные гарантии.",),
)
RELEASED = (EN, RU)


def one(text: str):
    report = check(text, RELEASED)
    assert len(report.quotations) == 1, report
    return report.quotations[0]


@pytest.mark.parametrize(
    "text",
    [
        "“A guarantee that binds one of us protects neither of us,” said the principal.",
        '"A guarantee that binds one of us protects neither of us", said the principal.',
        "«a guarantee that binds one of us protects neither of us»",
        "„A guarantee that binds one\u00a0of us  protects neither of us“",
        "‘A guarantee that binds one of us protects neither of us’",
        "A guarantee that binds one of us\nprotects neither of us.".replace("\n", " "),
        "Said: «A guarantee that binds one\nof us protects neither of us».",
        "»A guarantee that binds one of us protects neither of us«",
        "“A guar\u00adantee that binds one of us \u200bprotects neither of us”",
    ],
)
def test_the_same_words_are_verbatim(text: str) -> None:
    """Marks, spaces and what cannot be seen are the printer's; the same words are verbatim."""
    found = one(text)
    assert found.finding is Finding.VERBATIM
    assert found.permalink == EN.permalink
    assert found.released == "A guarantee that binds one of us protects neither of us."


def test_an_altered_quotation_is_shown_with_its_difference() -> None:
    """A word exchanged is altered, and the difference names both words."""
    found = one("“A guarantee that binds one of us protects nobody”, said the principal.")
    assert found.finding is Finding.ALTERED
    assert found.released == "A guarantee that binds one of us protects neither of us."
    assert ("delete", "neither of us") in found.difference
    assert ("insert", "nobody") in found.difference
    assert found.difference[0] == ("equal", "A guarantee that binds one of us protects")


def test_a_dropped_not_is_altered() -> None:
    """One small word less can turn a sentence round, so it is never verbatim."""
    found = one("«Гарантии безопасности могут быть односторонними»")
    assert found.finding is Finding.ALTERED
    assert ("delete", "не") in found.difference
    assert (found.permalink, found.language) == (RU.permalink, "ru")


def test_words_left_out_inside_are_altered() -> None:
    """A quotation that leaves words out shows which."""
    found = one("“We will look at a text that binds both, and at nothing less”")
    assert found.finding is Finding.ALTERED
    assert [words for op, words in found.difference if op == "delete"] == ["in the same way"]
    assert [words for op, words in found.difference if op == "insert"] == []


def test_what_nobody_said_is_not_found() -> None:
    """A sentence that stands nowhere is not found, and names no page."""
    found = one("“We shall sign the treaty on Monday in the presence of the press”")
    assert (found.finding, found.permalink, found.released) == (Finding.NOT_FOUND, None, None)


def test_two_words_are_found_only_verbatim() -> None:
    """A short phrase is verbatim or not found: too few words to be called altered."""
    assert one("the relation is “still sad”").finding is Finding.VERBATIM
    assert one("the relation is “still good”").finding is Finding.NOT_FOUND


def test_every_quotation_of_an_article_is_checked_in_order() -> None:
    """An article's quotations are each named, in the order of the article."""
    report = check(
        "The talks took two hours.\n\n“A guarantee that binds one of us protects neither of us,” one side said. It"
        " called the relation “still sad”.\n\nA “we never spoke of it at all in there” came from elsewhere.",
        RELEASED,
    )
    assert [q.finding for q in report.quotations] == [Finding.VERBATIM, Finding.VERBATIM, Finding.NOT_FOUND]
    assert report.count(Finding.VERBATIM) == 2


def test_a_paragraph_printed_twice_is_named_once() -> None:
    """A whole paragraph that an article prints twice is named once, and its quotation checked once."""
    twice = "A spokesman said that “a guarantee that binds one of us protects neither of us”, and no more."
    article = (
        f"News\n\n{twice}\n\nAnother paragraph says nothing at all in so many words.\n\n{twice}\n\n{twice}"
    )
    report = check(article, RELEASED)
    assert report.repeated == (twice,)
    assert len(report.quotations) == 1


def test_a_title_that_comes_twice_is_no_repeated_paragraph() -> None:
    """A heading of a few words may well repeat."""
    assert repeated(["Principals talk", "Principals talk"]) == (("Principals talk",), ())


def test_apostrophes_do_not_close_a_quotation() -> None:
    """A mark inside a word is an apostrophe."""
    assert quotations("He said ‘they don’t want a one-sided text’ today") == (
        "they don’t want a one-sided text",
    )


def test_quotations_inside_a_quotation_belong_to_it() -> None:
    """Only the outermost marks count."""
    assert quotations("«He called it «still sad» again», they wrote.") == ("He called it «still sad» again",)


def test_a_long_quotation_opens_every_paragraph() -> None:
    """A quotation left open at a paragraph's end is one quotation in each paragraph."""
    assert quotations("“We went through three issues.\n\n“We signed nothing today.”") == (
        "We went through three issues.",
        "We signed nothing today.",
    )


def test_a_text_without_marks_is_checked_sentence_by_sentence() -> None:
    """A bare text is as many quotations as it has sentences."""
    report = check("They went through three issues. They went through four issues.", RELEASED)
    assert [q.finding for q in report.quotations] == [Finding.VERBATIM, Finding.ALTERED]


def test_nothing_to_check_is_refused() -> None:
    """A text without words is malformed, and says what is due."""
    for text in ("", " \n ", "“”", "—"):
        with pytest.raises(Malformed, match="nothing to check"):
            check(text, RELEASED)


def test_an_article_above_the_budget_is_refused() -> None:
    """More characters than the budget are refused as a whole."""
    with pytest.raises(Malformed, match="100000"):
        check("a" * (MAX_ARTICLE + 1), RELEASED)


def test_quotations_above_the_budget_are_counted() -> None:
    """What is not checked for its number is said, never dropped in silence."""
    report = check("\n\n".join(f"“word number {n} here”" for n in range(MAX_QUOTATIONS + 7)), RELEASED)
    assert len(report.quotations) == MAX_QUOTATIONS
    assert report.unchecked == 7


def test_nothing_released_finds_nothing() -> None:
    """Without releases every quotation is not found."""
    assert check("“still very sad”", ()).quotations[0].finding is Finding.NOT_FOUND


VOCABULARY = ["alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta", "not", "no", "never"]
WORDS = st.lists(st.sampled_from(VOCABULARY), min_size=4)


@given(WORDS, st.data())
def test_any_passage_of_a_release_is_verbatim(words: list[str], data: st.DataObject) -> None:
    """Whatever run of words is cut from a release, it is found verbatim in it."""
    text = " ".join(words)
    first = data.draw(st.integers(0, len(words) - 2))
    last = data.draw(st.integers(first + 2, len(words)))
    quoted = " ".join(words[first:last])
    report = check(f"«{quoted}»", (Released("/r", "en", (text,)),))
    assert report.quotations[0].finding is Finding.VERBATIM
    assert report.quotations[0].released is not None
    assert report.quotations[0].released.casefold() == quoted.casefold()


@given(WORDS, WORDS)
def test_a_difference_spells_both_passages(released: list[str], quoted: list[str]) -> None:
    """The difference, read without what was inserted, is the released passage; without what was left out, the
    quotation."""
    found = check(f"«{' '.join(quoted)}»", (Released("/r", "en", (" ".join(released),)),)).quotations[0]
    if found.finding is Finding.ALTERED:
        before = " ".join(words for op, words in found.difference if op != "insert")
        after = " ".join(words for op, words in found.difference if op != "delete")
        assert before.casefold() == str(found.released).casefold()
        assert after.casefold() == " ".join(quoted).casefold()
        assert before.casefold() != after.casefold()


@given(st.text(max_size=400))
def test_no_text_raises_but_malformed(article: str) -> None:
    """Whatever is pasted, it is checked or refused in words."""
    try:
        report = check(article, RELEASED)
    except Malformed:
        return
    assert report.quotations
    assert all(q.times >= 1 for q in report.quotations)


@given(st.text(alphabet='«»“”„"‘’ \nab.', max_size=200))
def test_no_arrangement_of_marks_raises_but_malformed(article: str) -> None:
    """Marks in any order are read without an error."""
    assert all(paragraphs(article))
    try:
        check(article, RELEASED)
    except Malformed:
        return
