"""What a delegate may ask for about a talk: each request becomes an act to sign. Pure.

Lives here: `COMMANDS` of talks.
Not here: what an act does (`acts`, `dialogue.join`), signing and entering (`dialogue.service`), pages (`web`).
Spec: docs/spec/http.md §3.

A command refuses what can be said better in words than by a void reason; all else is judged by the record's own
rules, before anybody signs.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Any, Literal

from msgspec import Meta

from visavis.dialogue import chair
from visavis.dialogue.acts import Slot, Subject
from visavis.dialogue.commands import Audience, Command, Drafted, Fresh, NewContent, Summary, View
from visavis.dialogue.errors import NotTabled
from visavis.dialogue.texts import TITLE_LIMIT, ActFields, Hash, Id, Words, Writer, listed, texts_of
from visavis.dialogue.times import instant, spelt
from visavis.errors import Malformed
from visavis.talks.acts import MAX_ITEMS, MAX_MINUTES, ZONE, Grade, agenda_slot, paper_key, time_slot
from visavis.talks.errors import (
    AgendaNotApproved,
    NoPositionHeld,
    NoSuchItem,
    NoSuchPaper,
    NoSuchTalk,
    PaperGiven,
    PositionHeld,
    TalkNotScheduled,
)
from visavis.talks.model import DraftItem, draft_items, known_talks

Expected = Literal["expected", "if-necessary", "not-expected"]


def _talk(view: View, talk: str) -> str:
    if talk not in known_talks(view.joint):
        raise NoSuchTalk("no such talk was proposed in this dialogue", talk=talk)
    return talk


def _tabled(view: View, slot: Slot, hash_: str) -> Subject:
    subject = chair.tabled_subject(view.joint, slot, hash_)
    if subject is None:
        raise NotTabled("nothing with that hash was tabled here", field="hash")
    return subject


def _item(view: View, talk: str, item: str) -> DraftItem:
    """An item on the table of the talk: of its agenda, or proposed for it."""
    for known in draft_items(view.joint, _talk(view, talk)):
        if known.id == item:
            return known
    raise NoSuchItem("no such item lies on the table of this talk", field="item")


def _said(words: dict[str, str]) -> tuple[str, ...]:
    return tuple(f"{language}: {text.strip()}" for language, text in sorted(words.items()) if text.strip())


def _known(view: View, texts: object) -> tuple[str, ...]:
    """Texts that the asker can read, in words."""
    return tuple(
        f"{language}: {text}"
        for language, commitment in texts_of(texts)
        if (text := view.text(commitment)) is not None
    )


def utc_minute(text: str, field: str) -> datetime:
    """Read an RFC 3339 time, whole minutes; aware, UTC. Raises `Malformed`."""
    at = instant(text)
    if at is None:
        raise Malformed("%(field)s: a time with its offset, as 2021-12-07T15:00:00Z, is due", field=field)
    if at.second or at.microsecond:
        raise Malformed("%(field)s: whole minutes are due", field=field)
    return at


# --- time -----------------------------------------------------------------------------------------


class Propose(ActFields, frozen=True):
    title: Words
    start: str
    minutes: Annotated[int, Meta(ge=1, le=MAX_MINUTES)]
    mode: Literal["video", "in-person"] = "video"
    place: Words | None = None
    talk: Id | None = None


def _propose(type_: str, gesture: str) -> Callable[[View, Propose, Fresh], Drafted]:
    """Proposing a time, or proposing and accepting it in one gesture. gesture: what is said beside "Propose …"."""

    def build(view: View, fields: Propose, fresh: Fresh) -> Drafted:
        act, lines, again, contents = _time_act(view, fields, fresh)
        title = "Propose another time for a talk" if again else "Propose a talk"
        return Drafted({"type": type_, **act}, Summary(f"{title}{gesture}", lines), contents)

    return build


def _time_act(
    view: View, fields: Propose, fresh: Fresh
) -> tuple[dict[str, Any], tuple[str, ...], bool, tuple[NewContent, ...]]:
    """The act's members beside its type, what it says, whether a time is in force already, its contents."""
    talk = fresh.id() if fields.talk is None else _talk(view, fields.talk)
    start = utc_minute(fields.start, "start")
    writer = Writer(fresh, Audience.BOTH)
    in_force = chair.in_force(view.joint, time_slot(talk))
    zones = {side.id: _zone(view, s) for s, side in enumerate(view.joint.sides)}
    act = {
        "talk": talk,
        "base": None if in_force is None else in_force.hash,
        "title": writer.texts(fields.title, "title", limit=TITLE_LIMIT),
        "start": spelt(start),
        "minutes": fields.minutes,
        "mode": fields.mode,
        "place": writer.texts(fields.place or {}, "place", limit=TITLE_LIMIT, needed=False),
        "zones": zones,
    }
    where = _said(fields.place or {}) or (
        "in person" if fields.mode == "in-person" else "by video conference",
    )
    lines = (*_said(fields.title), f"{start:%d %B %Y, %H:%M} UTC, {fields.minutes} minutes", *where)
    return act, lines, in_force is not None, writer.contents


