"""What devices say to one another: canonical, signed by the device; keys sealed to each device alone.

Lives here: `MessageSigner`, `make_key`, `seal_boxes`, `Receiver` (opening, and taking keys), `seal_say`, `open_say`.
Not here: when to say what (`exchange`), notes of a side (`notes`), the transport.
Spec: docs/spec/keys.md §3.

    every message  {"v":1,"type","dialogue","talk","sitting","room","device","n", …, "sig"}
    hello          + "cert"                     the sender's certificate
    key            + "epoch","index","roster","kc","rec":null,"boxes":[[device, enc‖ct]…],"halves":[]
    beat           + "seen":{side:[size,root,sig]},"roster","have":{device: epoch}
    want           + "of","epoch"               that device's key message, again
    bye
    say            + "epoch","iv","ct"          AES-256-GCM under H("call/say-key", key)
    note           + "epoch","kc","iv","ct","boxes"      `notes`

Sealing draws its ephemeral key inside the library; all else is values in, values out.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite

from visavis.e2ee.device import Certificate, DeviceBody, DeviceKeys
from visavis.e2ee.errors import Liar, MessageUntrusted
from visavis.e2ee.roster import MAX_DEVICES, roster_hash
from visavis.errors import Malformed
from visavis.record import canonical
from visavis.record.digest import digest, from_text, to_text
from visavis.record.form import members, size, text
from visavis.record.signature import verifies

TOPIC = "visavis"
"""LiveKit's data topic, reliable; all else is dropped."""
MAX_BYTES = 16 * 1024
RING = 16
"""Keys the frame encryption keeps for a device: index = epoch mod 16 (§3.1)."""
KEY_BYTES = 32
BOX_BYTES = 80
FLOOR = "floor"
_SUITE = Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.AES_128_GCM)
_DOMAIN = b"visavis/call/msg/v1\0"
_BOX_DOMAIN = b"visavis/call/box/v1\0"
_COMMON = {"v", "type", "dialogue", "talk", "sitting", "room", "device", "n", "sig"}
_HEAD = (
    "v",
    "type",
    "dialogue",
    "talk",
    "sitting",
    "room",
    "device",
    "epoch",
    "index",
    "roster",
    "kc",
    "rec",
)
_OWN = {
    "hello": {"cert"},
    "key": {"epoch", "index", "roster", "kc", "rec", "boxes", "halves"},
    "beat": {"seen", "roster", "have"},
    "want": {"of", "epoch"},
    "bye": set[str](),
    "say": {"epoch", "iv", "ct"},
    "note": {"epoch", "kc", "iv", "ct", "boxes"},
}

Message = Mapping[str, Any]


def key_commitment(key: bytes) -> str:
    """kc: one key for all, since AES-GCM commits to none. base64url of H("call/kc", key)."""
    return to_text(digest("call/kc", key))


def box_info(head: Mapping[str, Any], to: str) -> bytes:
    """HPKE's info: it binds the box to its message and its reader. `to`: a device's id."""
    return _BOX_DOMAIN + hashlib.sha256(canonical.encode(dict(head))).digest() + to.encode()


def head_of(message: Message) -> dict[str, Any]:
    return {name: message[name] for name in _HEAD}


@dataclass(slots=True)
class MessageSigner:
    """Signs one device's messages in one room. last: the greatest `n` used; it only grows."""

    body: DeviceBody
    key: Ed25519PrivateKey
    room: str = FLOOR
    last: int = 0

    def sign(self, kind: str, now_ms: int, **own: Any) -> bytes:
        """One message's bytes, ≤ 16 KiB. n = max(last + 1, now_ms), so that it grows over a restart too."""
        return self.end({**self.begin(kind, now_ms), **own})

    def begin(self, kind: str, now_ms: int) -> dict[str, Any]:
        """The members that every message has, with the next `n`."""
        self.last = max(self.last + 1, now_ms)
        return {
            "v": 1,
            "type": kind,
            "dialogue": self.body.dialogue,
            "talk": self.body.talk,
            "sitting": self.body.sitting,
            "room": self.room,
            "device": self.body.id,
            "n": self.last,
        }

    def end(self, body: Mapping[str, Any]) -> bytes:
        """Sign what was begun. Raises `Malformed` beyond 16 KiB."""
        data = canonical.encode({**body, "sig": to_text(self.key.sign(_DOMAIN + canonical.encode(body)))})
        if len(data) > MAX_BYTES:
            raise Malformed(f"a message of {len(data)} bytes where {MAX_BYTES} are allowed")
        return data


