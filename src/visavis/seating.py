"""Seats in the call: from a device's certificate to a token, and out again when the log says so.

Lives here: `Seating`. A token is given only for a certificate that chains to the asker's own side's log, for
a sitting that this side has opened; it is taken back when the log revokes, stops or concludes.
Not here: certificates (`e2ee.device`), rooms and media (`rtc`), what a sitting is (`talks`).
Spec: docs/spec/http.md §5; docs/spec/keys.md §2.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

import structlog

from visavis.dialogue.commands import View
from visavis.dialogue.ledger import Ledger
from visavis.dialogue.ports import Certificate as CertificateRow
from visavis.dialogue.service import Dialogues
from visavis.e2ee.device import MAX_CERTIFICATE_BYTES, Certificate, check
from visavis.e2ee.errors import DeviceUntrusted
from visavis.e2ee.logs import logs_of
from visavis.errors import Malformed, Refused, Untrusted
from visavis.record import canonical
from visavis.rtc.calls import Calls
from visavis.talks.acts import SITTING

log = structlog.get_logger(__name__)

MAX_DEVICES = 32
"""Of one delegate in one sitting: each reload without its keys is a new one, and every one is kept."""


class SittingNotOpen(Refused):
    """Your side has not opened this sitting, or it is over."""

    code = "sitting-not-open"


class TooManyDevices(Refused):
    """A delegate's share of devices for one sitting is spent."""

    code = "too-many-devices"


class Seating:
    """Gives and takes seats."""

    def __init__(self, dialogues: Dialogues, call: Calls, clock: Callable[[], datetime]) -> None:
        self._dialogues = dialogues
        self._call = call
        self._clock = clock
        self._rooms: dict[str, dict[str, tuple[str, str, int, Certificate]]] = {}
        dialogues.on_entry(self._reconcile)

    async def load(self) -> None:
        """At start: seat again whoever was given a token before, then put out whom the logs no longer seat.

        Tokens outlive the process that made them, so a seat must not be forgotten with it.
        """
        for dialogue in self._dialogues.ids:
            ledger = self._dialogues.ledger(dialogue)
            begun = {key for side in ledger.joint.sessions.begun for key in side}
            for talk, sitting in sorted({(talk, n) for kind, talk, n in begun if kind == SITTING}):
                for row in await self._dialogues.certificates(dialogue, talk, sitting):
                    read = Certificate.from_json(canonical.decode(row.body))
                    floor = room_of(dialogue, talk, sitting)
                    for room in (floor, caucus_of(floor, read.body.side)):
                        self._rooms.setdefault(room, {})[row.device] = (dialogue, talk, sitting, read)
                        self._call.expect(room, row.device)
            self._reconcile(ledger)

    async def seat(
        self,
        view: View,
        credential: str,
        talk: str,
        sitting: int,
        certificate: Mapping[str, Any],
        url: str,
        *,
        caucus: bool = False,
    ) -> dict[str, Any]:
        """A token for the device that `certificate` certifies, and where it is good.

        url: how the asker reaches the node. caucus: not on the floor, but in the caucus of the asker's side.

        Raises `Malformed`, `DeviceUntrusted`, `SittingNotOpen`, `TooManyDevices`, or `Untrusted` for a device that is
        not the asker's.
        """
        encoded = canonical.encode(dict(certificate))
        if len(encoded) > MAX_CERTIFICATE_BYTES:
            raise Malformed("a certificate of more than %(limit)s bytes", limit=MAX_CERTIFICATE_BYTES)
        read = Certificate.from_json(dict(certificate))
        ledger = self._dialogues.ledger(view.joint.sides[0].dialogue)
        if not is_open(ledger, view.side, talk, sitting):
            raise SittingNotOpen("your side has not opened this sitting, or it is over")
        if (read.body.side, read.body.delegate, read.body.credential) != (
            view.side,
            view.delegate,
            credential,
        ):
            raise Untrusted("the certificate is of another delegate's device")
        device = check(read, logs_of(ledger.joint, talk, sitting), self._now_ms())
        room = room_of(ledger.id, talk, sitting)
        if caucus:
            room = caucus_of(room, view.side)
        seats = self._rooms.get(room, {})
        own = sum(held.body.delegate == view.delegate for *_, held in seats.values())
        if device not in seats and own >= MAX_DEVICES:
            raise TooManyDevices(
                "a delegate brings at most %(limit)s devices to a sitting", limit=MAX_DEVICES, devices=own
            )
        # Seated before anything is waited for: an entry that comes meanwhile takes seat and token back.
        self._rooms.setdefault(room, {})[device] = (ledger.id, talk, sitting, read)
        token = self._call.mint(room, device)
        await self._dialogues.keep_certificate(CertificateRow(ledger.id, talk, sitting, device, encoded))
        return {"url": self._call.url(url), "token": token, "identity": device, "room": room}

    def _reconcile(self, ledger: Ledger) -> None:
        """Put out whoever the logs no longer seat. Called after every entry."""
        for room, seats in list(self._rooms.items()):
            for device, (dialogue, talk, sitting, certificate) in list(seats.items()):
                if dialogue != ledger.id:
                    continue
                if not is_open(ledger, certificate.body.side, talk, sitting):
                    why = "the sitting is over"
                else:
                    try:
                        check(certificate, logs_of(ledger.joint, talk, sitting), self._now_ms())
                        continue
                    except DeviceUntrusted as error:
                        why = error.message
                del seats[device]
                if self._call.remove(room, device):
                    log.info("seat.taken-back", room=room, device=device, why=why)
            if not seats:
                del self._rooms[room]

    def _now_ms(self) -> int:
        return int(self._clock().timestamp() * 1000)


def room_of(dialogue: str, talk: str, sitting: int) -> str:
    """The call room of a sitting."""
    return f"{dialogue}/{talk}/{sitting}"


def caucus_of(room: str, side: str) -> str:
    """The caucus of a side, beside the call room of a sitting."""
    return f"{room}/caucus/{side}"


def is_open(ledger: Ledger, side: str, talk: str, sitting: int) -> bool:
    """Whether `side` has opened this sitting and nobody has stopped it or ended the talk."""
    sessions, key = ledger.joint.sessions, (SITTING, talk, sitting)
    return (
        key in sessions.begun[ledger.index(side)]
        and not any(key in stopped for stopped in sessions.stopped)
        and not ledger.joint.ended(("talk", talk))
        and not ledger.joint.ended(("dialogue",))
    )
