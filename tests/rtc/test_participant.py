"""The subscriber's negotiation: a table of phases, and a track in one place at a time."""

from __future__ import annotations

import itertools

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from visavis.rtc.participant import TRANSITIONS, Downlink, Phase, Step
from visavis.rtc.ports import TransportId

TRACKS = [f"TR_{n}" for n in range(4)]


def test_every_phase_can_be_left():
    """From every phase a step leads on, and back to idle."""
    for phase in Phase:
        reached, todo = {phase}, [phase]
        while todo:
            at = todo.pop()
            for step in Step:
                after = TRANSITIONS.get((at, step))
                if after is not None and after not in reached:
                    reached.add(after)
                    todo.append(after)
        assert Phase.IDLE in reached


def test_first_offer_opens_the_channels():
    """The first offer is due at once, without a track; after its answer nothing is due."""
    down = Downlink(TransportId(1))
    assert down.due
    assert down.plan() == ((), (), True, False)
    assert not down.due
    assert down.made([]) == 1
    assert down.answered(1)
    assert down.taken() == {}
    assert not down.due


def test_answer_out_of_turn():
    """An answer counts once, and only to the offer the client has."""
    down = Downlink(TransportId(1))
    assert not down.answered(0)
    down.plan()
    assert not down.answered(1)
    down.made([])
    assert not down.answered(2)
    assert down.answered(1)
    assert not down.answered(1)


class Negotiation(RuleBasedStateMachine):
    """A subscriber whose wishes, socket and engine do what they like, in any order."""

    def __init__(self):
        super().__init__()
        self.down = Downlink(TransportId(1))
        self.wanted = set()
        self.mids = itertools.count()
        self.making = 0
        self.routed = {}
        self.offered, self.answered = set(), set()

    @rule(track=st.sampled_from(TRACKS))
    def want(self, track):
        self.down.want(track)
        self.wanted.add(track)

    @rule(track=st.sampled_from(TRACKS))
    def drop(self, track):
        mid = self.down.drop(track)
        self.wanted.discard(track)
        assert mid == self.routed.pop(track, None)

    @rule()
    def lose(self):
        self.down.lost()

    @precondition(lambda self: self.down.due)
    @rule()
    def plan(self):
        add, stop, _, _ = self.down.plan()
        assert not set(stop) & set(self.routed.values())
        assert set(stop) <= self.answered
        self.making = len(add)

    @precondition(lambda self: self.down.phase is Phase.MAKING)
    @rule()
    def made(self):
        mids = [f"m{next(self.mids)}" for _ in range(self.making)]
        self.offered |= set(mids)
        self.down.made(mids)

    @precondition(lambda self: self.down.phase is Phase.OFFERED)
    @rule()
    def answer(self):
        assert self.down.answered(self.down.offer_id)

    @precondition(lambda self: self.down.phase is Phase.TAKING)
    @rule()
    def taken(self):
        self.answered |= self.offered
        self.routed.update(self.down.taken())

    @invariant()
    def in_one_place(self):
        d = self.down
        places = [*d.adding, *(t for t in d.making if t), *d.offered, *d.receiving]
        assert sorted(places) == sorted(self.wanted)
        assert d.receiving == self.routed

    def teardown(self):
        """Left alone, it comes to rest, and receives exactly what is wanted."""
        for _ in range(20):
            if self.down.due:
                self.plan()
            elif self.down.phase is Phase.MAKING:
                self.made()
            elif self.down.phase is Phase.OFFERED:
                self.answer()
            elif self.down.phase is Phase.TAKING:
                self.taken()
        assert self.down.phase is Phase.IDLE
        assert not self.down.due
        assert not self.down.stopping
        assert set(self.routed) == self.wanted


TestNegotiation = Negotiation.TestCase
