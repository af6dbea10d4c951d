"""Erasing contents: what an act commits to, whose copy goes, and the command that asks for it. Pure.

Lives here: `committed`, `Source`, `source_of` (which entry commits to what), `erasures`, `names_of`,
`COMMANDS`.
Not here: the rule (`accord`), deleting (`keeping`, `store`), what a page shows in place of the words (`web`).
Spec: docs/spec/record.md §11.

A side erases its own copy: by one entry, whose commitment both logs keep. What the other side holds is the other's to
erase.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from visavis.dialogue import chair
from visavis.dialogue.acts import Admit
from visavis.dialogue.chair import Mark
from visavis.dialogue.commands import Audience, Command, Drafted, Fresh, Summary, View
from visavis.dialogue.join import Joint
from visavis.dialogue.memo import remembered
from visavis.dialogue.texts import ActFields, Hash
from visavis.errors import Refused
from visavis.record.digest import is_hash

SHOWN = 120
"""Characters of the words that the summary shows."""

_ALONE = frozenset({"name", "initials", "reason", "title", "text", "dateline"})
"""Members that hold one commitment by itself, where they hold a string (§11)."""


class NoSuchContent(Refused):
    """No entry of either log commits to it, or this side never had it."""

    code = "no-such-content"


class ErasedAlready(Refused):
    """This side has erased its copy."""

    code = "erased-already"


class ContentErased(Refused):
    """This side has erased its copy of the words: they cannot be shown, and nothing new rests on them."""

    code = "content-erased"


@dataclass(frozen=True, slots=True)
class Committed:
    """One commitment in an act. part: the member that holds it. language: BCP 47, or "" where it has none."""

    commitment: str
    part: str
    language: str


@dataclass(frozen=True, slots=True)
class Source:
    """The first entry that commits to a content. side: 0 or 1. act: the entry's type."""

    side: int
    index: int
    act: str
    part: str
    language: str


def committed(act: Mapping[str, Any]) -> Iterator[Committed]:
    """What an act commits to, in its order (record.md §11): pairs [language, commitment] in a list, and the members
    that hold a commitment by themselves."""
    if act.get("type") != "side.found":
        yield from _in(act, "", "")


def _in(value: Any, part: str, language: str) -> Iterator[Committed]:
    match value:
        case dict():
            spoken = value.get("language")
            tag = spoken if isinstance(spoken, str) else language
            for name, member in value.items():
                if isinstance(member, str):
                    if name in _ALONE and is_hash(member):
                        yield Committed(member, name, tag)
                else:
                    yield from _in(member, name, tag)
        case list() | tuple():
            for member in value:
                match member:
                    case [str(tag), str(commitment)]:
                        if is_hash(commitment):
                            yield Committed(commitment, part, tag)
                    case _:
                        yield from _in(member, part, language)


@remembered
def source_of(joint: Joint, commitment: str) -> Source | None:
    """The first entry that commits to it, among those that stand; the first log's before the other's."""
    sought = commitment.encode()
    for s, verdicts in enumerate(joint.verdicts):
        for index, verdict in enumerate(verdicts):
            entry = joint.sides[s].entry(index)
            if verdict is not None or entry is None or sought not in entry.leaf:
                continue
            act = entry.signed.act
            for each in committed(act):
                if each.commitment == commitment:
                    return Source(s, index, str(act["type"]), each.part, each.language)
    return None


def erasures(joint: Joint, us: int, commitment: str) -> tuple[Mark, ...]:
    """Who has erased their copy: ours first. `us` is the reader's chair."""
    return tuple(mark for s in (us, 1 - us) if (mark := own_erasure(joint, s, commitment)) is not None)


def own_erasure(joint: Joint, us: int, commitment: str) -> Mark | None:
    """Where side `us` erased its copy, or None."""
    index = joint.erased[us].get(commitment)
    return None if index is None else chair.mark(joint, us, index)


@remembered
def names_of(joint: Joint, s: int) -> Mapping[str, tuple[str, ...]]:
    """Delegate → every commitment by which side s's log names them, oldest first, each once."""
    found: dict[str, dict[str, None]] = {}
    for judged, verdict in zip(joint.sides[s].judged, joint.verdicts[s], strict=False):
        if verdict is None and isinstance(judged.move, Admit) and judged.move.name is not None:
            found.setdefault(judged.move.delegate, {})[judged.move.name] = None
    return {delegate: tuple(names) for delegate, names in found.items()}


# --- the command ------------------------------------------------------------------------------------


class EraseFields(ActFields, frozen=True):
    """commitment: as an entry has it."""

    commitment: Hash


def _erase(view: View, fields: EraseFields, _fresh: Fresh) -> Drafted:
    joint, us, commitment = view.joint, view.us, fields.commitment
    source = source_of(joint, commitment)
    if source is None:
        raise NoSuchContent(
            "no entry commits to this; the record page shows what each entry commits to", field="commitment"
        )
    done = own_erasure(joint, us, commitment)
    if done is not None:
        raise ErasedAlready(
            "your side erased this by entry %(entry)s of its log; nothing of it is here any more",
            field="commitment",
            entry=done.index,
        )
    words = view.text(commitment)
    if words is None and source.side != us:
        raise NoSuchContent(
            "your side holds no copy of this: it is the other side's, and theirs to erase", field="commitment"
        )
    whose = "our" if source.side == us else "their"
    lines = (
        f"The words: {_quoted(words)}" if words is not None else "The words are not at hand here.",
        f"Committed to by entry {source.index} of {whose} log: {source.act}, {source.part}",
        *_what_goes(view, source, commitment),
        "The log stays whole: the commitment stays in it, and everybody sees that and when our side erased.",
        "Copies in exported bundles and in backups of the node's disk are not reached.",
        "Nobody can take this back.",
    )
    act = {"type": "content.erase", "commitment": commitment}
    return Drafted(act, Summary("Erase our copy of a content, for good", lines))


def _what_goes(view: View, source: Source, commitment: str) -> Iterator[str]:
    joint, us = view.joint, view.us
    audience = view.audience(commitment)
    yield "Our copy and its salt go: from our pages, our exports and our print."
    if commitment in joint.erased[1 - us]:
        yield "The other side has erased its copy already: the words are gone from the node's disk at once."
    elif source.side == us and audience is Audience.OWN:
        yield "The other side never received it: the words are gone from the node's disk at once."
    else:
        yield (
            "The other side keeps the copy that it received, unless it erases that too; a node that serves both sides"
            " keeps that one copy, for the other side alone."
        )
    if audience is Audience.PUBLIC and source.side == us:
        yield "It leaves our newsroom, the feed and the quotation check. What others copied is not in our hands."
    if source.act == "side.admit" and source.side == us:
        yield "Pages then show the delegate by role and id."


def _quoted(words: str) -> str:
    line = shortened(words)
    return f"“{line}”" if len(words) <= SHOWN else f"“{line}” ({len(words)} characters)"


def shortened(words: str) -> str:
    """The words on one line, at most 120 characters."""
    line = " ".join(words.split())
    return line if len(line) <= SHOWN else line[: SHOWN - 1] + "…"


COMMANDS: tuple[Command, ...] = (Command("record.erase", EraseFields, _erase),)
