"""The bundle's container: a ZIP archive in its one spelling. Pure.

Lives here: writing members, reading them back, where the bytes differ from the one spelling.
Not here: which members a bundle has (`bundle`).
Spec: docs/spec/record.md §12.1; PKWARE APPNOTE 6.3.10 (a subset).

Members are stored, not compressed, with no time, no extra field and no comment, so any unzip reads them, no
member is larger than the file, and for a list of members there is exactly one archive. `zipfile` is not used
to read: it follows the directory at the end, and two readers of one hostile archive then see two contents.

    for each member:  local header (30) ‖ name ‖ bytes
    for each member:  directory entry (46) ‖ name
    end of directory (22)
"""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Sequence

from visavis.errors import Malformed

MAX_BYTES = 256 * 1024 * 1024
MAX_MEMBERS = 60_000
MAX_NAME = 160
_NAME = re.compile(rb"[A-Za-z0-9_-][A-Za-z0-9._-]*(?:/[A-Za-z0-9_-][A-Za-z0-9._-]*)*")
_LOCAL = struct.Struct("<4s5H3L2H")
_DIRECTORY = struct.Struct("<4s6H3L5H2L")
_END = struct.Struct("<4s4H2LH")
_DOS_DATE = 0x21  # 1 January 1980: ZIP has no "no date"
_VERSION, _MADE_BY, _MODE = 20, 3 << 8 | 20, 0o100644 << 16  # by Unix, so that unzip makes readable files

Member = tuple[str, bytes]


def write(members: Sequence[Member]) -> bytes:
    """The archive of `members`, in their order. `Malformed` if they exceed a budget or a name is odd."""
    seen: set[str] = set()
    for name, _ in members:
        if not _NAME.fullmatch(name.encode()) or len(name) > MAX_NAME or name in seen:
            raise Malformed(f"archive: {name[:80]!r} cannot be a member's name here")
        seen.add(name)
    size = sum(len(content) for _, content in members)
    if len(members) > MAX_MEMBERS or size > MAX_BYTES:
        raise Malformed(f"archive: {len(members)} members of {size} bytes are too many")
    data = b"".join(_pieces(members))
    if len(data) > MAX_BYTES:
        raise Malformed(f"archive: {len(data)} bytes where {MAX_BYTES} are allowed")
    return data


def read(data: bytes) -> tuple[list[Member], str | None]:
    """The members, and where `data` first departs from their one spelling: None if it does not.

    A wrong checksum or an odd directory is such a departure; the members are given all the same, so that
    the account can say what they hold. Bytes that do not walk as members raise `Malformed`.
    """
    if len(data) > MAX_BYTES:
        raise Malformed(f"archive: {len(data)} bytes where {MAX_BYTES} are allowed")
    members: list[Member] = []
    seen: set[str] = set()
    at = 0
    while data[at : at + 4] == b"PK\x03\x04":
        if len(members) == MAX_MEMBERS:
            raise Malformed(f"archive: more than {MAX_MEMBERS} members")
        header = data[at : at + _LOCAL.size]
        if len(header) < _LOCAL.size:
            raise Malformed(f"archive: cut short at byte {at}")
        _, _, flags, method, _, _, _, size, plain, name_size, extra = _LOCAL.unpack(header)
        if flags or method or extra or size != plain:
            raise Malformed(f"archive: the member at byte {at} is not stored plainly")
        at += _LOCAL.size
        raw = data[at : at + name_size]
        at += name_size
        name = raw.decode("ascii", "replace")
        if name_size > MAX_NAME or not _NAME.fullmatch(raw):
            raise Malformed(f"archive: {name[:80]!r} cannot be a member's name here")
        if name in seen:
            raise Malformed(f"archive: {name} is there twice")
        if at + size > len(data):
            raise Malformed(f"archive: {name} is cut short")
        seen.add(name)
        members.append((name, data[at : at + size]))
        at += size
    if not members:
        raise Malformed("archive: not a Visavis bundle")
    return members, _departure(data, members)


def _departure(data: bytes, members: Sequence[Member]) -> str | None:
    """Where `data` is not these members' one spelling; None if it is."""
    pieces = _pieces(members)
    if b"".join(pieces) == data:
        return None
    at = 0
    for number, piece in enumerate(pieces):
        if data[at : at + len(piece)] != piece:
            return f"archive: {_what(number, members)} differs from the members' one spelling"
        at += len(piece)
    return f"archive: {len(data) - at} bytes after its end"


def _pieces(members: Sequence[Member]) -> list[bytes]:
    """The archive's bytes: a header and a content for each member, the directory, its end."""
    pieces: list[bytes] = []
    directory: list[bytes] = []
    at = 0
    for name, content in members:
        raw, crc, size = name.encode(), zlib.crc32(content), len(content)
        shape = (crc, size, size, len(raw), 0)
        header = _LOCAL.pack(b"PK\x03\x04", _VERSION, 0, 0, 0, _DOS_DATE, *shape) + raw
        pieces += (header, content)
        directory.append(
            _DIRECTORY.pack(b"PK\x01\x02", _MADE_BY, _VERSION, 0, 0, 0, _DOS_DATE, *shape, 0, 0, 0, _MODE, at)
            + raw
        )
        at += len(header) + size
    whole = b"".join(directory)
    count = len(directory)
    return [*pieces, whole, _END.pack(b"PK\x05\x06", 0, 0, count, count, len(whole), at, 0)]


def _what(number: int, members: Sequence[Member]) -> str:
    """What the piece of that number is, in words."""
    member, part = divmod(number, 2)
    if member == len(members):
        return "the end of the directory" if part else "the directory"
    name = members[member][0]
    return name if part else f"the header or checksum of {name}"
