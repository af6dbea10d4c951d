"""When a device makes, uses and retires keys: a reducer, `(state, event) → (state, effects)`. Pure.

Lives here: the events, the effects, `State`, `step`.
Not here: cryptography (`messages`), certificates (`roster`); time comes with every event.
Spec: docs/spec/keys.md §4. The browser's twin is client/src/call/exchange.ts; both must give the effects in
tests/vectors/keys/exchange.json.

    newcomer, removal, ten minutes, reconnection → MakeKey → (all have it, or the deadline) → Use
    a superseded key of another → ten seconds → Retire;   somebody gone → Drop at once
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import msgspec

from visavis.e2ee.messages import RING

SILENT_MS = 30_000
"""A device not heard for so long is out (§4.1)."""
BEAT_MS = 5_000
EARLY_MS = 3_000
EARLY_BEAT_MS = 500
"""So often, for so long, at first: the engine's word that a former connection is gone may come late (§4.1)."""
BEAT_APART_MS = 300
GATHER_MS = 50
"""What comes within so long of a key taken is told in one beat (§3.4)."""
REMOVAL_APART_MS = 300
NEWCOMER_APART_MS = 300
NEWCOMER_EACH_MS = 32
"""For each device in: a new key costs everyone a message and a box for each (§4.2)."""
REMOVAL_DEADLINE_MS = 1_000
DEADLINE_MS = 3_000
RETIRE_MS = 10_000
"""A superseded key still opens frames under way for so long (§4.4)."""
RESEND_MS = 1_000
RESEND_MOST_MS = 8_000


class _Tagged(msgspec.Struct, frozen=True, tag_field="type", forbid_unknown_fields=True):
    pass


class Started(_Tagged, frozen=True, tag="started"):
    """The device is connected. epoch: the first it may use. turn: ms between turns; greet: 0–500 ms."""

    at: int
    device: str
    epoch: int = 0
    turn: int = 600_000
    greet: int = 0


class Verified(_Tagged, frozen=True, tag="verified"):
    """Every device whose certificate holds now by this reader's logs, its own or not among them."""

    at: int
    devices: tuple[str, ...]


class Heard(_Tagged, frozen=True, tag="heard"):
    """A signed message of a device, of any kind. fresh: it was a hello, which is answered once."""

    at: int
    device: str
    fresh: bool = False


class Beat(_Tagged, frozen=True, tag="beat"):
    at: int
    device: str
    n: int
    have: dict[str, int]


class Took(_Tagged, frozen=True, tag="took"):
    at: int
    device: str
    epoch: int


class Missed(_Tagged, frozen=True, tag="missed"):
    """A key message without a box for this device."""

    at: int
    device: str
    epoch: int


class Wanted(_Tagged, frozen=True, tag="wanted"):
    """`device` asks for this device's key of `epoch` again."""

    at: int
    device: str
    epoch: int


class Left(_Tagged, frozen=True, tag="left"):
    """A bye, a lie, or the engine's word that a device is gone; it is in again when it is heard again."""

    at: int
    device: str


class Found(_Tagged, frozen=True, tag="found"):
    """The engine's word that a device is there. It lets nobody in."""

    at: int
    device: str


class Reconnected(_Tagged, frozen=True, tag="reconnected"):
    """A new PeerConnection: frame counters begin again, so the key must change."""

    at: int


class Tick(_Tagged, frozen=True, tag="tick"):
    at: int


Event = Started | Verified | Heard | Beat | Took | Missed | Wanted | Left | Found | Reconnected | Tick


class Hello(_Tagged, frozen=True, tag="hello"):
    """Send the own certificate."""


class MakeKey(_Tagged, frozen=True, tag="make-key"):
    """Draw a key for `epoch`, keep the epoch, seal it to `devices`, send it. Do not use it yet."""

    epoch: int
    devices: tuple[str, ...]


class Resend(_Tagged, frozen=True, tag="resend"):
    """Send the same bytes of `epoch` again."""

    epoch: int


class Use(_Tagged, frozen=True, tag="use"):
    """Encrypt with the own key of `epoch` from now on. newcomers: who is sealed to, and could hear nothing before."""

    epoch: int
    newcomers: tuple[str, ...] = ()


class CannotHear(_Tagged, frozen=True, tag="cannot-hear"):
    """The time for the latest key is over, and these devices have not said that they have it."""

    devices: tuple[str, ...]


class SendBeat(_Tagged, frozen=True, tag="send-beat"):
    """Send a beat. devices: everyone in and oneself, for the roster's hash."""

    devices: tuple[str, ...]
    have: dict[str, int]


class Want(_Tagged, frozen=True, tag="want"):
    device: str
    epoch: int


class Retire(_Tagged, frozen=True, tag="retire"):
    """Overwrite the key at `index` of `device` with random bytes."""

    device: str
    index: int


class Drop(_Tagged, frozen=True, tag="drop"):
    """A device is out: unsubscribe it, overwrite all its keys."""

    device: str


