"""The acts of the press: readouts, statements, press calls. Pure.

Lives here: `ACTS` (exported by `model`), the form of a release.
Not here: what pages show (`model`), clocks and embargoes (`service`: no rule of the record reads a clock).
Spec: docs/spec/record.md §6.

    register ("cleared", release, version)   a version that a delegate with full powers has passed
    register ("released", release)           the version that is public; all versions stay
    slot ("readout", talk)                   the joint readout: tabled, approved by both
    register ("joint-released", talk)        a side has let it out
    register ("statement", talk)             whether a statement is expected
    register ("press-call", talk)            armed: whether a press call is expected
    register ("press-call-called", talk)     called
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any, Literal

from msgspec import Meta

from visavis.dialogue.acts import (
    ActSpec,
    Consent,
    Cut,
    Decline,
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
from visavis.dialogue.texts import ActFields, Hash, Id, Language
from visavis.dialogue.times import is_spelt


class Kind(StrEnum):
    READOUT = "readout"
    STATEMENT = "statement"
    JOINT = "joint-readout"


def readout_slot(talk: str) -> Slot:
    return ("readout", talk)


class Version(ActFields, frozen=True):
    """One language of a release; each member but `language` is a commitment."""

    language: Language
    title: Hash
    text: Hash
    dateline: Hash


Versions = Annotated[tuple[Version, ...], Meta(min_length=1, max_length=16)]


def spelt(texts: tuple[Version, ...]) -> list[dict[str, str]]:
    return [{"language": t.language, "title": t.title, "text": t.text, "dateline": t.dateline} for t in texts]


def _well_formed(texts: tuple[Version, ...], embargo: str | None) -> str | None:
    if len({t.language for t in texts}) != len(texts):
        return "text form"
    if embargo is not None and not is_spelt(embargo):
        return "time form"
    return None


class Clear(ActFields, frozen=True):
    """version counts from 1. initials: commitment to the desk's initials."""

    release: Id
    version: Annotated[int, Meta(ge=1, le=1000)]
    talk: Id
    texts: Versions
    initials: Hash
    embargo: str | None


def _cleared(kind: Kind) -> Any:
    def move(f: Clear) -> Move:
        return Register(
            ("cleared", f.release, str(f.version)),
            {
                "kind": kind.value,
                "talk": f.talk,
                "texts": spelt(f.texts),
                "initials": f.initials,
                "embargo": f.embargo,
            },
        )

    return move


def _form_of_release(fields: Clear, _sides: frozenset[str]) -> str | None:
    return _well_formed(fields.texts, fields.embargo)


def _rule_of_clearance(kind: Kind) -> Any:
    """Versions follow one another, each cleared once, all of one kind about one talk."""

    def rule(fields: Clear, cut: Cut) -> str | None:
        if cut.own_register(("cleared", fields.release, str(fields.version))) is not None:
            return "cleared already"
        if fields.version > 1:
            last = cut.own_register(("cleared", fields.release, str(fields.version - 1)))
            if last is None:
                return "version out of turn"
            if last["kind"] != kind.value or last["talk"] != fields.talk:
                return "release of another kind"
        return None

    return rule


class Release(ActFields, frozen=True):
    release: Id
    version: Annotated[int, Meta(ge=1, le=1000)]


def _rule_of_release(kind: Kind) -> Any:
    def rule(fields: Release, cut: Cut) -> str | None:
        cleared = cut.own_register(("cleared", fields.release, str(fields.version)))
        if cleared is None:
            return "not cleared"
        if cleared["kind"] != kind.value:
            return "release of another kind"
        public = cut.own_register(("released", fields.release))
        if public is not None and public["version"] >= fields.version:
            return "released already"
        return None

    return rule


def _released(fields: Release) -> Move:
    return Register(("released", fields.release), {"version": fields.version})


class OnTalk(ActFields, frozen=True):
    talk: Id


