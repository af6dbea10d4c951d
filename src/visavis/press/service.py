"""What a delegate may ask for about the press. Pure.

Lives here: `COMMANDS` of the press. Not here: what an act does (`acts`, `dialogue.join`), signing and entering
(`dialogue.service`), readers' comments, which are no acts (`desk`), pages (`web`).
Spec: docs/spec/http.md §§3, 6.

An embargo is checked here against the caller's clock; no rule of the record reads one (rule book 2a §1.4).
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Any, Literal

from msgspec import Meta

from visavis.dialogue import chair
from visavis.dialogue.commands import Audience, Command, Drafted, Fresh, NewContent, Summary, View
from visavis.dialogue.errors import NotTabled
from visavis.dialogue.texts import TITLE_LIMIT, ActFields, Hash, Id, Language, Writer
from visavis.dialogue.times import instant, spelt
from visavis.errors import Malformed
from visavis.press.acts import readout_slot
from visavis.press.errors import (
    Embargoed,
    JointNotApproved,
    NoSuchRelease,
    NotCleared,
)
from visavis.press.model import clearances, embargoed, release_view

Expected = Literal["expected", "if-necessary", "not-expected"]
INITIALS_LIMIT = 20


class ReleaseText(ActFields, frozen=True):
    """One language of a release. text: Markdown."""

    title: str
    text: str
    dateline: str


ReleaseTexts = Annotated[dict[Language, ReleaseText], Meta(min_length=1, max_length=16)]


def _texts(writer: Writer, texts: dict[str, ReleaseText]) -> list[dict[str, str]]:
    out = []
    for language, release in sorted(texts.items()):
        for name in ("title", "text", "dateline"):
            if not getattr(release, name).strip():
                raise Malformed("%(field)s: words are due", field=f"texts.{language}.{name}")
        at = f"texts.{language}"
        out.append(
            {
                "language": language,
                "title": writer.one(release.title, language, f"{at}.title", limit=TITLE_LIMIT),
                "text": writer.one(release.text, language, f"{at}.text"),
                "dateline": writer.one(release.dateline, language, f"{at}.dateline", limit=TITLE_LIMIT),
            }
        )
    return out


def _embargo(text: str | None) -> str | None:
    """An embargo as the record spells it: UTC, whole seconds. Raises `Malformed`."""
    if text is None or not text.strip():
        return None
    at = instant(text)
    if at is None:
        raise Malformed("embargo: a time with its offset from UTC is due", field="embargo")
    return spelt(at)


def _not_yet(embargo: str | None, now: datetime) -> None:
    if embargoed(embargo, now):
        raise Embargoed("this is not to go out before %(until)s", until=embargo)


# --- a side's own voice ---------------------------------------------------------------------------


class Clear(ActFields, frozen=True):
    """release: of which this is the next version; none for a new one."""

    talk: Id
    kind: Literal["readout", "statement"]
    texts: ReleaseTexts
    initials: Annotated[str, Meta(min_length=1, max_length=INITIALS_LIMIT)]
    release: Id | None = None
    embargo: str | None = None


def _clear(view: View, fields: Clear, fresh: Fresh) -> Drafted:
    if chair.agreed(view.joint, ("time", fields.talk)) is None:
        raise NoSuchRelease("both sides have not agreed on such a talk", field="talk")
    release, version = fields.release, 1
    if release is None:
        release = fresh.id()
    else:
        known = release_view(view.joint, view.us, release)
        if known is None:
            raise NoSuchRelease("your side has no such release", field="release")
        version = known.latest.version + 1
    writer = Writer(fresh, Audience.OWN)
    act = {
        "type": f"{fields.kind}.clear",
        "release": release,
        "version": version,
        "talk": fields.talk,
        "texts": _texts(writer, fields.texts),
        "initials": writer.one(fields.initials, "", "initials", limit=INITIALS_LIMIT),
        "embargo": _embargo(fields.embargo),
    }
    lines = (
        *(f"{language}: {text.title.strip()}" for language, text in sorted(fields.texts.items())),
        f"Desk: {fields.initials.strip()}; version {version}",
        f"Embargo: {act['embargo'] or 'none'}",
        "Clearing publishes nothing: it is out when it is released.",
    )
    return Drafted(
        act,
        Summary(f"Clear a {fields.kind}", lines),
        writer.contents,
        anew=lambda joint: clearances(joint, view.us, fields.release, talk=fields.talk, kind=fields.kind),
    )


class Release(ActFields, frozen=True):
    release: Id
    version: Annotated[int, Meta(ge=1, le=1000)]


def _release(view: View, fields: Release, _fresh: Fresh) -> Drafted:
    known = release_view(view.joint, view.us, fields.release)
    if known is None:
        raise NoSuchRelease("your side has no such release", field="release")
    version = next((v for v in known.versions if v.version == fields.version), None)
    if version is None:
        raise NotCleared("that version was not cleared", field="version")
    _not_yet(version.embargo, view.now)
    act = {"type": f"{known.kind.value}.release", "release": fields.release, "version": fields.version}
    public = {version.initials: Audience.PUBLIC}
    for text in version.texts:
        public |= dict.fromkeys((text.title, text.text, text.dateline), Audience.PUBLIC)
    lines = (
        *(f"{t.language}: {words}" for t in version.texts if (words := view.text(t.title)) is not None),
        f"Version {fields.version}. From now on everybody can read it; nobody can take it back.",
    )
    title = f"Release a {known.kind.value}"
    return Drafted(
        act,
        Summary(title, lines),
        widen=tuple(public.items()),
        anew=lambda joint: clearances(joint, view.us, fields.release),
    )


# --- the joint readout ----------------------------------------------------------------------------


class TableJoint(ActFields, frozen=True):
    talk: Id
    texts: ReleaseTexts
    embargo: str | None = None


def _table_joint(type_: str, title: str) -> Callable[[View, TableJoint, Fresh], Drafted]:
    """Tabling a joint readout, or tabling and approving it in one gesture."""

    def build(view: View, fields: TableJoint, fresh: Fresh) -> Drafted:
        act, lines, contents = _joint_act(view, fields, fresh)
        return Drafted({"type": type_, **act}, Summary(title, lines), contents)

    return build


def _joint_act(
    view: View, fields: TableJoint, fresh: Fresh
) -> tuple[dict[str, Any], tuple[str, ...], tuple[NewContent, ...]]:
    """The act's members beside its type, what it says, its contents."""
    if chair.agreed(view.joint, ("time", fields.talk)) is None:
        raise NoSuchRelease("both sides have not agreed on such a talk", field="talk")
    agreed = chair.in_force(view.joint, readout_slot(fields.talk))
    writer = Writer(fresh, Audience.BOTH)
    act = {
        "talk": fields.talk,
        "base": None if agreed is None else agreed.hash,
        "texts": _texts(writer, fields.texts),
        "embargo": _embargo(fields.embargo),
    }
    lines = (
        *(f"{language}: {text.title.strip()}" for language, text in sorted(fields.texts.items())),
        f"Embargo: {act['embargo'] or 'none'}",
    )
    return act, lines, writer.contents


