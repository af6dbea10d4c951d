"""The press as one chair sees it, and as the public sees it. Pure.

Lives here: `ACTS` of the slice, the frozen views of the press desk (`press_view`) and of a side's newsroom
(`newsroom`), expectations, the press call.
Not here: the acts' own forms and rules (`acts`), commands and comments (`service`), feeds (`feed`), words.
Spec: docs/spec/record.md §6; docs/spec/http.md §6.

Texts are commitments; the caller opens them for its reader. `us` is the reader's chair, 0 or 1; a newsroom is one
side's, `s`, and holds only what is public.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from visavis.dialogue import chair
from visavis.dialogue.acts import Power
from visavis.dialogue.chair import DoubleSeal, Mark
from visavis.dialogue.join import Joint, Said
from visavis.dialogue.memo import remembered
from visavis.dialogue.steps import Step, Steps, together
from visavis.dialogue.times import instant
from visavis.press.acts import ACTS, Kind, readout_slot

__all__ = ["ACTS", "Kind", "PressView", "PublicRelease", "newsroom", "press_view", "steps"]

JOINT_PREFIX = "joint."
"""A joint readout's release id is "joint.<talk>": it has one for each talk, and no own."""


class ReleaseState(StrEnum):
    CLEARED = "cleared"
    RELEASED = "released"


@dataclass(frozen=True, slots=True)
class LanguageView:
    """One language of a release. title, text, dateline: commitments."""

    language: str
    title: str
    text: str
    dateline: str


@dataclass(frozen=True, slots=True)
class VersionView:
    """One cleared version. initials: commitment. embargo: RFC 3339 UTC, or None. released: by whom and when,
    if it ever went out."""

    version: int
    texts: tuple[LanguageView, ...]
    initials: str
    embargo: str | None
    cleared: Mark
    released: Mark | None


@dataclass(frozen=True, slots=True)
class ReleaseView:
    """A release of one side with all its versions, oldest first. public: the version that is out, or None."""

    id: str
    kind: Kind
    talk: str
    ours: bool
    state: ReleaseState
    versions: tuple[VersionView, ...]
    public: int | None

    @property
    def latest(self) -> VersionView:
        return self.versions[-1]


@dataclass(frozen=True, slots=True)
class JointView:
    """One text of a joint readout. released: the first mark of each side that let it out."""

    hash: str
    base: str | None
    texts: tuple[LanguageView, ...]
    embargo: str | None
    by: tuple[Mark, ...]
    seal: DoubleSeal
    released: tuple[Mark, ...]


@dataclass(frozen=True, slots=True)
class ExpectedView:
    """What one side said in advance. expected: "expected", "if-necessary", "not-expected"."""

    expected: str
    mark: Mark


class CallState(StrEnum):
    """Of one side's press call."""

    OFF = "off"
    ARMED = "armed"
    CALLED = "called"


@dataclass(frozen=True, slots=True)
class CallView:
    """One side's press call. Armed: it can be called if need be; called: it is."""

    state: CallState
    expected: str | None
    armed: Mark | None
    called: Mark | None


@dataclass(frozen=True, slots=True)
class PressView:
    """The press of one talk for the chair `us`: own releases in all states, the other's once they are public.

    joint: approved by both, or None. joints: tabled ones still open.
    agreed_call, agreed_statement: what the agenda in force says of a press call and a statement, or None.
    """

    talk: str
    ours: tuple[ReleaseView, ...]
    theirs: tuple[ReleaseView, ...]
    joint: JointView | None
    joints: tuple[JointView, ...]
    call_ours: CallView
    call_theirs: CallView
    statement_ours: ExpectedView | None
    statement_theirs: ExpectedView | None
    agreed_call: str | None
    agreed_statement: str | None
    steps: Steps


@dataclass(frozen=True, slots=True)
class Related:
    """Another public release. why: "same-talk", "same-dialogue"."""

    side: str
    release: str
    kind: Kind
    why: str
    texts: tuple[LanguageView, ...]
    released: Mark


