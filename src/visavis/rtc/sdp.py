"""The little of SDP that signalling reads. Pure.

Lives here: the sections of a description: kind, mid, direction, msid, codecs.
Not here: ICE, DTLS, codecs' parameters: the engine reads those itself.
Source: RFC 8866 (SDP), RFC 8829 (JSEP), RFC 8830 (msid).
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal, cast

from visavis.rtc.errors import SdpMalformed
from visavis.rtc.ports import Mid

MAX_BYTES: Final = 256 * 1024
"""An SDK's publisher offer has 17 kB; a subscriber's answer about 2 kB a section."""

MAX_SECTIONS: Final = 256
MAX_LINES: Final = 32_768
MAX_LINE: Final = 4096

Direction = Literal["sendrecv", "sendonly", "recvonly", "inactive"]
_DIRECTIONS: Final = frozenset({"sendrecv", "sendonly", "recvonly", "inactive"})


@dataclass(frozen=True, slots=True)
class Section:
    """One media section.

    msid:  the track id, second half of `a=msid:`; "" if none.
    codec: name of the first payload type, as `a=rtpmap:` spells it; "" if none.
    codecs: the names of all payload types, in lower case.
    """

    kind: str
    port: int
    mid: Mid
    direction: Direction
    msid: str
    codec: str
    codecs: frozenset[str]

    @property
    def sends(self) -> bool:
        """The describing side sends here."""
        return self.port != 0 and self.direction in ("sendrecv", "sendonly")

    def takes(self, codec: str) -> bool:
        """The describing side could receive this codec here."""
        return self.port != 0 and codec.lower() in self.codecs


@functools.lru_cache(maxsize=32)
def sections(sdp: str) -> tuple[Section, ...]:
    """The media sections of a description, in order.

    A description is read when it comes and once more when the engine has taken it: the last few are kept.
    Raises `SdpMalformed` beyond the budget (bytes, lines, sections), for an m-line that is none, and for
    mids that are missing or used twice.
    """
    found: list[Section] = []
    mids: set[str] = set()
    session_direction: Direction = "sendrecv"
    head: list[str] = []  # the m-line's words
    mid, msid, direction, codecs = "", "", session_direction, dict[str, str]()

    def end() -> None:
        if not head:
            return
        if not mid or mid in mids:
            raise SdpMalformed("A media section has no mid, or one that is used twice.")
        if len(found) == MAX_SECTIONS:
            raise SdpMalformed("The session description has too many media sections.")
        mids.add(mid)
        codec = codecs.get(head[3], "") if len(head) > 3 else ""
        named = frozenset(codecs[pt].lower() for pt in head[3:] if pt in codecs)
        found.append(Section(head[0], int(head[1]), Mid(mid), direction, msid, codec, named))

    for line in _lines(sdp):
        if line.startswith("m="):
            end()
            head = line[2:].split(" ")
            if len(head) < 4 or not (head[1].isascii() and head[1].isdigit() and len(head[1]) <= 5):
                raise SdpMalformed("A media line cannot be read.")
            mid, msid, direction, codecs = "", "", session_direction, {}
        elif line.startswith("a="):
            name, _, value = line[2:].partition(":")
            if name in _DIRECTIONS and not value:
                direction = cast(Direction, name)
                if not head:
                    session_direction = direction
            elif not head:
                continue
            elif name == "mid":
                mid = value
            elif name == "msid":
                msid = value.split(" ")[-1]
            elif name == "rtpmap":
                payload_type, _, codec = value.partition(" ")
                codecs.setdefault(payload_type, codec.split("/")[0])
    end()
    return tuple(found)


def prefer(sdp: str, codecs: Mapping[Mid, str]) -> str:
    """A description with a codec's payload types first in its section, where the section has any of it.

    codecs: mid → name of the codec, in lower case.
    """
    lines = _lines(sdp)
    starts = [n for n, line in enumerate(lines) if line.startswith("m=")]
    for start, end in itertools.pairwise([*starts, len(lines)]):
        section = lines[start:end]
        mid = next((line[6:] for line in section if line.startswith("a=mid:")), "")
        if (codec := codecs.get(Mid(mid))) is None:
            continue
        maps = [line[9:].partition(" ") for line in section if line.startswith("a=rtpmap:")]
        named = {pt for pt, _, name in maps if name.split("/")[0].lower() == codec}
        words = section[0].split(" ")
        lines[start] = " ".join(words[:3] + sorted(words[3:], key=lambda pt: pt not in named))
    return "\r\n".join(lines) + "\r\n"


def _lines(sdp: str) -> list[str]:
    if len(sdp) > MAX_BYTES or not sdp.startswith("v=0"):
        raise SdpMalformed("This is no session description, or too long a one.", bytes=len(sdp))
    lines = [x for x in sdp.replace("\r", "").split("\n") if x]
    if len(lines) > MAX_LINES or any(len(x) > MAX_LINE for x in lines):
        raise SdpMalformed("The session description has too many lines, or too long a one.")
    return lines
