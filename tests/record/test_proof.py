"""Proofs by passkey and by device key, and every way in which one fails."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, SECP256R1, SECP384R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key as generate_rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from tests.passkeys import ORIGIN, RP, passkey
from webauthn import verify_authentication_response
from webauthn.helpers.exceptions import WebAuthnException

from visavis.authenticator import Authenticator, DeviceKey
from visavis.dialogue.admission import Site, registered
from visavis.errors import Malformed, Untrusted
from visavis.record.digest import to_text
from visavis.record.proof import (
    MAX_CLIENT_DATA,
    Passkey,
    Proof,
    origin_fits,
    verify,
)

CHALLENGE = hashlib.sha256(b"what is signed").digest()
EDDSA = passkey("somebody")
ES256 = Authenticator(generate_private_key(SECP256R1()), id=b"es256", rp=RP, origin=ORIGIN)
RSA = generate_rsa(65537, 2048)


def spki(key: Any) -> bytes:
    return key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def sign(key: Any, message: bytes) -> bytes:
    if isinstance(key, Ed25519PrivateKey):
        return key.sign(message)
    if key is RSA:
        return key.sign(message, PKCS1v15(), SHA256())
    return key.sign(message, ECDSA(SHA256()))


def assertion(key: Any, *, client: dict[str, Any] | bytes | None = None, **changes: Any) -> Proof:
    """An assertion by `key`, truly signed over whatever it says."""
    said: Any = {
        "type": "webauthn.get",
        "challenge": to_text(CHALLENGE),
        "origin": ORIGIN,
        "crossOrigin": False,
    }
    if isinstance(client, bytes):
        raw = client
    else:
        raw = json.dumps({k: v for k, v in {**said, **(client or {})}.items() if v is not ...}).encode()
    data = changes.get("data")
    if data is None:
        rp = changes.get("rp", RP)
        data = hashlib.sha256(rp.encode()).digest() + bytes([changes.get("flags", 0x05)]) + bytes(4)
    return Proof("webauthn", sign(key, data + hashlib.sha256(raw).digest()), data, raw)


KEYS = {"EdDSA": Ed25519PrivateKey.generate(), "ES256": generate_private_key(SECP256R1()), "RS256": RSA}
PASSKEYS = {alg: Passkey(alg, b"id", spki(key), RP) for alg, key in KEYS.items()}


@pytest.mark.parametrize("alg", KEYS)
def test_each_algorithm_proves(alg: str) -> None:
    """ES256, EdDSA and RS256, as they are spelt in an entry."""
    proof = assertion(KEYS[alg])
    verify(Proof.from_json(proof.to_json()), CHALLENGE, Passkey.from_json(PASSKEYS[alg].to_json()))


def test_a_software_authenticator_proves() -> None:
    """What SDK delegates sign with passes as a passkey does, and a device key as itself."""
    for signer in (EDDSA, ES256):
        verify(signer.prove(CHALLENGE), CHALLENGE, signer.passkey)
    device = DeviceKey.generate()
    verify(device.prove(CHALLENGE), CHALLENGE, device.key.public_key().public_bytes_raw())


@pytest.mark.parametrize("alg", KEYS)
@pytest.mark.parametrize("part", ["sig", "authenticator_data", "client_data"])
def test_every_byte_counts(alg: str, part: str) -> None:
    """Any one bit changed in any part makes the proof fail."""
    proof = assertion(KEYS[alg])
    whole = getattr(proof, part)
    for at in range(0, len(whole), 7):
        bent = bytes([*whole[:at], whole[at] ^ 1, *whole[at + 1 :]])
        with pytest.raises(Untrusted):
            verify(replace(proof, **{part: bent}), CHALLENGE, PASSKEYS[alg])


BAD: dict[str, dict[str, Any]] = {
    "the user was not verified": {"flags": 0x01},
    "the user was not present": {"flags": 0x04},
    "nobody was there": {"flags": 0},
    "another site's passkey": {"rp": "evil.example"},
    "a registration": {"client": {"type": "webauthn.create"}},
    "no type": {"client": {"type": ...}},
    "another challenge": {"client": {"challenge": to_text(bytes(32))}},
    "the challenge padded": {"client": {"challenge": to_text(CHALLENGE) + "="}},
    "no challenge": {"client": {"challenge": ...}},
    "another origin": {"client": {"origin": "https://evil.example"}},
    "an origin that only ends alike": {"client": {"origin": "https://eviltalks.example"}},
    "plain http": {"client": {"origin": f"http://{RP}"}},
    "an app's origin": {"client": {"origin": "android:apk-key-hash:abc"}},
    "an origin with a path": {"client": {"origin": f"{ORIGIN}/x"}},
    "no origin": {"client": {"origin": ...}},
    "an origin that is no text": {"client": {"origin": 1}},
    "within another site's page": {"client": {"crossOrigin": True}},
    "crossOrigin that is no truth value": {"client": {"crossOrigin": 0}},
    "client data that is a list": {"client": b"[]"},
    "client data that is no JSON": {"client": b"{"},
    "client data with a constant": {"client": b'{"type":NaN}'},
    "client data with other letters": {"client": '{"type":"webauthn.get","é":1}'.encode()},
    "client data nested deep": {"client": b"[" * 500 + b"]" * 500},
    "too much client data": {"client": b" " * (MAX_CLIENT_DATA + 1)},
    "authenticator data cut short": {"data": hashlib.sha256(RP.encode()).digest() + b"\x05"},
    "extensions that the flags deny": {"data": hashlib.sha256(RP.encode()).digest() + b"\x05" + bytes(8)},
    "extensions that are not there": {"data": hashlib.sha256(RP.encode()).digest() + b"\x85" + bytes(4)},
}


@pytest.mark.parametrize("why", BAD)
def test_a_passkey_asked_for_something_else_proves_nothing(why: str) -> None:
    """Truly signed, yet not a proof: each rule of §2.3 by itself."""
    with pytest.raises(Untrusted):
        verify(assertion(KEYS["ES256"], **BAD[why]), CHALLENGE, PASSKEYS["ES256"])


def test_the_rules_hold_for_what_browsers_add() -> None:
    """A port, a host below the relying party's, further members and extensions do no harm."""
    for changes in (
        {"client": {"origin": f"{ORIGIN}:8443"}},
        {"client": {"origin": f"https://node.{RP}"}},
        {"client": {"crossOrigin": ...}},
        {"client": {"other_keys_can_be_added_here": "do not compare clientDataJSON against a template"}},
        {"flags": 0x1D},
        {"data": hashlib.sha256(RP.encode()).digest() + b"\x85" + bytes(4) + b"\xa0"},
    ):
        verify(assertion(KEYS["ES256"], **changes), CHALLENGE, PASSKEYS["ES256"])


