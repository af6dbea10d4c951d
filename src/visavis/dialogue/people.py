"""The side's own people: founding, profile, admitting, powers, the dialogue's end; as commands and as a view. Pure.

Lives here: `COMMANDS` of the dialogue, `PersonView`, `SideView`, `side_view`.
Not here: the acts (`model`), enrolment and sessions (`admission`), what the other slices ask for.
Spec: docs/spec/http.md §3.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Annotated
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from msgspec import Meta

from visavis.dialogue import chair
from visavis.dialogue.acts import Power
from visavis.dialogue.commands import Audience, Command, Drafted, Fresh, Rotation, Summary, View
from visavis.dialogue.fold import Credential
from visavis.dialogue.join import Joint
from visavis.dialogue.model import DEFAULT_POWERS, DEVICE_POWERS, RULES, Role
from visavis.dialogue.texts import ActFields, Hash, Id, Writer, tag_of
from visavis.errors import Malformed, Refused
from visavis.record.digest import from_text, to_text


class NoSuchEnrolment(Refused):
    """No credential of that enrolment waits to be admitted to this side."""

    code = "no-such-enrolment"


class NoSuchDelegate(Refused):
    """This side has no delegate, or no live credential, of that id."""

    code = "no-such-delegate"


class NoSuchEdition(Refused):
    """The software of this node does not know that edition of the rules."""

    code = "no-such-edition"


class NotStated(Refused):
    """The founding statements of both sides are not there yet."""

    code = "not-stated"


# --- commands -------------------------------------------------------------------------------------


class Nothing(ActFields, frozen=True):
    """No fields."""


def _found(view: View, _fields: Nothing, _fresh: Fresh) -> Drafted:
    if view.founding is None:
        raise NotStated("both sides state themselves first")
    act = {"type": "side.found", "founding": dict(view.founding)}
    names = view.founding.get("name")
    lines = tuple(f"{language}: {name}" for language, name in sorted(dict(names or {}).items()))
    return Drafted(act, Summary("Found this side, and open its log", lines))


class Profile(ActFields, frozen=True):
    zone: str
    languages: Annotated[tuple[str, ...], Meta(max_length=16)] = ()


def _no_zone(zone: str) -> Malformed:
    return Malformed("zone: “%(given)s” is not an IANA time zone", field="zone", given=zone[:60])


def _profile(view: View, fields: Profile, _fresh: Fresh) -> Drafted:
    try:
        ZoneInfo(fields.zone)
    except (
        ValueError,
        OSError,
    ) as error:  # ZoneInfoNotFoundError is a KeyError; IsADirectoryError an OSError
        raise _no_zone(fields.zone) from error
    except KeyError as error:
        raise _no_zone(fields.zone) from error
    if not fields.languages:
        raise Malformed("languages: one at least is due", field="languages")
    odd = next((tag for tag in fields.languages if tag_of(tag) != tag), None)
    if odd is not None:
        raise Malformed(
            "languages: “%(given)s” is not the tag of a language, such as fr or pt-BR",
            field="languages",
            given=odd[:60],
        )
    if len(set(fields.languages)) != len(fields.languages):
        raise Malformed("languages: one of them is given twice", field="languages")
    act = {"type": "side.profile", "zone": fields.zone, "languages": list(fields.languages)}
    lines = (f"Time zone: {fields.zone}", f"Languages: {', '.join(fields.languages)}")
    return Drafted(act, Summary("State our side's time zone and languages", lines))


class AdmitFields(ActFields, frozen=True):
    """powers: the role's default, if not given."""

    enrolment: Id
    role: Role
    powers: frozenset[Power] | None = None