@dataclass(frozen=True, slots=True)
class PublicRelease:
    """A release as the public sees it: its newest public version, and the public ones before it.

    id:       stands in the permalink. by: side ids whose voice it is (two for a joint readout).
    initials: commitment, or None for a joint readout: it has no one desk.
    first:    when it went out first. latest: when its newest public version did.
    zone:     of the side's dateline, IANA.
    """

    side: str
    id: str
    kind: Kind
    talk: str
    by: tuple[str, ...]
    version: int
    texts: tuple[LanguageView, ...]
    initials: str | None
    first: Mark
    latest: Mark
    earlier: tuple[VersionView, ...]
    zone: str

    @property
    def languages(self) -> tuple[str, ...]:
        return tuple(text.language for text in self.texts)

    @property
    def corrected(self) -> bool:
        return bool(self.earlier)


# --- reading --------------------------------------------------------------------------------------


def _languages(value: Any) -> tuple[LanguageView, ...]:
    return tuple(LanguageView(t["language"], t["title"], t["text"], t["dateline"]) for t in value)


@remembered
def releases(joint: Joint, s: int, us: int | None = None) -> tuple[ReleaseView, ...]:
    """All releases of side s, its own drafts' clearances included, oldest first. us: the reader's chair."""
    versions: dict[str, dict[int, chair.Word]] = {}
    for said in chair.words(joint, s, ("cleared",)):
        versions.setdefault(said.key[1], {})[int(said.key[2])] = said
    out = []
    for release, by_version in versions.items():
        went_out: dict[int, Mark] = {}
        for index, value in joint.register_history(s, ("released", release)):
            went_out.setdefault(value["version"], chair.mark(joint, s, index))
        first = by_version[min(by_version)].value
        out.append(
            ReleaseView(
                release,
                Kind(first["kind"]),
                first["talk"],
                us == s,
                ReleaseState.RELEASED if went_out else ReleaseState.CLEARED,
                tuple(
                    VersionView(
                        version,
                        _languages(said.value["texts"]),
                        said.value["initials"],
                        said.value["embargo"],
                        said.mark,
                        went_out.get(version),
                    )
                    for version, said in sorted(by_version.items())
                ),
                max(went_out) if went_out else None,
            )
        )
    return tuple(out)


def release_view(joint: Joint, s: int, release: str) -> ReleaseView | None:
    """One release of side s, or None."""
    return next((r for r in releases(joint, s, s) if r.id == release), None)


def clearances(
    joint: Joint, s: int, release: str | None = None, *, talk: str = "", kind: str = ""
) -> tuple[Said, ...]:
    """What side s has cleared, in the order of its log: each version of `release`, else all of that kind and talk."""
    return tuple(
        (said.mark.index, said.value)
        for said in sorted(chair.words(joint, s, ("cleared",)), key=lambda said: said.mark.index)
        if (said.key[1] == release if release else (said.value["talk"], said.value["kind"]) == (talk, kind))
    )


@remembered
def joint_views(joint: Joint, us: int, talk: str) -> tuple[JointView, ...]:
    """All texts tabled as the joint readout of a talk, earliest first."""
    out = []
    for tabled in chair.tabled(joint, "readout", talk):
        released = [
            chair.mark(joint, s, index)
            for s in (us, 1 - us)
            for index, value in joint.register_history(s, ("joint-released", talk))
            if value["hash"] == tabled.hash
        ]
        out.append(
            JointView(
                tabled.hash,
                tabled.subject.base,
                _languages(tabled.subject.body["texts"]),
                tabled.subject.body["embargo"],
                tabled.marks,
                chair.double_seal(joint, us, readout_slot(talk), tabled.hash),
                tuple(released),
            )
        )
    return tuple(out)


def _agreed(views: tuple[JointView, ...]) -> JointView | None:
    return next((v for v in views if v.seal.agreed and not v.seal.replaced), None)


