"""The acts of understandings, and the rule that guarantees are mutual. Pure.

Lives here: `ACTS` (exported by `model`), the form of a text (rule book §7).
Not here: what pages show (`model`), how a person asks (`service`), base and kind of a successor, which hold
for every slot alike (`dialogue.accord`).
Spec: docs/spec/record.md §§6–7.

    slot ("text", understanding)                     understanding.table, then both sign; ends from one log;
                                                     understanding.offer tables and signs in one
    register ("initial", understanding, hash)        a side holds the text for definitive; it binds nobody
    register ("divergence", understanding, hash, id) how a side reads a place where the languages differ
    register ("assessment", talk, understanding)     a side's word on how far it is carried out
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal

from msgspec import Meta

from visavis.dialogue import verdicts
from visavis.dialogue.acts import (
    ActSpec,
    Consent,
    Cut,
    Decline,
    End,
    Move,
    Power,
    ProofLevel,
    Register,
    Slot,
    Subject,
    Table,
    Withdraw,
    offers,
)
from visavis.dialogue.texts import (
    ActFields,
    Hash,
    Id,
    Texts,
    at_most_once,
    commitments,
    each_once,
    languages,
    listed,
)

ONE_SIDED = "one-sided guarantee"
"""The void reason; the command's error has the same code in kebab case."""


class Kind(StrEnum):
    UNDERSTANDING = "understanding"
    GUARANTEE = "guarantee"


class Verdict(StrEnum):
    """How far an understanding is carried out, as one side judges it."""

    IMPLEMENTED = "implemented"
    EXTRA_EFFORT = "extra-effort"
    NOT_BEGUN = "not-begun"


def text_slot(understanding: str) -> Slot:
    return ("text", understanding)


class Undertaking(ActFields, frozen=True):
    """A duty of one side. by: that side's id."""

    id: Id
    by: str
    texts: Texts


class TableText(ActFields, frozen=True):
    """talk: in which it was reached, or None. correction: it replaces the text from the beginning."""

    understanding: Id
    base: Hash | None
    kind: Literal["understanding", "guarantee"]
    talk: Id | None
    title: Texts
    body: Texts
    undertakings: Annotated[tuple[Undertaking, ...], Meta(max_length=200)]
    correction: bool


def text_subject(fields: TableText) -> Subject:
    body = {
        "talk": fields.talk,
        "title": listed(fields.title),
        "body": listed(fields.body),
        "undertakings": [{"id": u.id, "by": u.by, "texts": listed(u.texts)} for u in fields.undertakings],
        "correction": fields.correction,
    }
    named = commitments(fields.title, fields.body, *(u.texts for u in fields.undertakings))
    return Subject(text_slot(fields.understanding), fields.base, fields.kind, body, named)


def _form_of_text(fields: TableText, sides: frozenset[str]) -> str | None:
    """Rule book §7.1 and §7.2: equal languages throughout; a guarantee binds both sides."""
    if not each_once(fields.body) or not each_once(fields.title):
        return "text form"
    spoken, ids = languages(fields.body), {u.id for u in fields.undertakings}
    if languages(fields.title) != spoken or len(ids) != len(fields.undertakings):
        return "text form"
    for undertaking in fields.undertakings:
        if undertaking.by not in sides or not each_once(undertaking.texts):
            return "text form"
        if languages(undertaking.texts) != spoken:
            return "text form"
    if fields.kind == "guarantee" and {u.by for u in fields.undertakings} != sides:
        return ONE_SIDED
    return None


class Answer(ActFields, frozen=True):
    understanding: Id
    hash: Hash


def _signs(fields: Answer) -> Move:
    return Consent(text_slot(fields.understanding), fields.hash)


def _withdraws(fields: Answer) -> Move:
    return Withdraw(text_slot(fields.understanding), fields.hash)


def _declines(fields: Answer) -> Move:
    return Decline(text_slot(fields.understanding), fields.hash)


def _rule_of_text(fields: Answer | Diverge, cut: Cut) -> str | None:
    """The text was tabled, before the signer's eyes, as one of this understanding."""
    subject = cut.tabled(fields.hash)
    if subject is None:
        return verdicts.NOT_TABLED
    return None if subject.slot == text_slot(fields.understanding) else verdicts.WRONG_SLOT


def _rule_of_initial(fields: Answer, cut: Cut) -> str | None:
    """Cf. VCLT 10(b): initialling establishes a text as authentic and definitive, and expresses no consent."""
    refused = _rule_of_text(fields, cut)
    if refused is None and cut.ended(text_slot(fields.understanding)):
        return verdicts.ENDED
    return refused


class Diverge(ActFields, frozen=True):
    """How one side reads a place of a text where its languages differ. Each side enters its own reading under
    the same `divergence`.

    place: the words in question, in each language. reading: in any language, or in several.
    """

    understanding: Id
    hash: Hash
    divergence: Id
    place: Texts
    reading: Texts


def _form_of_divergence(fields: Diverge, _sides: frozenset[str]) -> str | None:
    return None if each_once(fields.place) and each_once(fields.reading) else "text form"


class EndText(ActFields, frozen=True):
    """reason: in words, or none. Nobody owes one."""

    understanding: Id
    reason: Texts


class Assess(ActFields, frozen=True):
    talk: Id
    understanding: Id
    verdict: Literal["implemented", "extra-effort", "not-begun"]
    evidence: Texts


def _rule_of_assessment(fields: Assess, cut: Cut) -> str | None:
    return None if cut.in_force(text_slot(fields.understanding)) is not None else "not in force"


ACTS: tuple[ActSpec, ...] = (
    ActSpec(
        "understanding.table",
        TableText,
        lambda f: Table(text_subject(f)),
        Power.SIGN,
        ProofLevel.DEVICE,
        form=_form_of_text,
    ),
    ActSpec(
        "understanding.offer",
        TableText,
        lambda f: offers(text_subject(f)),
        Power.SIGN,
        form=_form_of_text,
    ),
    ActSpec(
        "understanding.initial",
        Answer,
        lambda f: Register(("initial", f.understanding, f.hash), {}),
        Power.SIGN,
        rule=_rule_of_initial,
    ),
    ActSpec(
        "understanding.divergence",
        Diverge,
        lambda f: Register(
            ("divergence", f.understanding, f.hash, f.divergence),
            {"place": listed(f.place), "reading": listed(f.reading)},
        ),
        Power.SPEAK,
        ProofLevel.DEVICE,
        form=_form_of_divergence,
        rule=_rule_of_text,
    ),
    ActSpec("understanding.sign", Answer, _signs, Power.SIGN),
    ActSpec("understanding.withdraw", Answer, _withdraws, Power.SIGN),
    ActSpec("understanding.decline", Answer, _declines, Power.SIGN),
    ActSpec(
        "understanding.end",
        EndText,
        lambda f: End(text_slot(f.understanding)),
        Power.SIGN,
        form=lambda f, sides: None if at_most_once(f.reason) else "text form",
    ),
    ActSpec(
        "understanding.assess",
        Assess,
        lambda f: Register(
            ("assessment", f.talk, f.understanding), {"verdict": f.verdict, "evidence": listed(f.evidence)}
        ),
        Power.SPEAK,
        ProofLevel.DEVICE,
        form=lambda f, sides: None if at_most_once(f.evidence) else "text form",
        rule=_rule_of_assessment,
    ),
)
