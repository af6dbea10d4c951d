"""C2SP signed notes: a text and the signatures under it. Pure.

Lives here: `Note`, reading and writing it, key ids, verifier keys written and read.
Not here: what the text says (`checkpoint`), keys and their making.
Spec: docs/spec/record.md §10; C2SP signed-note v1.0.0.

    the text, one or more lines,
    ending in a newline
                                                               an empty line
    — <key name> base64(key id, 4 bytes ‖ signature)           one or more
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from dataclasses import dataclass

from visavis.errors import Malformed
from visavis.record.signature import is_proper

ED25519 = 0x01
"""Signature type of Ed25519 over the note's text."""
COSIGNATURE_V1 = 0x04
"""Signature type of a timestamped Ed25519 cosignature (C2SP tlog-cosignature)."""

PUBLIC_KEY_BYTES = 32
MAX_BYTES = 64 * 1024
MAX_SIGNATURES = 32
"""C2SP asks verifiers to accept at least 16."""
KEY_ID_BYTES = 4
_MAX_SIGNATURE_BYTES = 8 * 1024
_CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f]")
_NAME = re.compile(r"[^\s+]+")  # `\s` on str: every Unicode space


@dataclass(frozen=True, slots=True)
class Signature:
    """One signature line. key_id: 4 bytes. sig: what follows them; its form depends on the key's type."""

    name: str
    key_id: bytes
    sig: bytes


@dataclass(frozen=True, slots=True)
class Note:
    """A signed note. text: the lines above the last empty line, ending in a newline."""

    text: str
    signatures: tuple[Signature, ...]

    def find(self, name: str, key_id: bytes) -> bytes | None:
        """The signature by the key of this name and id; None if it did not sign. Others are passed over."""
        for signature in self.signatures:
            if signature.name == name and signature.key_id == key_id:
                return signature.sig
        return None


def key_id(name: str, kind: int, public_key: bytes) -> bytes:
    """SHA-256(name ‖ 0A ‖ kind ‖ public key), its first four bytes. kind: ED25519 or COSIGNATURE_V1."""
    return hashlib.sha256(name.encode() + b"\n" + bytes([kind]) + public_key).digest()[:KEY_ID_BYTES]


@dataclass(frozen=True, slots=True)
class VerifierKey:
    """A key that others' tools are given. kind: ED25519 or COSIGNATURE_V1. public_key: Ed25519, 32 bytes."""

    name: str
    kind: int
    public_key: bytes

    @property
    def id(self) -> bytes:
        """The key id, 4 bytes."""
        return key_id(self.name, self.kind, self.public_key)


def verifier_key(name: str, kind: int, public_key: bytes) -> str:
    """The key's text, a vkey: "<name>+<id in hex>+base64(kind ‖ public key)"."""
    encoded = base64.b64encode(bytes([kind]) + public_key).decode("ascii")
    return f"{name}+{key_id(name, kind, public_key).hex()}+{encoded}"


def parse_verifier_key(text: str) -> VerifierKey:
    """Read a vkey of an Ed25519 key, plain or cosigning, in its one spelling; anything else is `Malformed`.

    Source: C2SP signed-note v1.0.0, "Verifier keys"; tlog-cosignature, "Format".
    """
    name, _, rest = text.partition("+")
    _, _, encoded = rest.partition("+")
    if not _NAME.fullmatch(name):
        raise Malformed("vkey: no proper key name")
    try:
        data = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError) as error:
        raise Malformed("vkey: the key is not base64") from error
    if data[:1] not in (bytes([ED25519]), bytes([COSIGNATURE_V1])) or len(data) != 1 + PUBLIC_KEY_BYTES:
        raise Malformed("vkey: a key of type 01 or 04, of 32 bytes, is due")
    if not is_proper(data[1:]):
        raise Malformed("vkey: a key of small order, or not in its one spelling")
    try:
        spelt = verifier_key(name, data[0], data[1:])
    except UnicodeEncodeError as error:
        raise Malformed("vkey: not UTF-8") from error
    if spelt != text:
        raise Malformed("vkey: its id is not the key's, or it is not in its one spelling")
    return VerifierKey(name, data[0], data[1:])


def encode_note(note: Note) -> bytes:
    """The note's bytes. Raises `Malformed` for a note that `parse_note` would not read back."""
    lines = [
        f"— {signature.name} {base64.b64encode(signature.key_id + signature.sig).decode('ascii')}\n"
        for signature in note.signatures
    ]
    try:
        data = (note.text + "\n" + "".join(lines)).encode()
    except UnicodeEncodeError as error:
        raise Malformed("note: not UTF-8") from error
    if parse_note(data) != note:
        raise Malformed("note: its parts do not form one note")
    return data


def parse_note(data: bytes) -> Note:
    """Read a signed note of at most 64 KiB and 32 signatures. `Malformed` says which line breaks the form.

    No signature is verified here. Source: C2SP signed-note v1.0.0, "Format".
    """
    if len(data) > MAX_BYTES:
        raise Malformed(f"note: {len(data)} bytes where {MAX_BYTES} are allowed")
    try:
        whole = data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise Malformed(f"note: line {line} is not UTF-8", line=line) from error
    if control := _CONTROL.search(whole):
        line = whole.count("\n", 0, control.start()) + 1
        raise Malformed(f"note: line {line} has a control character", line=line)
    text, gap, tail = whole.rpartition("\n\n")
    if not gap:
        raise Malformed("note: no empty line before the signatures")
    text += "\n"
    first = text.count("\n") + 2
    if not tail.endswith("\n"):
        line = first + tail.count("\n")
        raise Malformed(f"note: line {line} does not end in a newline", line=line)
    lines = tail[:-1].split("\n")
    if len(lines) > MAX_SIGNATURES:
        raise Malformed(f"note: {len(lines)} signatures where {MAX_SIGNATURES} are allowed")
    return Note(text, tuple(_parse_signature(line, first + i) for i, line in enumerate(lines)))


def _parse_signature(text: str, line: int) -> Signature:
    dash, name, encoded = [*text.split(" ", 2), "", ""][:3]
    if dash != "—":
        raise Malformed(f"note: line {line} does not begin with an em dash", line=line)
    if not _NAME.fullmatch(name):
        raise Malformed(f"note: line {line} has no proper key name", line=line)
    odd = f"note: line {line} has a signature that is not base64 in its one spelling"
    try:
        data = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError) as error:
        raise Malformed(odd, line=line) from error
    if base64.b64encode(data).decode("ascii") != encoded:
        raise Malformed(odd, line=line)
    if not KEY_ID_BYTES < len(data) <= KEY_ID_BYTES + _MAX_SIGNATURE_BYTES:
        raise Malformed(f"note: line {line} has a signature of {len(data)} bytes", line=line)
    return Signature(name, data[:KEY_ID_BYTES], data[KEY_ID_BYTES:])
