"""The delegations to a talk as one chair sees them: who may enter, who may sign, who stands in for whom. Pure.

Lives here: `DelegationsView`, `delegations_view`. Not here: the acts (`acts`), alternates as they are kept
(`alternates`), who is let in (`visavis.seating`), words.
Spec: docs/spec/record.md §§6, 9.3.

What is notified is what is in the logs: a side's delegates with their roles and powers, and its admission list. Of the
other side there is nothing else to see; of our own, who is not on the list, and the alternates.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from visavis.dialogue import chair
from visavis.dialogue.acts import Power
from visavis.dialogue.chair import Mark
from visavis.dialogue.join import Joint
from visavis.dialogue.people import PersonView, side_view


@dataclass(frozen=True, slots=True)
class MemberView:
    """A delegate at a talk.

    listed: on the admission list. stands_for: whose alternate they are, or None. alternates: who stand in for them.
    """

    person: PersonView
    listed: bool
    stands_for: PersonView | None = None
    alternates: tuple[PersonView, ...] = ()

    @property
    def enters(self) -> bool:
        """Whether the room lets them in: listed, and with a key that counts."""
        return self.listed and self.person.live

    @property
    def signs(self) -> bool:
        return self.person.live and Power.SIGN in self.person.powers


@dataclass(frozen=True, slots=True)
class DelegationView:
    """One side's. notified: who stated the list, when; None: not named. versions: how often it was stated.

    listed: in the list's order. others: the side's live delegates who are not on it; of the other side none are said.
    came, left: on the list since the one before, and no longer on it.
    signs, opens: whether anybody who enters may sign texts, may open a sitting.
    """

    notified: Mark | None
    versions: int
    listed: tuple[MemberView, ...]
    others: tuple[MemberView, ...]
    came: tuple[PersonView, ...]
    left: tuple[PersonView, ...]

    @property
    def signs(self) -> bool:
        return any(member.enters and member.signs for member in self.listed)

    @property
    def opens(self) -> bool:
        return any(member.enters and Power.SCHEDULE in member.person.powers for member in self.listed)


@dataclass(frozen=True, slots=True)
class StandIn:
    """An alternate, and the list that would stand if they took the place, or gave it back. ids: of that list.

    comes: whether they would be on it.
    """

    alternate: PersonView
    stands_for: PersonView
    comes: bool
    ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class DelegationsView:
    """stand_ins: of our own alternates."""

    ours: DelegationView
    theirs: DelegationView
    stand_ins: tuple[StandIn, ...]


def delegations_view(joint: Joint, us: int, talk: str, alternates: Mapping[str, str]) -> DelegationsView:
    """Both delegations to a talk for the chair `us`. alternates: our own, alternate → whom they stand in for."""
    ours = _delegation(joint, us, talk, alternates, own=True)
    theirs = _delegation(joint, 1 - us, talk, {}, own=False)
    return DelegationsView(ours, theirs, _stand_ins(joint, us, talk, alternates))


def _delegation(
    joint: Joint, s: int, talk: str, alternates: Mapping[str, str], *, own: bool
) -> DelegationView:
    people = {person.id: person for person in side_view(joint, s).delegates}
    history = joint.register_history(s, ("delegation", talk))
    index, value = history[-1] if history else (None, {"delegates": []})
    listed = [who for who in value["delegates"] if who in people]
    before = list(history[-2][1]["delegates"]) if len(history) > 1 else listed

    def member(who: str) -> MemberView:
        return MemberView(
            people[who],
            who in listed,
            people.get(alternates.get(who, "")),
            tuple(people[each] for each, of in alternates.items() if of == who and each in people),
        )

    return DelegationView(
        None if index is None else chair.mark(joint, s, index),
        len(history),
        tuple(member(who) for who in listed),
        tuple(member(who) for who, person in people.items() if own and who not in listed and person.live),
        tuple(people[who] for who in listed if who not in before),
        tuple(people[who] for who in before if who not in listed and who in people),
    )


def _stand_ins(joint: Joint, us: int, talk: str, alternates: Mapping[str, str]) -> tuple[StandIn, ...]:
    people = {person.id: person for person in side_view(joint, us).delegates}
    listed = tuple((joint.register(us, ("delegation", talk)) or {}).get("delegates", ()))
    found = []
    for alternate, of in alternates.items():
        if alternate not in people or of not in people:
            continue
        comes = alternate not in listed
        goes, place = (of, alternate) if comes else (alternate, of)
        ids = tuple(place if who == goes else who for who in listed if who != place)
        if place not in ids:
            ids += (place,)
        found.append(StandIn(people[alternate], people[of], comes, ids))
    return tuple(found)
