"""Two sides and their delegates at one node's table, for the slices' tests: real logs, real signatures.

Lives here: `Table` (asks for a command as a delegate, signs, enters), a cast of roles.
Not here: the node's own use cases (`tests/dialogue`), HTTP (`tests/flows`).
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from tests.passkeys import passkey

from visavis.dialogue.commands import Audience, Drafted, Enrolment, NewContent, View
from visavis.dialogue.fold import SideState
from visavis.dialogue.join import Joint, preview
from visavis.record.checkpoint import sign_checkpoint
from visavis.record.digest import to_text
from visavis.record.entry import Founding, Seen, SignedMembers, dialogue_id, make_entry
from visavis.rulebook import COMMANDS, EDITION_1, dialogue_json


def key(name: str) -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(hashlib.sha256(name.encode()).digest())


@dataclass(frozen=True)
class Seat:
    """A delegate: side 0 or 1, and the name of the key."""

    side: int
    name: str

    @property
    def delegate(self) -> str:
        return f"d-{self.side}-{self.name}"

    @property
    def key(self) -> str:
        return f"{self.side}/{self.name}"


OFFICER = tuple(Seat(s, "protocol-officer") for s in (0, 1))
PRINCIPAL = tuple(Seat(s, "principal") for s in (0, 1))
ADVISER = tuple(Seat(s, "adviser") for s in (0, 1))
PRESS = tuple(Seat(s, "press-officer") for s in (0, 1))


class Counted:
    """Randomness for tests: the next number, hashed."""

    def __init__(self, seed: str = "") -> None:
        self.count = 0
        self.seed = seed

    def _next(self) -> bytes:
        self.count += 1
        return hashlib.sha256(f"{self.seed}{self.count}".encode()).digest()

    def id(self) -> str:
        return to_text(self._next()[:12])

    def salt(self) -> bytes:
        return self._next()


class Table:
    """Both logs and their join. Every act acknowledges the other log up to `heard[side]`, all by default."""

    def __init__(self, *, seated: bool = True, now: datetime = datetime(2021, 12, 7, 12, tzinfo=UTC)) -> None:
        self.fresh = Counted()
        self.now = now
        self.foundings = tuple(
            Founding(
                names=(("en", f"Side {'AB'[s]}"),),
                log_key=key(f"log {s}").public_key().public_bytes_raw(),
                recovery=(),
                officer=OFFICER[s].delegate,
                passkey=passkey(OFFICER[s].key).passkey,
                nonce=bytes([s]) * 16,
            )
            for s in (0, 1)
        )
        self.sides = (self.foundings[0].side(), self.foundings[1].side())
        self.dialogue = dialogue_id(*self.sides)
        self.states = tuple(SideState(self.dialogue, side, self.sides, EDITION_1) for side in self.sides)
        self.joint = Joint(self.states[0], self.states[1], EDITION_1)
        self.deaf: list[int | None] = [None, None]
        self.contents: dict[str, tuple[int, NewContent]] = {}
        self.audience: dict[str, Audience] = {}
        self.enrolments: list[dict[str, Enrolment]] = [{}, {}]
        if seated:
            for s in (0, 1):
                self.do(OFFICER[s], "dialogue.found")
            for s in (0, 1):
                for seat in (PRINCIPAL[s], ADVISER[s], PRESS[s]):
                    self.admit(seat)

    def admit(self, seat: Seat, **fields: Any) -> None:
        waits = Enrolment(
            f"e-{seat.name}", seat.delegate, passkey(seat.key).passkey, f"{seat.name} of {seat.side}", ""
        )
        self.enrolments[seat.side][waits.id] = waits
        self.do(OFFICER[seat.side], "dialogue.admit", enrolment=waits.id, role=seat.name, **fields)

    def text(self, s: int, commitment: str) -> str | None:
        """What side s may read."""
        owner, content = self.contents.get(commitment, (None, None))
        if content is None or (owner != s and self.audience[commitment] is Audience.OWN):
            return None
        return content.data.decode()

    def view(self, seat: Seat) -> View:
        s = seat.side
        return View(
            self.joint,
            s,
            seat.delegate,
            self.now,
            lambda commitment: self.text(s, commitment),
            self.enrolments[s],
            self.foundings[s].to_json(),
        )

    def draft(self, seat: Seat, command: str, **fields: Any) -> Drafted:
        spec = COMMANDS[command]
        return spec.build(self.view(seat), msgspec.convert(fields, spec.fields, strict=True), self.fresh)

    def do(self, seat: Seat, command: str, **fields: Any) -> dict[str, Any]:
        """Ask, sign, enter; the act. The draft must stand before it is written and after."""
        drafted = self.draft(seat, command, **fields)
        assert self.enter(seat, drafted.act) is None, (command, self.joint.verdicts[seat.side][-1])
        for content in drafted.contents:
            self.contents[content.commitment] = (seat.side, content)
            self.audience[content.commitment] = content.audience
        for commitment, audience in drafted.widen:
            self.audience[commitment] = audience
        return dict(drafted.act)

    def enter(self, seat: Seat, act: Any) -> str | None:
        """Sign and enter an act as it is; the verdict, which the preview must have foretold."""
        s = seat.side
        state, other = self.states[s], self.states[1 - s]
        heard = self.deaf[s] if self.deaf[s] is not None else other.size
        sig = b""
        if heard:
            sig = sign_checkpoint(
                key(f"log {1 - s}"), self.dialogue, self.sides[1 - s], heard, other.root(heard)
            )
        signed = SignedMembers(
            self.dialogue,
            self.sides[s],
            state.seen(),
            Seen(heard, other.root(heard), sig),
            act,
            seat.delegate,
            passkey(seat.key).credential,
            self.fresh.salt()[:16],
        )
        proof = passkey(seat.key).prove(signed.challenge())
        minute = self.states[0].size + self.states[1].size
        entry = make_entry(
            signed, proof, seq=state.size, time=f"2021-12-07T{12 + minute // 60:02}:{minute % 60:02}:00Z"
        )
        foretold = preview(self.joint, s, entry)
        state.append(entry.leaf)
        self.joint.advance()
        verdict = self.joint.verdicts[s][-1]
        assert len(self.joint.verdicts[s]) == state.size
        assert foretold == verdict
        return verdict

    def mirrored(self) -> None:
        """Check that both chairs see the same from either end of the table."""
        other = Joint(self.states[1], self.states[0], EDITION_1)
        for us in (0, 1):
            assert dialogue_json(self.joint, us) == dialogue_json(other, 1 - us)


def agreed_talk(table: Table, **fields: Any) -> str:
    """A talk whose time both sides agreed."""
    asked = {
        "title": {"en": "Talk of the two principals"},
        "start": "2021-12-07T15:00:00Z",
        "minutes": 120,
        "mode": "video",
    } | fields
    talk: str = table.do(OFFICER[0], "talks.propose", **asked)["talk"]
    hash_ = next(reversed(table.joint.tabled))
    for s in (0, 1):
        table.do(OFFICER[s], "talks.accept", talk=talk, hash=hash_)
    return talk


def tabled_last(table: Table) -> str:
    """Hash of what was tabled last."""
    return next(reversed(table.joint.tabled))


def signed_text(table: Table, talk: str | None, title: str, *, kind: str = "understanding") -> str:
    """An understanding that both sides signed."""
    act = table.do(
        PRINCIPAL[0],
        "understandings.table",
        talk=talk,
        kind=kind,
        title={"en": title},
        body={"en": f"The two sides have understood: {title}."},
        undertakings=[{"by": side, "text": {"en": "to do its part"}} for side in table.sides],
    )
    hash_ = tabled_last(table)
    for s in (0, 1):
        table.do(PRINCIPAL[s], "understandings.sign", understanding=act["understanding"], hash=hash_)
    understanding: str = act["understanding"]
    return understanding