class Expect(ActFields, frozen=True):
    talk: Id
    expected: Literal["expected", "if-necessary", "not-expected"]


class TableJoint(ActFields, frozen=True):
    talk: Id
    base: Hash | None
    texts: Versions
    embargo: str | None


def joint_subject(fields: TableJoint) -> Subject:
    body = {"texts": spelt(fields.texts), "embargo": fields.embargo}
    named = frozenset(c for t in fields.texts for c in (t.title, t.text, t.dateline))
    return Subject(readout_slot(fields.talk), fields.base, Kind.JOINT.value, body, named)


class Answer(ActFields, frozen=True):
    talk: Id
    hash: Hash


def _approves(fields: Answer) -> Move:
    return Consent(readout_slot(fields.talk), fields.hash)


def _withdraws(fields: Answer) -> Move:
    return Withdraw(readout_slot(fields.talk), fields.hash)


def _declines(fields: Answer) -> Move:
    return Decline(readout_slot(fields.talk), fields.hash)


class ReleaseJoint(ActFields, frozen=True):
    talk: Id
    hash: Hash


def _rule_of_joint_release(fields: ReleaseJoint, cut: Cut) -> str | None:
    """One text, approved by both: what either lets out is what stands in the slot."""
    approved = cut.in_force(readout_slot(fields.talk))
    if approved is None or approved.hash != fields.hash:
        return "not approved by both"
    public = cut.own_register(("joint-released", fields.talk))
    if public is not None and public["hash"] == fields.hash:
        return "released already"
    return None


def _rule_of_call(fields: OnTalk, cut: Cut) -> str | None:
    return "called already" if cut.own_register(("press-call-called", fields.talk)) is not None else None


def _own(kind: Kind) -> tuple[ActSpec, ...]:
    """Clearing and releasing what a side says in its own voice; it needs nobody's leave."""
    return (
        ActSpec(
            f"{kind.value}.clear",
            Clear,
            _cleared(kind),
            Power.RELEASE,
            form=_form_of_release,
            rule=_rule_of_clearance(kind),
        ),
        ActSpec(f"{kind.value}.release", Release, _released, Power.RELEASE, rule=_rule_of_release(kind)),
    )


ACTS: tuple[ActSpec, ...] = (
    *_own(Kind.READOUT),
    *_own(Kind.STATEMENT),
    ActSpec(
        "statement.announce",
        Expect,
        lambda f: Register(("statement", f.talk), {"expected": f.expected}),
        Power.RELEASE,
    ),
    ActSpec(
        "readout.table-joint",
        TableJoint,
        lambda f: Table(joint_subject(f)),
        Power.RELEASE,
        ProofLevel.DEVICE,
        form=lambda f, sides: _well_formed(f.texts, f.embargo),
    ),
    ActSpec(
        "readout.offer-joint",
        TableJoint,
        lambda f: offers(joint_subject(f)),
        Power.RELEASE,
        form=lambda f, sides: _well_formed(f.texts, f.embargo),
    ),
    ActSpec("readout.approve-joint", Answer, _approves, Power.RELEASE),
    ActSpec("readout.withdraw-joint", Answer, _withdraws, Power.RELEASE),
    ActSpec("readout.decline-joint", Answer, _declines, Power.RELEASE),
    ActSpec(
        "readout.release-joint",
        ReleaseJoint,
        lambda f: Register(("joint-released", f.talk), {"hash": f.hash}),
        Power.RELEASE,
        rule=_rule_of_joint_release,
    ),
    ActSpec(
        "press-call.arm",
        Expect,
        lambda f: Register(("press-call", f.talk), {"expected": f.expected}),
        Power.RELEASE,
    ),
    ActSpec(
        "press-call.call",
        OnTalk,
        lambda f: Register(("press-call-called", f.talk), {}),
        Power.RELEASE,
        rule=_rule_of_call,
    ),
)
