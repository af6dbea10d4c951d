"""Notes between members of one side during the talk: each under a key of its own, sealed to devices of that side.

Lives here: `seal_note`, `open_note`.
Not here: a message's signature and form (`messages`), the words inside (docs/spec/keys.md §3.8).
Spec: docs/spec/keys.md §3.8.

    note   + "epoch","kc","iv","ct","boxes"      ct: AES-256-GCM under H("call/note-key", the note's key)

Not under the key of the call: the other side has that one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from visavis.e2ee.device import DeviceBody, DeviceKeys
from visavis.e2ee.errors import MessageUntrusted
from visavis.e2ee.messages import (
    BOX_BYTES,
    KEY_BYTES,
    MAX_BYTES,
    Message,
    MessageSigner,
    box_info,
    key_commitment,
    open_box,
    seal_boxes,
)
from visavis.record import canonical
from visavis.record.digest import digest, from_text, to_text

_HEAD = ("v", "type", "dialogue", "talk", "sitting", "room", "device", "n", "epoch", "kc")


def seal_note(
    signer: MessageSigner,
    to: Mapping[str, DeviceBody],
    value: object,
    epoch: int,
    random: Callable[[int], bytes],
    now_ms: int,
) -> bytes:
    """The message that says `value` to each device of `to` and to nobody else.

    to: others of the signer's own side, by id. value: canonical-JSON-able. epoch: of the signer's key in use.
    random: n → n fresh random bytes.
    """
    key, iv = random(KEY_BYTES), random(12)
    head = {**signer.begin("note", now_ms), "epoch": epoch, "kc": key_commitment(key)}
    clear = {**head, "iv": to_text(iv), "boxes": seal_boxes(head, to, key)}
    ct = AESGCM(digest("call/note-key", key)).encrypt(iv, canonical.encode(value), canonical.encode(clear))
    return signer.end({**clear, "ct": to_text(ct)})


def open_note(message: Message, sender: DeviceBody, me: DeviceBody, keys: DeviceKeys) -> Any:
    """What an opened message of the kind `note` says to `me`.

    Raises `MessageUntrusted` if it is not of `me`'s side, not for `me`, or not as it was sealed.
    """
    if sender.side != me.side:
        raise MessageUntrusted("a note is of one's own side")
    box = dict(message["boxes"]).get(me.id)
    if box is None:
        raise MessageUntrusted("the note is for others")
    head = {name: message[name] for name in _HEAD}
    key = open_box(from_text(box, BOX_BYTES), keys.kem, box_info(head, me.id))
    if len(key) != KEY_BYTES or key_commitment(key) != message["kc"]:
        raise MessageUntrusted("another key than the one committed to")
    clear = {name: value for name, value in message.items() if name not in ("sig", "ct")}
    try:
        data = AESGCM(digest("call/note-key", key)).decrypt(
            from_text(message["iv"], 12), from_text(message["ct"]), canonical.encode(clear)
        )
    except InvalidTag as error:
        raise MessageUntrusted("the note does not open") from error
    return canonical.decode(data, limit=MAX_BYTES)
