"""A small world for the tests of the call's keys: two sides, their delegates' credentials, devices."""

from __future__ import annotations

from dataclasses import replace

from tests.passkeys import passkey

from visavis.e2ee.device import Certificate, DeviceBody, DeviceKeys, certify
from visavis.e2ee.logs import Holder, Logs
from visavis.e2ee.messages import MessageSigner, Receiver
from visavis.e2ee.roster import roster

NOW = 1_000_000
HOUR = 3_600_000


class Device:
    """A device with its private half, as its own process holds it."""

    def __init__(self, world: World, who: str, keys: DeviceKeys | None = None, **changes) -> None:
        credential = world.keys[who]
        self.keys = keys or DeviceKeys.generate()
        body = self.keys.body(
            dialogue="D",
            talk="T",
            sitting=1,
            side=who[0],
            delegate=who,
            credential=credential.credential,
            made=NOW,
            until=NOW + HOUR,
        )
        self.body: DeviceBody = replace(body, **changes)
        self.id = self.body.id
        self.certificate: Certificate = certify(self.body, credential)
        self.signer = MessageSigner(self.body, self.keys.sig)

    def receiver(self, found: dict[str, DeviceBody]) -> Receiver:
        return Receiver(self.body, self.keys, roster=found)


class World:
    """Two sides A and B with `a` and `b` delegates each, named A0, A1, …, B0, …"""

    def __init__(self, a: int = 3, b: int = 3) -> None:
        names = [f"A{i}" for i in range(a)] + [f"B{i}" for i in range(b)]
        self.keys = {name: passkey(name) for name in names}
        credentials: dict[str, dict[str, Holder]] = {"A": {}, "B": {}}
        for name, key in self.keys.items():
            credentials[name[0]][key.credential] = Holder(name, key.passkey)
        lists = {side: frozenset(n for n in names if n[0] == side) for side in "AB"}
        self.logs = Logs("D", "T", 1, credentials, lists)

    def device(self, who: str, **changes) -> Device:
        return Device(self, who, **changes)

    def without(self, delegate: str) -> Logs:
        """The logs after the delegate's credential was revoked."""
        side = delegate[0]
        left = {c: d for c, d in self.logs.credentials[side].items() if d.delegate != delegate}
        return replace(self.logs, credentials={**self.logs.credentials, side: left})

    def setup(self) -> tuple[list[Device], dict[str, DeviceBody]]:
        devices = [self.device(name) for name in sorted(self.keys)]
        return devices, roster([d.certificate for d in devices], self.logs, NOW)
