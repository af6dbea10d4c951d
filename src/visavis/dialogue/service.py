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
from functools import partial
from hmac import compare_digest
from typing import Any

import anyio
import msgspec
import structlog
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from visavis.dialogue import chair
from visavis.dialogue.acts import Consent, Erase, Power, Register, Rulebook, Subject, Table
from visavis.dialogue.commands import (
    Audience,
    Command,
    Drafted,
    Enrolment,
    Fresh,
    NewContent,
    Rotation,
    Summary,
    View,
)
from visavis.dialogue.erasing import SHOWN, ContentErased
from visavis.dialogue.errors import ChangedMeanwhile, ContentMissing, LogDamaged, act_void
from visavis.dialogue.fold import SideState
from visavis.dialogue.join import Joint, preview
from visavis.dialogue.keeping import Keeper, again
from visavis.dialogue.ledger import Event, Ledger, NoSuchDialogue, lost, readable
from visavis.dialogue.model import PROFILE
from visavis.dialogue.ports import (
    Certificate,
    ContentRow,
    EnrolmentRow,
    Fork,
    FoundingRow,
    LogKeyRow,
    Session,
    Store,
    Timestamp,
    Unit,
)
from visavis.dialogue.receiving import Finding
from visavis.dialogue.texts import misformed
from visavis.errors import Malformed, Refused, Unavailable, Untrusted, VisavisError
from visavis.record import canonical
from visavis.record.canonical import strings
from visavis.record.content import opens
from visavis.record.digest import to_text
from visavis.record.entry import (
    NODE,
    NONCE_BYTES,
    RECOVERY,
    Entry,
    Founding,
    Seen,
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
    """An act that waits for its delegate's signature.

    asker: the credential of the session that asked for it. check: who holds this may read the draft, as long as it
    waits: the asker's second device. seen: how often the asker's side had said this word, as the asker saw it;
    None: they did not say.
    """

    id: str
    check: str
    dialogue: str
    asker: str
    signed: SignedMembers
    drafted: Drafted
    expires: datetime
    seen: int | None = None


@dataclass(frozen=True, slots=True)
class Shown:
    """A draft for its asker's second device. subject: what the act names by its hash. contents: the texts
    that the act or the subject commits to, as far as the asker's side may read them."""

    draft: Draft
    foundings: tuple[Founding, Founding]
    subject: Subject | None
    contents: tuple[NewContent, ...]


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
        self.papers: Callable[[str, str, str, str, str], str | None] = lambda *_asked: None
        """(dialogue, side, talk, item, id) → what that paper of the side is; whoever keeps papers says so."""

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
        if settle:
            await self._keeper.scrub()
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

    def is_live(self, dialogue: str, side: str, delegate: str) -> bool:
        """Whether that delegate has a passkey with which they may act for the side now."""
        ledger = self.ledger(dialogue)
        live = ledger.states[ledger.index(side)].live_credentials()
        return any(each.delegate == delegate and each.passkey is not None for each in live)

    def passkey_of(self, id: bytes) -> Passkey | None:
        """The live passkey of that WebAuthn credential id, in any log of this node."""
        for ledger in self._ledgers.values():
            for state in ledger.states:
                for each in state.live_credentials():
                    if each.passkey is not None and each.passkey.id == id:
                        return each.passkey
        return None

    def hosts(self) -> frozenset[str]:
        """The hosts at which live passkeys of delegates in this node's logs answer."""
        states = (state for ledger in self._ledgers.values() for state in ledger.states)
        live = (each.passkey for state in states for each in state.live_credentials())
        return frozenset(passkey.rp for passkey in live if passkey is not None)

    def has_ended(self, credential: str) -> bool:
        """Whether a log of this node admitted that credential, and it may act no more."""
        states = [state for ledger in self._ledgers.values() for state in ledger.states]
        known = [state for state in states if state.knows_credential(credential)]
        return bool(known) and all(state.live(credential) is None for state in known)

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
        row = FoundingRow(session.pair, session.chair, founding.side(), canonical.encode(founding.to_json()))
        pair = self._pairs.setdefault(session.pair, {})
        async with self._store.begin() as unit:
            if not await unit.add_founding(row):
                raise Refused("this side has stated itself already")
            await unit.keep_log_key(LogKeyRow(row.side, founding.log_key, seed))
            both = {**pair, row.chair: row}
            if len(both) == 2:
                dialogue = dialogue_id(*(r.side for r in both.values()))
                for each in both.values():
                    await unit.place_sessions(each.pair, each.chair, dialogue, each.side)
        pair[row.chair] = row
        if len(pair) == 2:
            ledger = self._ledger(pair)
            async with self._store.begin() as unit:
                ledger.seat_keys([key for side in ledger.sides for key in await unit.log_keys(side)])
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
        return Ledger(dialogue, sides, (one, other), states, Joint(*states, self._rulebook))

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

        def audience(commitment: str) -> Audience | None:
            row = readable(ledger, side, commitment)
            return None if row is None else row.audience

        own = {
            row.enrolment.id: row.enrolment
            for row in ledger.enrolments.values()
            if row.side == side and not ledger.states[us].knows_credential(row.enrolment.credential)
        }
        founding = ledger.foundings[us].to_json()
        shown = ledger.shown.get(side)
        size = 0 if shown is None else shown.size
        damaged = lost(ledger, side)
        return View(
            ledger.joint,
            us,
            delegate,
            self._clock(),
            text,
            own,
            founding,
            size,
            audience,
            damaged,
            partial(self.papers, dialogue, side),
        )

    async def draft(
        self,
        session: Session,
        dialogue: str,
        command: str,
        fields: Mapping[str, Any],
        *,
        device: str | None = None,
        seen: int | None = None,
    ) -> Draft:
        """Draft an act. Raises `Malformed`, or `Refused` if the rules do not allow it as things stand.

        device: a device key that the session's passkey admitted, to sign in its stead.
        seen: how often the side had said the word that the act says anew, as the asker saw it; or how many versions
        both had tabled where the act tables one. Raises `ChangedMeanwhile` if there are others since, now and when the
        draft is entered.
        """
        ledger = self.ledger(dialogue)
        credential = session.credential if device is None else _device_of(ledger, session, device)
        spec = self._commands.get(command)
        if spec is None:
            raise Malformed("there is no command “%(given)s”", field="command", given=command[:60])
        try:
            given = msgspec.convert(fields, spec.fields, strict=True)
        except (msgspec.ValidationError, RecursionError) as error:
            raise misformed(error) from error
        drafted = spec.build(self.view(dialogue, session.side, session.delegate), given, self._fresh)
        _unchanged(ledger, ledger.index(session.side), drafted, self._move(drafted.act), seen)
        if sum(len(content.data) for content in drafted.contents) > MAX_CONTENT_BYTES:
            raise Malformed("texts of more than %(limit)s KiB in one act", limit=MAX_CONTENT_BYTES // 1024)
        for content in drafted.contents:
            opens(content.commitment, content.salt, content.data)
        by = (session.delegate, credential)
        return await self._drafted(ledger, session, by, drafted, seen)

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
        keys = ledger.foundings[ledger.index(session.side)].recovery
        if recovery not in (to_text(key) for key in keys):
            raise Refused("this is none of the recovery keys that your side laid down at its founding")
        act = {"type": "side.recover", "delegate": found.delegate, "passkey": found.passkey.to_json()}
        lines = (
            f"New officer: {found.name or found.delegate}",
            f"Passkey: {found.credential}",
            "Every other passkey and device key of this side ends. What they signed stands.",
        )
        drafted = Drafted(act, Summary("Recover this side", lines))
        return await self._drafted(ledger, session, (RECOVERY, recovery), drafted)

    async def _drafted(
        self,
        ledger: Ledger,
        session: Session,
        by: tuple[str, str],
        drafted: Drafted,
        seen: int | None = None,
    ) -> Draft:
        """Keep a draft, if it would stand now. by: the signer's delegate and credential."""
        us = ledger.index(session.side)
        hindered = ledger.hindrance(us, str(drafted.act["type"]), drafted.rotation)
        if hindered is not None:
            raise again(hindered)
        signed = _members(ledger, us, drafted.act, *by)
        canonical.encode(signed.to_json())
        self._judge(ledger, us, make_entry(signed, UNPROVEN, seq=signed.own.size, time=""), True)
        _not_erased(ledger, us, drafted)
        if await self._received_before(ledger, us, drafted.act):
            signed = _members(ledger, us, drafted.act, *by)
        now = self._clock()
        self._drafts = {k: d for k, d in self._drafts.items() if d.expires > now}
        own = [k for k, d in self._drafts.items() if d.asker == session.credential]
        for oldest in own[: 1 + len(own) - MAX_DRAFTS]:
            del self._drafts[oldest]
        until = now + DRAFT_LIFE
        draft = Draft(
            self._fresh.id(), self._fresh.id(), ledger.id, session.credential, signed, drafted, until, seen
        )
        self._drafts[draft.id] = draft
        if drafted.rotation is not None:
            try:
                await self._draw_key(ledger, us, drafted.rotation)
            except BaseException:
                self._drafts.pop(draft.id, None)
                raise
        return draft

    async def _draw_key(self, ledger: Ledger, us: int, rotation: Rotation) -> None:
        """Have the new log key on disk before anybody signs for it; those of drafts that are gone are forgotten."""
        side = ledger.sides[us]
        async with self._store.begin() as unit:
            rotations = (d.drafted.rotation for d in self._drafts.values() if d.signed.side == side)
            alive = [each.key for each in rotations if each is not None]
            await unit.drop_log_keys(side, [ledger.key_in_force(us), *alive])
            await unit.keep_log_key(LogKeyRow(side, rotation.key, rotation.seed, rotation.address))

    def shown(self, check: str) -> Shown:
        """The draft whose capability `check` is, with what recomputes it elsewhere. Raises `DraftGone`."""
        now = self._clock()
        drafts = self._drafts.values()
        draft = next((d for d in drafts if compare_digest(d.check, check) and d.expires > now), None)
        if draft is None:
            raise DraftGone(
                "this draft is gone: it was signed, it is older than ten minutes, or there was none"
            )
        ledger, act = self.ledger(draft.dialogue), draft.signed.act
        named_by = act.get("hash")
        subject = ledger.joint.tabled.get(named_by) if isinstance(named_by, str) else None
        named = list(dict.fromkeys((*strings(act), *(strings(subject.body) if subject else ()))))
        contents = {c.commitment: c for c in draft.drafted.contents}
        for row in (readable(ledger, draft.signed.side, each) for each in named):
            if row is not None:
                contents[row.commitment] = NewContent(
                    row.commitment, row.salt, row.data, row.language, row.audience
                )
        given = tuple(contents[each] for each in named if each in contents)
        return Shown(draft, ledger.foundings, subject, given)

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
        async with ledger.lock:
            if draft_id not in self._drafts:
                raise DraftGone("this draft was entered already")
            us = ledger.index(session.side)
            verify_proof(draft.signed, proof, ledger.states[us].key_of(draft.signed))
            _unchanged(ledger, us, draft.drafted, self._move(draft.signed.act), draft.seen)
            entry = await self._append(ledger, draft.signed, proof, draft.drafted, proven=True)
            self._drafts.pop(draft_id, None)
            return entry

    async def _append(
        self,
        ledger: Ledger,
        signed: SignedMembers,
        proof: Proof,
        drafted: Drafted | None,
        *,
        proven: bool = False,
    ) -> Entry:
        """Judge, write, fold and tell. proven: the proof has just been checked, under this lock."""
        us = ledger.index(signed.side)
        state = ledger.states[us]
        kind = str(signed.act["type"])
        rotation = drafted.rotation if drafted else None
        await self._keeper.may_write(ledger, us, kind, rotation)
        entry = make_entry(signed, proof, seq=state.size, time=spell_time(self._clock()))
        self._judge(ledger, us, entry, proven)
        move = self._move(signed.act)
        if drafted is not None:  # something may have been erased since it was drafted
            _not_erased(ledger, us, drafted)
            _at_hand(ledger, us, move)
        rows = [
            ContentRow(ledger.id, signed.side, c.commitment, c.salt, c.data, c.language, c.audience)
            for c in (drafted.contents if drafted else ())
        ]
        widened: list[ContentRow] = []
        goes = False
        with anyio.CancelScope(shield=True):
            async with self._store.begin() as unit:
                await unit.append_leaf(ledger.id, signed.side, entry.seq, entry.leaf)
                await self._keeper.keep_mark(unit, ledger, us)
                for row in rows:
                    await unit.add_content(row)
                paper = drafted.paper if drafted else None
                if paper is not None and not await unit.bind_paper(ledger.id, signed.side, *paper):
                    raise DraftGone("this paper was withdrawn since; nothing was entered")
                if isinstance(move, Erase):
                    goes = await self._keeper.erase(unit, ledger, us, move.commitment)
                for commitment, audience in drafted.widen if drafted else ():
                    held = ledger.contents.get(commitment)
                    if held is None or readable(ledger, signed.side, commitment) is None:
                        continue  # a joint readout's words are the other side's too, once both approved it
                    await unit.widen_content(ledger.id, commitment, audience)
                    if held.audience.narrower_than(audience):
                        widened.append(replace(held, audience=audience))
                if rotation is not None:
                    await _change_keys(unit, signed.side, rotation)
            if rotation is not None:
                ledger.heads[signed.side] = ledger.seen(signed.side, acknowledge=True)
            ledger.take(signed.side, entry.leaf, proven=True)
            ledger.joint.advance()
            if rotation is not None:
                ledger.turn_key(us, rotation)
            for row in (*rows, *widened):
                ledger.contents[row.commitment] = row
            if isinstance(move, Erase):
                self._forget(ledger, us, move.commitment, goes)
                await self._keeper.scrub()
            await self._keeper.file(ledger)
            if rotation is not None:
                await self._keeper.turned(ledger, us)
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

    def _move(self, act: Mapping[str, Any]) -> object:
        parsed = self._rulebook.parse(act)
        return None if parsed is None else parsed[2]

    def _forget(self, ledger: Ledger, us: int, commitment: str, goes: bool) -> None:
        """Of what a side has just erased: its words in memory, and drafts of the side that show them.

        goes: the content itself is gone from disk, too.
        """
        side, row = ledger.sides[us], ledger.contents.get(commitment)
        if goes:
            ledger.contents.pop(commitment, None)
            ledger.damaged.pop(commitment, None)
        named = {each.id for each in ledger.states[us].delegates.values() if each.name == commitment}
        for id_, waits in ledger.enrolments.items():
            if waits.side == side and waits.enrolment.delegate in named:
                ledger.enrolments[id_] = replace(waits, enrolment=replace(waits.enrolment, name=""))
        words = "" if row is None else " ".join(row.data.decode("utf-8", "replace").split())

        def shows(draft: Draft) -> bool:
            lines = (" ".join(line.split()) for line in draft.drafted.summary.lines)
            return draft.signed.act.get("commitment") == commitment or any(
                words[: SHOWN - 1] in line for line in lines if words
            )

        self._drafts = {
            id_: draft
            for id_, draft in self._drafts.items()
            if (draft.dialogue, draft.signed.side) != (ledger.id, side) or not shows(draft)
        }

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
                if self._keeper.scrub_due:
                    await self._keeper.scrub()
                    if self._keeper.scrub_due:
                        ledger.receipts_due.set()
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
        move = self._move(act)
        if not isinstance(move, Consent) or move.hash not in ledger.joint.tabled:
            return False
        async with ledger.lock:
            _at_hand(ledger, us, move)
            if ledger.received(us, move.hash):
                return False
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

    async def cosigned_now(self, dialogue: str, side: str) -> Seen | None:
        """The whole log as it stands, once both sides have cosigned it; None if one does not."""
        ledger = self.ledger(dialogue)
        await self._cosign(ledger)
        return ledger.cosigned_now(side)

    async def keep_timestamp(self, row: Timestamp) -> None:
        """Keep a token over a checkpoint of ours. On disk when this returns; who looks is told."""
        ledger = self.ledger(row.dialogue)
        size = ledger.states[ledger.index(row.side)].size
        async with self._store.begin() as unit:
            await unit.keep_timestamp(row)
        ledger.timestamps[row.side].setdefault(row.size, row.token)
        ledger.publish("log", side=row.side, size=size)

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
        await self._keeper.scrub()
        self.ledger(dialogue)
        return done

    # --- moving -------------------------------------------------------------------------------------

    def must_have_moved(self) -> None:
        """Raises `Refused`, naming a side, unless every side of every dialogue here has moved to another node."""
        for ledger in self._ledgers.values():
            for side in ledger.sides:
                if side not in ledger.away:
                    raise Refused(
                        f"side {side} of dialogue {ledger.id} has not signed its move yet", side=side
                    )
        for error in self._broken.values():
            raise again(error)
        if not self._ledgers:
            raise Refused("no dialogue is founded at this node: there is nothing to move")

    async def take_over(self, seeds: Sequence[bytes]) -> None:
        """Write the logs of this node whose keys in force are of these seeds (32 bytes each), from here on.

        All of them, or nothing is kept: raises `Refused` if a log's key is another, or a key is no log's. The dialogues
        are then read anew. The same again changes nothing.
        """
        for error in self._broken.values():
            raise again(error)
        keys = {}
        for seed in seeds:
            keys[Ed25519PrivateKey.from_private_bytes(seed).public_key().public_bytes_raw()] = seed
        rows = []
        for ledger in self._ledgers.values():
            for us, side in enumerate(ledger.sides):
                key = ledger.key_in_force(us)
                if key not in keys:
                    raise Refused(
                        f"the log of side {side} is signed by the key {to_text(key)}, which is none of these",
                        side=side,
                    )
                rows.append(LogKeyRow(side, key, keys.pop(key)))
        if keys:
            raise Refused(f"no log here is signed by the key {to_text(next(iter(keys)))}")
        async with self._store.begin() as unit:
            for row in rows:
                await unit.keep_log_key(row)
        self._ledgers.clear()
        await self.load()

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


def _at_hand(ledger: Ledger, us: int, move: object) -> None:
    """Let nobody consent to what its side cannot read: raises `ContentMissing`. An offer brings its own texts."""
    if not isinstance(move, Consent) or move.subject is not None or move.hash not in ledger.joint.tabled:
        return
    missing = ledger.missing(ledger.sides[us], move.hash)
    if any(each in ledger.joint.erased[us] for each in missing):
        raise ContentMissing(
            "your side has erased a text that this commits to, so it cannot sign it. Nothing was written; table the "
            "matter anew.",
            missing=len(missing),
        )
    damaged = missing & lost(ledger, ledger.sides[us])
    if damaged:
        raise ContentMissing(
            "%(missing)s of the texts that this commits to are damaged on this node's disk, so nobody can "
            "sign it. Nothing was written; whoever runs the node fetches them back from a bundle.",
            missing=len(damaged),
        )
    if missing:
        raise ContentMissing(
            "%(missing)s of the texts that this commits to are not at hand yet, so nobody can sign "
            "it. Nothing was written; try again when they have come.",
            missing=len(missing),
        )


def _not_erased(ledger: Ledger, us: int, drafted: Drafted) -> None:
    """Raises `ContentErased` if the act would show words more widely that its side has erased."""
    if any(commitment in ledger.joint.erased[us] for commitment, _ in drafted.widen):
        raise ContentErased("your side has erased these words, so they cannot be shown; write them anew")


def _unchanged(ledger: Ledger, us: int, drafted: Drafted, move: object, seen: int | None) -> None:
    """Raises `ChangedMeanwhile` if what side `us` says anew has been said again since it was seen, or if either side
    has tabled another version there."""
    if seen is None:
        return
    if drafted.anew is not None:
        of, said = "cleared", drafted.anew(ledger.joint)
        now, stands = len(said), said[-1][1] if said else {}
    elif isinstance(move, Register):
        of, said = "said", ledger.joint.register_history(us, move.key)
        now, stands = len(said), said[-1][1] if said else {}
    elif isinstance(move, Table | Consent) and move.subject is not None:
        tabled = chair.tabled(ledger.joint, move.subject.slot[0], "/".join(move.subject.slot[1:]))
        of, now, stands = "tabled", len(tabled), tabled[-1].subject.body if tabled else {}
    else:
        return
    if now == seen:
        return
    rows = (readable(ledger, ledger.sides[us], each) for each in strings(stands))
    texts = [[row.language, row.data.decode("utf-8", "replace")] for row in rows if row is not None]
    raise _changed(of, now, texts)


def _changed(of: str, seen: int, texts: list[list[str]]) -> ChangedMeanwhile:
    match of:
        case "cleared":
            return ChangedMeanwhile(
                "your side has cleared another version since you opened this; nothing was written",
                of=of,
                seen=seen,
                texts=texts,
            )
        case "tabled":
            return ChangedMeanwhile(
                "another version was tabled since you opened this; nothing was written",
                of=of,
                seen=seen,
                texts=texts,
            )
        case _:
            return ChangedMeanwhile(
                "your side has said this anew since you opened it; nothing was written",
                of=of,
                seen=seen,
                texts=texts,
            )


def _device_of(ledger: Ledger, session: Session, device: str) -> str:
    found = ledger.states[ledger.index(session.side)].live(device)
    if found is None or found.parent != session.credential:
        raise Refused("this device's key does not act for you; let it, or sign with your passkey")
    return found.id


async def _change_keys(unit: Unit, side: str, rotation: Rotation) -> None:
    """With the entry of a rotation: the new key stays on disk, and no other. Raises `DraftGone` if it is not there."""
    if all(row.key != rotation.key for row in await unit.log_keys(side)):
        raise DraftGone("the key that this draft names is gone; nothing was entered. Ask for it again")
    await unit.drop_log_keys(side, [rotation.key])


def spell_time(instant: datetime) -> str:
    """RFC 3339 in UTC with milliseconds, as entries state it: "2021-12-07T15:02:11.123Z"."""
    return instant.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _session_of(delegate: str, credential: str, dialogue: str, side: str) -> Session:
    """Who a credential is, in the form of a session that no token opens."""
    return Session("", delegate, credential, datetime.max.replace(tzinfo=UTC), dialogue=dialogue, side=side)
