"""Make the vectors of the call's keys, of the record's people and of its receipts anew: `python -m tests.vectors.make`.

They are frozen: a change here is a change of the wire format. Sealed boxes and message signatures over them
hold the library's randomness, so the files differ each time; the tests check them and make none.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, derive_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from tests.passkeys import ORIGIN, RP, passkey

from visavis.authenticator import Authenticator, DeviceKey
from visavis.e2ee import exchange, messages, notes
from visavis.e2ee.device import Certificate, DeviceKeys, certify, check
from visavis.e2ee.logs import Holder, Logs
from visavis.e2ee.messages import MessageSigner, Receiver
from visavis.e2ee.roster import roster, roster_hash
from visavis.errors import Malformed, Untrusted
from visavis.record import canonical
from visavis.record import policy as policies
from visavis.record.checkpoint import Checkpoint, cosign, encode_checkpoint, open_checkpoint, sign_checkpoint
from visavis.record.digest import digest, to_text
from visavis.record.entry import (
    Founding,
    Seen,
    SignedMembers,
    dialogue_id,
    make_entry,
    parse_entry,
)
from visavis.record.inclusion import LoggedProof, check_proof, encode_proof, parse_proof
from visavis.record.merkle import EMPTY_ROOT, Tree
from visavis.record.note import COSIGNATURE_V1, VerifierKey, parse_note, verifier_key
from visavis.record.proof import Proof, Signer

HERE = Path(__file__).parent
NOW = 1_638_889_200_000
HOUR = 3_600_000


def seed(number: int) -> bytes:
    return bytes([number]) * 32


def plain_key(number: int) -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(seed(number))


def credential(number: int) -> Authenticator:
    """A passkey (EdDSA) from its seed."""
    return passkey(str(number), plain_key(number))


def public(key: Ed25519PrivateKey) -> str:
    return to_text(key.public_key().public_bytes_raw())


def write(name: str, source: str, **value: Any) -> None:
    text = json.dumps({"source": source, **value}, indent=1, ensure_ascii=False, sort_keys=False)
    (HERE / name).write_text(text + "\n", encoding="utf-8")


# --- keys of the call -----------------------------------------------------------------------------

P256 = Authenticator(derive_private_key(3, SECP256R1()), id=seed(3), rp=RP, origin=ORIGIN)
KEYS = {"A0": credential(1), "A1": credential(2), "B0": P256}
LOGS = Logs(
    "D",
    "T",
    1,
    {
        side: {key.credential: Holder(who, key.passkey) for who, key in KEYS.items() if who[0] == side}
        for side in "AB"
    },
    {"A": frozenset({"A0"}), "B": frozenset({"B0"})},
)


def device_keys(number: int) -> DeviceKeys:
    return DeviceKeys(
        X25519PrivateKey.from_private_bytes(seed(number)),
        Ed25519PrivateKey.from_private_bytes(seed(number + 1)),
    )


def certificate(who: str, number: int, **changes: Any) -> Certificate:
    keys = device_keys(number)
    body = keys.body(
        dialogue="D",
        talk="T",
        sitting=1,
        side=who[0],
        delegate=who,
        credential=KEYS[who].credential,
        made=NOW,
        until=NOW + HOUR,
    )
    return certify(replace(body, **changes), KEYS[who])


def outcome(value: Any, now: int) -> dict[str, str]:
    try:
        return {"device": check(Certificate.from_json(value), LOGS, now)}
    except Malformed:
        return {"refused": "malformed"}
    except Untrusted:
        return {"refused": "untrusted"}


def certificates() -> None:
    good = certificate("A0", 10)
    spelt = good.to_json()
    bent = json.loads(json.dumps(spelt))
    bent["body"]["kem"] = bent["body"]["kem"][:-1] + chr(ord(bent["body"]["kem"][-1]) + 1)
    cases = {
        "good": (spelt, NOW),
        "another talk": (certificate("A0", 10, talk="U").to_json(), NOW),
        "another sitting": (certificate("A0", 10, sitting=2).to_json(), NOW),
        "not on the list": (certificate("A1", 12).to_json(), NOW),
        "a credential of the other side": (certificate("B0", 14, side="A", delegate="A0").to_json(), NOW),
        "another delegate's credential": (certificate("A1", 12, delegate="A0").to_json(), NOW),
        "over": (spelt, NOW + HOUR),
        "ahead of the clock": (spelt, NOW - 120_001),
        "just ahead of the clock": (spelt, NOW - 120_000),
        "longer than twelve hours": (certificate("A0", 10, until=NOW + 12 * HOUR + 1).to_json(), NOW),
        "another sitting's proof": (
            {"body": spelt["body"], "proof": certificate("A0", 10, sitting=2).to_json()["proof"]},
            NOW,
        ),
        "unknown member": ({**spelt, "x": 1}, NOW),
        "unknown member of the body": ({**spelt, "body": {**spelt["body"], "x": 1}}, NOW),
        "proof of another type": ({**spelt, "proof": {**spelt["proof"], "type": "word of honour"}}, NOW),
        "a passkey's key, but no passkey's proof": (
            {**spelt, "proof": DeviceKey(plain_key(1)).prove(good.body.challenge()).to_json()},
            NOW,
        ),
        "loose bits in base64url": (bent, NOW),
        "padding in base64url": (
            {**spelt, "body": {**spelt["body"], "kem": spelt["body"]["kem"] + "="}},
            NOW,
        ),
        "a version as text": ({**spelt, "body": {**spelt["body"], "v": "1"}}, NOW),
        "no object": ([], NOW),
    }
    logs = {
        "dialogue": LOGS.dialogue,
        "talk": LOGS.talk,
        "sitting": LOGS.sitting,
        "credentials": {
            side: {id_: {"delegate": who, "passkey": key.to_json()} for id_, (who, key) in held.items()}
            for side, held in LOGS.credentials.items()
        },
        "lists": {side: sorted(names) for side, names in LOGS.lists.items()},
    }
    write(
        "keys/certificate.json",
        "docs/spec/keys.md §2. Passkey A0: EdDSA, seed 01…01; its device: X25519 0a…0a, Ed25519 0b…0b.",
        logs=logs,
        jcs=canonical.encode(good.body.to_json()).decode(),
        challenge=good.body.challenge().hex(),
        device=good.body.id,
        credential_seed=seed(1).hex(),
        proof=good.proof.to_json(),
        roster={"devices": [good.body.id, "z"], "hash": roster_hash([good.body.id, "z"])},
        checks=[
            {"name": name, "now": now, "certificate": value, **outcome(value, now)}
            for name, (value, now) in cases.items()
        ],
    )


def talk() -> None:
    sender, reader = certificate("A0", 10), certificate("B0", 20)
    found = roster([sender, reader], LOGS, NOW)
    me = Receiver(reader.body, device_keys(20), roster=found)
    signer = MessageSigner(sender.body, device_keys(10).sig)
    others = {reader.body.id: reader.body}
    key, data = seed(40), b""
    data = messages.make_key(signer, others, 7, key, NOW)
    value = canonical.decode(data)
    twice = messages.make_key(signer, others, 7, seed(41), NOW)
    unheard = messages.make_key(signer, {}, 9, seed(42), NOW)
    later = messages.make_key(signer, others, 8, seed(43), NOW)
    forged = {
        "epoch": {**value, "epoch": 23},
        "index": {**value, "index": 8},
        "room": {**value, "room": "caucus/A/1"},
        "talk": {**value, "talk": "U"},
        "roster": {**value, "roster": roster_hash(["x"])},
        "kc": {**value, "kc": messages.key_commitment(seed(41))},
        "boxes": {**value, "boxes": []},
        "n": {**value, "n": value["n"] + 1},
        "an unknown member": {**value, "x": 1},
    }
    own = {k: v for k, v in value.items() if k not in messages._COMMON}
    signed = {
        "index that is not epoch mod 16, signed": {"index": 8},
        "boxes not in order, signed": {"boxes": [*value["boxes"], *value["boxes"]]},
        "recorded, signed": {"rec": {"n": 1, "keys": messages.key_commitment(key)}},
        "halves, signed": {"halves": [["A", "x"]]},
        "boxes that are not the roster, signed": {"boxes": []},
        "another commitment, signed": {"kc": messages.key_commitment(seed(41))},
    }
    refused = [
        {"name": f"a node changes {k}", "message": to_text(canonical.encode(v))} for k, v in forged.items()
    ]
    refused += [
        {"name": k, "message": to_text(signer.sign("key", NOW, **{**own, **v}))} for k, v in signed.items()
    ]
    refused += [
        {
            "name": "a stranger",
            "message": to_text(
                MessageSigner(certificate("A1", 12).body, device_keys(12).sig).sign("bye", NOW)
            ),
        },
        {"name": "an unknown type", "message": to_text(signer.sign("evict", NOW))},
        {
            "name": "a beat with a negative epoch",
            "message": to_text(canonical.encode({**value, "type": "beat"})),
        },
        {"name": "not the canonical spelling", "message": to_text(b" " + data)},
        {"name": "a duplicate member", "message": to_text(b'{"device":"x","device":"x","type":"bye"}')},
        {"name": "more than 16 KiB", "message": to_text(b'"' + b"x" * 16_384 + b'"')},
        {"name": "not UTF-8", "message": to_text(b"\xff")},
        {"name": "a list", "message": to_text(b"[]")},
    ]
    for each in refused:
        try:
            opened = me.open(messages.from_text(each["message"]))
            if opened["type"] == "key":
                Receiver(reader.body, device_keys(20), roster=found).take(opened)
            raise AssertionError(each["name"])
        except Malformed:
            each["refused"] = "malformed"
        except Untrusted:
            each["refused"] = "untrusted"
    said = messages.seal_say(signer, {"hand": True, "words": "слово"}, 7, key, bytes(12), NOW)
    ours, words = certificate("A1", 12), {"is": "note", "text": "слово"}
    of_the_side = {each.body.id: each.body for each in (ours, certificate("A1", 13))}
    random = {32: seed(44), 12: bytes(12)}.__getitem__
    noted = notes.seal_note(signer, of_the_side, words, 7, random, NOW)
    write(
        "keys/messages.json",
        "docs/spec/keys.md §3. Sender: device of A0 in certificate.json; reader: X25519 14…14, Ed25519 15…15.",
        certificates=[sender.to_json(), reader.to_json()],
        reader={"device": reader.body.id, "kem_seed": seed(20).hex()},
        now=NOW,
        kc={"key": key.hex(), "commitment": messages.key_commitment(key)},
        say_key=digest("call/say-key", key).hex(),
        box={
            "info": messages.box_info(messages.head_of(value), reader.body.id).hex(),
            "box": to_text(messages.from_text(dict(value["boxes"])[reader.body.id])),
            "key": key.hex(),
        },
        taken=[
            {"message": to_text(data), "kind": "taken", "epoch": 7, "key": key.hex()},
            {"message": to_text(data), "kind": "again"},
            {"message": to_text(unheard), "kind": "left-out", "epoch": 9},
            {"message": to_text(later), "kind": "taken", "epoch": 8, "key": seed(43).hex()},
            {"message": to_text(twice), "kind": "liar"},
        ],
        refused=refused,
        say={"message": to_text(said), "key": key.hex(), "says": {"hand": True, "words": "слово"}},
        note={
            "message": to_text(noted),
            "reader": ours.to_json(),
            "kem_seed": seed(12).hex(),
            "says": words,
        },
    )


def frames() -> None:
    frame_key = HKDF(SHA256(), 16, b"LKFrameEncryptionKey", bytes(128)).derive(seed(9))
    iv = bytes.fromhex("00000007000003e800000000")
    header, body = bytes([0x78]), bytes([1, 2, 3, 4])
    sealed = AESGCM(frame_key).encrypt(iv, body, header)
    frame = header + sealed + iv + bytes([12, 3])
    write(
        "keys/frame.json",
        "docs/spec/keys.md §3.1: HKDF-SHA-256, salt LKFrameEncryptionKey, info 128 zero bytes; AES-128-GCM.",
        key=seed(9).hex(),
        frame_key=frame_key.hex(),
        index=3,
        plain=(header + body).hex(),
        frame=frame.hex(),
    )


STORIES: dict[str, list[dict[str, Any]]] = {
    "alone": [{"type": "started", "at": 0, "device": "me"}, {"type": "tick", "at": 5000}],
    "two meet": [
        {"type": "started", "at": 0, "device": "me", "greet": 200},
        {"type": "verified", "at": 5, "devices": ["me", "x"]},
        {"type": "heard", "at": 10, "device": "x", "fresh": True},
        {"type": "took", "at": 20, "device": "x", "epoch": 0},
        {"type": "tick", "at": 210},
        {"type": "beat", "at": 300, "device": "x", "n": 1, "have": {"me": 1}},
        {"type": "tick", "at": 400},
        {"type": "took", "at": 2300, "device": "x", "epoch": 1},
        {"type": "tick", "at": 12300},
    ],
    "a third comes, one is removed, one falls silent": [
        {"type": "started", "at": 0, "device": "me", "epoch": 5},
        {"type": "verified", "at": 0, "devices": ["x", "y"]},
        {"type": "heard", "at": 0, "device": "x", "fresh": True},
        {"type": "heard", "at": 500, "device": "y", "fresh": True},
        {"type": "tick", "at": 2000},
        {"type": "took", "at": 2100, "device": "y", "epoch": 3},
        {"type": "beat", "at": 2200, "device": "y", "n": 7, "have": {"me": 7}},
        {"type": "tick", "at": 3300},
        {"type": "wanted", "at": 3400, "device": "x", "epoch": 7},
        {"type": "tick", "at": 5100},
        {"type": "verified", "at": 6000, "devices": ["y"]},
        {"type": "beat", "at": 6100, "device": "y", "n": 6, "have": {"me": 8}},
        {"type": "beat", "at": 6200, "device": "y", "n": 8, "have": {"me": 8}},
        {"type": "reconnected", "at": 7000},
        {"type": "left", "at": 7200, "device": "y"},
        {"type": "heard", "at": 7300, "device": "y"},
        {"type": "tick", "at": 9500},
        {"type": "tick", "at": 37300},
    ],
    "sixteen epochs in ten seconds": [
        {"type": "started", "at": 0, "device": "me"},
        {"type": "verified", "at": 0, "devices": ["x"]},
        {"type": "heard", "at": 0, "device": "x"},
        *({"type": "took", "at": 100 * e, "device": "x", "epoch": e} for e in range(18)),
        {"type": "tick", "at": 12000},
    ],
    "taken for gone": [
        {"type": "started", "at": 0, "device": "me"},
        {"type": "verified", "at": 0, "devices": ["x"]},
        {"type": "heard", "at": 0, "device": "x"},
        {"type": "took", "at": 10, "device": "x", "epoch": 0},
        {"type": "beat", "at": 20, "device": "x", "n": 1, "have": {"me": 1}},
        {"type": "left", "at": 1000, "device": "x"},
        {"type": "found", "at": 1100, "device": "x"},
        {"type": "tick", "at": 1400},
        {"type": "heard", "at": 1450, "device": "x"},
        {"type": "beat", "at": 1500, "device": "x", "n": 2, "have": {"me": 3}},
        {"type": "beat", "at": 1600, "device": "x", "n": 3, "have": {}},
        {"type": "left", "at": 2000, "device": "x"},
        {"type": "found", "at": 2100, "device": "x"},
    ],
    "left out": [
        {"type": "started", "at": 0, "device": "me"},
        {"type": "verified", "at": 0, "devices": ["x"]},
        {"type": "missed", "at": 10, "device": "x", "epoch": 4},
        {"type": "took", "at": 20, "device": "x", "epoch": 4},
        {"type": "missed", "at": 30, "device": "x", "epoch": 4},
        {"type": "wanted", "at": 40, "device": "z", "epoch": 0},
        {"type": "heard", "at": 2900, "device": "x"},
        {"type": "wanted", "at": 3000, "device": "x", "epoch": 0},
        {"type": "wanted", "at": 3100, "device": "x", "epoch": 9},
    ],
}


def stories() -> None:
    told = []
    for name, events in STORIES.items():
        state, steps = exchange.State(), []
        for event in events:
            state, effects = exchange.step(state, exchange.event_from_json(event))
            steps.append({"event": event, "effects": [exchange.effect_to_json(each) for each in effects]})
        told.append({"name": name, "steps": steps})
    write("keys/exchange.json", "docs/spec/keys.md §4: events in, effects out.", stories=told)


# --- the record ------------------------------------------------------------------------------------


def spellings() -> None:
    accepted = [
        {},
        [],
        "",
        None,
        True,
        0,
        2**53 - 1,
        {"b": 1, "a": [2, {"d": "ä", "c": "\u2028"}]},
        {"€": "Euro", "\r": "CR", "דּ": "Hebrew", "1": "One", "😀": "Emoji", "\x80": "Control", "ö": "o"},
        'quote " backslash \\ slash / controls \x00 \x1f \b \t \n \f \r \x7f',
    ]
    refused = [
        "1.5",
        "-1",
        "1e3",
        "9007199254740992",
        "NaN",
        " 1",
        "1 ",
        '{"b":1,"a":2}',
        '{"a":1,"a":1}',
        '{"a": 1}',
        '"\\u0061"',
        '"\\ud800"',
        '"\\/"',
        "[1,]",
        "",
        "nul",
        "[" * 40 + "]" * 40,
    ]
    for text in refused:
        try:
            canonical.decode(text.encode())
            raise AssertionError(text)
        except Malformed:
            pass
    write(
        "record/canonical.json",
        "docs/spec/record.md §1; the order of members after RFC 8785 §3.2.3.",
        accepted=[{"value": value, "bytes": canonical.encode(value).hex()} for value in accepted],
        refused=[text.encode().hex() for text in refused] + ["ff", "efbbbf31"],
    )


class Log:
    """A log as its node writes it."""

    def __init__(self, dialogue: str, side: str) -> None:
        self.dialogue, self.side = dialogue, side
        self.tree = Tree()
        self.leaves: list[bytes] = []

    def add(
        self,
        act: dict[str, Any],
        delegate: str,
        signer: Signer,
        *,
        nonce: int | None = None,
        own: int | None = None,
        by: str | None = None,
        seq: int | None = None,
    ) -> SignedMembers:
        size = len(self.leaves) if own is None else own
        signed = SignedMembers(
            dialogue=self.dialogue,
            side=self.side,
            own=Seen(size, self.tree.root(size) if size <= self.tree.size else bytes(32)),
            ack=Seen(0, EMPTY_ROOT),
            act=act,
            delegate=delegate,
            credential=by or signer.credential,
            nonce=(len(self.leaves) if nonce is None else nonce).to_bytes(16, "big"),
        )
        self.enter(signed, signer.prove(signed.challenge()), seq)
        return signed

    def enter(self, signed: SignedMembers, proof: Proof, seq: int | None = None) -> None:
        index = len(self.leaves)
        time = "2021-12-07T15:00:00Z"
        self.put(make_entry(signed, proof, seq=index if seq is None else seq, time=time).leaf)

    def put(self, leaf: bytes) -> None:
        self.leaves.append(leaf)
        self.tree.append(leaf)


def people() -> None:
    officer, second, adviser, stranger, other = (credential(n) for n in (50, 51, 52, 53, 54))
    newer, device, own_device = credential(63), DeviceKey(plain_key(55)), DeviceKey(plain_key(56))
    log_key, new_key, recovery = (plain_key(n) for n in (60, 61, 62))
    mine = Founding(
        (("en", "Northern Republic"),),
        log_key.public_key().public_bytes_raw(),
        (recovery.public_key().public_bytes_raw(),),
        "officer",
        officer.passkey,
        bytes(16),
    )
    theirs = replace(mine, names=(("en", "Southern Federation"),), nonce=bytes([1]) * 16)
    side, dialogue = mine.side(), dialogue_id(mine.side(), theirs.side())
    log = Log(dialogue, side)

    def admit(who: str, key: Authenticator | DeviceKey, role: str, powers: list[str]) -> dict[str, Any]:
        spelt = key.passkey.to_json() if isinstance(key, Authenticator) else None
        return {
            "type": "side.admit", "delegate": who, "role": role, "credential": key.credential,
            "passkey": spelt, "powers": powers, "name": None,
        }  # fmt: skip

    checkpoints = []

    def mark(note: str) -> None:
        checkpoints.append((len(log.leaves), note))

    log.add({"type": "side.found", "founding": mine.to_json()}, "officer", officer)
    first = log.add(admit("second", second, "protocol-officer", ["admit", "schedule"]), "officer", officer)
    log.add(admit("adviser", adviser, "adviser", ["speak"]), "officer", officer)
    log.add({"type": "talk.delegation", "talk": "T", "delegates": ["officer", "adviser"]}, "officer", officer)
    mark("three admitted, two on the list")
    log.add({"type": "talk.delegation", "talk": "T", "delegates": ["stranger"]}, "adviser", adviser)
    mark("no power: the list stays")
    log.add(admit("stranger", stranger, "adviser", []), "stranger", stranger)
    mark("no credential")
    log.enter(first, officer.prove(first.challenge()))
    mark("replayed")
    log.add(admit("stranger", stranger, "adviser", []), "officer", other, by=officer.credential)
    log.add(
        admit("stranger", stranger, "adviser", []), "officer", DeviceKey(plain_key(50)), by=officer.credential
    )
    mark("a forged proof, and a passkey's key without its authenticator")
    log.add(admit("stranger", stranger, "adviser", []), "officer", officer, seq=99)
    mark("wrong seq")
    log.add(admit("stranger", stranger, "adviser", []), "officer", officer, own=90, nonce=90)
    mark("saw more of the own log than there is")
    log.put(b'{"not":"an entry"}')
    log.put(b"\xff\x00")
    mark("garbage")
    log.add({**admit("stranger", stranger, "adviser", []), "rpId": "x"}, "officer", officer)
    mark("an unknown member")
    log.add(admit("stranger", stranger, "chief", []), "officer", officer)
    mark("an unknown role")
    log.add(admit("adviser", device, "adviser", ["speak"]), "adviser", adviser)
    log.add(admit("officer", own_device, "protocol-officer", ["schedule"]), "officer", officer)
    mark("own device keys are admitted, and are no person's")
    log.add({"type": "talk.delegation", "talk": "T", "delegates": ["stranger"]}, "officer", own_device)
    log.add(admit("stranger", DeviceKey(plain_key(57)), "adviser", []), "officer", officer)
    log.add(admit("adviser", other, "adviser", ["speak"]), "adviser", adviser)
    mark("a device key admits and delegates nobody; a person needs a passkey and an officer")
    log.add(
        {**admit("stranger", stranger, "adviser", []), "credential": other.credential}, "officer", officer
    )
    mark("a passkey under another's id")
    log.add(admit("stranger", adviser, "adviser", []), "officer", officer)
    mark("a credential known already")
    log.add({"type": "side.powers", "delegate": "adviser", "powers": ["speak", "admit"]}, "officer", officer)
    log.add({"type": "side.revoke", "credential": officer.credential}, "adviser", adviser)
    mark("an adviser with full powers ends the officer's credential")
    log.add({"type": "side.powers", "delegate": "adviser", "powers": []}, "second", second)
    log.add({"type": "side.revoke", "credential": second.credential}, "second", second)
    mark("the last officer cannot be ended")
    log.add({"type": "side.powers", "delegate": "second", "powers": []}, "second", second)
    mark("the last officer's powers cannot be taken")
    log.add({"type": "side.rotate-key", "log_key": public(new_key)}, "second", second)
    mark("another log key")
    log.add({"type": "talk.delegation", "talk": "T", "delegates": ["second"]}, "second", second)
    log.add({"type": "talk.delegation", "talk": "U", "delegates": []}, "second", second)
    log.add({"type": "side.revoke", "credential": adviser.credential}, "adviser", adviser)
    mark("the adviser gives up its own credential, and the device key with it")
    recovered = {"type": "side.recover", "delegate": "newer", "passkey": newer.passkey.to_json()}
    log.add(recovered, "recovery", DeviceKey(recovery))
    mark("recovered: every older credential ends")

    def spend(nonce: int, who: str, key: Authenticator) -> None:
        log.add({"type": "record.spend", "nonce": to_text(nonce.to_bytes(16, "big"))}, who, key)

    spend(1000, "newer", newer)
    log.add(admit("stranger", stranger, "adviser", ["speak"]), "newer", newer, nonce=1000)
    mark("a signature that was made worthless admits nobody")
    log.add(admit("stranger", stranger, "adviser", ["speak"]), "newer", newer)
    spend(1001, "stranger", stranger)
    log.add(admit("other", other, "adviser", []), "newer", newer, nonce=1001)
    mark("nobody makes another's signature worthless")

    def note(size: int) -> str:
        # The rotation's own entry is the last under the old key.
        rotated = next(i for i, leaf in enumerate(log.leaves) if b"side.rotate-key" in leaf)
        key = new_key if size > rotated else log_key
        root = log.tree.root(size)
        signature = sign_checkpoint(key, dialogue, side, size, root)
        checkpoint = Checkpoint(dialogue, side, size, root, signature)
        return encode_checkpoint(checkpoint, key.public_key().public_bytes_raw()).decode()

    from tests.vectors.test_people import account

    write(
        "record/people.json",
        "docs/spec/record.md §§2, 4, 9: a log of one side and who it admits after so many entries.",
        dialogue=dialogue,
        sides=sorted([side, theirs.side()]),
        side=side,
        foundings=[mine.to_json(), theirs.to_json()],
        leaves=[to_text(leaf) for leaf in log.leaves],
        after=[
            {
                "size": size,
                "why": why,
                "checkpoint": note(size),
                **account(dialogue, side, theirs.side(), log.leaves[:size]),
            }
            for size, why in checkpoints
        ],
    )
    entry = parse_entry(log.leaves[1])
    write(
        "record/entry.json",
        "docs/spec/record.md §2. Passkey: EdDSA, seed 32…32 (50).",
        seed=seed(50).hex(),
        signed=entry.signed.to_json(),
        challenge=entry.signed.challenge().hex(),
        proof=entry.proof.to_json(),
        passkey=officer.passkey.to_json(),
        leaf=to_text(entry.leaf),
    )


# --- what others' tools read ------------------------------------------------------------------------

COSIGNED_AT = 1_638_889_200


class Cosigned:
    """Side A's log of a few entries, its key rotated, and notes over it in every state."""

    dialogue, a, b = "D" * 43, "A" * 43, "B" * 43
    old, new, other, stranger = (plain_key(n) for n in (70, 71, 72, 73))
    leaves = tuple(b"entry %d" % n for n in range(7))
    tree = Tree(leaves)

    @classmethod
    def raw(cls, key: Ed25519PrivateKey) -> bytes:
        return key.public_key().public_bytes_raw()

    @classmethod
    def note(
        cls,
        size: int = 7,
        *,
        log: Ed25519PrivateKey | None = None,
        own: bool = True,
        other: Ed25519PrivateKey | None = other,
    ) -> str:
        log = log or cls.new
        head = (cls.dialogue, cls.a, size, cls.tree.root(size))
        made = Checkpoint(
            *head,
            sign_checkpoint(log, *head),
            None if other is None else cosign(other, *head, COSIGNED_AT),
            cosign(log, *head, COSIGNED_AT) if own else None,
        )
        return encode_checkpoint(made, cls.raw(log), cls.b, cls.raw(other or log)).decode()

    @classmethod
    def policy(cls) -> policies.Policy:
        keys = {cls.a: [cls.raw(cls.old), cls.raw(cls.new)], cls.b: [cls.raw(cls.other)]}
        return policies.dialogue_policy(cls.dialogue, keys)

    @classmethod
    def notes(cls) -> dict[str, str]:
        """Notes over the log, by what is the matter with each."""
        lines = cls.note().splitlines(keepends=True)

        def bent(at: int) -> str:
            odd = "B" if lines[at][-20] == "A" else "A"
            return "".join([*lines[:at], lines[at][:-20] + odd + lines[at][-19:], *lines[at + 1 :]])

        return {
            "three lines": cls.note(),
            "an older one, by the older key": cls.note(3, log=cls.old),
            "not cosigned by the other side": cls.note(other=None),
            "not cosigned by its own side": cls.note(own=False),
            "the log's line alone": cls.note(own=False, other=None),
            "cosigned by a stranger": cls.note(other=cls.stranger),
            "signed by a stranger": cls.note(log=cls.stranger),
            "a line by a stranger more": cls.note() + cls.note(other=cls.stranger).splitlines(True)[-1],
            "the log's signature bent": bent(4),
            "the own cosignature bent": bent(5),
            "the other's cosignature bent": bent(6),
            "another size": cls.note().replace("\n7\n", "\n6\n", 1),
        }


