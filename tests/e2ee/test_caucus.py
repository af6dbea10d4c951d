"""A side's caucus by keys alone, the engine letting anybody in: docs/spec/keys.md §4.5."""

from __future__ import annotations

from dataclasses import replace

from tests.e2ee.lab import World
from tests.e2ee.test_party import Line, Seat, in_accord

from visavis.e2ee.party import Notice, Party

CAUCUS = "caucus/A"


def test_the_other_side_is_in_nobodys_caucus() -> None:
    """A device of the other side that the node lets into the room is in no roster, and gets no key of anybody in it."""
    world, line = World(2, 1), Line()
    devices = [world.device(name) for name in ("A0", "A1", "B0")]
    own = replace(
        world.logs, credentials={"A": world.logs.credentials["A"]}, lists={"A": world.logs.lists["A"]}
    )
    seats = []
    for device in devices:
        logs = own if device.body.side == "A" else world.logs
        party = Party(device.certificate, device.keys, logs, line.random.randbytes, room=CAUCUS)
        seats.append(line.seats.setdefault(device.id, Seat(party)))
        party.certificates([each.certificate for each in devices], line.now)
        line.send(device.id, seats[-1].act(party.start(line.now)))
    line.run(6_000)
    ours, intruder = seats[:2], seats[2]
    in_accord(ours)
    assert [device for device, _ in intruder.keys if device != intruder.party.id] == []


def test_what_is_said_on_the_floor_is_nothing_in_the_caucus() -> None:
    """The same devices are in both rooms: a message of the floor is refused in the caucus."""
    world, line = World(2, 0), Line()
    one, other = world.device("A0"), world.device("A1")
    floor = line.seat(world, one, [])
    aside = Party(other.certificate, other.keys, world.logs, line.random.randbytes, room=CAUCUS)
    aside.certificates([one.certificate], line.now)
    refused = [
        each for each in aside.receive(floor.party.bye(line.now), line.now) if isinstance(each, Notice)
    ]
    assert [each.code for each in refused] == ["refused"]