def parse_message(data: bytes) -> dict[str, Any]:
    """Read a message's bytes: canonical JSON of at most 16 KiB, an object with a type and a device."""
    value = canonical.decode(data, limit=MAX_BYTES)
    if not isinstance(value, dict):
        raise Malformed("message: an object is due")
    for name in ("type", "device"):
        text(value.get(name), f"message.{name}", 64)
    return value


def check_message(message: Message, sender: DeviceBody, room: str) -> None:
    """Check signature, members, and that it is of this sitting and room (§3.3, steps 2 to 4).

    Raises `MessageUntrusted` or `Malformed`.
    """
    body = {name: value for name, value in message.items() if name != "sig"}
    sig = from_text(message.get("sig"), 64, what="message.sig")
    if not verifies(sender.sig, sig, _DOMAIN + canonical.encode(body)):
        raise MessageUntrusted("the signature is not the device's")
    own = _OWN.get(message["type"])
    if own is None:
        raise Malformed(f"message: type {message['type'][:20]!r} is unknown")
    members(message, _COMMON | own, "message")
    if message["v"] != 1 or type(message["v"]) is not int:
        raise Malformed("message.v: 1 is due")
    size(message["n"], "message.n")
    here = (sender.dialogue, sender.talk, sender.sitting, room)
    if (message["dialogue"], message["talk"], message["sitting"], message["room"]) != here:
        raise MessageUntrusted("the message is of another talk, sitting or room")
    _FORMS[message["type"]](message)


def _no_form(_message: Message) -> None:
    return


def _beat_form(message: Message) -> None:
    text(message["roster"], "beat.roster", 64)
    have, seen = message["have"], message["seen"]
    if not isinstance(have, dict) or len(have) > MAX_DEVICES:
        raise Malformed("beat.have: an object of at most 64 devices is due")
    for epoch in have.values():
        size(epoch, "beat.have")
    if not isinstance(seen, dict) or len(seen) > 2:
        raise Malformed("beat.seen: an object of at most two sides is due")
    for each in seen.values():
        if not isinstance(each, list) or len(each) != 3:
            raise Malformed("beat.seen: [size, root, sig] is due")
        size(each[0], "beat.seen.size")
        from_text(each[1], 32, what="beat.seen.root")
        from_text(each[2], 64, what="beat.seen.sig")


def _want_form(message: Message) -> None:
    text(message["of"], "want.of", 64)
    size(message["epoch"], "want.epoch")


def _key_form(message: Message) -> None:
    """Steps 5 and 8: index, no recording, boxes sorted and unique."""
    if size(message["epoch"], "key.epoch") % RING != size(message["index"], "key.index"):
        raise Malformed("key.index: epoch mod 16 is due")
    if message["rec"] is not None or message["halves"] != []:
        raise Malformed("key.rec: recording has no rules in this edition")
    from_text(message["kc"], 32, what="key.kc")
    _boxes_form(message, "key.boxes")


def _boxes_form(message: Message, what: str) -> None:
    boxes = message["boxes"]
    if not isinstance(boxes, list) or len(boxes) > MAX_DEVICES:
        raise Malformed(f"{what}: a list of at most 64 is due")
    for box in boxes:
        if not isinstance(box, list) or len(box) != 2 or not isinstance(box[0], str):
            raise Malformed(f"{what}: [device, box] is due")
        from_text(box[1], BOX_BYTES, what=what)
    devices = [device for device, _ in boxes]
    if devices != sorted(set(devices)):
        raise Malformed(f"{what}: sorted and unique devices are due")


