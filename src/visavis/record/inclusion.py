"""That an entry stands in a log, as one small file: C2SP tlog-proof, to be checked offline. Pure.

Lives here: `LoggedProof`, reading and writing it, its check against an entry and a policy.
Not here: Merkle proofs themselves (`merkle`), which checkpoints count (`policy`), proofs in entries (`entry`).
Spec: docs/spec/record.md §10.6; C2SP tlog-proof.

    c2sp.org/tlog-proof@v1
    extra cGFnZS12MQ==                                     perhaps; Visavis writes none, and trusts none
    index 4
    gSKyXoYZUgZ6jduWYrkDOARinOMGJveXjgMkBTcdPlQ=           the inclusion proof, leaf to root
    B95lDa8R83lS8n0eG+o0buTxRKQTYFi//1U8anccXmA=
                                                           an empty line
    visavis/<dialogue>/<side>                              the checkpoint's note, verbatim
    …
"""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass

from visavis.errors import Malformed
from visavis.record import checkpoint, merkle, note, policy

HEADER = "c2sp.org/tlog-proof@v1"
SUFFIX = ".tlog-proof"
MAX_BYTES = 2 * note.MAX_BYTES
"""The note has its own budget; what is before it may be as long again."""
MAX_HASHES = 63
_INDEX = re.compile(r"0|[1-9][0-9]{0,15}")


@dataclass(frozen=True, slots=True)
class LoggedProof:
    """Where an entry stands. Nothing is verified yet.

    index:      of the entry in its log.
    hashes:     the inclusion proof, leaf to root, 32 bytes each.
    checkpoint: the note, as bytes.
    extra:      what another tool put in; nothing covers it.
    """

    index: int
    hashes: tuple[bytes, ...]
    checkpoint: bytes
    extra: bytes | None = None


@dataclass(frozen=True, slots=True)
class Logged:
    """What a proof has shown: the entry is in this log, of which this checkpoint met the policy."""

    dialogue: str
    side: str
    index: int
    size: int
    met: policy.Met


def encode_proof(proof: LoggedProof) -> bytes:
    """The proof's file. Raises `Malformed` for one that `parse_proof` would not read back."""
    lines = [HEADER]
    if proof.extra is not None:
        lines.append(f"extra {_base64(proof.extra)}")
    lines.append(f"index {proof.index}")
    lines += map(_base64, proof.hashes)
    data = "".join(f"{line}\n" for line in [*lines, ""]).encode() + proof.checkpoint
    if parse_proof(data) != proof:
        raise Malformed("tlog-proof: its parts do not form one proof")
    return data


def parse_proof(data: bytes) -> LoggedProof:
    """Read a proof of at most 128 KiB and 63 hashes. `Malformed` says which line breaks the form.

    The checkpoint is kept as bytes: `check_proof` reads it. Source: C2SP tlog-proof, "Format".
    """
    if len(data) > MAX_BYTES:
        raise Malformed(f"tlog-proof: {len(data)} bytes where {MAX_BYTES} are allowed")
    head, gap, tail = data.partition(b"\n\n")
    if not gap:
        raise Malformed("tlog-proof: no empty line before the checkpoint")
    try:
        lines = head.decode("ascii").split("\n")
    except UnicodeDecodeError as error:
        line = head.count(b"\n", 0, error.start) + 1
        raise Malformed(f"tlog-proof: line {line} is not ASCII", line=line) from error
    if lines[0] != HEADER:
        raise Malformed(f"tlog-proof: line 1 is not {HEADER}", line=1)
    at = 1
    extra = None
    if at < len(lines) and lines[at].startswith("extra "):
        extra = _bytes(lines[at][6:], at + 1)
        if not extra:
            raise Malformed("tlog-proof: line 2 has no extra data", line=2)
        at += 1
    keyword, _, index = lines[at].partition(" ") if at < len(lines) else ("", "", "")
    if keyword != "index" or not _INDEX.fullmatch(index):
        raise Malformed(f"tlog-proof: line {at + 1} is not an index", line=at + 1)
    at += 1
    if len(lines) - at > MAX_HASHES:
        raise Malformed(f"tlog-proof: {len(lines) - at} hashes where {MAX_HASHES} are allowed")
    hashes = tuple(_bytes(text, number) for number, text in enumerate(lines[at:], at + 1))
    for number, each in enumerate(hashes, at + 1):
        if len(each) != merkle.HASH_BYTES:
            raise Malformed(f"tlog-proof: line {number} is not a hash of 32 bytes", line=number)
    return LoggedProof(int(index), hashes, tail, extra)


def check_proof(proof: LoggedProof, entry: bytes, trusted: policy.Policy) -> Logged:
    """Check that `entry`, a leaf's bytes, stands in a log that `trusted` names, under a checkpoint that meets it.

    Raises `Malformed` if the note is no checkpoint of a Visavis log, `Untrusted` if the policy is not met
    or the proof does not lead to its root. Source: C2SP tlog-proof, "Verifying a tlog proof".
    """
    signed = note.parse_note(proof.checkpoint)
    dialogue, side, size, root = checkpoint.parse_text(signed.text)
    met = policy.check_note(trusted, signed)
    merkle.verify_inclusion(merkle.leaf_hash(entry), proof.index, size, proof.hashes, root)
    return Logged(dialogue, side, proof.index, size, met)


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


def _bytes(text: str, line: int) -> bytes:
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise Malformed(f"tlog-proof: line {line} is not base64", line=line) from error
    if _base64(data) != text:
        raise Malformed(f"tlog-proof: line {line} is not base64 in its one spelling", line=line)
    return data