def _live(views: tuple[JointView, ...]) -> tuple[JointView, ...]:
    agreed = _agreed(views)
    base = None if agreed is None else agreed.hash
    return tuple(v for v in views if v.seal.open and v.base == base)


def call_view(joint: Joint, s: int, talk: str) -> CallView:
    """Side s's press call about a talk: off until armed, armed until called."""
    armed = chair.word(joint, s, ("press-call", talk))
    called = chair.word(joint, s, ("press-call-called", talk))
    state = (
        CallState.CALLED if called is not None else CallState.ARMED if armed is not None else CallState.OFF
    )
    return CallView(
        state,
        None if armed is None else armed.value["expected"],
        None if armed is None else armed.mark,
        None if called is None else called.mark,
    )


def _expected(joint: Joint, s: int, talk: str) -> ExpectedView | None:
    said = chair.word(joint, s, ("statement", talk))
    return None if said is None else ExpectedView(said.value["expected"], said.mark)


@remembered
def press_view(joint: Joint, us: int, talk: str) -> PressView:
    """The press of one talk for the chair `us`."""
    ours = tuple(r for r in releases(joint, us, us) if r.talk == talk)
    theirs = tuple(
        _public_part(r) for r in releases(joint, 1 - us, us) if r.talk == talk and r.public is not None
    )
    joints = joint_views(joint, us, talk)
    agenda = chair.agreed(joint, ("agenda", talk))
    return PressView(
        talk,
        ours,
        theirs,
        _agreed(joints),
        _live(joints),
        call_view(joint, us, talk),
        call_view(joint, 1 - us, talk),
        _expected(joint, us, talk),
        _expected(joint, 1 - us, talk),
        None if agenda is None else agenda.body["press_call"],
        None if agenda is None else agenda.body["statement"],
        _steps(joint, us, talk, ours, theirs, joints),
    )


def _public_part(release: ReleaseView) -> ReleaseView:
    """What the other side may see of a release: the versions that went out."""
    out = tuple(v for v in release.versions if v.released is not None)
    return ReleaseView(
        release.id, release.kind, release.talk, release.ours, release.state, out, release.public
    )


# --- the newsroom ---------------------------------------------------------------------------------


@remembered
def newsroom(joint: Joint, s: int) -> tuple[PublicRelease, ...]:
    """What the public sees of side s: its readouts and statements that went out, and joint readouts that
    either side let out; newest first by the time shown."""
    side, zone = joint.sides[s].id, chair.profile(joint, s)[0]
    out = []
    for release in releases(joint, s):
        public = [v for v in release.versions if v.released is not None]
        if not public:
            continue
        newest, first = public[-1], public[0]
        out.append(
            PublicRelease(
                side,
                release.id,
                release.kind,
                release.talk,
                (side,),
                newest.version,
                newest.texts,
                newest.initials,
                _went(first),
                _went(newest),
                tuple(public[:-1]),
                zone,
            )
        )
    for talk in dict.fromkeys(key[1] for c in (0, 1) for key in joint.registers(c, ("joint-released",))):
        joint_release = _public_joint(joint, s, talk, zone)
        if joint_release is not None:
            out.append(joint_release)
    return tuple(sorted(out, key=lambda r: (_sortable(r.first), r.id), reverse=True))


def _public_joint(joint: Joint, s: int, talk: str, zone: str) -> PublicRelease | None:
    out = [view for view in joint_views(joint, s, talk) if view.released]
    if not out:
        return None
    newest = max(out, key=lambda v: min(_sortable(m) for m in v.released))
    marks = sorted((m for v in out for m in v.released), key=_sortable)
    latest = min(newest.released, key=_sortable)
    both = tuple(sorted(side.id for side in joint.sides))
    return PublicRelease(
        joint.sides[s].id,
        JOINT_PREFIX + talk,
        Kind.JOINT,
        talk,
        both,
        len(out),
        newest.texts,
        None,
        marks[0],
        latest,
        (),
        zone,
    )