def _say_form(message: Message) -> None:
    size(message["epoch"], "say.epoch")
    _sealed_form(message, "say")


def _note_form(message: Message) -> None:
    size(message["epoch"], "note.epoch")
    from_text(message["kc"], 32, what="note.kc")
    _sealed_form(message, "note")
    _boxes_form(message, "note.boxes")


def _sealed_form(message: Message, what: str) -> None:
    from_text(message["iv"], 12, what=f"{what}.iv")
    if len(from_text(message["ct"], what=f"{what}.ct")) < 16:
        raise Malformed(f"{what}.ct: a tag is due")


_FORMS = {
    "hello": _no_form,
    "key": _key_form,
    "beat": _beat_form,
    "want": _want_form,
    "bye": _no_form,
    "say": _say_form,
    "note": _note_form,
}


def hello_certificate(message: Message) -> Certificate:
    """The certificate inside a hello, by its form; it must be the sender's own. Its worth: `device.check`."""
    certificate = Certificate.from_json(message.get("cert"))
    if certificate.body.id != message["device"]:
        raise MessageUntrusted("a device greets with another's certificate")
    return certificate


def make_key(
    signer: MessageSigner, others: Mapping[str, DeviceBody], epoch: int, key: bytes, now_ms: int
) -> bytes:
    """The message that gives `key` to every device of `others` (own device not among them).

    key: 32 fresh random bytes, never derived from an older one. 80 bytes a device and its id.
    """
    head = {
        "v": 1,
        "type": "key",
        "dialogue": signer.body.dialogue,
        "talk": signer.body.talk,
        "sitting": signer.body.sitting,
        "room": signer.room,
        "device": signer.body.id,
        "epoch": epoch,
        "index": epoch % RING,
        "roster": roster_hash([*others, signer.body.id]),
        "kc": key_commitment(key),
        "rec": None,
    }
    return signer.sign(
        "key",
        now_ms,
        epoch=epoch,
        index=head["index"],
        roster=head["roster"],
        kc=head["kc"],
        rec=None,
        boxes=seal_boxes(head, others, key),
        halves=[],
    )


def seal_boxes(head: Mapping[str, Any], to: Mapping[str, DeviceBody], key: bytes) -> list[list[str]]:
    """`key` in a box for each device, sorted; each box is bound to `head` and to its reader."""
    return [[device, to_text(_seal(key, to[device].kem, box_info(head, device)))] for device in sorted(to)]


def _seal(key: bytes, kem: bytes, info: bytes) -> bytes:
    return _SUITE.encrypt(key, X25519PublicKey.from_public_bytes(kem), info)


def open_box(box: bytes, kem: X25519PrivateKey, info: bytes) -> bytes:
    """Open a sealed key. Raises `MessageUntrusted` if it was sealed to another, or for another message."""
    try:
        return _SUITE.decrypt(box, kem, info)
    except (InvalidTag, ValueError) as error:
        raise MessageUntrusted("the box does not open") from error


