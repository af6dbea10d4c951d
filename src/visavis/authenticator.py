"""Keys that act for a delegate without a browser: a passkey in software, and a device's key.

Lives here: `Authenticator`, `DeviceKey`: each a `record.proof.Signer`. What SDK delegates, the rehearsal
and tests sign with; a node never holds such a key.
Not here: checking proofs (`record.proof`), the browser's passkeys (`client/src/signing`).
Source: W3C WebAuthn Level 2 §§5.8.1, 6.1, 6.5; RFC 9053 for COSE keys.

The user's verification is this program's own word, as it is any authenticator's: whoever admits a passkey decides
whose word they take.
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ec import (
    ECDSA,
    SECP256R1,
    EllipticCurvePrivateKey,
    generate_private_key,
)
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from visavis.record.digest import to_text
from visavis.record.proof import (
    ED25519,
    USER_PRESENT,
    USER_VERIFIED,
    WEBAUTHN,
    Passkey,
    Proof,
)

_ATTESTED = 0x40


@dataclass(frozen=True)
class DeviceKey:
    """A device's Ed25519 key, which its delegate admits with the passkey."""

    key: Ed25519PrivateKey

    @classmethod
    def generate(cls) -> DeviceKey:
        return cls(Ed25519PrivateKey.generate())

    @property
    def credential(self) -> str:
        return to_text(self.key.public_key().public_bytes_raw())

    def prove(self, challenge: bytes) -> Proof:
        return Proof(ED25519, self.key.sign(challenge))


class Authenticator:
    """A passkey whose private half is in this process.

    rp: the relying party's id; origin: the page that asks it, "https://<rp>". ES256 or EdDSA, by the key.
    """

    def __init__(
        self,
        key: EllipticCurvePrivateKey | Ed25519PrivateKey,
        *,
        id: bytes,
        rp: str,
        origin: str,
    ) -> None:
        self._key = key
        self._origin = origin
        public = key.public_key()
        alg = "EdDSA" if isinstance(key, Ed25519PrivateKey) else "ES256"
        spki = public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        self.passkey = Passkey(alg, id, spki, rp)
        self.credential = self.passkey.credential

    @classmethod
    def generate(cls, rp: str, origin: str) -> Authenticator:
        """A new ES256 passkey."""
        return cls(generate_private_key(SECP256R1()), id=secrets.token_bytes(16), rp=rp, origin=origin)

    def prove(self, challenge: bytes) -> Proof:
        """An assertion over `challenge`, the user present and verified."""
        client = self._client_data("webauthn.get", challenge)
        data = self._data(USER_PRESENT | USER_VERIFIED)
        return Proof(WEBAUTHN, self._sign(data + hashlib.sha256(client).digest()), data, client)

    def register(self, challenge: bytes) -> dict[str, Any]:
        """What `navigator.credentials.create` answers, as JSON (`RegistrationResponseJSON`), without attestation."""
        import cbor2

        id_ = self.passkey.id
        attested = bytes(16) + len(id_).to_bytes(2, "big") + id_ + cbor2.dumps(self._cose())
        data = self._data(USER_PRESENT | USER_VERIFIED | _ATTESTED, attested)
        attestation = cbor2.dumps({"fmt": "none", "attStmt": {}, "authData": data})
        return {
            "id": to_text(id_),
            "rawId": to_text(id_),
            "type": "public-key",
            "clientExtensionResults": {},
            "response": {
                "clientDataJSON": to_text(self._client_data("webauthn.create", challenge)),
                "attestationObject": to_text(attestation),
            },
        }

    def _client_data(self, kind: str, challenge: bytes) -> bytes:
        said = f'{{"type":"{kind}","challenge":"{to_text(challenge)}","origin":"{self._origin}","crossOrigin":false}}'
        return said.encode("ascii")

    def _data(self, flags: int, attested: bytes = b"") -> bytes:
        return hashlib.sha256(self.passkey.rp.encode()).digest() + bytes([flags]) + bytes(4) + attested

    def _sign(self, message: bytes) -> bytes:
        if isinstance(self._key, Ed25519PrivateKey):
            return self._key.sign(message)
        return self._key.sign(message, ECDSA(SHA256()))

    def _cose(self) -> dict[int, Any]:
        """The public key as COSE: kty 1, curve −1, x −2, y −3, alg 3."""
        if isinstance(self._key, Ed25519PrivateKey):
            return {1: 1, 3: -8, -1: 6, -2: self._key.public_key().public_bytes_raw()}
        point = self._key.public_key().public_numbers()
        return {1: 2, 3: -7, -1: 1, -2: point.x.to_bytes(32, "big"), -3: point.y.to_bytes(32, "big")}
