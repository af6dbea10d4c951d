"""Whole devices over a line that loses, delays and reorders: docs/spec/keys.md §§3, 4."""

from __future__ import annotations

import random
from dataclasses import dataclass, field

import pytest
from tests.e2ee.lab import NOW, Device, World

from visavis.e2ee.party import InRoom, Notice, Party, Send, SetKey


@dataclass
class Seat:
    """A party and the frame encryption it feeds: (device, index) → key."""

    party: Party
    keys: dict[tuple[str, int], bytes] = field(default_factory=dict)
    sending: int = -1
    notices: list[Notice] = field(default_factory=list)
    heard_from: tuple[str, ...] = ()

    def act(self, outcomes) -> list[bytes]:
        out = []
        for outcome in outcomes:
            match outcome:
                case Send(data):
                    out.append(data)
                case SetKey(device, index, key, sending):
                    self.keys[device, index] = key
                    if sending:
                        self.sending = index
                case InRoom(devices):
                    self.heard_from = tuple(body.id for body in devices)
                case Notice():
                    self.notices.append(outcome)
        return out


class Line:
    """Every seat's data packets to every other seat; `lose` of them never arrive."""

    def __init__(self, seed: int = 0, lose: float = 0.0, most_ms: int = 50) -> None:
        self.random = random.Random(seed)
        self.lose, self.most_ms, self.now = lose, most_ms, NOW
        self.seats: dict[str, Seat] = {}
        self.wire: list[tuple[int, int, str, bytes]] = []

    def seat(self, world: World, device: Device, certificates, logs=None) -> Seat:
        party = Party(device.certificate, device.keys, logs or world.logs, self.random.randbytes)
        seat = self.seats[device.id] = Seat(party)
        party.certificates(certificates, self.now)
        self.send(device.id, seat.act(party.start(self.now)))
        return seat

    def send(self, sender: str, packets) -> None:
        for data in packets:
            for device in self.seats:
                if device != sender and self.random.random() >= self.lose:
                    at = self.now + self.random.randint(1, self.most_ms)
                    self.wire.append((at, len(self.wire), device, data))

    def run(self, ms: int) -> None:
        for _ in range(0, ms, 50):
            self.now += 50
            ripe = sorted(p for p in self.wire if p[0] <= self.now)
            self.wire = [p for p in self.wire if p[0] > self.now]
            for _, _, device, data in ripe:
                if seat := self.seats.get(device):
                    self.send(device, seat.act(seat.party.receive(data, self.now)))
            for device, seat in self.seats.items():
                self.send(device, seat.act(seat.party.tick(self.now)))


def in_accord(seats) -> None:
    """Everyone holds the key that everyone sends with, and hears exactly the others."""
    for one in seats:
        others = {other.party.id for other in seats if other is not one}
        assert set(one.heard_from) == others
        for other in seats:
            at = (other.party.id, other.sending)
            assert one.keys[at] == other.keys[at]


def test_two_meet_by_greeting_alone():
    """Two devices that know nothing of each other hold each other's keys soon."""
    world, line = World(1, 1), Line()
    a = line.seat(world, world.device("A0"), [])
    b = line.seat(world, world.device("B0"), [])
    line.run(2_500)
    in_accord([a, b])


def test_a_bye_ends_hearing_and_turns_the_key():
    """Who says goodbye is unsubscribed, and gets no key made afterwards."""
    world, line = World(1, 2), Line()
    devices, _ = world.setup()
    a, b, c = (line.seat(world, d, [x.certificate for x in devices]) for d in devices)
    line.run(6_000)
    in_accord([a, b, c])
    epoch = a.party.epoch_in_use
    line.send(c.party.id, [c.party.bye(line.now)])
    del line.seats[c.party.id]
    line.run(2_000)
    in_accord([a, b])
    assert a.party.epoch_in_use > epoch
    assert (a.party.id, a.sending) not in c.keys


def test_who_is_taken_for_gone_and_is_not_is_heard_again():
    """The engine's mistaken word costs a moment: what was overwritten is sent and taken once more."""
    world, line = World(1, 1), Line()
    a = line.seat(world, world.device("A0"), [])
    b = line.seat(world, world.device("B0"), [])
    line.run(2_500)
    line.send(a.party.id, a.act(a.party.left(b.party.id, line.now)))
    assert a.keys[b.party.id, b.sending] != b.keys[b.party.id, b.sending]
    line.run(6_000)
    in_accord([a, b])


def test_said_to_everyone_in():
    """What one says, sealed under its key in use, the others read."""
    world, line = World(1, 1), Line()
    a = line.seat(world, world.device("A0"), [])
    b = line.seat(world, world.device("B0"), [])
    line.run(2_500)
    assert b.party.heard(a.party.say({"hand": True}, line.now)) == (a.party.id, {"hand": True})
    assert b.party.heard(b"junk") is None


def test_garbage_on_the_line_is_refused_and_said():
    """A packet that is no message of ours changes nothing but a notice."""
    world, line = World(1, 1), Line()
    a = line.seat(world, world.device("A0"), [])
    a.act(a.party.receive(b'{"device":"x","type":"key"}', line.now))
    assert [n.code for n in a.notices] == ["refused"]


@pytest.mark.parametrize("seed", range(6))
def test_a_lossy_line_converges_and_the_removed_hears_nothing_new(seed):
    """With a third of all packets lost, views and keys converge; whoever was revoked gets no later key."""
    world, line = World(2, 3), Line(seed, lose=0.3, most_ms=400)
    devices, _ = world.setup()
    certificates = [d.certificate for d in devices]
    late, gone = devices.pop(), devices[2]
    seats = [line.seat(world, d, certificates) for d in devices]
    line.run(40_000)
    in_accord(seats)
    seats.append(line.seat(world, late, certificates))
    line.run(40_000)
    in_accord(seats)
    revoked = world.without(gone.body.delegate)
    out = line.seats[gone.id]
    epochs = {}
    for seat in seats:
        if seat is not out:
            epochs[seat.party.id] = seat.party.epoch_in_use
            line.send(seat.party.id, seat.act(seat.party.logs_changed(revoked, line.now)))
            line.run(700)
    line.run(40_000)
    stay = [seat for seat in seats if seat is not out]
    in_accord(stay)
    for seat in stay:
        assert seat.party.epoch_in_use > epochs[seat.party.id]
        assert seat.keys[seat.party.id, seat.sending] not in out.keys.values()
        assert gone.id not in seat.heard_from


def test_views_that_differ_are_shown_and_never_widen_what_is_mine():
    """A hidden revocation shows in the beats; the informed seal to nobody revoked."""
    world, line = World(2, 2), Line()
    devices, _ = world.setup()
    certificates = [d.certificate for d in devices]
    told = world.without("B1")
    seats = [line.seat(world, d, certificates, told if d.body.side == "A" else None) for d in devices]
    line.run(4_000)
    assert "rosters-differ" not in {n.code for n in seats[2].notices}
    line.run(12_000)
    assert [n.code for n in seats[2].notices].count("rosters-differ") >= 1
    revoked = seats[3]
    assert revoked.party.id not in seats[0].heard_from
    assert seats[0].keys[seats[0].party.id, seats[0].sending] not in revoked.keys.values()
