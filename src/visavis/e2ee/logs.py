"""What the call's keys need of both logs. Pure.

Lives here: `Logs`, and `logs_of`, which reads them off a `Joint`.
Not here: the verdicts themselves (`dialogue`).
Spec: docs/spec/keys.md §2.3.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from visavis.dialogue.acts import ProofLevel
from visavis.dialogue.join import Joint
from visavis.record.proof import Key


class Holder(NamedTuple):
    """Whose credential it is, and what its proofs are checked with."""

    delegate: str
    key: Key


@dataclass(frozen=True, slots=True)
class Logs:
    """What folding both logs gives for one sitting of one talk.

    credentials: side → live credentials of that side, by id → their delegate and passkey.
    lists:       side → delegates that the side's latest `talk.delegation` names for the talk.
    """

    dialogue: str
    talk: str
    sitting: int
    credentials: Mapping[str, Mapping[str, Holder]]
    lists: Mapping[str, frozenset[str]]


def logs_of(joint: Joint, talk: str, sitting: int) -> Logs:
    """What both logs, as folded in `joint`, say for this sitting: persons' credentials only, no device keys."""
    credentials = {
        state.id: {
            c.id: Holder(c.delegate, c.key) for c in state.live_credentials() if c.level is ProofLevel.USER
        }
        for state in joint.sides
    }
    lists = {
        state.id: frozenset((joint.register(s, ("delegation", talk)) or {}).get("delegates", ()))
        for s, state in enumerate(joint.sides)
    }
    return Logs(joint.sides[0].dialogue, talk, sitting, credentials, lists)