def _zone(view: View, s: int) -> str:
    """Side s's zone; UTC if what it says is none: nobody's odd profile may stop the other side's proposal."""
    zone = chair.profile(view.joint, s)[0]
    return zone if ZONE.match(zone) else chair.DEFAULT_ZONE


class Answer(ActFields, frozen=True):
    talk: Id
    hash: Hash


def _answer(type_: str, slot: str, title: str) -> Any:
    def build(view: View, fields: Answer, _fresh: Fresh) -> Drafted:
        subject = _tabled(view, (slot, _talk(view, fields.talk)), fields.hash)
        act = {"type": type_, "talk": fields.talk, "hash": fields.hash}
        if slot == "time":
            lines: tuple[str, ...] = (
                *_known(view, subject.body["title"]),
                f"{subject.body['start']}, {subject.body['minutes']} minutes",
            )
        else:
            lines = tuple(
                f"{n}. {'; '.join(_known(view, item['title'])) or item['kind']}"
                for n, item in enumerate(subject.body["items"], 1)
            )
        return Drafted(act, Summary(title, (*lines, f"Hash: {fields.hash}")))

    return build


class OnTalk(ActFields, frozen=True):
    talk: Id


def _end(type_: str, title: str, line: str) -> Any:
    def build(view: View, fields: OnTalk, _fresh: Fresh) -> Drafted:
        return Drafted({"type": type_, "talk": _talk(view, fields.talk)}, Summary(title, (line,)))

    return build


class Delegation(ActFields, frozen=True):
    talk: Id
    delegates: Annotated[tuple[Id, ...], Meta(max_length=100)]


def _delegation(view: View, fields: Delegation, _fresh: Fresh) -> Drafted:
    known = view.joint.sides[view.us].delegates
    strange = [who for who in fields.delegates if who not in known]
    if strange:
        raise Malformed(
            "delegates: %(given)s is no delegate of your side", field="delegates", given=strange[0]
        )
    delegates = list(dict.fromkeys(fields.delegates))
    act = {"type": "talk.delegation", "talk": _talk(view, fields.talk), "delegates": delegates}
    names = {who: known[who].name and view.text(str(known[who].name)) for who in delegates}
    lines = tuple(f"{known[who].role}: {names[who] or who}" for who in delegates)
    return Drafted(act, Summary("Name our delegation to this talk", lines or ("Nobody",)))


# --- agenda ---------------------------------------------------------------------------------------


class ProposeItem(ActFields, frozen=True):
    talk: Id
    title: Words
    kind: Literal["review", "relation", "issue"] = "issue"


