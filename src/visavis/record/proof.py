"""Proofs: a delegate's own signature over a challenge, by passkey or by device key. Pure.

Lives here: `Proof`, `Passkey`, `Key`, `Signer`, `verify`.
Not here: what the challenge covers (`entry`, `e2ee.device`), which credential may do what (`dialogue.fold`),
making a proof (the browser; `visavis.authenticator` for programs).
Spec: docs/spec/record.md §2.3; W3C WebAuthn Level 2 §7.2; RFC 8032, RFC 8017, FIPS 186.

    {"type":"ed25519","sig"}                                         a device key, over the challenge
    {"type":"webauthn","authenticator_data","client_data","sig"}     a passkey, over
                                                     authenticator data ‖ SHA-256(client data)
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal, NoReturn, Protocol

import msgspec
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, SECP256R1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_der_public_key
from msgspec import UNSET, UnsetType

from visavis.errors import Malformed, Untrusted
from visavis.record import canonical
from visavis.record.digest import digest, from_text, to_text
from visavis.record.form import members, text
from visavis.record.signature import is_proper, verifies

ED25519 = "ed25519"
WEBAUTHN = "webauthn"
ALGORITHMS = ("ES256", "EdDSA", "RS256")
"""COSE −7, −8, −257, by their JOSE names: canonical JSON has no negative numbers."""

MAX_ID_BYTES = 1023
"""Of a WebAuthn credential id (WebAuthn §4)."""
MAX_KEY_BYTES = 1024
MAX_AUTHENTICATOR_DATA = 512
MAX_CLIENT_DATA = 1024
MAX_SIG_BYTES = 512
"""RSA of 4096 bits."""
RSA_BITS = (2048, 4096)
RSA_EXPONENT = 65_537

USER_PRESENT = 0x01
USER_VERIFIED = 0x04
_ATTESTED, _EXTENSIONS = 0x40, 0x80
_PLAIN = 37
"""Bytes of authenticator data without extensions: rpIdHash (32), flags (1), counter (4)."""

_RP = re.compile(r"[a-z0-9-]{1,63}(?:\.[a-z0-9-]{1,63}){0,31}")
_ORIGIN = re.compile(r"(https?)://([a-z0-9.-]{1,253})(?::[0-9]{1,5})?")
_PLAIN_CLIENT_DATA = re.compile(
    rb'\{"type":"webauthn\.get","challenge":"([A-Za-z0-9_-]{43})","origin":"([a-z0-9.:/-]{1,300})","crossOrigin":false\}'
)
_CLIENT_DATA = re.compile(rb"[\t\n\r\x20-\x7e]*")


class SpeltProof(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """A proof's members in the order of their one spelling; bytes as text."""

    authenticator_data: str | UnsetType = UNSET
    client_data: str | UnsetType = UNSET
    sig: str
    type: Literal["ed25519", "webauthn"]


class Proof(msgspec.Struct, frozen=True, gc=False):
    """A signature as it stands in an entry. sig: its bytes; the form depends on the key's algorithm.

    authenticator_data, client_data: what the authenticator and the browser added, as they gave it; empty for
    type "ed25519".
    """

    type: str
    sig: bytes
    authenticator_data: bytes = b""
    client_data: bytes = b""

    def to_json(self) -> dict[str, str]:
        plain = {"type": self.type, "sig": to_text(self.sig)}
        if self.type != WEBAUTHN:
            return plain
        return plain | {
            "authenticator_data": to_text(self.authenticator_data),
            "client_data": to_text(self.client_data),
        }

    @classmethod
    def from_json(cls, value: object, what: str = "proof") -> Proof:
        """Read a proof within its budgets. Any other type, or a missing or unknown member, is `Malformed`."""
        try:
            return cls.read(msgspec.convert(value, SpeltProof), what)
        except (msgspec.ValidationError, RecursionError) as error:
            raise Malformed(f"{what}: {error}") from error

    @classmethod
    def read(cls, spelt: SpeltProof, what: str = "proof") -> Proof:
        """As `from_json`, of the members as they stand in JSON."""
        if spelt.type == ED25519:
            if spelt.authenticator_data is not UNSET or spelt.client_data is not UNSET:
                raise Malformed(f"{what}: a device's proof has a type and a signature, and nothing else")
            return cls(ED25519, from_text(spelt.sig, 64, what="proof.sig"))
        proof = cls(
            WEBAUTHN,
            from_text(spelt.sig, what="proof.sig"),
            from_text(spelt.authenticator_data, what="proof.authenticator_data"),
            from_text(spelt.client_data, what="proof.client_data"),
        )
        if (
            len(proof.sig) > MAX_SIG_BYTES
            or not _PLAIN <= len(proof.authenticator_data) <= MAX_AUTHENTICATOR_DATA
            or len(proof.client_data) > MAX_CLIENT_DATA
        ):
            raise Malformed(f"{what}: a member is longer or shorter than a passkey's can be")
        return proof


