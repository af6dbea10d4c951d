"""All checks of a bundle, offline. Pure: bytes in, an account out; no clock, no network, no store.

Lives here: `verify`, `examine`; the log keys that a side has had.
Not here: the rules themselves (`dialogue.fold`, `dialogue.join`), the bundle's form (`record.bundle`).
Spec: docs/spec/record.md §14.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from visavis.dialogue.accord import Accord, ended_by
from visavis.dialogue.acts import RotateKey, Rulebook, Slot, slot_text
from visavis.dialogue.chair import profile
from visavis.dialogue.erasing import committed
from visavis.dialogue.fold import SideState, fold
from visavis.dialogue.join import Joint
from visavis.errors import Malformed, Untrusted
from visavis.record import checkpoint, note
from visavis.record.bundle import Bundle, Fault, LogPart, Opened, parse_bundle
from visavis.record.content import opens
from visavis.record.digest import from_text, to_text
from visavis.verification.account import (
    Account,
    Agreement,
    Ended,
    Erasure,
    Fork,
    LogAccount,
    Person,
    Receipt,
    Signed,
    Standing,
    Void,
    Waits,
)
from visavis.verification.lines import Line, lines


@dataclass(frozen=True, slots=True)
class Examined:
    """A reading of a bundle. lines: each entry of a log, or of both; see `lines.lines`."""

    account: Account
    lines: Callable[[str | None, int, int | None], Iterator[Line]]


def verify(data: bytes, rulebook: Rulebook) -> Account:
    """Check a bundle as §14.1 says, and give the account of §14.2. Raises nothing over any bytes.

    data:     the bundle's bytes.
    rulebook: the acts that the reader's software knows.
    """
    return examine(data, rulebook).account


def examine(data: bytes, rulebook: Rulebook) -> Examined:
    """As `verify`, and what each entry came to."""
    try:
        bundle, faults = parse_bundle(data)
    except Malformed as error:
        account = Account("", (), (), (), (), (Fault("bundle", error.message),), 0, 0)
        return Examined(account, lambda _side, _start, _stop: iter(()))
    del data  # the leaves are in the bundle once more
    reader = _Reader(bundle, rulebook, faults)
    return Examined(reader.account(), reader.lines)


def log_keys(state: SideState, part: LogPart) -> tuple[bytes, ...]:
    """Every log key that a side has had, each once: the founding's, then as they were rotated (§9.4)."""
    rotated = (
        from_text(judged.move.log_key, 32)
        for judged in state.judged
        if isinstance(judged.move, RotateKey) and judged.verdict is None
    )
    return tuple(dict.fromkeys([part.founding.log_key, *rotated]))


_SPELT_COMMITMENT = re.compile(rb'"([A-Za-z0-9_-]{43})(?=")')
"""A string of an entry that may be a commitment; a look ahead, since what ends one may begin the next."""


