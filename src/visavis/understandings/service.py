"""What a delegate may ask for about an understanding: each request becomes an act to sign. Pure.

Lives here: `COMMANDS` of understandings, the refusal of a one-sided guarantee before anything is written.
Not here: what an act does (`acts`, `dialogue.join`), signing and entering (`dialogue.service`), pages (`web`).
Spec: docs/spec/http.md §3.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Any

from msgspec import Meta

from visavis.dialogue import chair
from visavis.dialogue.commands import Audience, Command, Drafted, Fresh, Summary, View
from visavis.dialogue.errors import NotTabled
from visavis.dialogue.texts import (
    TITLE_LIMIT,
    ActFields,
    Hash,
    Id,
    Words,
    Writer,
    listed,
    same_languages,
    texts_of,
)
from visavis.errors import Malformed
from visavis.understandings.acts import Kind, Verdict, text_slot
from visavis.understandings.brackets import open_places
from visavis.understandings.errors import (
    KindKept,
    NoSuchDivergence,
    NoSuchUnderstanding,
    NotInForce,
    OneSidedGuarantee,
    OpenBrackets,
)
from visavis.understandings.model import known_understandings
from visavis.understandings.references import checked


class Undertaking(ActFields, frozen=True):
    """by: the side that it binds."""

    by: Id
    text: Words


class TableText(ActFields, frozen=True):
    """understanding: of which this is to be the next text; none for a new one. talk: in which it was reached."""

    kind: Kind
    title: Words
    body: Words
    undertakings: Annotated[tuple[Undertaking, ...], Meta(max_length=200)] = ()
    talk: Id | None = None
    understanding: Id | None = None
    correction: bool = False


def mutual(kind: Kind, bound: set[str], sides: tuple[str, str]) -> None:
    """Check that a guarantee binds both sides. Raises `OneSidedGuarantee`.

    bound: ids of the sides that have an undertaking. Source: rule book 2a §7.2.
    """
    if kind is Kind.GUARANTEE and not set(sides) <= bound:
        raise OneSidedGuarantee(
            tuple(side for side in sides if side in bound),
            tuple(side for side in sides if side not in bound),
        )


TABLING = "Tabling binds nobody: it is in force when both sides have signed it."
OFFERING = "It tables the text and signs it for our side: it is in force as soon as the other side signs."


def _table(view: View, fields: TableText, fresh: Fresh) -> Drafted:
    return _tabled(view, fields, fresh, signs=False)


def _offer(view: View, fields: TableText, fresh: Fresh) -> Drafted:
    return _tabled(view, fields, fresh, signs=True)


def _tabled(view: View, fields: TableText, fresh: Fresh, *, signs: bool) -> Drafted:
    sides = (view.side, view.other)
    given = tuple(u for u in fields.undertakings if any(text.strip() for text in u.text.values()))
    for undertaking in given:
        if undertaking.by not in sides:
            raise Malformed("undertakings: one is by neither of the two sides", field="undertakings")
    mutual(fields.kind, {u.by for u in given}, sides)
    same_languages(
        {"title": fields.title, "body": fields.body}
        | {f"undertakings.{n}": u.text for n, u in enumerate(given)}
    )
    if signs and (places := open_places(fields.title, fields.body, [u.text for u in given])):
        raise OpenBrackets(places)
    base = None
    understanding = fields.understanding
    if understanding is None:
        understanding = fresh.id()
    elif understanding not in known_understandings(view.joint):
        raise NoSuchUnderstanding("no text of that understanding was tabled", field="understanding")
    elif (in_force := chair.in_force(view.joint, text_slot(understanding))) is not None:
        base = in_force.hash
        if in_force.kind != fields.kind.value:
            raise KindKept(
                "what is in force is of another kind (%(kept)s); what amends it is of the same",
                field="kind",
                kept=in_force.kind,
            )
    writer = Writer(fresh, Audience.BOTH)
    act = {
        "type": "understanding.offer" if signs else "understanding.table",
        "understanding": understanding,
        "base": base,
        "kind": fields.kind.value,
        "talk": fields.talk,
        "title": writer.texts(fields.title, "title", limit=TITLE_LIMIT),
        "body": writer.texts(fields.body, "body"),
        "undertakings": [
            {"id": str(n), "by": u.by, "texts": writer.texts(u.text, f"undertakings.{n}")}
            for n, u in enumerate(given, 1)
        ],
        "correction": fields.correction,
    }
    ours = sum(u.by == view.side for u in given)
    lines = (
        *(
            f"{language}: {words.strip()}"
            for language, words in sorted(fields.title.items())
            if words.strip()
        ),
        f"Kind: {fields.kind.value}",
        f"Undertakings of ours: {ours}; of theirs: {len(given) - ours}",
        *(("It corrects the text in force from the beginning.",) if fields.correction else ()),
        OFFERING if signs else TABLING,
    )
    what = "Table a text" if base is None else "Table an amendment"
    if signs:
        what += " and sign it"
    return Drafted(act, Summary(what, lines), writer.contents)


class Answer(ActFields, frozen=True):
    understanding: Id
    hash: Hash


SETTLING = ("understanding.sign", "understanding.initial")
"""What says that the text is as it is to be."""


def _answer(type_: str, title: str) -> Any:
    def build(view: View, fields: Answer, _fresh: Fresh) -> Drafted:
        subject = chair.tabled_subject(view.joint, text_slot(fields.understanding), fields.hash)
        if subject is None:
            raise NotTabled("nothing with that hash was tabled here", field="hash")
        if type_ in SETTLING:
            body = subject.body
            undertakings = [_words(view, u["texts"]) for u in body["undertakings"]]
            places = open_places(_words(view, body["title"]), _words(view, body["body"]), undertakings)
            if places:
                raise OpenBrackets(places)
        act = {"type": type_, "understanding": fields.understanding, "hash": fields.hash}
        ours = sum(u["by"] == view.side for u in subject.body["undertakings"])
        theirs = len(subject.body["undertakings"]) - ours
        lines = (
            *_known(view, subject.body["title"]),
            f"Kind: {subject.kind}",
            f"Undertakings of ours: {ours}; of theirs: {theirs}",
            f"Hash: {fields.hash}",
        )
        return Drafted(act, Summary(title, lines))

    return build


BINDS_NOBODY = (
    "Initialling binds nobody: it says that the text is settled. It is in force when both have signed."
)


def _initial(view: View, fields: Answer, fresh: Fresh) -> Drafted:
    drafted: Drafted = _answer("understanding.initial", "Initial this text as settled")(view, fields, fresh)
    summary = drafted.summary
    return replace(drafted, summary=Summary(summary.title, (*summary.lines, BINDS_NOBODY)))


class Diverge(ActFields, frozen=True):
    """divergence: one that either side has noted already; none for a new one. place: the words in question, in
    each language; may be left out where the other side named the place."""

    understanding: Id
    hash: Hash
    reading: Words | str
    place: Words | None = None
    divergence: Id | None = None


def _diverge(view: View, fields: Diverge, fresh: Fresh) -> Drafted:
    slot = text_slot(fields.understanding)
    if chair.tabled_subject(view.joint, slot, fields.hash) is None:
        raise NotTabled("nothing with that hash was tabled here", field="hash")
    writer = Writer(fresh, Audience.BOTH)
    known = None
    if fields.divergence is not None:
        key = ("divergence", fields.understanding, fields.hash, fields.divergence)
        both = (view.joint.register(s, key) for s in (view.us, 1 - view.us))
        known = next((said for said in both if said is not None), None)
        if known is None:
            raise NoSuchDivergence("neither side has noted a divergence of that id", field="divergence")
    if fields.place is not None:
        place = writer.texts(fields.place, "place")
    elif known is not None:
        place = listed(texts_of(known["place"]))
    else:
        raise Malformed("place: the words in question are due, in each language", field="place")
    act = {
        "type": "understanding.divergence",
        "understanding": fields.understanding,
        "hash": fields.hash,
        "divergence": fields.divergence or fresh.id(),
        "place": place,
        "reading": writer.texts(chair.spoken(view.joint, view.us, fields.reading), "reading"),
    }
    said = {c.commitment: c.data.decode() for c in writer.contents}
    lines = tuple(
        f"{language}: {words}"
        for language, commitment in (*texts_of(place), *texts_of(act["reading"]))
        if (words := said.get(commitment) or view.text(commitment))
    )
    return Drafted(
        act, Summary("Note how we read a place where the languages differ", lines), writer.contents
    )


class End(ActFields, frozen=True):
    """reason: in words or none; one string stands in the side's first language."""

    understanding: Id
    reason: Words | str | None = None


