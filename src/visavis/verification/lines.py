"""Entry by entry: each leaf of a record as a reading judged it. Pure.

Lives here: `Line`, as a frozen value with its JSON; `lines`, of two logs that were folded and joined.
Not here: the checks (`verify`), what is in force (`account`), how a line is printed (`cli.listing`).
Spec: docs/spec/record.md §14.2.
"""

from __future__ import annotations

import dataclasses
from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from visavis.dialogue import verdicts
from visavis.dialogue.erasing import committed
from visavis.dialogue.join import Joint
from visavis.record.entry import NODE, RECOVERY, Entry
from visavis.record.proof import WEBAUTHN

UNPROVEN = verdicts.ENVELOPE - {verdicts.NOT_A_FOUNDING}
"""Found before a proof is looked at, or because of it."""


class ProofKind(StrEnum):
    """By what an entry is proven. A passkey's proof says that its user was verified, or it is none (§2.3)."""

    PASSKEY = "passkey"
    DEVICE = "device"
    RECOVERY = "recovery"
    NODE = "node"


@dataclass(frozen=True, slots=True)
class Line:
    """One entry of one log.

    time:         as its node claims; no rule reads it. "" if the bytes are no entry.
    act:          its members, `type` among them; None if the bytes are no entry. contents: commitment → its words, or
                  None where the bundle does not open it. title: language → words, of the subject that a hash names.
    delegate, role, name: whose credential it is, as its log had them in the end.
    proof:        None if the bytes are no entry. proven: whether it holds, whatever became of the act.
    seen:         entries of the other log that its signer says they had seen.
    verdict:      None: it stands; "held": it cannot be judged; else why it is void.
    known_since:  first entry of the other log that truly acknowledges it; None: not shown.
    """

    log: str
    index: int
    time: str
    act: Mapping[str, Any] | None
    contents: Mapping[str, str | None]
    title: Mapping[str, str]
    delegate: str | None
    role: str
    name: str | None
    proof: ProofKind | None
    proven: bool
    seen: int | None
    verdict: str | None
    known_since: int | None

    def to_json(self) -> dict[str, Any]:
        """The line as JSON values."""
        return dataclasses.asdict(self)


def lines(
    joint: Joint,
    words: Callable[[str | None], str | None],
    side: str | None = None,
    start: int = 0,
    stop: int | None = None,
) -> Iterator[Line]:
    """Entries start … stop − 1 of the log of `side`, or of both logs, ascending by side.

    words: a commitment's content, where the bundle opens it.
    """
    for s, state in enumerate(joint.sides):
        if side in (None, state.id):
            for index in range(start, min(state.size, state.size if stop is None else stop)):
                yield _line(joint, words, s, index)


def _line(joint: Joint, words: Callable[[str | None], str | None], s: int, index: int) -> Line:
    state, judged = joint.sides[s], joint.sides[s].judged[index]
    verdict = joint.verdicts[s][index] if index < len(joint.verdicts[s]) else verdicts.HELD
    heard = bisect_right(joint.eff[1 - s], index)
    known_since = heard if heard < len(joint.eff[1 - s]) else None
    entry = judged.entry
    if entry is None:
        return Line(
            state.id, index, "", None, {}, {}, None, "", None, None, False, None, verdict, known_since
        )
    signed = entry.signed
    who = state.delegates.get(signed.delegate)
    return Line(
        log=state.id,
        index=index,
        time=entry.time,
        act=signed.act,
        contents={each.commitment: words(each.commitment) for each in committed(signed.act)},
        title=_title(joint, words, signed.act.get("hash")),
        delegate=signed.delegate,
        role=who.role if who else "",
        name=words(who.name) if who else None,
        proof=_proof(entry),
        proven=judged.verdict not in UNPROVEN,
        seen=signed.ack.size,
        verdict=verdict,
        known_since=known_since,
    )


def _proof(entry: Entry) -> ProofKind:
    signed = entry.signed
    if signed.credential == NODE:
        return ProofKind.NODE
    if entry.proof.type == WEBAUTHN:
        return ProofKind.PASSKEY
    return ProofKind.RECOVERY if signed.delegate == RECOVERY else ProofKind.DEVICE


def _title(joint: Joint, words: Callable[[str | None], str | None], hash_: object) -> dict[str, str]:
    """The title of what was tabled under a hash, in the languages in which the bundle opens it."""
    subject = joint.tabled.get(hash_) if isinstance(hash_, str) else None
    titles = subject.body.get("title", ()) if subject is not None else ()
    return {language: said for language, commitment in titles if (said := words(commitment)) is not None}