class Roster(_Tagged, frozen=True, tag="roster"):
    """Who is in beside oneself, sorted: what is shown, sealed to and subscribed."""

    devices: tuple[str, ...]


Effect = Hello | MakeKey | Resend | Use | CannotHear | SendBeat | Want | Retire | Drop | Roster


@dataclass(frozen=True, slots=True)
class State:
    """What a device knows of the exchange. Times: ms of the reader's clock; -1: none yet.

    roster: who is in beside oneself. epoch: the last key made; using: the last put to use.
    sealed: whom that last key was sealed to; hearing: the same of the one in use.
    theirs: device → the epoch of ours that it said it has. top: device → the epoch of its that we have.
    due: when a new key is due and how long its switch may then wait. newcomer_at: when one is or was due for who came.
    switch_by: when the time for the last key is over.
    """

    device: str = ""
    verified: frozenset[str] = frozenset()
    heard: Mapping[str, int] = field(default_factory=dict)
    gone: frozenset[str] = frozenset()
    roster: frozenset[str] = frozenset()
    greeted: frozenset[str] = frozenset()
    epoch: int = -1
    using: int = -1
    sealed: frozenset[str] = frozenset()
    hearing: frozenset[str] = frozenset()
    due: tuple[int, int] | None = None
    switch_by: int = -1
    made_at: int = -1
    newcomer_at: int = -1
    turn: int = 600_000
    greet: int = 0
    hello_at: int = -1
    started_at: int = -1
    beat_at: int = -1
    beat_due: int = -1
    theirs: Mapping[str, int] = field(default_factory=dict)
    beats: Mapping[str, int] = field(default_factory=dict)
    top: Mapping[str, int] = field(default_factory=dict)
    retiring: tuple[tuple[int, str, int], ...] = ()
    resend_at: int = -1
    resend_gap: int = RESEND_MS


def step(state: State, event: Event) -> tuple[State, tuple[Effect, ...]]:
    """Take one event. Before `Started` and after it alike; no event raises."""
    out: list[Effect] = []
    at = event.at
    s = state
    match event:
        case Started():
            s = replace(
                s,
                device=event.device,
                epoch=event.epoch - 1,
                using=event.epoch - 1,
                turn=event.turn,
                greet=event.greet,
                due=(at, 0),
                started_at=at,
                beat_due=at + EARLY_BEAT_MS,
            )
            out.append(Hello())
        case Verified():
            s = replace(s, verified=frozenset(event.devices) - {s.device})
        case Heard():
            s = _hear(s, event.device, at, fresh=event.fresh)
        case Beat():
            if event.n > s.beats.get(event.device, -1):
                s = _hear(s, event.device, at)
                had, has = s.theirs.get(event.device, -1), event.have.get(s.device, -1)
                s = replace(
                    s,
                    beats={**s.beats, event.device: event.n},
                    theirs={**s.theirs, event.device: has},
                )
                if event.device in s.sealed and has < s.epoch <= had:
                    # It threw the key away, or began anew without our noticing: it has waited long enough.
                    s = replace(s, resend_at=at, resend_gap=RESEND_MS)
        case Took():
            s = _hear(s, event.device, at)
            before = s.top.get(event.device, -1)
            if event.epoch > before:
                retiring = s.retiring
                if before >= 0:
                    retiring = (*retiring, (at + RETIRE_MS, event.device, before))
                s = replace(
                    s,
                    top={**s.top, event.device: event.epoch},
                    retiring=retiring,
                    beat_due=_beat_within(s, at, GATHER_MS),
                )
        case Missed():
            s = _hear(s, event.device, at)
            if event.epoch > s.top.get(event.device, -1):
                out.append(Want(event.device, event.epoch))
        case Wanted():
            s = _hear(s, event.device, at)
            if event.device in s.sealed and event.epoch <= s.epoch:
                out.append(Resend(s.epoch))
            elif event.device in s.roster and s.due is None:
                s = _newcomer(s, at)
        case Left():
            s = replace(s, gone=s.gone | {event.device})
        case Found():
            # It may wait at the door: a beat lets it know who is in.
            s = replace(s, beat_due=_beat_within(s, at, GATHER_MS))
        case Reconnected():
            s = _due(s, at, DEADLINE_MS)
        case Tick():
            pass
    s = _settle(s, at, out)
    return s, tuple(out)


def _hear(s: State, device: str, at: int, *, fresh: bool = False) -> State:
    s = replace(s, heard={**s.heard, device: at}, gone=s.gone - {device})
    if fresh and device not in s.greeted:
        if device in s.sealed and s.theirs.get(device, -1) < s.epoch:
            # In already, without the key: it began anew without our noticing, and has waited long enough.
            s = replace(s, resend_at=at, resend_gap=RESEND_MS)
        hello_at = s.hello_at if s.hello_at >= 0 else at + s.greet
        s = replace(s, greeted=s.greeted | {device}, hello_at=hello_at)
    return s


