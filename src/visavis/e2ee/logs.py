"""What the call's keys need of both logs. Pure.

Lives here: `Logs`, and `logs_of`, which reads them off a `Joint`.
Not here: the verdicts themselves (`dialogue`).
Spec: docs/spec/keys.md §2.3.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Logs:
    """What folding both logs gives for one sitting of one talk.

    credentials: side → live credentials of that side (base64url Ed25519 public key) → their delegate.
    lists:       side → delegates that the side's latest `talk.delegation` names for the talk.
    """

    dialogue: str
    talk: str
    sitting: int
    credentials: Mapping[str, Mapping[str, str]]
    lists: Mapping[str, frozenset[str]]
