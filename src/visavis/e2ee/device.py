"""A device of a sitting, and the certificate that chains it to a logged credential. Pure but for making keys.

Lives here: `DeviceBody`, `Certificate`, `DeviceKeys`, the device's id, making and checking certificates.
Not here: which of several devices counts (`roster`), what devices say (`messages`).
Spec: docs/spec/keys.md §2.

    body   = {"v":1,"dialogue","talk","sitting","side","delegate","credential","kem","sig","made","until"}
    device = b64(H("call/device", JCS(body)))                     43 characters; the LiveKit identity
    proof  = by the delegate's passkey over SHA-256("visavis/call/device/v1" 00 ‖ JCS(body)), as in an entry
    cert   = {"body", "proof"}
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from visavis.e2ee.errors import DeviceUntrusted
from visavis.e2ee.logs import Logs
from visavis.errors import Malformed, Untrusted
from visavis.record import canonical
from visavis.record.digest import digest, from_text, to_text
from visavis.record.form import members, size, text
from visavis.record.proof import Proof, Signer, verify

MAX_CERTIFICATE_BYTES = 4 * 1024
MAX_LIFE_MS = 12 * 3_600_000
MAX_AHEAD_MS = 120_000
"""A device made more than two minutes ahead of the reader's clock is refused (§2.4)."""
_DOMAIN = b"visavis/call/device/v1\0"
_BODY = {
    "v",
    "dialogue",
    "talk",
    "sitting",
    "side",
    "delegate",
    "credential",
    "kem",
    "sig",
    "made",
    "until",
}


@dataclass(frozen=True, slots=True)
class DeviceBody:
    """What a delegate says of a device. kem: X25519, sig: Ed25519 public key, 32 bytes each.

    made, until: POSIX milliseconds; until − made ≤ 12 h.
    """

    dialogue: str
    talk: str
    sitting: int
    side: str
    delegate: str
    credential: str
    kem: bytes
    sig: bytes
    made: int
    until: int

    def to_json(self) -> dict[str, Any]:
        return {
            "v": 1,
            "dialogue": self.dialogue,
            "talk": self.talk,
            "sitting": self.sitting,
            "side": self.side,
            "delegate": self.delegate,
            "credential": self.credential,
            "kem": to_text(self.kem),
            "sig": to_text(self.sig),
            "made": self.made,
            "until": self.until,
        }

    @classmethod
    def from_json(cls, value: object) -> DeviceBody:
        obj = members(value, _BODY, "device")
        if type(obj["v"]) is not int or obj["v"] != 1:
            raise Malformed("device.v: 1 is due")
        return cls(
            dialogue=text(obj["dialogue"], "device.dialogue", 64),
            talk=text(obj["talk"], "device.talk", 64),
            sitting=size(obj["sitting"], "device.sitting"),
            side=text(obj["side"], "device.side", 64),
            delegate=text(obj["delegate"], "device.delegate", 64),
            credential=text(obj["credential"], "device.credential", 64),
            kem=from_text(obj["kem"], 32, what="device.kem"),
            sig=from_text(obj["sig"], 32, what="device.sig"),
            made=size(obj["made"], "device.made"),
            until=size(obj["until"], "device.until"),
        )

    @property
    def id(self) -> str:
        """The device's id, 43 characters: base64url of H("call/device", JCS(body)). Also its identity."""
        return to_text(digest("call/device", canonical.encode(self.to_json())))

    def challenge(self) -> bytes:
        """What the delegate's credential signs: 32 bytes (§2.2)."""
        return hashlib.sha256(_DOMAIN + canonical.encode(self.to_json())).digest()


@dataclass(frozen=True, slots=True)
class Certificate:
    """A device's body and its delegate's proof. Reading checks the form alone."""

    body: DeviceBody
    proof: Proof

    def to_json(self) -> dict[str, Any]:
        return {"body": self.body.to_json(), "proof": self.proof.to_json()}

    @classmethod
    def from_json(cls, value: object) -> Certificate:
        """Read a certificate; missing or unknown members and other spellings are `Malformed`."""
        obj = members(value, {"body", "proof"}, "certificate")
        body = DeviceBody.from_json(obj["body"])
        return cls(body, Proof.from_json(obj["proof"], "certificate.proof"))


@dataclass(frozen=True, slots=True)
class DeviceKeys:
    """The private half of a device: for SDK delegates and tests. A browser's are not extractable."""

    kem: X25519PrivateKey
    sig: Ed25519PrivateKey

    @classmethod
    def generate(cls) -> DeviceKeys:
        return cls(X25519PrivateKey.generate(), Ed25519PrivateKey.generate())

    def body(
        self,
        *,
        dialogue: str,
        talk: str,
        sitting: int,
        side: str,
        delegate: str,
        credential: str,
        made: int,
        until: int,
    ) -> DeviceBody:
        """The body that states this device. Ids as in the log; made, until: POSIX milliseconds."""
        return DeviceBody(
            dialogue=dialogue,
            talk=talk,
            sitting=sitting,
            side=side,
            delegate=delegate,
            credential=credential,
            kem=self.kem.public_key().public_bytes_raw(),
            sig=self.sig.public_key().public_bytes_raw(),
            made=made,
            until=until,
        )


def certify(body: DeviceBody, signer: Signer) -> Certificate:
    """Sign a device with the delegate's passkey: in the delegate's own process, never at a node."""
    return Certificate(body, signer.prove(body.challenge()))


def check(certificate: Certificate, logs: Logs, now_ms: int) -> str:
    """Check a certificate against both logs; returns the device's id. Raises `DeviceUntrusted`, saying why.

    now_ms: the reader's clock, POSIX milliseconds. Order of tests: §2.4. No other source of membership
    exists: a token, a name, a participant's entry in LiveKit is none.
    """
    body = certificate.body
    if (body.dialogue, body.talk, body.sitting) != (logs.dialogue, logs.talk, logs.sitting):
        raise DeviceUntrusted("the certificate is of another talk or sitting")
    holder = logs.credentials.get(body.side, {}).get(body.credential)
    if holder is None:
        raise DeviceUntrusted("the credential is not live in that side's log")
    if holder.delegate != body.delegate:
        raise DeviceUntrusted("the credential is another delegate's")
    if body.delegate not in logs.lists.get(body.side, frozenset()):
        raise DeviceUntrusted("the delegate is not on the side's delegation list for this talk")
    if not 0 < body.until - body.made <= MAX_LIFE_MS:
        raise DeviceUntrusted("the device's time is not within twelve hours")
    if body.made > now_ms + MAX_AHEAD_MS:
        raise DeviceUntrusted("the device was made ahead of this clock")
    if now_ms >= body.until:
        raise DeviceUntrusted("the device's time is over")
    try:
        verify(certificate.proof, body.challenge(), holder.key)
    except Untrusted as error:
        raise DeviceUntrusted("the delegate's proof does not fit the device") from error
    return body.id