def _admit(view: View, fields: AdmitFields, fresh: Fresh) -> Drafted:
    enrolment = view.enrolments.get(fields.enrolment)
    if enrolment is None:
        raise NoSuchEnrolment("no such credential waits to be admitted to your side")
    powers = DEFAULT_POWERS[fields.role] if fields.powers is None else fields.powers
    writer = Writer(fresh, Audience.BOTH)
    named = enrolment.name.strip()
    act = {
        "type": "side.admit",
        "delegate": enrolment.delegate,
        "role": fields.role.value,
        "credential": enrolment.credential,
        "passkey": enrolment.passkey.to_json(),
        "powers": sorted(p.value for p in powers),
        "name": writer.one(named, "", "name", limit=200) if named else None,
    }
    lines = (
        f"Delegate: {named or enrolment.delegate}",
        f"Role: {fields.role.value}",
        f"Powers: {', '.join(sorted(powers)) or 'none'}",
        f"Credential: {enrolment.credential}",
    )
    return Drafted(act, Summary("Admit a delegate to our side", lines), writer.contents)


class AdmitDeviceFields(ActFields, frozen=True):
    """key: the device's Ed25519 public key, base64url."""

    key: Hash


def _admit_device(view: View, fields: AdmitDeviceFields, _fresh: Fresh) -> Drafted:
    state = view.joint.sides[view.us]
    known = state.delegates.get(view.delegate)
    if known is None:
        raise NoSuchDelegate("your side has not admitted you")
    powers = sorted(p.value for p in state.powers_of_delegate(view.delegate) & DEVICE_POWERS)
    act = {
        "type": "side.admit",
        "delegate": view.delegate,
        "role": known.role,
        "credential": fields.key,
        "passkey": None,
        "powers": powers,
        "name": None,
    }
    lines = (
        f"What it may do: {', '.join(powers) or 'nothing'}",
        "It never binds your side: what binds needs your passkey, each time.",
        "You can end it at any time.",
    )
    return Drafted(act, Summary("Let this device act for you in the talk", lines))


class RevokeFields(ActFields, frozen=True):
    credential: Id


def _revoke(view: View, fields: RevokeFields, _fresh: Fresh) -> Drafted:
    known = view.joint.sides[view.us].credentials.get(fields.credential)
    if known is None:
        raise NoSuchDelegate("your side has no such credential")
    act = {"type": "side.revoke", "credential": fields.credential}
    lines = (
        f"Delegate: {known.delegate}",
        f"Credential: {fields.credential}",
        "What it signed before stands.",
    )
    return Drafted(act, Summary("End a credential of our side, from here on", lines))


class PowersFields(ActFields, frozen=True):
    delegate: Id
    powers: frozenset[Power]


def _powers(view: View, fields: PowersFields, _fresh: Fresh) -> Drafted:
    if fields.delegate not in view.joint.sides[view.us].delegates:
        raise NoSuchDelegate("your side has no such delegate")
    act = {
        "type": "side.powers",
        "delegate": fields.delegate,
        "powers": sorted(p.value for p in fields.powers),
    }
    lines = (f"Delegate: {fields.delegate}", f"Powers: {', '.join(sorted(fields.powers)) or 'none'}")
    return Drafted(act, Summary("State a delegate's powers", lines))


class AdoptFields(ActFields, frozen=True):
    """edition: of the rule book; newer than the one in force, and known to this node's software."""

    edition: Annotated[int, Meta(ge=1)]


def _adopt(view: View, fields: AdoptFields, _fresh: Fresh) -> Drafted:
    newest, now = view.joint.rulebook.edition, view.joint.edition
    if fields.edition > newest:
        raise NoSuchEdition(
            "this node's software knows edition %(newest)s of the rules and no newer one",
            field="edition",
            newest=newest,
        )
    in_force = view.joint.in_force(RULES)
    act = {
        "type": "rules.adopt",
        "edition": fields.edition,
        "base": None if in_force is None else in_force.hash,
    }
    lines = (
        f"Edition in force: {now}; to be adopted: {fields.edition}",
        "It is in force when both sides have adopted it. What was judged before stays as it was judged.",
    )
    return Drafted(act, Summary(f"Adopt edition {fields.edition} of the rules", lines))