@dataclass(frozen=True, slots=True)
class Passkey:
    """A WebAuthn credential as its side's log admits it.

    alg: of `ALGORITHMS`. id: the WebAuthn credential id. key: SubjectPublicKeyInfo, DER, in its one spelling.
    rp: the relying party's id, a host name: the passkey answers there and below, and nowhere else.
    """

    alg: str
    id: bytes
    key: bytes
    rp: str

    @property
    def credential(self) -> str:
        """The credential's id in the log: base64url of H("credential", passkey), 43 characters."""
        return to_text(digest("credential", canonical.encode(self.to_json())))

    def to_json(self) -> dict[str, str]:
        return {"alg": self.alg, "id": to_text(self.id), "key": to_text(self.key), "rp": self.rp}

    @classmethod
    def from_json(cls, value: object, what: str = "passkey") -> Passkey:
        """Read a passkey. A key that is not of its algorithm, or oddly spelt, is `Malformed`."""
        obj = members(value, {"alg", "id", "key", "rp"}, what)
        id_, key = from_text(obj["id"], what=f"{what}.id"), from_text(obj["key"], what=f"{what}.key")
        rp = text(obj["rp"], f"{what}.rp", 253)
        if not 1 <= len(id_) <= MAX_ID_BYTES or len(key) > MAX_KEY_BYTES:
            raise Malformed(f"{what}: an id of 1 to {MAX_ID_BYTES} bytes and a key are due")
        if not _RP.fullmatch(rp):
            raise Malformed(f"{what}.rp: a host name in lower case is due")
        alg = text(obj["alg"], f"{what}.alg", 10)
        if _ready(alg, key) is None:
            raise Malformed(f"{what}.key: not a public key of {alg}")
        return cls(alg, id_, key, rp)


Key = bytes | Passkey
"""What proves: an Ed25519 public key (32 bytes), or a passkey."""


class Signer(Protocol):
    """Whatever proves acts. credential: its id in the log."""

    @property
    def credential(self) -> str: ...
    def prove(self, challenge: bytes) -> Proof:
        """A proof over `challenge`, 32 bytes."""
        ...


def verify(proof: Proof, challenge: bytes, key: Key) -> None:
    """Check that `proof` is by `key` over `challenge` (32 bytes). Raises `Untrusted`, saying what fails.

    A passkey's proof must come from its own relying party, with the user present and verified.
    Source: WebAuthn Level 2 §7.2, steps 7–20, but for what needs the relying party's memory: the challenge here
    is the hash of what is signed, and signature counters are not kept (synced passkeys have none).
    """
    if isinstance(key, Passkey):
        _verify_passkey(proof, challenge, key)
    elif proof.type != ED25519 or not verifies(key, proof.sig, challenge):
        raise Untrusted("the proof does not fit what was signed")