class _Reader:
    """One reading of one bundle."""

    def __init__(self, bundle: Bundle, rulebook: Rulebook, faults: list[Fault]) -> None:
        self.bundle = bundle
        self.sides = bundle.sides
        self.faults = faults
        one, other = (
            fold(bundle.dialogue, side, self.sides, rulebook, bundle.logs[side].leaves) for side in self.sides
        )
        self.states = (one, other)
        self.joint = Joint(one, other, rulebook)
        self.receipts: list[Receipt | None] = [None, None]
        self.forks: list[Fork] = []
        self.unopened: set[str] = set()

    def account(self) -> Account:
        for s in (0, 1):
            self.faults += self._check_notes(s)
            self.faults += self._check_forks(s)
        void = tuple(self._void())
        self.faults += [_fault_of(each) for each in void]
        for s in (0, 1):
            self.faults += self._check_held(s)
        self.faults += self._check_contents()
        return Account(
            dialogue=self.bundle.dialogue,
            logs=tuple(self._log(s) for s in (0, 1)),
            agreements=tuple(self._agreements()),
            waiting=tuple(
                Waits(self.sides[w.for_side], w.what, slot_text(w.slot), w.hash, w.status.value)
                for w in self.joint.waiting()
            ),
            void=void,
            faults=tuple(self.faults),
            entries=sum(state.size for state in self.states),
            contents=len(self.bundle.contents),
            erased=tuple(self._erasures()),
            withheld=tuple(self._withheld()),
            forks=tuple(self.forks),
        )

    # --- checkpoints and receipts ------------------------------------------------------------------

    def _check_notes(self, s: int) -> Iterator[Fault]:
        part, state, side = self.bundle.logs[self.sides[s]], self.states[s], self.sides[s]
        try:
            latest = self._open(s, part, part.checkpoint)
        except (Malformed, Untrusted) as error:
            yield Fault("checkpoint", error.message, side)
        else:
            if latest.size != state.size:
                message = f"the checkpoint is of {latest.size} entries, the log has {state.size}"
                yield Fault("checkpoint-size", message, side)
            elif latest.root != state.root():
                yield Fault("checkpoint-root", "the checkpoint's root is not the log's", side)
            elif latest.cosignature is not None:
                yield from self._receive(s, "checkpoint", latest)
        if part.receipt is None:
            return
        try:
            earlier = self._open(s, part, part.receipt)
        except (Malformed, Untrusted) as error:
            yield Fault("receipt", error.message, side)
            return
        if earlier.size >= state.size or self.receipts[s] is not None:
            yield Fault("receipt", "the receipt is not of an earlier size than the cosigned checkpoint", side)
        elif state.root(earlier.size) != earlier.root:
            message = f"the log that the other side cosigned at {earlier.size} entries is another one"
            yield Fault("receipt-root", message, side)
        else:
            yield from self._receive(s, "receipt", earlier)

    def _check_forks(self, s: int) -> Iterator[Fault]:
        part, state, side = self.bundle.logs[self.sides[s]], self.states[s], self.sides[s]
        for number, fork in enumerate(part.forks):
            try:
                held, shown = (self._open_alone(s, part, data) for data in (fork.held, fork.shown))
            except (Malformed, Untrusted) as error:
                yield Fault("fork-note", f"forks/{number}: {error.message}", side)
                continue
            if held.size != shown.size or held.root == shown.root:
                yield Fault("fork-note", f"forks/{number}: the two checkpoints can both be true", side)
            elif not 0 < held.size <= state.size or state.root(held.size) != held.root:
                yield Fault("fork-note", f"forks/{number}: the one that is held is not of this log", side)
            else:
                found = Fork(side, held.size, to_text(held.root), to_text(shown.root))
                self.forks.append(found)
                roots = f"the roots {found.held} and {found.shown}"
                yield Fault("fork", f"its key signed two logs of {found.size} entries, with {roots}", side)

    def _receive(self, s: int, what: str, opened: checkpoint.Checkpoint) -> Iterator[Fault]:
        """Count a note as a receipt, if both sides have cosigned it: the policy's quorum (§10.5)."""
        if opened.cosignature is None:
            yield Fault("cosignature", f"the {what} is not cosigned by the other side", self.sides[s])
        elif opened.own is None:
            message = f"the {what} is cosigned by the other side, and not by the log's own"
            yield Fault("cosignature", message, self.sides[s])
        else:
            self.receipts[s] = Receipt(opened.size, opened.cosignature.timestamp)

    def _open(self, s: int, part: LogPart, data: bytes) -> checkpoint.Checkpoint:
        """A note of this log, verified by the key that was in force at its size, with no line to spare."""
        signed = note.parse_note(data)
        dialogue, side, size, _ = checkpoint.parse_text(signed.text)
        if (dialogue, side) != (self.bundle.dialogue, self.sides[s]):
            raise Untrusted("checkpoint: of another log")
        key = self.states[s].key_at(size) or part.founding.log_key
        other = self.sides[1 - s]
        cosigner = self._cosigner(1 - s, signed)
        opened = checkpoint.open_checkpoint(data, key, other if cosigner else "", cosigner)
        if checkpoint.encode_checkpoint(opened, key, other, cosigner) != data:
            raise Untrusted(
                "checkpoint: it has a line that neither side's log key signed, or in another order"
            )
        return opened

    def _open_alone(self, s: int, part: LogPart, data: bytes) -> checkpoint.Checkpoint:
        """As `_open`, and no line but the log's own."""
        opened = self._open(s, part, data)
        if opened.own is not None or opened.cosignature is not None:
            raise Untrusted("checkpoint: it has a line to spare")
        return opened

    def _cosigner(self, s: int, signed: note.Note) -> bytes:
        """Which of the log keys that side s ever had has cosigned the note; b"" if none."""
        name = checkpoint.origin(self.bundle.dialogue, self.sides[s])
        keys = log_keys(self.states[s], self.bundle.logs[self.sides[s]])
        return next(
            (
                key
                for key in keys
                if signed.find(name, note.key_id(name, note.COSIGNATURE_V1, key)) is not None
            ),
            b"",
        )

    # --- entries --------------------------------------------------------------------------------------

    def _void(self) -> Iterator[Void]:
        for s in (0, 1):
            for index, reason in enumerate(self.joint.verdicts[s]):
                if reason is None:
                    continue
                entry = self.states[s].entry(index)
                if entry is None:
                    yield Void(self.sides[s], index, reason, None, None)
                else:
                    act = str(entry.signed.act["type"])
                    yield Void(self.sides[s], index, reason, act, entry.signed.delegate)

    def _check_held(self, s: int) -> Iterator[Fault]:
        state, other = self.states[s], self.states[1 - s]
        if self.joint.forked[s]:
            yield Fault("fork", "the other side acknowledges another log under this log's own key", state.id)
        if not self.joint.held[s]:
            return
        index = len(self.joint.verdicts[s])
        judged = state.judged[index]
        count = f"{self.joint.held[s]} from here on cannot be judged"
        ack = judged.ack
        if ack is not None and ack.size > other.size:
            proof = "truly" if other.signed(ack) else "without proof"
            message = (
                f"{count}: it acknowledges, {proof}, {ack.size} entries of a log that has {other.size} here"
            )
        elif ack is not None and other.signed(ack) and other.root(ack.size) != ack.root:
            message = f"{count}: it acknowledges a log of the other side's that is not the one here"
        else:
            message = f"{count}: they rest on entries of the other log that cannot be judged"
        yield Fault("held", message, state.id, index)

    def lines(self, side: str | None, start: int, stop: int | None) -> Iterator[Line]:
        """After `account`: a content that failed is not shown."""
        return lines(self.joint, self._words, side, start, stop)

    # --- contents -------------------------------------------------------------------------------------

    def _check_contents(self) -> Iterator[Fault]:
        if not self.bundle.contents:
            return
        loose = {commitment.encode() for commitment in self.bundle.contents}
        for part in self.bundle.logs.values():
            for leaf in part.leaves:
                loose.difference_update(_SPELT_COMMITMENT.findall(leaf))
        for commitment, opened in self.bundle.contents.items():
            try:
                opens(commitment, opened.salt, opened.content)
            except Untrusted as error:
                self.unopened.add(commitment)
                yield Fault("content", f"contents/{commitment}: {error.message}")
            if commitment.encode() in loose:
                yield Fault("content", f"contents/{commitment}: no entry commits to it")

    def _words(self, commitment: str | None) -> str | None:
        """The content's words; None if the bundle does not open the commitment, or opens it to no text.

        After `_check_contents`: what failed there is never shown.
        """
        opened: Opened | None = self.bundle.contents.get(commitment) if commitment else None
        if opened is None or commitment in self.unopened:
            return None
        try:
            return opened.content.decode("utf-8")
        except UnicodeDecodeError:
            return None

    def _erasures(self) -> Iterator[Erasure]:
        found = {(commitment, s): index for s in (0, 1) for commitment, index in self.joint.erased[s].items()}
        for (commitment, s), index in sorted(found.items()):
            entry = self.states[s].entry(index)
            if entry is None:
                raise AssertionError("an erasure is an entry that was read")
            yield Erasure(
                commitment=commitment,
                side=self.sides[s],
                index=index,
                time=entry.time,
                **self._delegate(s, entry.signed.delegate),
                here=commitment in self.bundle.contents and commitment not in self.unopened,
            )

    def _withheld(self) -> Iterator[str]:
        due: set[str] = set()
        for s in (0, 1):
            for judged, verdict in zip(self.states[s].judged, self.joint.verdicts[s], strict=False):
                if verdict is None and judged.entry is not None:
                    due.update(each.commitment for each in committed(judged.entry.signed.act))
        yield from sorted(
            due - self.bundle.contents.keys() - self.joint.erased[0].keys() - self.joint.erased[1].keys()
        )

    def _delegate(self, s: int, delegate: str) -> dict[str, Any]:
        """Who that is, as side s's log has them: delegate, role, name."""
        known = self.states[s].delegates.get(delegate)
        return {
            "delegate": delegate,
            "role": known.role if known else "",
            "name": self._words(known.name) if known else None,
        }

    # --- the account ----------------------------------------------------------------------------------

    def _log(self, s: int) -> LogAccount:
        state = self.states[s]
        stands = Counter(
            str(judged.entry.signed.act["type"])
            for judged, verdict in zip(state.judged, self.joint.verdicts[s], strict=False)
            if verdict is None and judged.entry is not None
        )
        powers = state.powers_by_delegate()
        return LogAccount(
            side=state.id,
            names=dict(self.bundle.logs[state.id].founding.names),
            languages=profile(self.joint, s)[1],
            size=state.size,
            root=to_text(state.root()),
            acknowledged=self.joint.eff_now(1 - s),
            cosigned=self.receipts[s],
            delegates=tuple(
                Person(each.id, each.role, self._words(each.name), _sorted(powers.get(each.id, ())))
                for each in state.delegates.values()
            ),
            acts=dict(sorted(stands.items())),
            timestamps=tuple(sorted(self.bundle.logs[state.id].timestamps)),
        )

    def _agreements(self) -> Iterator[Agreement]:
        for slot in sorted(self.joint.slots):
            accords = self.joint.accords(slot)
            for accord in accords:
                latest = accord is accords[-1]
                yield self._agreement(slot, accord, latest=latest)

    def _agreement(self, slot: Slot, accord: Accord, *, latest: bool) -> Agreement:
        subject = self.joint.tabled.get(accord.hash)
        standing, ended = Standing.REPLACED, tuple(self._ends(slot))
        if latest:
            standing = Standing.ENDED if ended else Standing.IN_FORCE
        since = self.joint.since(slot) if latest else None
        return Agreement(
            slot=slot_text(slot),
            hash=accord.hash,
            kind=slot[0] if subject is None else subject.kind,
            standing=standing,
            body={} if subject is None else subject.body,
            contents={c: self._words(c) for c in sorted(subject.commitments)} if subject else {},
            signed=tuple(self._signed(s, accord.at[s], accord.hash) for s in (0, 1)),
            first=self.sides[since.first] if since is not None and since.first is not None else None,
            known_since=dict(zip(self.sides, since.known, strict=True)) if since is not None else None,
            ended=ended if latest else (),
        )

    def _ends(self, slot: Slot) -> Iterator[Ended]:
        what = ended_by(slot)
        for s in (0, 1):
            if what is not None and (index := self.joint.ends.at[s].get(what)) is not None:
                yield Ended(self.sides[s], index)

    def _signed(self, s: int, index: int, hash_: str) -> Signed:
        received = self.joint.received[s].get(hash_)
        entry = self.states[s].entry(index)
        if entry is None:
            raise AssertionError("a consent is an entry that was read")
        return Signed(
            side=self.sides[s],
            index=index,
            act=str(entry.signed.act["type"]),
            time=entry.time,
            **self._delegate(s, entry.signed.delegate),
            tabled=self.joint.tabled_at[s].get(hash_),
            received=received if received is not None and received < index else None,
        )


def _fault_of(void: Void) -> Fault:
    act = "bytes that are no entry" if void.act is None else void.act
    return Fault("void", f"{act}: {void.reason}", void.log, void.index)


def _sorted(powers: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(str(power) for power in powers))