def _end(view: View, fields: End, fresh: Fresh) -> Drafted:
    if fields.understanding not in known_understandings(view.joint):
        raise NoSuchUnderstanding("no text of that understanding was tabled", field="understanding")
    writer = Writer(fresh, Audience.BOTH)
    said = chair.spoken(view.joint, view.us, fields.reason)
    act = {
        "type": "understanding.end",
        "understanding": fields.understanding,
        "reason": writer.texts(said, "reason", needed=False),
    }
    agreed = chair.agreed(view.joint, text_slot(fields.understanding))
    lines = (
        *(_known(view, agreed.body["title"]) if agreed is not None else ()),
        "It ends for both sides, at once and for good. It cannot be taken back.",
    )
    return Drafted(act, Summary("End an understanding", lines), writer.contents)


class Assess(ActFields, frozen=True):
    """evidence: in words or none; one string stands in the side's first language, `zxx` holds what it refers to."""

    talk: Id
    understanding: Id
    verdict: Verdict
    evidence: Words | str | None = None


def _assess(view: View, fields: Assess, fresh: Fresh) -> Drafted:
    text = chair.in_force(view.joint, text_slot(fields.understanding))
    if text is None:
        raise NotInForce("this understanding is not in force", field="understanding")
    writer = Writer(fresh, Audience.BOTH)
    said = chair.spoken(view.joint, view.us, fields.evidence)
    checked(said, "evidence")
    act = {
        "type": "understanding.assess",
        "talk": fields.talk,
        "understanding": fields.understanding,
        "verdict": fields.verdict.value,
        "evidence": writer.texts(said, "evidence", needed=False),
    }
    lines = (*_known(view, text.body["title"]), f"Our assessment: {fields.verdict.value}")
    return Drafted(act, Summary("Assess an understanding", lines), writer.contents)


def _words(view: View, texts: object) -> dict[str, str]:
    """language → words, of what the asker may read."""
    pairs = ((language, view.text(commitment)) for language, commitment in texts_of(texts))
    return {language: text for language, text in pairs if text is not None}


def _known(view: View, texts: object) -> tuple[str, ...]:
    return tuple(f"{language}: {text}" for language, text in _words(view, texts).items())


COMMANDS: tuple[Command, ...] = (
    Command("understandings.table", TableText, _table),
    Command("understandings.offer", TableText, _offer),
    Command("understandings.initial", Answer, _initial),
    Command("understandings.diverge", Diverge, _diverge),
    Command("understandings.sign", Answer, _answer("understanding.sign", "Sign this text")),
    Command("understandings.withdraw", Answer, _answer("understanding.withdraw", "Withdraw our signature")),
    Command("understandings.decline", Answer, _answer("understanding.decline", "Decline this text")),
    Command("understandings.end", End, _end),
    Command("understandings.assess", Assess, _assess),
)