def test_only_a_local_host_may_do_without_https() -> None:
    """Browsers know localhost as safe, and nothing else."""
    assert origin_fits("http://localhost:8480", "localhost")
    assert origin_fits("http://a.localhost", "a.localhost")
    assert not origin_fits("http://127.0.0.1:8480", "127.0.0.1")
    assert not origin_fits("http://node.example", "node.example")


def test_one_kind_never_passes_for_the_other() -> None:
    """An Ed25519 key proves by itself, a passkey by an assertion; the same key in both guises, too."""
    key = KEYS["EdDSA"]
    raw = key.public_key().public_bytes_raw()
    with pytest.raises(Untrusted):
        verify(assertion(key), CHALLENGE, raw)
    with pytest.raises(Untrusted):
        verify(Proof("ed25519", key.sign(CHALLENGE)), CHALLENGE, PASSKEYS["EdDSA"])


@pytest.mark.parametrize("changes", [{}, {"flags": 0x01}, {"rp": "evil.example"}, {"client": {"type": "x"}}])
def test_an_independent_library_says_the_same(changes: dict[str, Any]) -> None:
    """py_webauthn lets in what we let in, and refuses what we refuse."""
    import cbor2

    proof = assertion(KEYS["ES256"], **changes)
    point = KEYS["ES256"].public_key().public_numbers()
    cose = {1: 2, 3: -7, -1: 1, -2: point.x.to_bytes(32, "big"), -3: point.y.to_bytes(32, "big")}
    given = {
        "id": to_text(b"id"), "rawId": to_text(b"id"), "type": "public-key",
        "response": {
            "clientDataJSON": to_text(proof.client_data),
            "authenticatorData": to_text(proof.authenticator_data),
            "signature": to_text(proof.sig),
        },
    }  # fmt: skip

    def theirs() -> bool:
        try:
            verify_authentication_response(
                credential=given, expected_challenge=CHALLENGE, expected_rp_id=RP, expected_origin=ORIGIN,
                credential_public_key=cbor2.dumps(cose), credential_current_sign_count=0,
                require_user_verification=True,
            )  # fmt: skip
        except WebAuthnException:
            return False
        return True

    def ours() -> bool:
        try:
            verify(proof, CHALLENGE, PASSKEYS["ES256"])
        except Untrusted:
            return False
        return True

    assert theirs() is ours() is (not changes)


