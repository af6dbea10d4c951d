"""Entries of a side's log: what a person signs, what the node adds, the leaf's bytes. Pure.

Lives here: `Founding`, ids, `Seen`, `SignedMembers`, `Entry`, reading and writing leaves, what a proof covers.
Not here: proofs themselves (`proof`), which entries count (`dialogue.fold`, `dialogue.join`), trees, checkpoints.
Spec: docs/spec/record.md §2; rule book 2a §2.

    entry = {"v":1, "dialogue", "side", "seq", "time",          stated by the node
             "own":{"root","size"}, "ack":{"root","sig","size"}, ┐ signed by the person:
             "act":{"type",…}, "by":{"credential","delegate"},   │ what they saw,
             "nonce",                                            ┘ what they did
             "proof":{"type",…,"sig"}}
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from visavis.errors import Malformed
from visavis.record import canonical
from visavis.record.digest import digest, from_text, to_text
from visavis.record.form import members, size, text
from visavis.record.proof import ED25519, Key, Passkey, Proof, SpeltProof, verify
from visavis.record.signature import read_key

ENTRY_DOMAIN = b"visavis/entry/v1\0"
NONCE_BYTES = 16
NODE = "node"
"""`by.delegate` and `by.credential` of what a node writes unasked: receipts, and what protects."""
RECOVERY = "recovery"
"""`by.delegate` of an entry signed by an offline recovery key; `by.credential` is that key."""


@dataclass(frozen=True, slots=True)
class Founding:
    """What a side says of itself before the dialogue has a name. `nonce` makes it one dialogue's.

    names:    language → the side's name in it (BCP 47 tags).
    log_key:  Ed25519 public key that signs this side's checkpoints, 32 bytes.
    recovery: offline Ed25519 public keys, 32 bytes each.
    officer:  random id of the first delegate, who may admit.
    passkey:  that delegate's passkey, which signs entry 0.
    """

    names: tuple[tuple[str, str], ...]
    log_key: bytes
    recovery: tuple[bytes, ...]
    officer: str
    passkey: Passkey
    nonce: bytes

    @property
    def credential(self) -> str:
        """The officer's credential, 43 characters."""
        return self.passkey.credential

    def to_json(self) -> dict[str, Any]:
        return {
            "name": dict(self.names),
            "log_key": to_text(self.log_key),
            "recovery": [to_text(key) for key in self.recovery],
            "officer": {"delegate": self.officer, "passkey": self.passkey.to_json()},
            "nonce": to_text(self.nonce),
        }

    @classmethod
    def from_json(cls, value: object) -> Founding:
        """Read a founding statement; any missing or unknown member is `Malformed`."""
        obj = members(value, {"name", "log_key", "recovery", "officer", "nonce"}, "founding")
        officer = members(obj["officer"], {"delegate", "passkey"}, "founding.officer")
        name, recovery = obj["name"], obj["recovery"]
        if not isinstance(name, dict) or not 1 <= len(name) <= 16:
            raise Malformed("founding.name: one to sixteen languages are due")
        for language, words in name.items():
            if not len(text(words, "founding.name", 200)) >= 1 or not language:
                raise Malformed("founding.name: empty")
        if not isinstance(recovery, list) or len(recovery) > 8:
            raise Malformed("founding.recovery: a list of at most eight keys is due")
        return cls(
            names=tuple(sorted(name.items())),
            log_key=read_key(obj["log_key"], "founding.log_key"),
            recovery=tuple(read_key(key, "founding.recovery") for key in recovery),
            officer=text(officer["delegate"], "founding.officer.delegate", 64),
            passkey=Passkey.from_json(officer["passkey"], "founding.officer.passkey"),
            nonce=from_text(obj["nonce"], NONCE_BYTES, what="founding.nonce"),
        )

    def side(self) -> str:
        """The side's id: base64url of H("side", statement), 43 characters. One dialogue's, by the nonce."""
        return to_text(digest("side", canonical.encode(self.to_json())))


def dialogue_id(one: str, other: str) -> str:
    """The dialogue's id from its two sides' ids; the same from both chairs. Refuses a side with itself."""
    first, second = sorted((one, other))
    if first == second:
        raise Malformed("a side cannot found a dialogue with itself")
    return to_text(digest("dialogue", first.encode(), second.encode()))


class Seen(msgspec.Struct, frozen=True, gc=False):
    """A log as somebody saw it: its size in entries, its RFC 9162 root (32 bytes).

    In an `ack`, `sig` is the other's own Ed25519 checkpoint signature (64 bytes) by the log key in
    force at that size, so that a lie can be told from a fork. Empty in `own`, and at size 0.
    """

    size: int
    root: bytes
    sig: bytes = b""