def told(what: Callable[[], Any]) -> dict[str, Any]:
    """What a check gives: its value, or the family of its refusal."""
    try:
        return {"holds": what()}
    except Malformed:
        return {"refused": "malformed"}
    except Untrusted:
        return {"refused": "untrusted"}


def checkpoints() -> None:
    made = Cosigned

    def opened(text: str) -> dict[str, Any]:
        size = int(text.split("\n")[1])
        key = made.raw(made.old if size <= 3 else made.new)
        found = open_checkpoint(text.encode(), key, made.b, made.raw(made.other))
        times = {"own": found.own, "other": found.cosignature}
        return {
            "size": found.size,
            **{who: None if each is None else each.timestamp for who, each in times.items()},
            "receipt": found.receipt is not None,
        }

    write(
        "record/cosigned.json",
        "docs/spec/record.md §10.3; C2SP tlog-cosignature. Side A's key up to size 3 is `old`, then `new`.",
        dialogue=made.dialogue,
        side=made.a,
        other=made.b,
        keys={who: made.raw(getattr(made, who)).hex() for who in ("old", "new", "other")},
        notes=[
            {"name": name, "note": text, **told(lambda text=text: opened(text))}
            for name, text in made.notes().items()
        ],
    )


def policy_files() -> None:
    made = Cosigned
    own = policies.encode_policy(made.policy()).decode()
    keys = [verifier_key(f"w{n}.example", COSIGNATURE_V1, made.raw(plain_key(80 + n))) for n in range(4)]
    log = own.splitlines()[1]
    some = "".join(f"witness W{n} {key}\n" for n, key in enumerate(keys))
    read = {
        "a dialogue's": own,
        "no quorum": f"{log}\nquorum none\n",
        "one witness": f"{log}\n{some}quorum W2\n",
        "two of three": f"# four witnesses\n\n{log} https://log.example/\n{some}\tgroup G 2 W0 W1 W2 \nquorum G\n",
        "groups of groups": f"{some}group X any W0 W1\ngroup Y all W2 W3\ngroup Z all X Y\nquorum Z\n",
    }
    refused = [
        "",
        "quorum none",
        "quorum none\r\n",
        "quorum W0\n",
        "quorum none\nquorum none\n",
        "witness none " + keys[0] + "\nquorum none\n",
        f"{log}\n{log}\nquorum none\n",
        f"witness W0 {log.split()[1]}\nquorum none\n",
        f"log {keys[0]}\nquorum none\n",
        f"log {log.split()[1][:-4]}AAA=\nquorum none\n",
        f"{some}group G 5 W0 W1\nquorum G\n",
        f"{some}group G 0 W0\nquorum G\n",
        f"{some}group G all W0 W0\nquorum G\n",
        f"{some}group G all W0\ngroup H all W0\nquorum H\n",
        f"{some}group W0 all W1\nquorum W0\n",
        f"group G all W0\n{some}quorum G\n",
        f"{some}group G all none\nquorum G\n",
        f"{some}quorum\n",
        "check everything\nquorum none\n",
    ]
    lines: list[int | None] = []
    for text in refused:
        try:
            policies.parse_policy(text.encode())
            raise AssertionError(text)
        except Malformed as error:
            line = error.details.get("line")
            lines.append(line if isinstance(line, int) else None)
    write(
        "record/policy.json",
        "docs/spec/record.md §10.5; C2SP tlog-policy. `line` is the one that breaks the form, null where none does.",
        policies=[
            {"name": name, "text": text, **policy_json(policies.parse_policy(text.encode()))}
            for name, text in read.items()
        ],
        refused=[{"text": text, "line": line} for text, line in zip(refused, lines, strict=True)],
        checks=[
            {"policy": name, "note": note, "text": text, **told(lambda p=name, t=text: met(read[p], t))}
            for name in ("a dialogue's", "no quorum")
            for note, text in made.notes().items()
        ],
    )


