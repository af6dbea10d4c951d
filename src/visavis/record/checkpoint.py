"""Checkpoints of a side's log, signed by its log key, cosigned by both sides' log keys. Pure.

Lives here: a log's origin, the checkpoint's text, signing and checking it, cosignatures, the whole as one
C2SP note.
Not here: which key was in force at which size (`dialogue.fold`), whether to cosign (`dialogue`), trees.
Spec: docs/spec/record.md §10; C2SP tlog-checkpoint and tlog-cosignature; ADR 5.

    visavis/<dialogue>/<side>                                  origin: no host, so it outlives a move
    17                                                         size, in entries
    CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=               root, base64

    — visavis/<dialogue>/<side> Az3grl…                        Ed25519 (01) by the log key
    — visavis/<dialogue>/<side> mW8qTA…                        cosignature/v1 (04) by the log key
    — visavis/<dialogue>/<other> jWbPPw…                       cosignature/v1 (04) by the counterpart's
"""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass
from functools import lru_cache

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from visavis.errors import Malformed, Untrusted
from visavis.record import note
from visavis.record.signature import verifies

SIGNATURE_BYTES = 64
MAX_TIMESTAMP = 2**63 - 1
_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
_SIZE = re.compile(r"0|[1-9][0-9]{0,15}")


@dataclass(frozen=True, slots=True)
class Cosignature:
    """That the cosigner had seen no larger tree of this log than this one, consistent with all before.

    timestamp: POSIX seconds, by the cosigner's clock. sig: Ed25519, 64 bytes.
    """

    timestamp: int
    sig: bytes


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A signed statement of a log's size and root.

    sig:         the log key's, 64 bytes.
    cosignature: the counterpart's, if there is one.
    own:         the side's own, by the log key too: its half of the quorum "both" (`policy`).
    """

    dialogue: str
    side: str
    size: int
    root: bytes
    sig: bytes
    cosignature: Cosignature | None = None
    own: Cosignature | None = None

    @property
    def receipt(self) -> Cosignature | None:
        """The counterpart's cosignature, where both sides have cosigned: the quorum "both" is met."""
        return None if self.own is None else self.cosignature


def origin(dialogue: str, side: str) -> str:
    """A log's name, "visavis/<dialogue>/<side>": where the node stands is no part of it (ADR 5)."""
    return f"visavis/{dialogue}/{side}"


def checkpoint_text(dialogue: str, side: str, size: int, root: bytes) -> bytes:
    """The three lines that a log key signs. size: in entries. root: RFC 9162, 32 bytes.

    Raises `Malformed` if an id could not stand in an origin, or the root has another length.
    """
    if size < 0 or len(root) != 32:
        raise Malformed("checkpoint: a size and a root of 32 bytes are due")
    return b"%b\n%d\n%b" % (_origin(dialogue, side), size, binascii.b2a_base64(root))


@lru_cache(maxsize=64)
def _origin(dialogue: str, side: str) -> bytes:
    if not _ID.fullmatch(dialogue) or not _ID.fullmatch(side):
        raise Malformed("checkpoint: an id of 1 to 64 base64url characters is due")
    return origin(dialogue, side).encode()


def sign_checkpoint(key: Ed25519PrivateKey, dialogue: str, side: str, size: int, root: bytes) -> bytes:
    """The log key's signature, 64 bytes. Only for entries that are on disk (§10)."""
    return key.sign(checkpoint_text(dialogue, side, size, root))


def verify_signature(log_key: bytes, dialogue: str, side: str, size: int, root: bytes, sig: bytes) -> bool:
    """Whether `sig` is `log_key`'s over this side's checkpoint. Never raises.

    log_key: Ed25519, 32 bytes. sig: as in an entry's `ack`, 64 bytes.
    """
    try:
        return verifies(log_key, sig, checkpoint_text(dialogue, side, size, root))
    except Malformed:
        return False


def cosign(
    key: Ed25519PrivateKey, dialogue: str, side: str, size: int, root: bytes, timestamp: int
) -> Cosignature:
    """A cosignature over `side`'s checkpoint, by that side's log key or by the counterpart's.

    timestamp: POSIX seconds, from the caller's clock. The caller has checked the consistency proof.
    """
    text = cosigned_text(timestamp, checkpoint_text(dialogue, side, size, root))
    return Cosignature(timestamp, key.sign(text))


def verify_cosignature(
    cosigner_key: bytes, dialogue: str, side: str, size: int, root: bytes, cosignature: Cosignature
) -> bool:
    """Whether the cosignature over `side`'s checkpoint is by `cosigner_key` (32 bytes). Never raises."""
    try:
        text = cosigned_text(cosignature.timestamp, checkpoint_text(dialogue, side, size, root))
    except Malformed:
        return False
    return verifies(cosigner_key, cosignature.sig, text)


def cosigned_text(timestamp: int, text: bytes) -> bytes:
    """What a cosignature/v1 is made over. timestamp: POSIX seconds. text: the checkpoint's, without signatures."""
    if not 0 <= timestamp <= MAX_TIMESTAMP:
        raise Malformed("cosignature: a time of 0…2^63−1 seconds is due")
    return b"cosignature/v1\ntime %d\n%b" % (timestamp, text)