def _went(version: VersionView) -> Mark:
    if version.released is None:
        raise ValueError("not a public version")
    return version.released


def _sortable(made: Mark) -> str:
    at = chair.moment(made.time)
    return "" if at is None else at.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def public_release(joint: Joint, s: int, release: str) -> PublicRelease | None:
    """One public release of side s by its id, or None."""
    return next((r for r in newsroom(joint, s) if r.id == release), None)


def related(joint: Joint, s: int, release: PublicRelease, limit: int = 8) -> tuple[Related, ...]:
    """Public releases that belong beside this one: of either side on the same talk first, then the rest of the
    dialogue's, newest first. A joint readout is named once, under the side whose page asks."""
    found = []
    for c in (s, 1 - s):
        for other in newsroom(joint, c):
            if other.id == release.id or (other.kind is Kind.JOINT and c != s):
                continue
            why = "same-talk" if other.talk == release.talk else "same-dialogue"
            found.append(Related(other.side, other.id, other.kind, why, other.texts, other.latest))
    found.sort(key=lambda r: (_sortable(r.released), r.release), reverse=True)
    found.sort(key=lambda r: r.why != "same-talk")
    return tuple(found[:limit])


# --- what now -------------------------------------------------------------------------------------


def embargoed(embargo: str | None, now: datetime) -> bool:
    """Whether `now` is before the embargo. An embargo that is no time holds nothing back."""
    until = None if embargo is None else instant(embargo)
    return until is not None and now < until


def steps(joint: Joint, us: int, talk: str) -> Steps:
    """What the press of a talk asks of either side now."""
    return press_view(joint, us, talk).steps


def _steps(
    joint: Joint,
    us: int,
    talk: str,
    ours: tuple[ReleaseView, ...],
    theirs: tuple[ReleaseView, ...],
    joints: tuple[JointView, ...],
) -> Steps:
    told = {"talk": talk}
    parts: list[Steps] = []
    agreed = _agreed(joints)
    if agreed is not None and not agreed.released:
        step = Step("release-joint", told, "press.release-joint", Power.RELEASE)
        parts.append(Steps((step,), (step,)))
    parts += [
        chair.seal_steps(
            v.seal,
            seal_key="approve-joint",
            command="press.approve-joint",
            power=Power.RELEASE,
            params=told,
        )
        for v in _live(joints)
    ]
    if not joint.accords(("time", talk)) or joint.ended(("dialogue",)):
        return together(parts)
    if joint.ended(("talk", talk)):
        if chair.called_off(joint, talk) or chair.moved_on(joint, talk):
            return together(parts)
        parts.append(_after(told, ours, theirs, out=agreed is not None and bool(agreed.released)))
    else:
        early = []
        if joint.register(us, ("press-call", talk)) is None:
            early.append(Step("arm-press-call", told, None, Power.RELEASE, urgent=False))
        if joint.register(us, ("statement", talk)) is None:
            early.append(Step("announce-statement", told, None, Power.RELEASE, urgent=False))
        parts.append(Steps(tuple(early)))
    return together(parts)


def _after(
    told: Mapping[str, str], ours: tuple[ReleaseView, ...], theirs: tuple[ReleaseView, ...], *, out: bool
) -> Steps:
    """The talk is over: each side owes the public a readout, unless a joint one is out."""
    now, waiting = [], []
    readouts = [r for r in ours if r.kind is Kind.READOUT]
    for release in ours:
        newest = release.latest
        if newest.released is None:
            params = {**told, "release": release.id, "version": str(newest.version)}
            if newest.embargo is not None:
                params["embargo"] = newest.embargo
            now.append(Step("release", params, "press.release", Power.RELEASE))
    if not readouts and not out:
        now.append(Step("clear-readout", told, None, Power.RELEASE))
    if not out and not any(r.kind is Kind.READOUT for r in theirs):
        waiting.append(Step("release-readout", told, None, Power.RELEASE))
    return Steps(tuple(now), tuple(waiting))