def proofs() -> None:
    made = Cosigned
    good = {
        f"entry {index} of {size}": (
            LoggedProof(
                index,
                tuple(made.tree.inclusion_proof(index, size)),
                made.note(size, log=made.old if size <= 3 else made.new).encode(),
            ),
            made.leaves[index],
        )
        for index, size in ((0, 1), (1, 2), (2, 3), (0, 7), (4, 7), (6, 7))
    }
    first, entry = good["entry 4 of 7"]
    text = encode_proof(first).decode()
    cases: dict[str, tuple[str, bytes]] = {
        **{name: (encode_proof(proof).decode(), leaf) for name, (proof, leaf) in good.items()},
        "with extra data": (encode_proof(replace(first, extra=b"page-v1")).decode(), entry),
        "another entry": (text, made.leaves[5]),
        "another index": (text.replace("index 4", "index 5"), entry),
        "an index beyond": (text.replace("index 4", "index 7"), entry),
        "a leading zero": (text.replace("index 4", "index 04"), entry),
        "another header": (text.replace("@v1", "@v2"), entry),
        "no index": (text.replace("index 4\n", ""), entry),
        "a sibling too few": (encode_proof(replace(first, hashes=first.hashes[:-1])).decode(), entry),
        "a sibling too many": (
            encode_proof(replace(first, hashes=(*first.hashes, bytes(32)))).decode(),
            entry,
        ),
        "an odd sibling": (text.replace(text.split("\n")[2], "AAAA"), entry),
        "no checkpoint": (text[: text.index("\n\n") + 2], entry),
        "no cosignature": (
            encode_proof(replace(first, checkpoint=made.note(other=None).encode())).decode(),
            entry,
        ),
        "a stranger's log": (
            encode_proof(replace(first, checkpoint=made.note(log=made.stranger).encode())).decode(),
            entry,
        ),
    }
    trusted = made.policy()

    def checked(proof: str, leaf: bytes) -> dict[str, Any]:
        logged = check_proof(parse_proof(proof.encode()), leaf, trusted)
        return {
            "side": logged.side,
            "index": logged.index,
            "size": logged.size,
            "by": sorted(logged.met.cosigned),
        }

    write(
        "record/tlog-proof.json",
        "docs/spec/record.md §10.6; C2SP tlog-proof. `entry` in hexadecimal.",
        policy=policies.encode_policy(trusted).decode(),
        proofs=[
            {"name": name, "proof": p, "entry": leaf.hex(), **told(lambda p=p, leaf=leaf: checked(p, leaf))}
            for name, (p, leaf) in cases.items()
        ],
    )


def policy_json(policy: policies.Policy) -> dict[str, Any]:
    def spelt(key: VerifierKey) -> str:
        return verifier_key(key.name, key.kind, key.public_key)

    return {
        "logs": [spelt(key) for key in policy.logs],
        "witnesses": {name: spelt(key) for name, key in policy.witnesses.items()},
        "groups": {name: [group.threshold, *group.members] for name, group in policy.groups.items()},
        "quorum": policy.quorum,
    }


def met(policy: str, text: str) -> list[str]:
    """The witnesses whose cosignatures a policy found under a note that meets it."""
    found = policies.check_note(policies.parse_policy(policy.encode()), parse_note(text.encode()))
    return sorted(found.cosigned)


def receipts() -> None:
    checkpoints()
    policy_files()
    proofs()


if __name__ == "__main__":
    (HERE / "keys").mkdir(exist_ok=True)
    certificates()
    talk()
    frames()
    stories()
    spellings()
    people()
    receipts()