class Answer(ActFields, frozen=True):
    talk: Id
    hash: Hash


def _answer(type_: str, title: str) -> Any:
    def build(view: View, fields: Answer, _fresh: Fresh) -> Drafted:
        subject = chair.tabled_subject(view.joint, readout_slot(fields.talk), fields.hash)
        if subject is None:
            raise NotTabled("nothing with that hash was tabled here", field="hash")
        act = {"type": type_, "talk": fields.talk, "hash": fields.hash}
        lines = (
            *(
                f"{t['language']}: {words}"
                for t in subject.body["texts"]
                if (words := view.text(t["title"])) is not None
            ),
            f"Hash: {fields.hash}",
        )
        return Drafted(act, Summary(title, lines))

    return build


class OnTalk(ActFields, frozen=True):
    talk: Id


def _release_joint(view: View, fields: OnTalk, _fresh: Fresh) -> Drafted:
    agreed = chair.in_force(view.joint, readout_slot(fields.talk))
    if agreed is None:
        raise JointNotApproved("the joint readout is not approved by both sides")
    _not_yet(agreed.body["embargo"], view.now)
    act = {"type": "readout.release-joint", "talk": fields.talk, "hash": agreed.hash}
    widen = tuple((commitment, Audience.PUBLIC) for commitment in sorted(agreed.commitments))
    line = "From now on everybody can read it; nobody can take it back."
    return Drafted(act, Summary("Release the joint readout", (line, f"Hash: {agreed.hash}")), widen=widen)


# --- what is expected, and the press call ------------------------------------------------------------


class Expect(ActFields, frozen=True):
    talk: Id
    expected: Expected


def _expect(type_: str, title: str) -> Any:
    def build(_view: View, fields: Expect, _fresh: Fresh) -> Drafted:
        act = {"type": type_, "talk": fields.talk, "expected": fields.expected}
        return Drafted(act, Summary(title, (fields.expected,)))

    return build


def _call(_view: View, fields: OnTalk, _fresh: Fresh) -> Drafted:
    act = {"type": "press-call.call", "talk": fields.talk}
    return Drafted(act, Summary("Call our press call", ("Accredited journalists are told.",)))


COMMANDS: tuple[Command, ...] = (
    Command("press.clear", Clear, _clear),
    Command("press.release", Release, _release),
    Command("press.table-joint", TableJoint, _table_joint("readout.table-joint", "Table a joint readout")),
    Command(
        "press.offer-joint",
        TableJoint,
        _table_joint("readout.offer-joint", "Table a joint readout and approve it"),
    ),
    Command("press.approve-joint", Answer, _answer("readout.approve-joint", "Approve the joint readout")),
    Command(
        "press.withdraw-joint",
        Answer,
        _answer("readout.withdraw-joint", "Withdraw our yes to a joint readout"),
    ),
    Command("press.decline-joint", Answer, _answer("readout.decline-joint", "Decline a joint readout")),
    Command("press.release-joint", OnTalk, _release_joint),
    Command(
        "press.announce-statement",
        Expect,
        _expect("statement.announce", "Say whether a statement is expected after the talk"),
    ),
    Command("press.arm-call", Expect, _expect("press-call.arm", "Arm a press call")),
    Command("press.call", OnTalk, _call),
)