def encode_checkpoint(
    checkpoint: Checkpoint, log_key: bytes, other: str = "", cosigner_key: bytes = b""
) -> bytes:
    """The checkpoint as a C2SP signed note: the log's line, the own cosignature, the counterpart's.

    log_key: the key that signed and cosigned it. other, cosigner_key: the counterpart's side id and log key, needed if
    it has cosigned. Keys are public, 32 bytes. No signature is verified here.
    """
    text = checkpoint_text(checkpoint.dialogue, checkpoint.side, checkpoint.size, checkpoint.root)
    name = origin(checkpoint.dialogue, checkpoint.side)
    lines = [note.Signature(name, note.key_id(name, note.ED25519, log_key), checkpoint.sig)]
    if checkpoint.own is not None:
        lines.append(_cosignature_line(name, log_key, checkpoint.own))
    if checkpoint.cosignature is not None:
        lines.append(
            _cosignature_line(origin(checkpoint.dialogue, other), cosigner_key, checkpoint.cosignature)
        )
    return note.encode_note(note.Note(text.decode(), tuple(lines)))


def parse_text(text: str) -> tuple[str, str, int, bytes]:
    """Read a checkpoint's text: dialogue, side, size, root. `Malformed` says which line breaks the form.

    Extension lines are refused: a Visavis log writes none, and nothing would check them.
    """
    lines = text.split("\n")
    if len(lines) != 4 or lines[3]:
        raise Malformed("checkpoint: three lines are due")
    parts = lines[0].split("/")
    if len(parts) != 3 or parts[0] != "visavis" or not all(_ID.fullmatch(part) for part in parts[1:]):
        raise Malformed("checkpoint: line 1 is not an origin of the form visavis/<dialogue>/<side>", line=1)
    if not _SIZE.fullmatch(lines[1]):
        raise Malformed("checkpoint: line 2 is not a size", line=2)
    odd = "checkpoint: line 3 is not a root of 32 bytes, in base64"
    try:
        root = base64.b64decode(lines[2], validate=True)
    except ValueError as error:
        raise Malformed(odd, line=3) from error
    if len(root) != 32 or base64.b64encode(root).decode("ascii") != lines[2]:
        raise Malformed(odd, line=3)
    return parts[1], parts[2], int(lines[1]), root


def open_checkpoint(data: bytes, log_key: bytes, other: str = "", cosigner_key: bytes = b"") -> Checkpoint:
    """Read a checkpoint's note and verify it.

    log_key: the key that must have signed. other, cosigner_key: the counterpart's side id and log key.
    Cosignatures by either are verified and kept; lines by keys unknown here are passed over, as C2SP asks.
    Raises `Malformed`, or `Untrusted` if the log's signature is missing or any known one fails.
    """
    signed = note.parse_note(data)
    dialogue, side, size, root = parse_text(signed.text)
    name = origin(dialogue, side)
    sig = signed.find(name, note.key_id(name, note.ED25519, log_key))
    if sig is None:
        raise Untrusted("checkpoint: not signed by the log's key")
    if not verify_signature(log_key, dialogue, side, size, root, sig):
        raise Untrusted("checkpoint: the log's signature fails")
    text = signed.text.encode()
    own = _cosignature(signed, text, name, log_key)
    cosignature = _cosignature(signed, text, origin(dialogue, other), cosigner_key) if other else None
    return Checkpoint(dialogue, side, size, root, sig, cosignature, own)


def read_cosignature(stamped: bytes, text: bytes, cosigner_key: bytes) -> Cosignature:
    """The cosignature that a line holds, verified over a checkpoint's text; `Malformed` or `Untrusted`."""
    cosignature = parse_cosignature(stamped)
    if not verifies(cosigner_key, cosignature.sig, cosigned_text(cosignature.timestamp, text)):
        raise Untrusted("checkpoint: a cosignature fails")
    return cosignature


def parse_cosignature(stamped: bytes) -> Cosignature:
    """Read a `timestamped_signature`: u64be seconds ‖ Ed25519, 72 bytes; else `Malformed`."""
    if len(stamped) != 8 + SIGNATURE_BYTES:
        raise Malformed(f"cosignature: {len(stamped)} bytes where {8 + SIGNATURE_BYTES} are due")
    timestamp = int.from_bytes(stamped[:8], "big")
    if timestamp > MAX_TIMESTAMP:
        raise Malformed("cosignature: its time exceeds 2^63−1")
    return Cosignature(timestamp, stamped[8:])


def _cosignature_line(name: str, key: bytes, cosignature: Cosignature) -> note.Signature:
    stamped = cosignature.timestamp.to_bytes(8, "big") + cosignature.sig
    return note.Signature(name, note.key_id(name, note.COSIGNATURE_V1, key), stamped)


def _cosignature(signed: note.Note, text: bytes, name: str, key: bytes) -> Cosignature | None:
    stamped = signed.find(name, note.key_id(name, note.COSIGNATURE_V1, key))
    if stamped is None:
        return None
    try:
        return read_cosignature(stamped, text, key)
    except Untrusted as error:
        raise Untrusted(f"checkpoint: the cosignature of {name} fails") from error
