"""Editions of the rules, as one chair sees them. Pure.

Lives here: `Editions`, `editions_of`.
Not here: the act and its rule (`model`), its command (`people`), which acts an edition has (`visavis.rulebook`).
Spec: docs/spec/record.md §13.
"""

from __future__ import annotations

from dataclasses import dataclass

from visavis.dialogue.chair import DoubleSeal, double_seal
from visavis.dialogue.join import Joint
from visavis.dialogue.model import RULES, edition_subject


@dataclass(frozen=True, slots=True)
class Editions:
    """in_force: the edition that binds both. newest: the newest one that this node's software knows.

    seal: both sides' consents to the newest, where it is newer; None if there is nothing to adopt.
    beyond: the newest edition that the other side has adopted and this software does not know; None: there is none.
    """

    in_force: int
    newest: int
    seal: DoubleSeal | None
    beyond: int | None


def editions_of(joint: Joint, us: int) -> Editions:
    """What is in force, and what may be adopted, as seen from chair `us`."""
    in_force, newest = joint.edition, joint.rulebook.edition
    seal = None
    if newest > in_force:
        now = joint.in_force(RULES)
        hash_ = edition_subject(newest, None if now is None else now.hash).hash
        seal = double_seal(joint, us, RULES, hash_)
    adopted = [
        joint.tabled[offer.hash] for offer in joint.offers(1 - us, RULES) if offer.hash in joint.tabled
    ]
    theirs = max((int(subject.body["edition"]) for subject in adopted), default=0)
    return Editions(in_force, newest, seal, theirs if theirs > newest else None)