class RotateFields(ActFields, frozen=True):
    """disown: entries of the checkpoint that was shown and that the side declares false, if there is one.

    In decimal, as a checkpoint spells it: it may be larger than a number of JSON is in a browser.
    """

    disown: Annotated[str, Meta(pattern=r"^[1-9][0-9]{0,15}\Z")] | None = None


class NoSuchCheckpoint(Refused):
    """No checkpoint of that size stops this side's log: nothing is to be declared false."""

    code = "no-such-checkpoint"


def _rotate(view: View, fields: RotateFields, fresh: Fresh) -> Drafted:
    disowned = int(fields.disown or 0)
    if disowned and disowned != view.shown:
        raise NoSuchCheckpoint("no checkpoint of that size stops your log", field="disown")
    seed = fresh.salt()
    key = Ed25519PrivateKey.from_private_bytes(seed).public_key().public_bytes_raw()
    lines = [
        f"New log key: {to_text(key)}",
        "From this entry on it signs our log. The key before it is deleted here and signs nothing more.",
    ]
    if disowned:
        size = view.joint.sides[view.us].size
        lines += [
            f"We declare false: a checkpoint of {disowned} entries, where our log has {size}.",
            "If it is true, entries of ours are missing here, and this begins a second history of our log.",
        ]
    return Drafted(
        {"type": "side.rotate-key", "log_key": to_text(key)},
        Summary("Replace the key of our log", tuple(lines)),
        rotation=Rotation(key, seed, "", disowned),
    )


class MoveFields(ActFields, frozen=True):
    """log_key: made at the new node, `visavis move key`. address: of the new node, "https://talks.example"."""

    log_key: Hash
    address: Annotated[str, Meta(min_length=1, max_length=300)]


def _move(view: View, fields: MoveFields, _fresh: Fresh) -> Drafted:
    key = from_text(fields.log_key, 32, what="log_key")
    if any(key == had for state in view.joint.sides for _, had in state.log_keys):
        raise Malformed(
            "log_key: it has signed a log of this dialogue already; a new one is due", field="log_key"
        )
    address = _address(fields.address)
    lines = (
        f"New log key: {fields.log_key}",
        f"It is at: {address}",
        "From this entry on our log is written there. This node deletes its own key and writes nothing more of ours.",
    )
    return Drafted(
        {"type": "side.rotate-key", "log_key": fields.log_key},
        Summary("Move our log to another node", lines),
        rotation=Rotation(key, None, address),
    )


def _address(text: str) -> str:
    """A node's address in one spelling, without a path. Raises `Malformed`."""
    wrong = Malformed("address: one like https://talks.example is due", field="address")
    try:
        parts = urlsplit(text.strip())
        host, port = parts.hostname or "", parts.port
    except ValueError as error:
        raise wrong from error
    local = host == "localhost" or host.endswith(".localhost")
    known = parts.scheme == "https" or (parts.scheme == "http" and local)
    if not known or not _HOST.fullmatch(host) or parts.path.strip("/") or parts.query or parts.username:
        raise wrong
    return f"{parts.scheme}://{host}" + (f":{port}" if port else "")


_HOST = re.compile(r"[a-z0-9-]+(\.[a-z0-9-]+)*")


class SpendFields(ActFields, frozen=True):
    """nonce: of what this delegate signed and never saw entered; base64url of 16 bytes."""

    nonce: Annotated[str, Meta(pattern=r"^[A-Za-z0-9_-]{22}\Z")]


def _spend(_view: View, fields: SpendFields, _fresh: Fresh) -> Drafted:
    lines = (
        f"Nonce: {fields.nonce}",
        "Whatever you signed with it is void if anybody enters it from here on.",
        "If it is in the log already, it stands, and this is refused.",
    )
    act = {"type": "record.spend", "nonce": fields.nonce}
    return Drafted(act, Summary("Make a signature of yours worthless that never came into the log", lines))


class EndFields(ActFields, frozen=True):
    reason: str | None = None


