"""Dialogues of this node: founding, drafting, entering, reading. Load → decide → append → publish.

Lives here: `Dialogues`, the use cases; `Draft`. The dialogue in memory is `ledger.Ledger`; reading it from disk and
what is kept beside it there is `keeping.Keeper`.
Not here: verdicts (`fold`, `join`), what commands mean (the slices), sessions (`admission`), HTTP (`web`).
Spec: docs/spec/record.md, docs/spec/http.md §§2–4.

The node drafts, the delegate signs, the node enters: nothing here holds a delegate's key. One lock a dialogue
orders its writers; an entry is on disk before it is in the fold, and in the fold before anybody is told.
"""

from __future__ import annotations

import math
import secrets
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import anyio
import msgspec
import structlog
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from visavis.dialogue.acts import Consent, Power, Rulebook
from visavis.dialogue.commands import Command, Drafted, Enrolment, Fresh, Summary, View
from visavis.dialogue.errors import ContentMissing, LogDamaged, act_void
from visavis.dialogue.fold import SideState
from visavis.dialogue.join import Joint, preview
from visavis.dialogue.keeping import Keeper, again
from visavis.dialogue.ledger import Event, Ledger, NoSuchDialogue, readable
from visavis.dialogue.model import PROFILE
from visavis.dialogue.ports import (
    Certificate,
    ContentRow,
    EnrolmentRow,
    Fork,
    FoundingRow,
    Session,
    Store,
)
from visavis.dialogue.receiving import Finding
from visavis.errors import Malformed, Refused, Unavailable, Untrusted, VisavisError
from visavis.record import canonical
from visavis.record.content import opens
from visavis.record.digest import to_text
from visavis.record.entry import (
    NODE,
    NONCE_BYTES,
    RECOVERY,
    Entry,
    Founding,
    SignedMembers,
    dialogue_id,
    make_entry,
    sign,
    verify_proof,
)
from visavis.record.proof import Passkey, Proof

log = structlog.get_logger(__name__)

DRAFT_LIFE = timedelta(minutes=10)
MAX_DRAFTS = 16
"""Of one credential; its oldest gives way, so that one delegate's drafts never stand in another's way."""
MAX_CONTENT_BYTES = 256 * 1024
MAX_LISTENERS = 20
"""Open event streams of one credential: its windows, with room to spare."""
UNPROVEN = Proof("ed25519", bytes(64))
"""Stands in a draft's entry while it is judged: nobody has signed it yet."""
RECEIPT_DELAY_S = 1.0
"""A receipt is written this long after the last entry it acknowledges: one for a burst, none for a receipt."""


class DraftGone(Refused):
    """The draft is older than ten minutes, was entered already, or is somebody else's."""

    code = "draft-gone"


@dataclass(frozen=True, slots=True)
class Draft:
    """An act that waits for its delegate's signature. asker: the credential of the session that asked for it."""

    id: str
    dialogue: str
    asker: str
    signed: SignedMembers
    drafted: Drafted
    expires: datetime


@dataclass(frozen=True, slots=True)
class Person:
    """A delegate as the side's log has them. zone: the side's, an IANA name."""

    role: str
    name: str
    powers: frozenset[Power]
    admitted: bool
    zone: str