def _verify_passkey(proof: Proof, challenge: bytes, passkey: Passkey) -> None:
    if proof.type != WEBAUTHN:
        raise Untrusted("a passkey's proof is due")
    _check_client_data(proof.client_data, challenge, passkey.rp)
    data = proof.authenticator_data
    if data[:32] != _rp_hash(passkey.rp):
        raise Untrusted("the passkey answered another site")
    flags = data[32] if len(data) >= _PLAIN else 0
    if not flags & USER_PRESENT or not flags & USER_VERIFIED:
        raise Untrusted("the passkey did not verify its user")
    if (len(data) > _PLAIN) is not bool(flags & (_ATTESTED | _EXTENSIONS)):
        raise Untrusted("the authenticator's data has another length than it says")
    key = _ready(passkey.alg, passkey.key)
    signed = data + hashlib.sha256(proof.client_data).digest()
    try:
        match key:
            case EllipticCurvePublicKey():
                key.verify(proof.sig, signed, _ES256)
            case Ed25519PublicKey():
                key.verify(proof.sig, signed)
                if not is_proper(proof.sig[:32]):
                    raise Untrusted("the passkey's signature fails")
            case RSAPublicKey():
                key.verify(proof.sig, signed, _PKCS1, _SHA256)
            case None:
                raise Untrusted("the passkey's key cannot be read")
    except (InvalidSignature, ValueError) as error:
        raise Untrusted("the passkey's signature fails") from error


def origin_fits(origin: object, rp: str) -> bool:
    """Whether a page of `origin` may ask a passkey of `rp`: https at that host or below it; http for localhost."""
    return isinstance(origin, str) and _origin_fits(origin, rp)


@lru_cache(maxsize=64)
def _origin_fits(origin: str, rp: str) -> bool:
    match = _ORIGIN.fullmatch(origin)
    if match is None:
        return False
    scheme, host = match.groups()
    local = host == "localhost" or host.endswith(".localhost")
    return (host == rp or host.endswith("." + rp)) and (scheme == "https" or local)


def _check_client_data(data: bytes, challenge: bytes, rp: str) -> None:
    """Whether the browser says that a page of the relying party asked for this very signature. Raises `Untrusted`.

    Browsers write these members first and in this order (WebAuthn §5.8.1.1), so most need no parser.
    """
    plain = _PLAIN_CLIENT_DATA.fullmatch(data)
    if plain is not None and plain[1] == to_text(challenge).encode() and _origin_fits(plain[2].decode(), rp):
        return
    client = _client_data(data)
    if client.get("type") != "webauthn.get":
        raise Untrusted("the passkey was not asked to sign")
    if client.get("challenge") != to_text(challenge):
        raise Untrusted("the passkey signed something else")
    if not origin_fits(client.get("origin"), rp):
        raise Untrusted("the passkey was asked by another site")
    if client.get("crossOrigin", False) is not False:
        raise Untrusted("the passkey was asked from within another site's page")


def _client_data(data: bytes) -> dict[str, Any]:
    """The browser's own words, as JSON of plain ASCII, so that every reader's parser says the same of them."""
    odd = not _CLIENT_DATA.fullmatch(data) or data.count(b"{") + data.count(b"[") > canonical.MAX_DEPTH
    try:
        value = None if odd or len(data) > MAX_CLIENT_DATA else json.loads(data, parse_constant=_no_constant)
    except ValueError as error:
        raise Untrusted("the browser's data cannot be read") from error
    if not isinstance(value, dict):
        raise Untrusted("the browser's data cannot be read")
    return value


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


_SHA256 = SHA256()
_ES256 = ECDSA(_SHA256)
_PKCS1 = PKCS1v15()


@lru_cache(maxsize=64)
def _rp_hash(rp: str) -> bytes:
    return hashlib.sha256(rp.encode()).digest()


@lru_cache(maxsize=256)
def _ready(alg: str, spki: bytes) -> EllipticCurvePublicKey | Ed25519PublicKey | RSAPublicKey | None:
    """The key, made once; None if these bytes are not a key of that algorithm in its one spelling."""
    try:
        key = load_der_public_key(spki)
        if key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo) != spki:
            return None
    except (ValueError, UnsupportedAlgorithm):
        return None
    match alg, key:
        case "ES256", EllipticCurvePublicKey() if isinstance(key.curve, SECP256R1):
            return key
        case "EdDSA", Ed25519PublicKey() if is_proper(key.public_bytes_raw()):
            return key
        case "RS256", RSAPublicKey() if RSA_BITS[0] <= key.key_size <= RSA_BITS[1]:
            return key if key.public_numbers().e == RSA_EXPONENT else None
        case _:
            return None
