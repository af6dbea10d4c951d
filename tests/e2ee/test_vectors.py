"""The vectors in tests/vectors/keys, which the browser's part (client/tests) is held to as well."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from tests.passkeys import passkey

from visavis.e2ee import exchange, messages, notes
from visavis.e2ee.device import Certificate, DeviceKeys, certify, check
from visavis.e2ee.errors import Liar
from visavis.e2ee.logs import Holder, Logs
from visavis.e2ee.messages import LeftOut, Receiver, Taken
from visavis.e2ee.roster import roster, roster_hash
from visavis.errors import Malformed, Untrusted
from visavis.record import canonical
from visavis.record.digest import digest, from_text
from visavis.record.proof import Passkey

FOLDER = Path(__file__).parent.parent / "vectors" / "keys"


def read(name: str) -> dict[str, Any]:
    return json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))


CERTIFICATE, MESSAGES, FRAME, EXCHANGE = (read(n) for n in ("certificate", "messages", "frame", "exchange"))
LOGS = Logs(
    CERTIFICATE["logs"]["dialogue"],
    CERTIFICATE["logs"]["talk"],
    CERTIFICATE["logs"]["sitting"],
    {
        side: {
            id_: Holder(each["delegate"], Passkey.from_json(each["passkey"])) for id_, each in held.items()
        }
        for side, held in CERTIFICATE["logs"]["credentials"].items()
    },
    {side: frozenset(names) for side, names in CERTIFICATE["logs"]["lists"].items()},
)


def test_a_devices_bytes():
    """Fixed keys in, fixed bytes out: canonical body, challenge, id, proof, roster hash."""
    body = Certificate.from_json(CERTIFICATE["checks"][0]["certificate"]).body
    assert canonical.encode(body.to_json()).decode() == CERTIFICATE["jcs"]
    assert body.challenge().hex() == CERTIFICATE["challenge"]
    assert body.id == CERTIFICATE["device"]
    key = Ed25519PrivateKey.from_private_bytes(bytes.fromhex(CERTIFICATE["credential_seed"]))
    signer = passkey("1", key)
    assert LOGS.credentials["A"][signer.credential].key == signer.passkey
    assert certify(body, signer).proof.to_json() == CERTIFICATE["proof"]
    assert roster_hash(CERTIFICATE["roster"]["devices"]) == CERTIFICATE["roster"]["hash"]


@pytest.mark.parametrize("case", CERTIFICATE["checks"], ids=lambda case: case["name"])
def test_certificates(case):
    """Each certificate is let in, or refused as malformed or untrusted."""
    if "device" in case:
        assert check(Certificate.from_json(case["certificate"]), LOGS, case["now"]) == case["device"]
    else:
        family = Malformed if case["refused"] == "malformed" else Untrusted
        with pytest.raises(family):
            check(Certificate.from_json(case["certificate"]), LOGS, case["now"])


def reader() -> Receiver:
    certificates = [Certificate.from_json(each) for each in MESSAGES["certificates"]]
    found = roster(certificates, LOGS, MESSAGES["now"])
    kem = X25519PrivateKey.from_private_bytes(bytes.fromhex(MESSAGES["reader"]["kem_seed"]))
    keys = DeviceKeys(kem, Ed25519PrivateKey.generate())
    return Receiver(found[MESSAGES["reader"]["device"]], keys, roster=found)


def test_messages_are_taken_in_turn():
    """A key, the same again, one without a box, a later one, and the lie that ends trust."""
    me = reader()
    for step in MESSAGES["taken"]:
        message = me.open(from_text(step["message"]))
        if step["kind"] == "liar":
            with pytest.raises(Liar):
                me.take(message)
            continue
        taken = me.take(message)
        match step["kind"]:
            case "taken":
                assert isinstance(taken, Taken)
                assert (taken.epoch, taken.key.hex()) == (step["epoch"], step["key"])
            case "left-out":
                assert taken == LeftOut(message["device"], step["epoch"])
            case "again":
                assert taken is None


@pytest.mark.parametrize("case", MESSAGES["refused"], ids=lambda case: case["name"])
def test_refused_messages(case):
    """Each message is refused, as malformed or as untrusted."""
    me = reader()
    with pytest.raises(Malformed if case["refused"] == "malformed" else Untrusted):
        me.take(me.open(from_text(case["message"])))


def test_a_box_and_what_is_said():
    """A frozen box opens under its info; a `say` opens under its key."""
    box = MESSAGES["box"]
    kem = X25519PrivateKey.from_private_bytes(bytes.fromhex(MESSAGES["reader"]["kem_seed"]))
    assert messages.open_box(from_text(box["box"]), kem, bytes.fromhex(box["info"])).hex() == box["key"]
    assert messages.key_commitment(bytes.fromhex(MESSAGES["kc"]["key"])) == MESSAGES["kc"]["commitment"]
    assert digest("call/say-key", bytes.fromhex(MESSAGES["kc"]["key"])).hex() == MESSAGES["say_key"]
    me, said = reader(), MESSAGES["say"]
    message = me.open(from_text(said["message"]))
    assert messages.open_say(message, bytes.fromhex(said["key"]), me.sender(message)) == said["says"]


def test_a_note_opens_for_its_reader():
    """A frozen note opens for a device of its side that has a box."""
    note, sender = MESSAGES["note"], Certificate.from_json(MESSAGES["certificates"][0]).body
    message = reader().open(from_text(note["message"]))
    kem = X25519PrivateKey.from_private_bytes(bytes.fromhex(note["kem_seed"]))
    me = Certificate.from_json(note["reader"]).body
    assert notes.open_note(message, sender, me, DeviceKeys(kem, Ed25519PrivateKey.generate())) == note["says"]


def test_a_frame_of_the_worker_opens():
    """The frame key, and a frame as livekit-client's worker makes it."""
    key = HKDF(SHA256(), 16, b"LKFrameEncryptionKey", bytes(128)).derive(bytes.fromhex(FRAME["key"]))
    assert key.hex() == FRAME["frame_key"]
    frame = bytes.fromhex(FRAME["frame"])
    assert (frame[-1], frame[-2]) == (FRAME["index"], 12)
    opened = AESGCM(key).decrypt(frame[-14:-2], frame[1:-14], frame[:1])
    assert (frame[:1] + opened).hex() == FRAME["plain"]


@pytest.mark.parametrize("story", EXCHANGE["stories"], ids=lambda story: story["name"])
def test_the_exchange(story):
    """Event by event, the reducer gives the effects of the story."""
    state = exchange.State()
    for at, each in enumerate(story["steps"]):
        state, effects = exchange.step(state, exchange.event_from_json(each["event"]))
        assert [exchange.effect_to_json(effect) for effect in effects] == each["effects"], at