class Dialogues:
    """The use cases of founding, drafting, entering and reading, over a store."""

    def __init__(
        self,
        store: Store,
        rulebook: Rulebook,
        commands: Mapping[str, Command],
        clock: Callable[[], datetime],
        fresh: Fresh,
    ) -> None:
        self._store = store
        self._rulebook = rulebook
        self._commands = commands
        self._clock = clock
        self._fresh = fresh
        self._keeper = Keeper(store, clock)
        self._ledgers: dict[str, Ledger] = {}
        self._broken: dict[str, VisavisError] = {}
        self._pairs: dict[str, dict[int, FoundingRow]] = {}
        self._drafts: dict[str, Draft] = {}
        self._founded: MemoryObjectSendStream[Ledger] | None = None
        self._on_entry: list[Callable[[Ledger], None]] = []

    def on_entry(self, listener: Callable[[Ledger], None]) -> None:
        """Call `listener` after every entry of any dialogue. It must not wait; if it fails, only it does."""
        self._on_entry.append(listener)

    # --- at start --------------------------------------------------------------------------------

    async def load(self, *, settle: bool = True) -> None:
        """Read all dialogues from the store.

        settle: write what is missing beside the logs; False for who only reads beside a running node.
        A log that is not as it was written is not shown: asking for its dialogue raises `LogDamaged`, while others
        are served. Raises `Unavailable` if nothing can be read.
        """
        async with self._store.begin() as unit:
            for row in await unit.foundings():
                self._pairs.setdefault(row.pair, {})[row.chair] = row
            known = {*await unit.founded(), *await self._store.logs.dialogues()}
        for pair in self._pairs.values():
            if len(pair) == 2:
                await self._load(pair, settle)
        for dialogue in sorted(known - self._ledgers.keys() - self._broken.keys()):
            self._broken[dialogue] = LogDamaged(
                f"entries of dialogue {dialogue} are on this node's disk, its founding is not: restore the database"
            )
        for dialogue, error in self._broken.items():
            log.error("dialogue.damaged", dialogue=dialogue, why=error.message)
        if self._broken and not self._ledgers:
            raise next(iter(self._broken.values()))
        async with self._store.begin() as unit:
            for enrolment in await unit.enrolments():
                if enrolment.dialogue in self._ledgers:
                    enrolments = self._ledgers[enrolment.dialogue].enrolments
                    enrolments[enrolment.enrolment.id] = enrolment
        for ledger in self._ledgers.values():
            ledger.receipts_due.set()

    async def _load(self, pair: Mapping[int, FoundingRow], settle: bool) -> None:
        name = "/".join(row.side for row in pair.values())
        try:
            name = dialogue_id(*(row.side for row in pair.values()))
            ledger = self._ledger(pair)
            await self._keeper.read(ledger, settle=settle)
        except LogDamaged as error:
            self._broken[name] = error
        except (Malformed, Untrusted) as error:
            self._broken[name] = LogDamaged(f"the database is damaged: {error.message}")
        else:
            self._ledgers[ledger.id] = ledger

    async def run(self) -> None:
        """Write receipts, until cancelled. One task a dialogue."""
        send, receive = anyio.create_memory_object_stream[Ledger](math.inf)
        self._founded = send
        async with anyio.create_task_group() as tasks, send, receive:
            for ledger in self._ledgers.values():
                tasks.start_soon(self._receipts, ledger)
            async for ledger in receive:
                tasks.start_soon(self._receipts, ledger)

    @property
    def ids(self) -> tuple[str, ...]:
        return tuple(self._ledgers)

    @property
    def has_foundings(self) -> bool:
        return bool(self._pairs)

    def ledger(self, dialogue: str) -> Ledger:
        found = self._ledgers.get(dialogue)
        if found is None and dialogue in self._broken:
            raise again(self._broken[dialogue])
        if found is None:
            raise NoSuchDialogue("there is no such dialogue")
        return found

    def person(self, dialogue: str, side: str, delegate: str, credential: str) -> Person:
        """What the side's log says of a delegate and one credential of theirs, as of now."""
        ledger = self.ledger(dialogue)
        us = ledger.index(side)
        state = ledger.states[us]
        known = state.delegates.get(delegate)
        profile = ledger.joint.register(us, PROFILE) or {}
        waiting = (
            row.enrolment for row in ledger.enrolments.values() if row.enrolment.credential == credential
        )
        role = known.role if known else next((e.role for e in waiting), "protocol-officer")
        name = readable(ledger, side, known.name) if known and known.name else None
        return Person(
            role=role,
            name=name.data.decode("utf-8", "replace") if name else "",
            powers=state.powers_of(credential),
            admitted=state.delegate_of(credential) == delegate,
            zone=str(profile.get("zone", "UTC")),
        )

    def passkey_of(self, id: bytes) -> Passkey | None:
        """The live passkey of that WebAuthn credential id, in any log of this node."""
        for ledger in self._ledgers.values():
            for state in ledger.states:
                for each in state.live_credentials():
                    if each.passkey is not None and each.passkey.id == id:
                        return each.passkey
        return None

    def side_of_credential(self, credential: str) -> Session | None:
        """Whose credential this is: in a log, or waiting among the enrolments."""
        for ledger in self._ledgers.values():
            for side, state in zip(ledger.sides, ledger.states, strict=True):
                delegate = state.delegate_of(credential)
                if delegate is not None:
                    return _session_of(delegate, credential, ledger.id, side)
            for row in ledger.enrolments.values():
                if row.enrolment.credential == credential:
                    return _session_of(row.enrolment.delegate, credential, ledger.id, row.side)
        return None

    # --- founding ---------------------------------------------------------------------------------

    async def state_founding(
        self, session: Session, names: Mapping[str, str], recovery: Iterable[str]
    ) -> tuple[Founding, str | None]:
        """A side's founding statement, by its officer. The answer's second part is the dialogue's id once
        both sides have stated themselves. Raises `Refused` if this side did so already."""
        if not session.pair:
            raise Refused("only a founding officer states a side")
        async with self._store.begin() as unit:
            passkey = await unit.passkey(session.credential)
        if passkey is None:
            raise Refused("the founding officer's passkey is not known here")
        seed = secrets.token_bytes(32)
        statement = {
            "name": dict(names),
            "log_key": to_text(Ed25519PrivateKey.from_private_bytes(seed).public_key().public_bytes_raw()),
            "recovery": list(recovery),
            "officer": {"delegate": session.delegate, "passkey": passkey.to_json()},
            "nonce": to_text(secrets.token_bytes(NONCE_BYTES)),
        }
        founding = Founding.from_json(statement)
        row = FoundingRow(
            session.pair, session.chair, founding.side(), canonical.encode(founding.to_json()), seed
        )
        pair = self._pairs.setdefault(session.pair, {})
        async with self._store.begin() as unit:
            if not await unit.add_founding(row):
                raise Refused("this side has stated itself already")
            both = {**pair, row.chair: row}
            if len(both) == 2:
                dialogue = dialogue_id(*(r.side for r in both.values()))
                for each in both.values():
                    await unit.place_sessions(each.pair, each.chair, dialogue, each.side)
        pair[row.chair] = row
        if len(pair) == 2:
            ledger = self._ledger(pair)
            self._ledgers[ledger.id] = ledger
            if self._founded is not None:
                self._founded.send_nowait(ledger)
            log.info("dialogue.founded", dialogue=ledger.id)
        return self.founding_of(session)

    def founding_of(self, session: Session) -> tuple[Founding, str | None]:
        """The statement that this officer's side made, and the dialogue's id if there is one."""
        pair = self._pairs.get(session.pair, {})
        row = pair.get(session.chair)
        if row is None:
            raise Refused("this side has not stated itself yet")
        founding = Founding.from_json(canonical.decode(row.statement))
        dialogue = dialogue_id(*(r.side for r in pair.values())) if len(pair) == 2 else None
        return founding, dialogue

    def _ledger(self, pair: Mapping[int, FoundingRow]) -> Ledger:
        rows = tuple(pair[chair] for chair in (0, 1))
        statements = tuple(Founding.from_json(canonical.decode(row.statement)) for row in rows)
        one, other = statements
        sides = (one.side(), other.side())
        if sides != tuple(row.side for row in rows):
            raise LogDamaged("the database is damaged: a founding statement's hash is not its side's id")
        dialogue = dialogue_id(*sides)
        states = (
            SideState(dialogue, sides[0], sides, self._rulebook),
            SideState(dialogue, sides[1], sides, self._rulebook),
        )
        keys = {row.side: log_key(row, founding) for row, founding in zip(rows, statements, strict=True)}
        return Ledger(dialogue, sides, (one, other), keys, states, Joint(*states, self._rulebook))

    async def note_enrolment(self, dialogue: str, side: str, enrolment: Enrolment) -> None:
        """Make an enrolment known to its side's officers."""
        ledger = self.ledger(dialogue)
        ledger.enrolments[enrolment.id] = EnrolmentRow(dialogue, side, enrolment)
        ledger.publish("enrolment", side=side, delegate=enrolment.delegate)

    # --- acts --------------------------------------------------------------------------------------

    def view(self, dialogue: str, side: str, delegate: str) -> View:
        """What this delegate may look at, as of now."""
        ledger = self.ledger(dialogue)
        us = ledger.index(side)

        def text(commitment: str) -> str | None:
            row = readable(ledger, side, commitment)
            return None if row is None else row.data.decode("utf-8", "replace")

        own = {
            row.enrolment.id: row.enrolment
            for row in ledger.enrolments.values()
            if row.side == side and not ledger.states[us].knows_credential(row.enrolment.credential)
        }
        founding = ledger.foundings[us].to_json()
        return View(ledger.joint, us, delegate, self._clock(), text, own, founding)

    async def draft(
        self,
        session: Session,
        dialogue: str,
        command: str,
        fields: Mapping[str, Any],
        *,
        device: str | None = None,
    ) -> Draft:
        """Draft an act. Raises `Malformed`, or `Refused` if the rules do not allow it as things stand.

        device: a device key that the session's passkey admitted, to sign in its stead.
        """
        ledger = self.ledger(dialogue)
        credential = session.credential if device is None else _device_of(ledger, session, device)
        if ledger.stopped is not None:
            raise again(ledger.stopped)
        spec = self._commands.get(command)
        if spec is None:
            raise Malformed(f"there is no command {command[:60]!r}", field="command")
        try:
            given = msgspec.convert(fields, spec.fields, strict=True)
        except (msgspec.ValidationError, RecursionError) as error:
            raise Malformed(str(error), field=_field(str(error))) from error
        drafted = spec.build(self.view(dialogue, session.side, session.delegate), given, self._fresh)
        if sum(len(content.data) for content in drafted.contents) > MAX_CONTENT_BYTES:
            raise Malformed(f"texts of more than {MAX_CONTENT_BYTES // 1024} KiB in one act")
        for content in drafted.contents:
            opens(content.commitment, content.salt, content.data)
        by = (session.delegate, credential)
        return await self._drafted(ledger, session, by, drafted)

    async def draft_recovery(self, session: Session, recovery: str) -> Draft:
        """Draft `side.recover`: the session's enrolled passkey becomes the officer's, every older one ends.

        recovery: an offline key of the side's founding, base64url; its holder signs the draft's challenge.
        Raises `Refused` if nothing of that person waits, or the key is none of the founding's.
        """
        ledger = self.ledger(session.dialogue)
        waits = (row.enrolment for row in ledger.enrolments.values() if row.side == session.side)
        found = next((e for e in waits if e.credential == session.credential), None)
        if found is None:
            raise Refused("no passkey of yours waits to be admitted to this side")
        act = {"type": "side.recover", "delegate": found.delegate, "passkey": found.passkey.to_json()}
        lines = (
            f"New officer: {found.name or found.delegate}",
            f"Passkey: {found.credential}",
            "Every other passkey and device key of this side ends. What they signed stands.",
        )
        drafted = Drafted(act, Summary("Recover this side", lines))
        return await self._drafted(ledger, session, (RECOVERY, recovery), drafted)

    async def _drafted(
        self, ledger: Ledger, session: Session, by: tuple[str, str], drafted: Drafted
    ) -> Draft:
        """Keep a draft, if it would stand now. by: the signer's delegate and credential."""
        us = ledger.index(session.side)
        signed = _members(ledger, us, drafted.act, *by)
        canonical.encode(signed.to_json())
        self._judge(ledger, us, make_entry(signed, UNPROVEN, seq=signed.own.size, time=""), True)
        if await self._received_before(ledger, us, drafted.act):
            signed = _members(ledger, us, drafted.act, *by)
        now = self._clock()
        self._drafts = {k: d for k, d in self._drafts.items() if d.expires > now}
        own = [k for k, d in self._drafts.items() if d.asker == session.credential]
        for oldest in own[: 1 + len(own) - MAX_DRAFTS]:
            del self._drafts[oldest]
        draft = Draft(self._fresh.id(), ledger.id, session.credential, signed, drafted, now + DRAFT_LIFE)
        self._drafts[draft.id] = draft
        return draft

    async def enter(self, session: Session, dialogue: str, draft_id: str, proof: Proof) -> Entry:
        """Enter a signed draft. On disk when this returns. Raises `Untrusted`, `Refused`, `DraftGone`."""
        draft = self._drafts.get(draft_id)
        if (
            draft is None
            or draft.dialogue != dialogue
            or (draft.asker, draft.signed.side) != (session.credential, session.side)
            or draft.expires <= self._clock()
        ):
            raise DraftGone("this draft is gone; nothing was entered. Ask for it again")
        ledger = self.ledger(dialogue)
        key = ledger.states[ledger.index(session.side)].key_of(draft.signed)
        verify_proof(draft.signed, proof, key)
        async with ledger.lock:
            if draft_id not in self._drafts:
                raise DraftGone("this draft was entered already")
            entry = await self._append(ledger, draft.signed, proof, draft.drafted)
            self._drafts.pop(draft_id, None)
            return entry

    async def _append(
        self, ledger: Ledger, signed: SignedMembers, proof: Proof, drafted: Drafted | None
    ) -> Entry:
        us = ledger.index(signed.side)
        state = ledger.states[us]
        await self._keeper.may_write(ledger)
        entry = make_entry(signed, proof, seq=state.size, time=spell_time(self._clock()))
        self._judge(ledger, us, entry, False)
        rows = [
            ContentRow(ledger.id, signed.side, c.commitment, c.salt, c.data, c.language, c.audience)
            for c in (drafted.contents if drafted else ())
        ]
        widened: list[ContentRow] = []
        with anyio.CancelScope(shield=True):
            async with self._store.begin() as unit:
                await unit.append_leaf(ledger.id, signed.side, entry.seq, entry.leaf)
                await self._keeper.keep_mark(unit, ledger, us)
                for row in rows:
                    await unit.add_content(row)
                for commitment, audience in drafted.widen if drafted else ():
                    held = ledger.contents.get(commitment)
                    if held is None or readable(ledger, signed.side, commitment) is None:
                        continue  # a joint readout's words are the other side's too, once both approved it
                    await unit.widen_content(ledger.id, commitment, audience)
                    if held.audience.narrower_than(audience):
                        widened.append(replace(held, audience=audience))
            ledger.take(signed.side, entry.leaf, proven=True)
            ledger.joint.advance()
            for row in (*rows, *widened):
                ledger.contents[row.commitment] = row
            await self._keeper.file(ledger)
        kind = str(signed.act.get("type"))
        log.info("entry", dialogue=ledger.id, side=signed.side, seq=entry.seq, act=kind)
        ledger.publish("log", side=signed.side, size=state.size)
        for listener in self._on_entry:
            try:
                listener(ledger)
            except Exception:
                log.exception("entry.listener-failed", dialogue=ledger.id)
        if kind not in ("record.receive", "content.receive"):
            ledger.receipts_due.set()
        return entry

    def _judge(self, ledger: Ledger, us: int, entry: Entry, proven: bool) -> None:
        """Refuse what would be void, before it is written. proven: the proof has been checked or is ours."""
        verdict = preview(ledger.joint, us, entry, proven=proven)
        if verdict is not None:
            raise act_void(verdict, self._rulebook.explained)

    async def _receipts(self, ledger: Ledger) -> None:
        """Acknowledge the other's entries that no entry of ours has acknowledged yet (rule book §6)."""
        while True:
            await ledger.receipts_due.wait()
            await anyio.sleep(RECEIPT_DELAY_S)
            ledger.receipts_due = anyio.Event()
            try:
                for us in (0, 1):
                    async with ledger.lock:
                        if not ledger.states[us].size or ledger.stopped:
                            continue
                        for hash_ in ledger.to_receive(us):
                            await self._receipt(ledger, us, {"type": "content.receive", "hash": hash_})
                        if ledger.joint.owes_receipt(us):
                            await self._receipt(ledger, us, {"type": "record.receive"})
                await self._keeper.cosign(ledger)
            except Unavailable as error:
                log.warning("receipt.put-off", dialogue=ledger.id, why=error.message)
                ledger.receipts_due.set()
            except Exception:  # one dialogue's receipts must not end the node
                log.exception("receipt.failed", dialogue=ledger.id)

    async def _receipt(self, ledger: Ledger, us: int, act: Mapping[str, Any]) -> None:
        signed = _members(ledger, us, act, NODE, NODE)
        await self._append(ledger, signed, sign(signed, ledger.log_keys[signed.side]), None)

    async def _received_before(self, ledger: Ledger, us: int, act: Mapping[str, Any]) -> bool:
        """Before a consent to what the other tabled, have the receipt for its contents in the log (record.md
        §7.6): written here if none is yet, so that nobody waits for the loop. Whether it was.

        Raises `ContentMissing` if not all of it is at hand.
        """
        parsed = self._rulebook.parse(act)
        move = None if parsed is None else parsed[2]
        if not isinstance(move, Consent) or move.hash not in ledger.joint.tabled:
            return False
        async with ledger.lock:
            if ledger.received(us, move.hash):
                return False
            missing = ledger.missing(ledger.sides[us], move.hash)
            if missing:
                raise ContentMissing(
                    f"{len(missing)} of the texts that this commits to are not at hand yet, so nobody can sign "
                    "it. Nothing was written; try again when they have come.",
                    missing=len(missing),
                )
            await self._receipt(ledger, us, {"type": "content.receive", "hash": move.hash})
            return True

    # --- reading ------------------------------------------------------------------------------------

    async def checkpoint(self, dialogue: str, side: str) -> bytes:
        """The log's latest checkpoint, cosigned: the cosigner's memory is on disk when this returns."""
        ledger = self.ledger(dialogue)
        await self._cosign(ledger)
        return ledger.checkpoint(side)

    async def export(self, dialogue: str, side: str | None) -> bytes:
        """The record in one file, with the contents that this side may read (None: that both may)."""
        ledger = self.ledger(dialogue)
        await self._cosign(ledger)
        return ledger.bundle(side)

    def is_cosigned(self, dialogue: str) -> bool:
        """Whether both sides have cosigned both logs as they stand here: if not, they may have gone on elsewhere."""
        return self._keeper.is_cosigned(self.ledger(dialogue))

    async def _cosign(self, ledger: Ledger) -> None:
        """A full disk keeps nobody from reading: the checkpoint then comes without a cosignature."""
        try:
            await self._keeper.cosign(ledger)
        except Unavailable as error:
            log.warning("cosignature.put-off", dialogue=ledger.id, why=error.message)

    async def present(self, dialogue: str, note: bytes) -> Finding:
        """Take a checkpoint that a reader shows, signed by the log's key.

        A larger one than ours stops all writing until the entries are fetched back; one that contradicts ours is
        kept as proof of a fork. Raises `Malformed`, `Untrusted`.
        """
        ledger = self.ledger(dialogue)
        return await self._keeper.present(ledger, note)

    async def restore(
        self,
        dialogue: str,
        logs: Mapping[str, Sequence[bytes]],
        contents: Sequence[ContentRow],
        forks: Sequence[Fork] = (),
    ) -> tuple[int, int]:
        """Fetch back what this node's disk lacks: entries, contents, proofs of forks, of a record that was verified.

        logs: by side id. Returns how many entries and contents were written. The dialogue is then read anew: if
        more is still missing, it stays stopped. Raises `LogDiffers` if the logs are not ours and more.
        """
        ledger = self.ledger(dialogue)
        pair = next(p for p in self._pairs.values() if {row.side for row in p.values()} == set(ledger.sides))
        one, other = (logs[side] for side in ledger.sides)
        done = await self._keeper.restore(ledger, self._ledger(pair), (one, other), contents, forks)
        del self._ledgers[dialogue]
        await self._load(pair, True)
        self.ledger(dialogue)
        return done

    async def tile(self, dialogue: str, side: str, path: str) -> bytes | None:
        """A full tile's file, as it is on disk; None if there is none."""
        return await self._store.logs.tile(self.ledger(dialogue).id, side, path)

    async def keep_certificate(self, row: Certificate) -> None:
        async with self._store.begin() as unit:
            await unit.keep_certificate(row)

    async def certificates(self, dialogue: str, talk: str, sitting: int) -> list[Certificate]:
        async with self._store.begin() as unit:
            return list(await unit.certificates(dialogue, talk, sitting))

    def may_listen(self, dialogue: str, who: str) -> None:
        """Raises `Unavailable` when the credential `who` has its share of open event streams."""
        if list(self.ledger(dialogue).subscribers.values()).count(who) >= MAX_LISTENERS:
            raise Unavailable("you listen in too many windows; close one and try again")

    @asynccontextmanager
    async def subscribe(self, dialogue: str, who: str) -> AsyncIterator[MemoryObjectReceiveStream[Event]]:
        """Events of a dialogue from now on, for the credential `who`. Raises as `may_listen` does."""
        self.may_listen(dialogue, who)
        ledger = self.ledger(dialogue)
        send, receive = anyio.create_memory_object_stream[Event](64)
        ledger.subscribers[send] = who
        try:
            async with receive:
                yield receive
        finally:
            ledger.subscribers.pop(send, None)
            send.close()