def _beat_within(s: State, at: int, wait: int) -> int:
    """When the next beat is due after a change: in `wait` ms, but 300 ms after the last."""
    when = max(at + wait, s.beat_at + BEAT_APART_MS) if s.beat_at >= 0 else at + wait
    return when if s.beat_due < 0 else min(s.beat_due, when)


def _due(s: State, when: int, deadline: int) -> State:
    if s.due is not None:
        when, deadline = min(when, s.due[0]), min(deadline, s.due[1])
    return replace(s, due=(when, deadline))


def _newcomer(s: State, at: int) -> State:
    """A key for who came: now, but some time after the last for this cause."""
    apart = max(NEWCOMER_APART_MS, NEWCOMER_EACH_MS * (len(s.roster) + 1))
    # One that is due lies ahead, and serves whoever comes until then.
    when = (
        max(at, s.newcomer_at if s.newcomer_at > at else s.newcomer_at + apart) if s.newcomer_at >= 0 else at
    )
    return _due(replace(s, newcomer_at=when), when, DEADLINE_MS)


def _settle(s: State, at: int, out: list[Effect]) -> State:
    """What follows by itself from the state and the time: who is in, keys due, switches, beats."""
    if not s.device:
        return s
    s = _who_is_in(s, at, out)
    if s.using >= 0 and s.due is None and at - s.made_at >= s.turn:
        s = _due(s, at, DEADLINE_MS)
    if s.due is not None and at >= s.due[0]:
        epoch, pending = s.epoch + 1, s.using < s.epoch
        by = at + s.due[1]
        out.append(MakeKey(epoch, tuple(sorted(s.roster))))
        s = replace(
            s,
            epoch=epoch,
            sealed=s.roster,
            due=None,
            made_at=at,
            # A stream of newcomers must not put off the switch that somebody's leaving made due.
            switch_by=min(s.switch_by, by) if pending else by,
            resend_at=at + RESEND_MS,
            resend_gap=RESEND_MS,
        )
    lack = sorted(d for d in s.sealed & s.roster if s.theirs.get(d, -1) < s.epoch)
    # Who could not hear the key in use loses nothing by the switch: only the others are waited for.
    if s.using < s.epoch and (s.hearing.isdisjoint(lack) or at >= s.switch_by):
        out.append(Use(s.epoch, tuple(sorted((s.sealed & s.roster) - s.hearing))))
        s = replace(s, using=s.epoch, hearing=s.sealed)
    if 0 <= s.switch_by <= at:
        if lack:
            out.append(CannotHear(tuple(lack)))
        s = replace(s, switch_by=-1)
    if lack and at >= s.resend_at:
        out.append(Resend(s.epoch))
        gap = min(2 * s.resend_gap, RESEND_MOST_MS)
        s = replace(s, resend_at=at + gap, resend_gap=gap)
    if 0 <= s.hello_at <= at:
        out.append(Hello())
        s = replace(s, hello_at=-1)
    if 0 <= s.beat_due <= at:
        have = {d: e for d, e in sorted(s.top.items()) if d in s.roster}
        out.append(SendBeat(tuple(sorted(s.roster | {s.device})), have))
        early = at - s.started_at < EARLY_MS
        s = replace(s, beat_at=at, beat_due=at + (EARLY_BEAT_MS if early else BEAT_MS))
    ripe = [each for each in s.retiring if each[0] <= at]
    if ripe:
        for _, device, epoch in ripe:
            # Sixteen epochs in ten seconds: the index is a newer key's already, and stays.
            if s.top.get(device, -1) - epoch < RING:
                out.append(Retire(device, epoch % RING))
        s = replace(s, retiring=tuple(each for each in s.retiring if each[0] > at))
    return s


def _who_is_in(s: State, at: int, out: list[Effect]) -> State:
    now_in = frozenset(d for d in s.verified - s.gone if d in s.heard and at - s.heard[d] < SILENT_MS)
    if now_in == s.roster:
        return s
    came, went = now_in - s.roster, s.roster - now_in
    out.append(Roster(tuple(sorted(now_in))))
    out.extend(Drop(device) for device in sorted(went))
    s = replace(
        s,
        roster=now_in,
        greeted=s.greeted - went,
        theirs={d: e for d, e in s.theirs.items() if d not in went},
        top={d: e for d, e in s.top.items() if d not in went},
        retiring=tuple(each for each in s.retiring if each[1] not in went),
        # Keys follow upon it at once, and the first beat that says which are here is not to be held back.
        beat_due=_beat_within(s, at, BEAT_APART_MS),
    )
    if came:
        s = _newcomer(s, at)
    if went:
        s = _due(s, max(at, s.made_at + REMOVAL_APART_MS) if s.made_at >= 0 else at, REMOVAL_DEADLINE_MS)
    return s


def event_from_json(value: object) -> Event:
    """An event as the vectors spell it."""
    event: Event = msgspec.convert(value, Event)
    return event


def effect_to_json(effect: Effect) -> dict[str, Any]:
    """An effect as the vectors spell it."""
    plain: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(effect))
    return plain
