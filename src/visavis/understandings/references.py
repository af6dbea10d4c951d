"""What an assessment refers to besides its words: addresses, and files by their hash. Pure.

Lives here: `Reference`, `references` (how lines are read), `checked` (what may be written).
Not here: the words of the evidence (`acts`, `service`), markup (`web`), files: they stay where they are, and whoever
has a copy compares its hash.
Spec: docs/spec/record.md §11.3.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import urlsplit

from visavis.dialogue.texts import Texts
from visavis.errors import Malformed

NO_LANGUAGE = "zxx"
"""BCP 47: no linguistic content. What both sides read alike stands under it, and is translated by nobody."""
MAX_LINES = 20
MAX_LINE = 2000
"""Characters."""
_FILE = re.compile(r"sha256:([0-9a-f]{64})(?:[ \t]+(\S.*))?\Z")


class Kind(StrEnum):
    LINK = "link"
    FILE = "file"
    WORDS = "words"
    """A line that is neither: another program wrote it. It is shown as it stands."""


@dataclass(frozen=True, slots=True)
class Reference:
    """One line. at: the address, or the file's SHA-256 in hex; "" of words. name: what it is, in words, or ""."""

    kind: Kind
    at: str
    name: str


def references(text: str) -> tuple[Reference, ...]:
    """The lines of a text in `NO_LANGUAGE`; blank ones are none."""
    return tuple(_read(line.strip()) for line in text.splitlines() if line.strip())


def _read(line: str) -> Reference:
    found = _FILE.match(line)
    if found is not None:
        return Reference(Kind.FILE, found[1], (found[2] or "").strip())
    address, _, name = line.partition(" ")
    if _is_address(address):
        return Reference(Kind.LINK, address, name.strip())
    return Reference(Kind.WORDS, "", line)


def _is_address(text: str) -> bool:
    """Of http or https, at a host, without a user's name before it, which would pass for the host."""
    if not text.isascii() or not text.isprintable() or not text.startswith(("https://", "http://")):
        return False
    try:
        parts = urlsplit(text)
        return bool(parts.hostname) and "@" not in parts.netloc and parts.port != 0
    except ValueError:
        return False


def checked(words: Mapping[str, str], field: str) -> None:
    """Check what is about to be written under `NO_LANGUAGE`. Raises `Malformed`, naming the field."""
    text = words.get(NO_LANGUAGE, "")
    found = references(text)
    at = f"{field}.{NO_LANGUAGE}"
    if len(found) > MAX_LINES or any(len(line) > MAX_LINE for line in text.splitlines()):
        raise Malformed("links and files: too many lines, or one that is too long", field=at)
    if any(each.kind is Kind.WORDS for each in found):
        raise Malformed(
            "links and files: a line is neither an address (https://…) nor the hash of a file (sha256:…)",
            field=at,
        )


def parted(texts: Texts) -> tuple[Texts, str | None]:
    """Evidence as (its words, the commitment to what it refers to, or None)."""
    said = dict(texts)
    return tuple(pair for pair in texts if pair[0] != NO_LANGUAGE), said.get(NO_LANGUAGE)