def _members(
    ledger: Ledger, us: int, act: Mapping[str, Any], delegate: str, credential: str
) -> SignedMembers:
    """What is to be signed for an act of side `us`, with both logs as they stand."""
    side, other = ledger.sides[us], ledger.sides[1 - us]
    return SignedMembers(
        dialogue=ledger.id,
        side=side,
        own=ledger.seen(side, acknowledge=False),
        ack=ledger.seen(other, acknowledge=True),
        act=act,
        delegate=delegate,
        credential=credential,
        nonce=secrets.token_bytes(NONCE_BYTES),
    )


def _device_of(ledger: Ledger, session: Session, device: str) -> str:
    found = ledger.states[ledger.index(session.side)].live(device)
    if found is None or found.parent != session.credential:
        raise Refused("this device's key does not act for you; let it, or sign with your passkey")
    return found.id


def log_key(row: FoundingRow, founding: Founding) -> Ed25519PrivateKey:
    """The key made for that side. Raises `LogDamaged` if it is not the one that its founding names."""
    try:
        key = Ed25519PrivateKey.from_private_bytes(row.log_key_seed)
    except ValueError as error:
        raise LogDamaged("the database is damaged: a log's key is not 32 bytes") from error
    if key.public_key().public_bytes_raw() != founding.log_key:
        raise LogDamaged("the database is damaged: a log's key is not the one of its founding")
    return key


def spell_time(instant: datetime) -> str:
    """RFC 3339 in UTC with milliseconds, as entries state it: "2021-12-07T15:02:11.123Z"."""
    return instant.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _session_of(delegate: str, credential: str, dialogue: str, side: str) -> Session:
    """Who a credential is, in the form of a session that no token opens."""
    return Session("", delegate, credential, datetime.max.replace(tzinfo=UTC), dialogue=dialogue, side=side)


def _field(message: str) -> str:
    """The field at fault, as msgspec names it: "… - at `$.start`" → "start"."""
    _, _, path = message.partition("`$.")
    return path.rstrip("`")
