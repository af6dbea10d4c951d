"""The dialogue's own acts: a side, its delegates, its keys, the rules, the end. Pure.

Lives here: `ACTS` of the slice, roles and their default powers.
Not here: the machine that judges them (`fold`, `join`), commands (`people`), the acts of other slices.
Spec: docs/spec/record.md §9; rule book 2a §6, §9, §12.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

import msgspec

from visavis.dialogue import verdicts
from visavis.dialogue.acts import (
    ActSpec,
    Admit,
    Consent,
    Cut,
    End,
    Erase,
    Found,
    Power,
    ProofLevel,
    Receive,
    Recover,
    Register,
    Revoke,
    RotateKey,
    SetPowers,
    Spend,
    Subject,
)
from visavis.errors import Malformed
from visavis.record.digest import from_text, is_hash
from visavis.record.entry import NODE, NONCE_BYTES, RECOVERY
from visavis.record.proof import Passkey
from visavis.record.signature import read_key

RULES = ("rules",)
DIALOGUE = ("dialogue",)
PROFILE = ("profile",)


class Role(StrEnum):
    """What a delegate is for its side; shown to both. Powers are granted beside it."""

    PRINCIPAL = "principal"
    PROTOCOL_OFFICER = "protocol-officer"
    ADVISER = "adviser"
    PRESS_OFFICER = "press-officer"
    INTERPRETER = "interpreter"


_P = Power
DEFAULT_POWERS: Mapping[Role, frozenset[Power]] = {
    Role.PRINCIPAL: frozenset({_P.SCHEDULE, _P.SIGN, _P.RECORD, _P.RELEASE, _P.SPEAK}),
    Role.PROTOCOL_OFFICER: frozenset({_P.ADMIT, _P.SCHEDULE}),
    Role.ADVISER: frozenset({_P.SPEAK}),
    Role.PRESS_OFFICER: frozenset(),  # drafts; to release takes a grant
    Role.INTERPRETER: frozenset(),
}
"""What a delegate of a role may do unless its side says otherwise (cf. VCLT 7)."""

OFFICER_POWERS = DEFAULT_POWERS[Role.PROTOCOL_OFFICER]
"""Of the founding's officer, and of the one whom a recovery key names."""

DEVICE_POWERS = frozenset({Power.SCHEDULE, Power.SPEAK})
"""The most that a delegate may give to a device key of its own."""


