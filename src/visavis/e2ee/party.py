"""One device in one room, whole: certificates in, messages in, bytes and keys out. No transport, no clock.

Lives here: `Party`, which joins `roster`, `messages` and `exchange` for an SDK delegate.
Not here: LiveKit (the caller carries `Send` as reliable data on the topic `visavis`, and `SetKey` to its
frame encryption).
Spec: docs/spec/keys.md.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from visavis.e2ee import exchange, messages
from visavis.e2ee.device import Certificate, DeviceBody, DeviceKeys
from visavis.e2ee.errors import Liar
from visavis.e2ee.logs import Logs
from visavis.e2ee.messages import FLOOR, KEY_BYTES, RING, LeftOut, MessageSigner, Receiver
from visavis.e2ee.roster import roster, roster_hash
from visavis.errors import Malformed, Untrusted


@dataclass(frozen=True, slots=True)
class Send:
    """Send these bytes to the whole room, reliably, on the topic `visavis`."""

    data: bytes


@dataclass(frozen=True, slots=True)
class SetKey:
    """Give the frame encryption this key. sending: it is the own one, and the sender switches to it now."""

    device: str
    index: int
    key: bytes = field(repr=False)
    sending: bool = False


@dataclass(frozen=True, slots=True)
class InRoom:
    """Who is in beside oneself: subscribe to these and to nobody else."""

    devices: tuple[DeviceBody, ...]


@dataclass(frozen=True, slots=True)
class Notice:
    """Something to show. code: "refused", "liar", "ghosts", "cannot-hear", "rosters-differ"."""

    code: str
    device: str
    words: str = ""


DIFFER_MS = 5_000
"""Rosters that differ for longer than this are shown (docs/spec/keys.md §4)."""

Outcome = Send | SetKey | InRoom | Notice


class Party:
    """A device's part in the call.

    random: n → n random bytes (`os.urandom`). Every method takes the clock in POSIX milliseconds and
    returns what to do, in order; make before break: `SetKey(sending=True)` comes last of its kind.
    """

    def __init__(
        self,
        certificate: Certificate,
        keys: DeviceKeys,
        logs: Logs,
        random: Callable[[int], bytes],
        *,
        room: str = FLOOR,
        epoch: int = 0,
    ) -> None:
        self.certificate, self.logs, self._random = certificate, logs, random
        self.me = certificate.body
        self.id = self.me.id
        self._signer = MessageSigner(self.me, keys.sig, room)
        self._receiver = Receiver(self.me, keys, room)
        self._state = exchange.State()
        self._epoch = epoch
        self._certificates: dict[str, Certificate] = {self.id: certificate}
        self._own: dict[int, tuple[bytes, bytes]] = {}
        self._keys: dict[tuple[str, int], bytes] = {}
        self._seen: dict[str, list[Any]] = {}
        self._differing: dict[str, int | None] = {}

    @property
    def roster(self) -> tuple[str, ...]:
        """Devices that are in beside this one, sorted."""
        return tuple(sorted(self._state.roster))

    @property
    def epoch_in_use(self) -> int:
        """The epoch of the key that this device encrypts with; -1 before the first."""
        return self._state.using

    def body(self, device: str) -> DeviceBody | None:
        """A verified device's body."""
        return self._receiver.roster.get(device)

    def start(self, now_ms: int, *, turn_ms: int = 600_000, greet_ms: int = 0) -> list[Outcome]:
        """The room is connected: greet, make the first key."""
        out = self._verify(now_ms)
        started = exchange.Started(now_ms, self.id, self._epoch, turn_ms, greet_ms)
        return [*self._step(started, now_ms), *out]

    def certificates(self, found: Iterable[Certificate], now_ms: int) -> list[Outcome]:
        """Certificates from the node's untrusted store, or from anywhere."""
        self._certificates.update({each.body.id: each for each in found})
        return self._verify(now_ms)

    def logs_changed(
        self, logs: Logs, now_ms: int, seen: dict[str, list[Any]] | None = None
    ) -> list[Outcome]:
        """Both logs were folded anew. seen: side → [size, root, sig] for the beats."""
        self.logs, self._seen = logs, seen or self._seen
        return self._verify(now_ms)

    def receive(self, data: bytes, now_ms: int) -> list[Outcome]:
        """A data packet of the topic. What is no message of this room's roster is dropped, and said."""
        try:
            return self._receive(data, now_ms)
        except Liar as error:
            device = str(error.details["device"])
            return [Notice("liar", device, error.message), *self.left(device, now_ms)]
        except (Malformed, Untrusted) as error:
            return [Notice("refused", "", error.message)]

    def left(self, device: str, now_ms: int) -> list[Outcome]:
        """The engine says that a participant is gone: a hint, taken; it comes back by being heard."""
        return self._step(exchange.Left(now_ms, device), now_ms)

    def found(self, device: str, now_ms: int) -> list[Outcome]:
        """The engine says that a participant is there. It may wait at the door, and is told who is in."""
        return self._step(exchange.Found(now_ms, device), now_ms)

    def reconnected(self, now_ms: int) -> list[Outcome]:
        return self._step(exchange.Reconnected(now_ms), now_ms)

    def tick(self, now_ms: int) -> list[Outcome]:
        """Call this a few times a second: deadlines, beats, ends of certificates."""
        verified = self._state.verified
        out = self._verify(now_ms) if any(self._ended(d, now_ms) for d in verified) else []
        return [*out, *self._step(exchange.Tick(now_ms), now_ms)]

    def bye(self, now_ms: int) -> bytes:
        """The message to send before leaving."""
        return self._signer.sign("bye", now_ms)

    def say(self, value: object, now_ms: int) -> bytes:
        """Something said to everyone in, sealed under the key in use."""
        epoch = self._state.using
        return messages.seal_say(self._signer, value, epoch, self._own[epoch][0], self._random(12), now_ms)

    def heard(self, data: bytes) -> tuple[str, Any] | None:
        """(device, what it says) of a `say` that opens; None for anything else."""
        try:
            message = self._receiver.open(data)
            if message["type"] != "say":
                return None
            key = self._keys.get((message["device"], message["epoch"]))
            sender = self._receiver.roster[message["device"]]
            return None if key is None else (sender.id, messages.open_say(message, key, sender))
        except (Malformed, Untrusted):
            return None

    def _ended(self, device: str, now_ms: int) -> bool:
        body = self._receiver.roster.get(device)
        return body is not None and now_ms >= body.until

    def _verify(self, now_ms: int) -> list[Outcome]:
        found = roster(self._certificates.values(), self.logs, now_ms)
        self._receiver.roster = found
        devices = tuple(sorted(set(found) - self._receiver.liars))
        return self._step(exchange.Verified(now_ms, devices), now_ms)

    def _receive(self, data: bytes, now_ms: int) -> list[Outcome]:
        out: list[Outcome] = []
        message = messages.parse_message(data)
        if message["device"] == self.id:
            return out
        if message["type"] == "hello" and message["device"] not in self._certificates:
            # Greeting is how a certificate comes; it is judged before anything else is read.
            out += self.certificates([messages.hello_certificate(message)], now_ms)
        message = self._receiver.open(data)
        device, epoch = message["device"], message.get("epoch", 0)
        match message["type"]:
            case "hello":
                out += self._step(exchange.Heard(now_ms, device, fresh=True), now_ms)
            case "beat":
                out += self._compare(device, message["roster"], now_ms)
                out += self._step(exchange.Beat(now_ms, device, message["n"], message["have"]), now_ms)
            case "want":
                if message["of"] == self.id:
                    out += self._step(exchange.Wanted(now_ms, device, epoch), now_ms)
            case "bye":
                out += self._step(exchange.Left(now_ms, device), now_ms)
            case "key":
                taken = self._receiver.take(message)
                if isinstance(taken, LeftOut):
                    out += self._step(exchange.Missed(now_ms, device, epoch), now_ms)
                elif taken is not None:
                    if taken.ghosts:
                        out.append(Notice("ghosts", device, ", ".join(taken.ghosts)))
                    self._keys[device, epoch] = taken.key
                    out.append(SetKey(device, epoch % RING, taken.key))
                    out += self._step(exchange.Took(now_ms, device, epoch), now_ms)
            case _:
                out += self._step(exchange.Heard(now_ms, device), now_ms)
        return out

    def _compare(self, device: str, hashed: str, now_ms: int) -> list[Outcome]:
        """Another's roster beside mine. Views differ for a moment at every coming and going; said once (§4)."""
        if hashed == roster_hash([*self.roster, self.id]):
            self._differing.pop(device, None)
            return []
        since = self._differing.setdefault(device, now_ms)
        if since is None or now_ms - since <= DIFFER_MS:
            return []
        self._differing[device] = None
        return [Notice("rosters-differ", device)]

    def _step(self, event: exchange.Event, now_ms: int) -> list[Outcome]:
        self._state, effects = exchange.step(self._state, event)
        out: list[Outcome] = []
        for effect in effects:
            out += self._do(effect, now_ms)
        return out

    def _do(self, effect: exchange.Effect, now_ms: int) -> list[Outcome]:
        bodies = self._receiver.roster
        match effect:
            case exchange.Hello():
                return [Send(self._signer.sign("hello", now_ms, cert=self.certificate.to_json()))]
            case exchange.MakeKey():
                key = self._random(KEY_BYTES)
                others = {device: bodies[device] for device in effect.devices}
                data = messages.make_key(self._signer, others, effect.epoch, key, now_ms)
                self._own[effect.epoch] = (key, data)
                self._own = {e: own for e, own in self._own.items() if e >= self._state.using}
                # Sealed to nobody, it says nothing to anybody; whoever comes brings a new epoch.
                return [Send(data)] if others else []
            case exchange.Resend():
                return [Send(self._own[effect.epoch][1])]
            case exchange.Use():
                return [SetKey(self.id, effect.epoch % RING, self._own[effect.epoch][0], sending=True)]
            case exchange.CannotHear():
                return [Notice("cannot-hear", device) for device in effect.devices]
            case exchange.SendBeat():
                hashed = roster_hash(effect.devices)
                return [
                    Send(self._signer.sign("beat", now_ms, seen=self._seen, roster=hashed, have=effect.have))
                ]
            case exchange.Want():
                return [Send(self._signer.sign("want", now_ms, of=effect.device, epoch=effect.epoch))]
            case exchange.Retire():
                for device, epoch in list(self._keys):
                    if device == effect.device and epoch % RING == effect.index:
                        del self._keys[device, epoch]
                return [SetKey(effect.device, effect.index, self._random(KEY_BYTES))]
            case exchange.Drop():
                self._receiver.drop(effect.device)
                self._differing.pop(effect.device, None)
                gone = [each for each in self._keys if each[0] == effect.device]
                for each in gone:
                    del self._keys[each]
                return [SetKey(effect.device, epoch % RING, self._random(KEY_BYTES)) for _, epoch in gone]
            case exchange.Roster():
                return [InRoom(tuple(bodies[device] for device in effect.devices if device in bodies))]
