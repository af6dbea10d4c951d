"""Where the engine opens its port and what clients are told: the rules, and this machine's own interfaces."""

from __future__ import annotations

import pytest

from visavis.errors import Malformed
from visavis.rtc.engines.embedded import EmbeddedEngine, found_interfaces
from visavis.rtc.places import Place, places
from visavis.rtc.ports import TransportId

FOUND = [
    ("lo", "127.0.0.1"),
    ("eth0", "192.0.2.7"),
    ("wlan0", "198.51.100.7"),
    ("docker0", "172.17.0.1"),
    ("br-4f1d", "172.18.0.1"),
    ("veth12", "169.254.9.9"),
    ("virbr0", "192.168.122.1"),
    ("eth1", "169.254.3.4"),
    ("lo", "::1"),
    ("eth0", "2001:db8::7"),
    ("eth0", "fe80::7"),
    ("wg0", "10.8.0.7"),
    ("docker0", "fd00:17::1"),
]
V4 = ("192.0.2.7", "198.51.100.7", "10.8.0.7")


@pytest.mark.parametrize(
    ("bind", "advertise", "due"),
    [
        (["127.0.0.1"], [], [Place("127.0.0.1")]),
        (["192.0.2.7", "2001:db8::7", "192.0.2.7"], [], [Place("192.0.2.7"), Place("2001:db8::7")]),
        (["0.0.0.0"], [], [Place(ip) for ip in V4]),  # noqa: S104 - no socket is bound
        (["::"], [], [Place(ip) for ip in (*V4[:2], "2001:db8::7", V4[2])]),
        (["0.0.0.0"], ["203.0.113.1"], [Place("0.0.0.0", ("203.0.113.1",))]),  # noqa: S104
        (["10.0.0.5"], ["203.0.113.1", "10.0.0.5"], [Place("10.0.0.5", ("203.0.113.1", "10.0.0.5"))]),
        (
            ["10.0.0.5", "10.0.1.5", "2001:db8::5"],
            ["10.0.1.5", "203.0.113.1", "2001:db8::9"],
            [
                Place("10.0.1.5", ("10.0.1.5",)),
                Place("10.0.0.5", ("203.0.113.1",)),
                Place("2001:db8::5", ("2001:db8::9",)),
            ],
        ),
        (
            ["::"],
            ["203.0.113.1", "2001:db8::9"],
            [Place("0.0.0.0", ("203.0.113.1",)), Place("::", ("2001:db8::9",))],  # noqa: S104
        ),
    ],
)
def test_rules(bind, advertise, due):
    """Every address that counts is a place; whoever says how it is reached says all of it."""
    assert places(bind, advertise, FOUND) == tuple(due)


def test_nothing_but_loopback():
    """A machine with no other address is reached by its loopback."""
    assert places(["0.0.0.0"], [], FOUND[:1]) == (Place("127.0.0.1"),)  # noqa: S104
    assert places(["0.0.0.0"], [], FOUND[3:5] + FOUND[:1]) == (Place("127.0.0.1"),)  # noqa: S104


@pytest.mark.parametrize(
    ("bind", "advertise"),
    [
        (["localhost"], []),
        (["127.0.0.1"], ["talks.example"]),
        (["127.0.0.1"], ["2001:db8::1"]),
        (["127.0.0.1"], ["0.0.0.0"]),  # noqa: S104
        (["127.0.0.1"], ["224.0.0.1"]),
    ],
)
def test_no_place(bind, advertise):
    """What is no address, or reached by nothing that is bound, is refused."""
    with pytest.raises(Malformed):
        places(bind, advertise, FOUND)


@pytest.mark.anyio
async def test_every_own_address_is_offered():
    """The engine opens its one port at each of this machine's addresses, and offers each by both protocols."""
    at = places(["::"], [], found_interfaces())
    engine = EmbeddedEngine(at)
    try:
        await engine.create(TransportId(1), "talk")
        offer = await engine.make_offer(TransportId(1), (), (), channels=True)
        offered = {
            (line.split()[2], line.split()[4], line.split()[5])
            for line in offer.sdp.splitlines()
            if line.startswith("a=candidate:")
        }
        port = str(engine.port)
        assert offered == {(protocol, p.address, port) for p in at for protocol in ("udp", "tcp")}
    finally:
        await engine.shutdown()