class _Act(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    pass


class FoundFields(_Act, frozen=True):
    """founding: the statement, `record.entry.Founding.to_json`."""

    founding: dict[str, Any]


class AdmitFields(_Act, frozen=True):
    """passkey: what `credential` is the id of; null for a device key. name: commitment to the person's, or null."""

    delegate: str
    role: Role
    credential: str
    passkey: dict[str, Any] | None
    powers: frozenset[Power]
    name: str | None


class RevokeFields(_Act, frozen=True):
    credential: str


class PowersFields(_Act, frozen=True):
    delegate: str
    powers: frozenset[Power]


class RotateKeyFields(_Act, frozen=True):
    """log_key: Ed25519 public key, base64url. Checkpoints larger than this entry's index need it."""

    log_key: str


class RecoverFields(_Act, frozen=True):
    """The new officer's passkey; every older credential ends."""

    delegate: str
    passkey: dict[str, Any]


class ProfileFields(_Act, frozen=True):
    """zone: IANA name. languages: BCP 47 tags, the side's own first."""

    zone: str
    languages: tuple[str, ...]


class ReceiveFields(_Act, frozen=True):
    pass


class ReceivedFields(_Act, frozen=True):
    """hash: of the subject all of whose contents are at hand, and open their commitments."""

    hash: str


class SpendFields(_Act, frozen=True):
    """nonce: of what the same delegate signed and never saw entered; base64url of 16 bytes."""

    nonce: str


class EndFields(_Act, frozen=True):
    """reason: commitment, or null."""

    reason: str | None


class AdoptFields(_Act, frozen=True):
    """edition: of the rule book. base: hash of the edition now in force, or null for the first."""

    edition: int
    base: str | None


class EraseFields(_Act, frozen=True):
    commitment: str


def edition_subject(edition: int, base: str | None) -> Subject:
    """What two `rules.adopt` consent to. Editions are public, so nobody need table one."""
    return Subject(RULES, base, "rules", {"edition": edition})


def _adopt(fields: AdoptFields) -> Consent:
    subject = edition_subject(fields.edition, fields.base)
    return Consent(RULES, subject.hash, subject)


def _adopt_form(fields: AdoptFields, _sides: frozenset[str]) -> str | None:
    return None if fields.edition >= 2 else verdicts.ACT_FORM


def _adopt_rule(fields: AdoptFields, cut: Cut) -> str | None:
    current = cut.in_force(RULES)
    if current is not None and int(current.body["edition"]) >= fields.edition:
        return verdicts.EDITION_NOT_NEWER
    return None


def _is_key(text: str) -> bool:
    """An Ed25519 key that may stand (record.md §1.5)."""
    try:
        read_key(text, "key")
    except Malformed:
        return False
    return True


def _is_commitment(text: str | None) -> bool:
    """Or nothing. So nobody's words come to stand in a log for ever by mistake."""
    return text is None or is_hash(text)


def _is_delegate(text: str) -> bool:
    return 1 <= len(text) <= 64 and text not in (NODE, RECOVERY)


def _admit(fields: AdmitFields) -> Admit:
    passkey = None if fields.passkey is None else Passkey.from_json(fields.passkey)
    return Admit(fields.delegate, fields.credential, fields.powers, fields.role.value, fields.name, passkey)


def _admit_form(fields: AdmitFields, _sides: frozenset[str]) -> str | None:
    if fields.passkey is None:
        named = _is_key(fields.credential)
    else:
        named = Passkey.from_json(fields.passkey).credential == fields.credential
    fit = named and _is_delegate(fields.delegate) and _is_commitment(fields.name)
    return None if fit else verdicts.ACT_FORM


def _recover_form(fields: RecoverFields, _sides: frozenset[str]) -> str | None:
    return None if _is_delegate(fields.delegate) else verdicts.ACT_FORM


def _end_form(fields: EndFields, _sides: frozenset[str]) -> str | None:
    return None if _is_commitment(fields.reason) else verdicts.ACT_FORM


def _erase_form(fields: EraseFields, _sides: frozenset[str]) -> str | None:
    return None if _is_commitment(fields.commitment) else verdicts.ACT_FORM


def _received_form(fields: ReceivedFields, _sides: frozenset[str]) -> str | None:
    return None if is_hash(fields.hash) else verdicts.ACT_FORM


def _spend(fields: SpendFields) -> Spend:
    return Spend(from_text(fields.nonce, NONCE_BYTES, what="nonce"))


def _key_form(fields: RotateKeyFields, _sides: frozenset[str]) -> str | None:
    return None if _is_key(fields.log_key) else verdicts.ACT_FORM


def _profile_form(fields: ProfileFields, _sides: frozenset[str]) -> str | None:
    languages = fields.languages
    fit = 1 <= len(fields.zone) <= 64 and 1 <= len(languages) <= 16 and len(set(languages)) == len(languages)
    return None if fit and all(1 <= len(x) <= 35 for x in languages) else verdicts.ACT_FORM


ACTS: tuple[ActSpec, ...] = (
    ActSpec("side.found", FoundFields, lambda f: Found(f.founding), None),
    ActSpec(
        "side.admit",
        AdmitFields,
        _admit,
        Power.ADMIT,
        form=_admit_form,
    ),
    ActSpec("side.revoke", RevokeFields, lambda f: Revoke(f.credential), Power.ADMIT),
    ActSpec("side.powers", PowersFields, lambda f: SetPowers(f.delegate, f.powers), Power.ADMIT),
    ActSpec("side.rotate-key", RotateKeyFields, lambda f: RotateKey(f.log_key), Power.ADMIT, form=_key_form),
    ActSpec(
        "side.recover",
        RecoverFields,
        lambda f: Recover(f.delegate, Passkey.from_json(f.passkey)),
        None,
        form=_recover_form,
    ),
    ActSpec(
        "side.profile",
        ProfileFields,
        lambda f: Register(PROFILE, {"zone": f.zone, "languages": list(f.languages)}),
        Power.ADMIT,
        form=_profile_form,
    ),
    ActSpec("record.receive", ReceiveFields, lambda f: Receive(), None, proof=ProofLevel.NODE, node_may=True),
    ActSpec("record.spend", SpendFields, _spend, None, proof=ProofLevel.DEVICE),
    ActSpec(
        "content.receive",
        ReceivedFields,
        lambda f: Receive(f.hash),
        None,
        proof=ProofLevel.DEVICE,
        node_may=True,
        form=_received_form,
    ),
    ActSpec("dialogue.end", EndFields, lambda f: End(DIALOGUE), Power.SIGN, form=_end_form),
    ActSpec("rules.adopt", AdoptFields, _adopt, Power.SIGN, form=_adopt_form, rule=_adopt_rule),
    ActSpec("content.erase", EraseFields, lambda f: Erase(f.commitment), Power.ADMIT, form=_erase_form),
)