@dataclass(frozen=True, slots=True)
class Taken:
    """A key that was taken. ghosts: devices it was also sealed to that this reader cannot verify: shown."""

    device: str
    epoch: int
    key: bytes
    ghosts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A key message without a box for this reader, which then asks (`want`)."""

    device: str
    epoch: int


@dataclass(slots=True)
class Receiver:
    """Takes key messages for one device in one room: never an older epoch, never two for one (§3.3).

    roster: who may be in, as this reader's logs say. liars: devices that signed two messages for one epoch.
    """

    me: DeviceBody
    keys: DeviceKeys
    room: str = FLOOR
    roster: Mapping[str, DeviceBody] = field(default_factory=dict)
    liars: set[str] = field(default_factory=set)
    _top: dict[str, int] = field(default_factory=dict)
    _taken: dict[tuple[str, int], bytes] = field(default_factory=dict)
    _dropped: set[str] = field(default_factory=set)

    def sender(self, message: Message) -> DeviceBody:
        """Step 1: the sender's body, if it is in the roster and no liar; else `MessageUntrusted`."""
        body = self.roster.get(message["device"])
        if body is None:
            raise MessageUntrusted("the sender is not in the roster")
        if message["device"] in self.liars:
            raise MessageUntrusted("the sender signed two keys for one epoch")
        return body

    def open(self, data: bytes) -> dict[str, Any]:
        """A message's members, checked as far as all kinds are (steps 1 to 5)."""
        message = parse_message(data)
        check_message(message, self.sender(message), self.room)
        return message

    def drop(self, device: str) -> None:
        """The keys of a device are thrown away: the last message may be taken once more, if the device comes back."""
        self._dropped.add(device)

    def take(self, message: Message) -> Taken | LeftOut | None:
        """Take an opened key message; None if it is one had before. `Liar`, `MessageUntrusted` otherwise."""
        device, epoch = message["device"], message["epoch"]
        fingerprint = hashlib.sha256(canonical.encode(dict(message))).digest()
        known, top = self._taken.get((device, epoch)), self._top.get(device, -1)
        anew = known == fingerprint and epoch == top and device in self._dropped
        if known is not None and not anew:
            if known == fingerprint:
                return None
            self.liars.add(device)
            raise Liar("a device signed two keys for one epoch", device=device, epoch=epoch)
        if epoch <= top and not anew:
            raise MessageUntrusted("an older epoch than the one taken")
        boxes = dict(message["boxes"])
        if roster_hash([*boxes, device]) != message["roster"]:
            raise MessageUntrusted("the boxes are not the roster that the message states")
        mine = boxes.get(self.me.id)
        if mine is None:
            return LeftOut(device, epoch)
        key = open_box(from_text(mine, BOX_BYTES), self.keys.kem, box_info(head_of(message), self.me.id))
        if len(key) != KEY_BYTES or key_commitment(key) != message["kc"]:
            raise MessageUntrusted("another key than the one committed to")
        self._taken[device, epoch] = fingerprint
        self._top[device] = epoch
        self._dropped.discard(device)
        # What a ring ago was taken is not needed to know a repetition or a lie: the epoch rule refuses it.
        for each in [at for at in self._taken if at[0] == device and at[1] <= epoch - RING]:
            del self._taken[each]
        return Taken(device, epoch, key, tuple(sorted(set(boxes) - set(self.roster) - {self.me.id})))


def seal_say(signer: MessageSigner, value: object, epoch: int, key: bytes, iv: bytes, now_ms: int) -> bytes:
    """Say something to everyone in: sealed under the sender's key of `epoch`, then signed (§3.5).

    value: canonical-JSON-able. key: the 32 bytes of that epoch. iv: 12 fresh random bytes.
    """
    signer.last = max(signer.last + 1, now_ms)
    aad = _say_aad(signer.body, signer.room, signer.last, epoch, to_text(iv))
    ct = AESGCM(digest("call/say-key", key)).encrypt(iv, canonical.encode(value), aad)
    signer.last -= 1
    return signer.sign("say", now_ms, epoch=epoch, iv=to_text(iv), ct=to_text(ct))


def open_say(message: Message, key: bytes, sender: DeviceBody) -> Any:
    """What an opened `say` says. key: the sender's of that epoch. Raises `MessageUntrusted`."""
    aad = _say_aad(sender, message["room"], message["n"], message["epoch"], message["iv"])
    try:
        data = AESGCM(digest("call/say-key", key)).decrypt(
            from_text(message["iv"], 12), from_text(message["ct"]), aad
        )
    except InvalidTag as error:
        raise MessageUntrusted("what was said does not open") from error
    return canonical.decode(data, limit=MAX_BYTES)


def _say_aad(sender: DeviceBody, room: str, n: int, epoch: int, iv: str) -> bytes:
    return canonical.encode(
        {
            "v": 1,
            "type": "say",
            "dialogue": sender.dialogue,
            "talk": sender.talk,
            "sitting": sender.sitting,
            "room": room,
            "device": sender.id,
            "n": n,
            "epoch": epoch,
            "iv": iv,
        }
    )