class SignedMembers(msgspec.Struct, frozen=True):
    """What a person's proof covers: what they saw and what they did. Not `seq`, not `time`."""

    dialogue: str
    side: str
    own: Seen
    ack: Seen
    act: Mapping[str, Any]
    delegate: str
    credential: str
    nonce: bytes

    def to_json(self) -> dict[str, Any]:
        return {
            "dialogue": self.dialogue,
            "side": self.side,
            "own": {"size": self.own.size, "root": to_text(self.own.root)},
            "ack": {"size": self.ack.size, "root": to_text(self.ack.root), "sig": to_text(self.ack.sig)},
            "act": dict(self.act),
            "by": {"delegate": self.delegate, "credential": self.credential},
            "nonce": to_text(self.nonce),
        }

    @classmethod
    def from_json(cls, value: object) -> SignedMembers:
        obj = members(value, {"dialogue", "side", "own", "ack", "act", "by", "nonce"}, "signed members")
        own = members(obj["own"], {"size", "root"}, "own")
        ack = members(obj["ack"], {"size", "root", "sig"}, "ack")
        by = members(obj["by"], {"delegate", "credential"}, "by")
        act = obj["act"]
        if not isinstance(act, dict) or not isinstance(act.get("type"), str):
            raise Malformed("act: an object with a type is due")
        return cls(
            dialogue=text(obj["dialogue"], "dialogue", 64),
            side=text(obj["side"], "side", 64),
            own=Seen(size(own["size"], "own.size"), from_text(own["root"], 32, what="own.root")),
            ack=Seen(
                size(ack["size"], "ack.size"),
                from_text(ack["root"], 32, what="ack.root"),
                _ack_sig(ack["sig"]),
            ),
            act=act,
            delegate=text(by["delegate"], "by.delegate", 64),
            credential=text(by["credential"], "by.credential", 64),
            nonce=from_text(obj["nonce"], NONCE_BYTES, what="nonce"),
        )

    def challenge(self) -> bytes:
        """SHA-256("visavis/entry/v1" 00 ‖ RFC 8785 of the members), 32 bytes: what a proof signs."""
        return _challenge(canonical.encode(self.to_json()))


class Entry(msgspec.Struct, frozen=True):
    """One entry of one side's log.

    seq:  its index, stated by the node. time: the node's clock, RFC 3339 UTC; no rule reads it.
    leaf: the entry's canonical bytes, as they stand in the log.
    """

    seq: int
    time: str
    signed: SignedMembers
    proof: Proof
    leaf: bytes

    def challenge(self) -> bytes:
        """As `SignedMembers.challenge`, cut from the leaf: there only "proof", "seq", "time" and "v" are not the
        signed members' own spelling, and these words stand in no string, whose quotes are escaped."""
        at = self.leaf.rindex(b',"proof":{')
        return _challenge(self.leaf[:at] + b',"side":%b}' % canonical.respell(self.signed.side))


def _challenge(signed: bytes) -> bytes:
    return hashlib.sha256(ENTRY_DOMAIN + signed).digest()


def make_entry(signed: SignedMembers, proof: Proof, *, seq: int, time: str) -> Entry:
    """Form the entry that a node appends. Raises `Malformed` if it exceeds 65,535 bytes."""
    body = signed.to_json() | {
        "v": 1,
        "seq": seq,
        "time": time,
        "proof": proof.to_json(),
    }
    leaf = canonical.encode(body)
    if len(leaf) > canonical.MAX_BYTES:
        raise Malformed(f"an entry of {len(leaf)} bytes where {canonical.MAX_BYTES} are allowed")
    return Entry(seq, time, signed, proof, leaf)


_Id = Annotated[str, msgspec.Meta(max_length=64)]
_Size = Annotated[int, msgspec.Meta(ge=0, le=canonical.MAX_INTEGER)]


class _Own(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    root: str
    size: _Size


class _Ack(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    root: str
    sig: str
    size: _Size


class _By(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    credential: _Id
    delegate: _Id


class _Leaf(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An entry's members in the order of their one spelling, so that writing them again gives the leaf."""

    ack: _Ack
    act: msgspec.Raw
    by: _By
    dialogue: _Id
    nonce: str
    own: _Own
    proof: SpeltProof
    seq: _Size
    side: _Id
    time: Annotated[str, msgspec.Meta(max_length=40)]
    v: Literal[1]


_READ = msgspec.json.Decoder(_Leaf)


def parse_entry(leaf: bytes) -> Entry:
    """Read a leaf. Anything that is not the canonical spelling of a well-formed entry is `Malformed`."""
    if len(leaf) > canonical.MAX_BYTES:
        raise Malformed(f"{len(leaf)} bytes where {canonical.MAX_BYTES} are allowed")
    try:
        read = _READ.decode(leaf)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Malformed(f"entry: {error}") from error
    if canonical.respell(read) != leaf:
        raise Malformed("not the canonical spelling (RFC 8785)")
    act = canonical.decode(bytes(read.act), depth=1)
    if not isinstance(act, dict) or not isinstance(act.get("type"), str):
        raise Malformed("act: an object with a type is due")
    own, ack = read.own, read.ack
    signed = SignedMembers(
        read.dialogue,
        read.side,
        Seen(own.size, from_text(own.root, 32, what="own.root")),
        Seen(ack.size, from_text(ack.root, 32, what="ack.root"), _ack_sig(ack.sig)),
        act,
        read.by.delegate,
        read.by.credential,
        from_text(read.nonce, NONCE_BYTES, what="nonce"),
    )
    return Entry(read.seq, read.time, signed, Proof.read(read.proof), leaf)


def _ack_sig(spelt: object) -> bytes:
    sig = from_text(spelt, what="ack.sig")
    if len(sig) not in (0, 64):
        raise Malformed("ack.sig: 64 bytes, or none")
    return sig


def sign(signed: SignedMembers, key: Ed25519PrivateKey) -> Proof:
    """An Ed25519 proof: the node's own by its log key, a device's, a recovery key's."""
    return Proof(ED25519, key.sign(signed.challenge()))


def verify_proof(signed: SignedMembers, proof: Proof, key: Key) -> None:
    """Check a proof over the signed members. Raises `Untrusted`.

    key: an Ed25519 public key (32 bytes), or the passkey that the log admitted.
    Source: docs/spec/record.md §2.3.
    """
    verify(proof, signed.challenge(), key)