def _end(view: View, fields: EndFields, fresh: Fresh) -> Drafted:
    writer = Writer(fresh, Audience.BOTH)
    said = (fields.reason or "").strip()
    language = chair.first_language(view.joint, view.us)
    act = {"type": "dialogue.end", "reason": writer.one(said, language, "reason") if said else None}
    lines = (
        "Nothing new can be agreed in it. Our own open consents are withdrawn.",
        "What is in force stays in force, and can still be ended.",
        *([f"Reason: {said}"] if said else []),
    )
    return Drafted(act, Summary("End the dialogue", lines), writer.contents)


COMMANDS: tuple[Command, ...] = (
    Command("dialogue.found", Nothing, _found),
    Command("dialogue.profile", Profile, _profile),
    Command("dialogue.admit", AdmitFields, _admit),
    Command("dialogue.admit-device", AdmitDeviceFields, _admit_device),
    Command("dialogue.revoke", RevokeFields, _revoke),
    Command("dialogue.powers", PowersFields, _powers),
    Command("dialogue.rotate-key", RotateFields, _rotate),
    Command("dialogue.move", MoveFields, _move),
    Command("dialogue.adopt-rules", AdoptFields, _adopt),
    Command("record.spend", SpendFields, _spend),
    Command("dialogue.end", EndFields, _end),
)


# --- views ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class CredentialView:
    """live: it may act now. admitted, revoked: indices in the side's log.

    rp: the host at which the passkey answers; None: a device key.
    """

    id: str
    rp: str | None
    live: bool
    admitted: int
    revoked: int | None


@dataclass(frozen=True, slots=True)
class PersonView:
    """A delegate, as both sides see them. name: a commitment, or None. powers: now, of live credentials."""

    id: str
    role: str
    name: str | None
    powers: tuple[str, ...]
    live: bool
    credentials: tuple[CredentialView, ...]


@dataclass(frozen=True, slots=True)
class LogKeyView:
    """The log key in force: public, base64url. since: of the entry that named it. number: how many there were."""

    key: str
    since: chair.Mark
    number: int


@dataclass(frozen=True, slots=True)
class SideView:
    """names: language → name, as the side founded itself; empty before it did. log_key: None before, too."""

    id: str
    names: dict[str, str]
    founded: bool
    zone: str
    languages: tuple[str, ...]
    delegates: tuple[PersonView, ...]
    size: int
    log_key: LogKeyView | None


@dataclass(frozen=True, slots=True)
class SidesView:
    ours: SideView
    theirs: SideView
    ended: bool


def side_view(joint: Joint, s: int) -> SideView:
    """One side as anybody of the dialogue sees it. s: 0 or 1, as in `joint.sides`."""
    state = joint.sides[s]
    people = []
    powers, credentials = state.powers_by_delegate(), dict[str, list[Credential]]()
    for each in state.credentials.values():
        credentials.setdefault(each.delegate, []).append(each)
    for who in state.delegates.values():
        held = credentials.get(who.id, [])
        people.append(
            PersonView(
                who.id,
                who.role,
                who.name,
                tuple(sorted(p.value for p in powers.get(who.id, ()))),
                any(state.live(c.id) is not None for c in held),
                tuple(
                    CredentialView(
                        c.id,
                        None if c.passkey is None else c.passkey.rp,
                        state.live(c.id) is not None,
                        c.admitted,
                        c.revoked,
                    )
                    for c in held
                ),
            )
        )
    names = {} if state.founding is None else dict(state.founding.names)
    zone, languages = chair.profile(joint, s)
    log_key = None
    if state.log_keys:
        index, key = state.log_keys[-1]
        log_key = LogKeyView(to_text(key), chair.mark(joint, s, index), len(state.log_keys))
    founded = state.founding is not None
    return SideView(state.id, names, founded, zone, languages, tuple(people), state.size, log_key)


def sides_view(joint: Joint, us: int) -> SidesView:
    return SidesView(side_view(joint, us), side_view(joint, 1 - us), joint.ended(("dialogue",)))