@pytest.mark.parametrize(
    "change",
    [
        {"alg": "HS256"},
        {"alg": "EdDSA"},
        {"key": to_text(b"")},
        {"key": to_text(spki(KEYS["ES256"]) + b"\0")},
        {"key": to_text(spki(generate_private_key(SECP384R1())))},
        {"alg": "RS256", "key": to_text(spki(generate_rsa(65537, 1024)))},  # noqa: S505
        {"id": ""},
        {"id": to_text(bytes(1024))},
        {"rp": "Talks.Example"},
        {"rp": ""},
        {"rp": "a/b"},
        {"more": 1},
    ],
)
def test_other_passkeys_are_malformed(change: dict[str, Any]) -> None:
    """A passkey is stated in one way, with a key that is of its algorithm."""
    with pytest.raises(Malformed):
        Passkey.from_json({**PASSKEYS["ES256"].to_json(), **change})


@given(st.binary(max_size=200), st.binary(max_size=200), st.binary(max_size=100))
def test_no_bytes_do_worse_than_fail(data: bytes, client: bytes, sig: bytes) -> None:
    """Whatever an authenticator is said to have sent, the answer is `Untrusted` and nothing else."""
    for key in (*PASSKEYS.values(), bytes(32)):
        with pytest.raises(Untrusted):
            verify(Proof("webauthn", sig, data, client), CHALLENGE, key)


def test_a_registration_gives_its_passkey() -> None:
    """What the browser sends at enrolment becomes the passkey that the log will hold."""
    for signer in (ES256, EDDSA):
        made = registered(signer.register(CHALLENGE), CHALLENGE, Site(RP, ORIGIN))
        assert made == signer.passkey


@pytest.mark.parametrize(
    "bend",
    [
        lambda r: {},
        lambda r: {**r, "type": "other"},
        lambda r: {**r, "response": {}},
        lambda r: {**r, "response": {**r["response"], "attestationObject": "AAAA"}},
        lambda r: {**r, "response": {**r["response"], "attestationObject": 1}},
        lambda r: {**r, "response": {**r["response"], "clientDataJSON": to_text(b"{}")}},
        lambda r: ES256.register(bytes(32)),
        lambda r: Authenticator.generate("evil.example", "https://evil.example").register(CHALLENGE),
        lambda r: Authenticator.generate(RP, "https://evil.example").register(CHALLENGE),
    ],
)
def test_other_registrations_are_refused(bend: Any) -> None:
    """A registration for another challenge, site or page, or none at all, enrols nobody."""
    with pytest.raises(Untrusted):
        registered(bend(ES256.register(CHALLENGE)), CHALLENGE, Site(RP, ORIGIN))
