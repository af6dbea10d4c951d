"""Where the engine opens its port, and which addresses clients are told.

Lives here: `Place`, and the rules by which settings and this machine's interfaces become places.
Not here: reading the interfaces (`engines.embedded`), opening the port (`crates/sfu-io`).
Pure: what was found is an argument.

Clients try each address that they are told, over each protocol, and take what works (RFC 8445). So an address that
nobody can reach costs them time, and one that says how this machine is built inside is nobody's business.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address

from visavis.errors import Malformed

Address = IPv4Address | IPv6Address

INSIDE = (
    "br-",
    "cali",
    "cilium",
    "cni",
    "docker",
    "flannel",
    "lxc",
    "lxdbr",
    "podman",
    "vboxnet",
    "veth",
    "virbr",
    "vmnet",
)
"""Names of interfaces that lead to containers and virtual machines on the same machine, by their beginning."""


@dataclass(frozen=True, slots=True)
class Place:
    """An address to open the port at.

    told: the addresses by which clients are told of it, as where it is behind a translation of addresses; none: itself.
    """

    address: str
    told: tuple[str, ...] = ()


def places(
    bind: Iterable[str], advertise: Iterable[str], found: Iterable[tuple[str, str]]
) -> tuple[Place, ...]:
    """Where to open the port.

    bind:      addresses; "0.0.0.0" stands for every IPv4 address of this machine that counts, "::" for those of
               both kinds.
    advertise: addresses at which clients reach the port; if there are any, clients are told these and no others.
    found:     interfaces that are up, each one's name and one of its addresses.
    Raises `Malformed` for what is no address, and for an advertised one to which nothing bound corresponds.
    """
    given = list(dict.fromkeys(_read(b, "bind") for b in bind))
    told = list(dict.fromkeys(_read(a, "advertise") for a in advertise))
    if not told:
        wanted = [ip for g in given for ip in (_counting(g, found) if g.is_unspecified else [g])]
        return tuple(Place(str(ip)) for ip in dict.fromkeys(wanted))
    homes: dict[Address, list[Address]] = {}
    for ip in told:
        if ip.is_unspecified or ip.is_multicast:
            raise Malformed(f"advertise: {ip} is nowhere", field="advertise")
        homes.setdefault(ip if ip in given else _home(ip, given), []).append(ip)
    return tuple(Place(str(home), tuple(map(str, ips))) for home, ips in homes.items())


def _home(ip: Address, given: Sequence[Address]) -> Address:
    """The bound address at which a datagram for an advertised one arrives."""
    alike: list[Address] = [g for g in given if g.version == ip.version]
    if ip.version == 4 and IPv6Address("::") in given:
        alike.append(IPv4Address("0.0.0.0"))  # noqa: S104 - what a person asked for
    if not alike:
        raise Malformed(
            f"advertise: nothing is bound that could be reached by IPv{ip.version} as {ip}", field="advertise"
        )
    return next((a for a in alike if a.is_unspecified), alike[0])


def _counting(unspecified: Address, found: Iterable[tuple[str, str]]) -> list[Address]:
    """The addresses of this machine that an unspecified one stands for; loopback only where there is no other."""
    mine = [
        (name, ip)
        for name, text in found
        for ip in [ip_address(text)]
        if ip.version == 4 or unspecified.version == 6
    ]
    outward = [ip for name, ip in mine if _counts(name, ip)]
    return outward or [ip for _, ip in mine if ip.is_loopback]


def _counts(name: str, ip: Address) -> bool:
    nowhere = ip.is_loopback or ip.is_link_local or ip.is_unspecified or ip.is_multicast
    return not nowhere and not name.startswith(INSIDE)


def _read(text: str, field: str) -> Address:
    try:
        return ip_address(text)
    except ValueError as e:
        raise Malformed(f"{field}: an IP address is due, not {text!r}", field=field) from e
