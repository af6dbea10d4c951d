"""Whose the contents of a record are, in which language, and who may read them: found from the acts alone. Pure.

Lives here: `Holding`, `holdings`. A node that lost its database gets its contents back from a bundle, and a bundle
holds nothing but commitments' openings; what they are, the acts say.
Not here: verification (`verify`): ask only of a record that holds; writing (`dialogue.keeping`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from visavis.dialogue.acts import Consent, Rulebook, Table
from visavis.dialogue.commands import Audience
from visavis.dialogue.erasing import committed
from visavis.errors import Malformed
from visavis.record.entry import parse_entry

KEPT_BACK = ("readout.clear", "statement.clear")
"""Acts whose words are their side's own until that version is released."""
RELEASES = ("readout.release", "statement.release")


@dataclass(frozen=True, slots=True)
class Holding:
    """What a commitment's opening is: the side that first committed to it, its language or "", who may read it."""

    side: str
    language: str
    audience: Audience


def holdings(logs: Mapping[str, Sequence[bytes]], rulebook: Rulebook) -> dict[str, Holding]:
    """By commitment. logs: by side id; every entry stands.

    What an act here does not name as narrower or wider is open to both sides, as every other act's words are.
    """
    found: dict[str, Holding] = {}
    public: set[str] = set()
    cleared: dict[tuple[str, str, int], set[str]] = {}
    tabled: dict[str, set[str]] = {}
    acts = [
        (side, act) for side, leaves in logs.items() for leaf in leaves if (act := _act(leaf)) is not None
    ]
    for side, act in acts:
        kind = act["type"]
        here = {each.commitment: each.language for each in committed(act)}
        deposit = kind == "item.position" and act.get("stage") == "deposit"
        audience = Audience.OWN if kind in KEPT_BACK or deposit else Audience.BOTH
        for commitment, language in here.items():
            known = found.setdefault(commitment, Holding(side, language, audience))
            if known.audience.narrower_than(audience):
                found[commitment] = replace(known, audience=audience)
        if kind in KEPT_BACK:
            cleared[side, act["release"], act["version"]] = set(here)
        parsed = rulebook.parse(act)
        move = None if parsed is None else parsed[2]
        subject = move.subject if isinstance(move, Table | Consent) else None
        if subject is not None:
            tabled[subject.hash] = set(here)
    for side, act in acts:
        if act["type"] in RELEASES:
            public |= cleared.get((side, act["release"], act["version"]), set())
        elif act["type"] == "readout.release-joint":
            public |= tabled.get(act["hash"], set())
    for commitment in public:
        found[commitment] = replace(found[commitment], audience=Audience.PUBLIC)
    return found


def _act(leaf: bytes) -> Mapping[str, Any] | None:
    try:
        return parse_entry(leaf).signed.act
    except Malformed:
        return None