def _propose_item(view: View, fields: ProposeItem, fresh: Fresh) -> Drafted:
    writer = Writer(fresh, Audience.BOTH)
    ours = [item for item in draft_items(view.joint, _talk(view, fields.talk)) if view.side in item.by]
    if len(ours) >= MAX_ITEMS // 2:
        raise Malformed("each side proposes at most %(limit)s items for one talk", limit=MAX_ITEMS // 2)
    act = {
        "type": "item.propose",
        "talk": fields.talk,
        "item": fresh.id(),
        "kind": fields.kind,
        "title": writer.texts(fields.title, "title", limit=TITLE_LIMIT),
    }
    return Drafted(act, Summary("Propose an item for the agenda", _said(fields.title)), writer.contents)


class Rank(ActFields, frozen=True):
    talk: Id
    items: Annotated[tuple[Id, ...], Meta(max_length=MAX_ITEMS)]


def _rank(view: View, fields: Rank, _fresh: Fresh) -> Drafted:
    known = {item.id: item for item in draft_items(view.joint, _talk(view, fields.talk))}
    for item in fields.items:
        if item not in known:
            raise NoSuchItem("no such item lies on the table of this talk", field="items", item=item)
    if len(set(fields.items)) != len(fields.items):
        raise Malformed("items: one of them is given twice", field="items")
    act = {"type": "agenda.rank", "talk": fields.talk, "items": list(fields.items)}
    lines = tuple(
        f"{n}. {'; '.join(_known(view, known[item].title)) or known[item].kind}"
        for n, item in enumerate(fields.items, 1)
    )
    return Drafted(act, Summary("Rank the items by importance", lines))


class TableAgenda(ActFields, frozen=True):
    """items: ids in order; by default the merged order."""

    talk: Id
    press_call: Expected
    statement: Expected
    items: Annotated[tuple[Id, ...], Meta(min_length=1, max_length=MAX_ITEMS)] | None = None


def _table_agenda(type_: str, title: str) -> Callable[[View, TableAgenda, Fresh], Drafted]:
    """Tabling an agenda, or tabling and approving it in one gesture."""

    def build(view: View, fields: TableAgenda, _fresh: Fresh) -> Drafted:
        act, lines = _agenda_act(view, fields)
        return Drafted({"type": type_, **act}, Summary(title, lines))

    return build


def _agenda_act(view: View, fields: TableAgenda) -> tuple[dict[str, Any], tuple[str, ...]]:
    """The act's members beside its type, and what it says."""
    known = {item.id: item for item in draft_items(view.joint, _talk(view, fields.talk))}
    wanted = tuple(known)[:MAX_ITEMS] if fields.items is None else fields.items
    if not wanted:
        raise NoSuchItem("no item lies on the table of this talk yet: propose one first", field="items")
    for item in wanted:
        if item not in known:
            raise NoSuchItem("no such item lies on the table of this talk", field="items", item=item)
    if len(set(wanted)) != len(wanted):
        raise Malformed("items: one of them is given twice", field="items")
    in_force = chair.in_force(view.joint, agenda_slot(fields.talk))
    act = {
        "talk": fields.talk,
        "base": None if in_force is None else in_force.hash,
        "items": [
            {
                "id": item.id,
                "kind": item.kind.value,
                "title": listed(item.title),
                "understandings": list(item.understandings),
                "initiatives": list(item.initiatives),
            }
            for item in (known[name] for name in wanted)
        ],
        "press_call": fields.press_call,
        "statement": fields.statement,
    }
    lines = (
        *(
            f"{n}. {'; '.join(_known(view, known[item].title)) or known[item].kind}"
            for n, item in enumerate(wanted, 1)
        ),
        f"Press call: {fields.press_call}",
        f"Statement: {fields.statement}",
    )
    return act, lines


# --- what our side says ---------------------------------------------------------------------------


class Position(ActFields, frozen=True):
    """hold: keep it from the other side until it is tabled."""

    talk: Id
    item: Id
    text: Words
    hold: bool = False


def _position(view: View, fields: Position, fresh: Fresh) -> Drafted:
    item = _item(view, fields.talk, fields.item)
    held = chair.word(view.joint, view.us, ("position", fields.talk, item.id))
    if not fields.hold and held is not None and held.value["stage"] == "deposit":
        raise PositionHeld("your side holds a position back under this item: table it, or hold back another")
    writer = Writer(fresh, Audience.OWN if fields.hold else Audience.BOTH)
    act = {
        "type": "item.position",
        "talk": fields.talk,
        "item": item.id,
        "stage": "deposit" if fields.hold else "table",
        "texts": writer.texts(fields.text, "text"),
    }
    title = "Hold back our position until we table it" if fields.hold else "State our position"
    return Drafted(act, Summary(title, _said(fields.text)), writer.contents)


class OnItem(ActFields, frozen=True):
    talk: Id
    item: Id


def _table_position(view: View, fields: OnItem, _fresh: Fresh) -> Drafted:
    item = _item(view, fields.talk, fields.item)
    held = chair.word(view.joint, view.us, ("position", fields.talk, item.id))
    if held is None or held.value["stage"] != "deposit":
        raise NoPositionHeld("your side holds no position back under this item")
    texts = texts_of(held.value["texts"])
    act = {
        "type": "item.position",
        "talk": fields.talk,
        "item": item.id,
        "stage": "table",
        "texts": listed(texts),
    }
    widen = tuple((commitment, Audience.BOTH) for _, commitment in texts)
    return Drafted(act, Summary("Table the position that we held back", _known(view, texts)), widen=widen)


class Initiative(ActFields, frozen=True):
    talk: Id
    item: Id
    title: Words
    text: Words


def _initiative(view: View, fields: Initiative, fresh: Fresh) -> Drafted:
    item = _item(view, fields.talk, fields.item)
    writer = Writer(fresh, Audience.BOTH)
    act = {
        "type": "item.initiative",
        "talk": fields.talk,
        "item": item.id,
        "initiative": fresh.id(),
        "title": writer.texts(fields.title, "title", limit=TITLE_LIMIT),
        "texts": writer.texts(fields.text, "text"),
    }
    lines = (*_said(fields.title), *_said(fields.text))
    return Drafted(act, Summary("Propose an initiative under this item", lines), writer.contents)


class GivePaper(ActFields, frozen=True):
    """item: none for the talk as a whole. paper: one that our side has laid there."""

    talk: Id
    paper: Id
    item: Id | None = None


def _give_paper(view: View, fields: GivePaper, fresh: Fresh) -> Drafted:
    words = view.paper(_talk(view, fields.talk), fields.item or "", fields.paper)
    if words is None:
        raise NoSuchPaper("your side has laid no such paper there", field="paper")
    if chair.word(view.joint, view.us, paper_key(fields.talk, fields.item, fields.paper)) is not None:
        raise PaperGiven("your side has given this paper already", field="paper")
    writer = Writer(fresh, Audience.BOTH)
    commitment = writer.one(words, "", "paper")
    act = {
        "type": "item.paper",
        "talk": fields.talk,
        "item": fields.item,
        "paper": fields.paper,
        "text": commitment,
    }
    lines = (*words.split("\n"), "The other side can open it from then on, and keeps it.")
    return Drafted(
        act,
        Summary("Give a paper to the other side", lines),
        writer.contents,
        paper=(fields.paper, commitment),
    )


class Relation(ActFields, frozen=True):
    talk: Id
    grade: Grade
    text: Words


def _relation(view: View, fields: Relation, fresh: Fresh) -> Drafted:
    writer = Writer(fresh, Audience.BOTH)
    act = {
        "type": "relation.condition",
        "talk": _talk(view, fields.talk),
        "grade": fields.grade.value,
        "texts": writer.texts(fields.text, "text"),
    }
    lines = (fields.grade.value, *_said(fields.text))
    return Drafted(act, Summary("State how our side finds the relation", lines), writer.contents)


# --- sittings -------------------------------------------------------------------------------------


class Sitting(ActFields, frozen=True):
    talk: Id
    n: Annotated[int, Meta(ge=1, le=1000)]


def _open(view: View, fields: Sitting, _fresh: Fresh) -> Drafted:
    if chair.agreed(view.joint, time_slot(_talk(view, fields.talk))) is None:
        raise TalkNotScheduled("both sides have not agreed a time for this talk")
    act = {"type": "sitting.open", "talk": fields.talk, "n": fields.n}
    line = "It sits when the other side has opened it too. Either side ends it at once by leaving."
    return Drafted(act, Summary(f"Open sitting {fields.n}", (line,)))


def _leave(view: View, fields: Sitting, _fresh: Fresh) -> Drafted:
    act = {"type": "sitting.leave", "talk": _talk(view, fields.talk), "n": fields.n}
    return Drafted(act, Summary(f"End our part of sitting {fields.n}", ("The sitting is over at once.",)))


def _put(view: View, fields: OnItem, _fresh: Fresh) -> Drafted:
    agenda = chair.agreed(view.joint, agenda_slot(_talk(view, fields.talk)))
    if agenda is None:
        raise AgendaNotApproved("both sides have not approved an agenda for this talk")
    for n, item in enumerate(agenda.body["items"], 1):
        if item["id"] == fields.item:
            act = {"type": "item.put", "talk": fields.talk, "item": fields.item}
            words = "; ".join(_known(view, item["title"])) or item["kind"]
            return Drafted(act, Summary("Put an item on the table", (f"{n}. {words}",)))
    raise NoSuchItem("the agenda in force has no such item", field="item")


class Floor(ActFields, frozen=True):
    """seconds: side → seconds spoken."""

    talk: Id
    n: Annotated[int, Meta(ge=1, le=1000)]
    seconds: dict[Id, Annotated[int, Meta(ge=0, le=1_000_000)]]


def _floor(view: View, fields: Floor, _fresh: Fresh) -> Drafted:
    if fields.seconds.keys() != {view.side, view.other}:
        raise Malformed("seconds: one number for each of the two sides is due", field="seconds")
    act = {
        "type": "sitting.summary",
        "talk": _talk(view, fields.talk),
        "n": fields.n,
        "seconds": dict(fields.seconds),
    }
    lines = (f"Ours: {fields.seconds[view.side]} s", f"Theirs: {fields.seconds[view.other]} s")
    return Drafted(act, Summary(f"Enter the floor time of sitting {fields.n}", lines))


COMMANDS: tuple[Command, ...] = (
    Command("talks.propose", Propose, _propose("talk.propose", "")),
    Command("talks.offer", Propose, _propose("talk.offer", " and accept it")),
    Command("talks.accept", Answer, _answer("talk.accept", "time", "Accept the time of a talk")),
    Command("talks.withdraw", Answer, _answer("talk.withdraw", "time", "Withdraw our yes to a time")),
    Command("talks.decline", Answer, _answer("talk.decline", "time", "Decline a time")),
    Command("talks.call-off", OnTalk, _end("talk.call-off", "Call the talk off", "It will not take place.")),
    Command(
        "talks.conclude",
        OnTalk,
        _end("talk.conclude", "Conclude the talk", "There will be no more sittings."),
    ),
    Command("talks.delegation", Delegation, _delegation),
    Command("talks.propose-item", ProposeItem, _propose_item),
    Command("talks.rank", Rank, _rank),
    Command("talks.table-agenda", TableAgenda, _table_agenda("agenda.table", "Table the agenda")),
    Command(
        "talks.offer-agenda", TableAgenda, _table_agenda("agenda.offer", "Table the agenda and approve it")
    ),
    Command("talks.approve-agenda", Answer, _answer("agenda.approve", "agenda", "Approve the agenda")),
    Command(
        "talks.withdraw-agenda", Answer, _answer("agenda.withdraw", "agenda", "Withdraw our yes to an agenda")
    ),
    Command("talks.decline-agenda", Answer, _answer("agenda.decline", "agenda", "Decline an agenda")),
    Command("talks.state-position", Position, _position),
    Command("talks.table-position", OnItem, _table_position),
    Command("talks.propose-initiative", Initiative, _initiative),
    Command("talks.give-paper", GivePaper, _give_paper),
    Command("talks.relation", Relation, _relation),
    Command("talks.open-sitting", Sitting, _open),
    Command("talks.leave-sitting", Sitting, _leave),
    Command("talks.put-item", OnItem, _put),
    Command("talks.note-floor", Floor, _floor),
)
