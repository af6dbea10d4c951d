"""The state of one side: the fold of its log. Sequential, local, total. Pure.

Lives here: what one log alone decides: envelope, proofs, nonces, credentials and powers, log keys, the form
of an act. `SideState` grows by `append` and never raises on bytes, whatever they are.
Not here: whatever needs the other log (`join`), what slots and ends mean (`accord`, `sessions`), the acts.
Spec: docs/spec/record.md §§2, 4, 9; rule book 2a §§2, 4, 9.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import islice

import msgspec

from visavis.dialogue import verdicts
from visavis.dialogue.accord import SLOTS, is_slot
from visavis.dialogue.acts import (
    ActSpec,
    Admit,
    Begin,
    Consent,
    Decline,
    End,
    Fields,
    Found,
    Move,
    Power,
    ProofLevel,
    Receive,
    Recover,
    Register,
    Revoke,
    RotateKey,
    Rulebook,
    SetPowers,
    Spend,
    Stop,
    Subject,
    Table,
    Withdraw,
)
from visavis.dialogue.model import DEVICE_POWERS, OFFICER_POWERS, Role
from visavis.dialogue.sessions import ENDS
from visavis.errors import Malformed, Untrusted
from visavis.record.checkpoint import verify_signature
from visavis.record.digest import from_text, to_text
from visavis.record.entry import (
    NODE,
    RECOVERY,
    Entry,
    Founding,
    Seen,
    SignedMembers,
    parse_entry,
)
from visavis.record.merkle import Tree, leaf_hash
from visavis.record.proof import Key, Passkey, verify

OWN_PEOPLE = (Found, Admit, Revoke, SetPowers, RotateKey, Recover)
"""Moves by which a side says who may act for it."""

FOLDED = (*OWN_PEOPLE, Spend)
"""Moves that `fold` itself applies; `join` never calls void what stands here."""

ALONE = (*FOLDED, Stop, End)
"""Moves that need nothing of the other's log: they stand even with a false acknowledgement."""

NODE_MOVES = (Receive, Stop, Register)
"""The most that a slice can let a node write unasked: receipts, what protects, what only makes public."""

PERSONAL = (*OWN_PEOPLE, Consent, Withdraw, Decline)
"""Moves that take the person, whatever the act's row says: who may act, what binds and what unbinds."""

STRETCH = 256
"""Entries whose proofs are checked one right after another."""


@dataclass(frozen=True, slots=True)
class Credential:
    """A key that may prove acts, and for how long.

    id:       of the passkey; a device key's is the Ed25519 public key, base64url.
    passkey:  None for a device key, which a delegate admitted for itself.
    powers:   as admitted; `SideState.powers_of` gives what a later `side.powers` made of them.
    admitted: index of the entry that admitted it. revoked: index of the entry that ended it, or None.
    parent:   a device key ends with the credential that admitted it.
    """

    id: str
    delegate: str
    passkey: Passkey | None
    powers: frozenset[Power]
    admitted: int
    revoked: int | None = None
    parent: str | None = None

    @property
    def level(self) -> ProofLevel:
        """USER for a passkey, which verifies its user at each use; DEVICE for any other key."""
        return ProofLevel.DEVICE if self.passkey is None else ProofLevel.USER

    @property
    def key(self) -> Key:
        """What its proofs are checked with."""
        return from_text(self.id, 32) if self.passkey is None else self.passkey


@dataclass(frozen=True, slots=True)
class Delegate:
    """A person of the side. name: commitment to their name, or None. role: of the latest admission."""

    id: str
    role: str
    name: str | None


class Judged(msgspec.Struct, frozen=True):
    """One leaf as its own log sees it.

    verdict: None (stands, as far as this log alone can say) or a word of `verdicts`.
    entry:   None if malformed. spec, fields, move: None where the act is unknown or its form is bad.
    subject: hash of what a `Table` or a self-contained `Consent` brings, else "".
    """

    verdict: str | None
    entry: Entry | None = None
    spec: ActSpec | None = None
    fields: Fields = None
    move: Move | None = None
    subject: str = ""

    @property
    def ack(self) -> Seen | None:
        """What it acknowledges of the other's log; None if its envelope fails."""
        if self.entry is None or self.verdict in verdicts.ENVELOPE:
            return None
        return self.entry.signed.ack


class SideState:
    """Fold of one log. Nothing in it is ever changed, only added.

    dialogue, id: of this log. sides: both sides' ids.
    acked:   greatest size of the other's log that any entry claims to have seen.
    matters: size of the log up to its latest entry that is more than a receipt.
    """

    def __init__(self, dialogue: str, side: str, sides: tuple[str, str], rulebook: Rulebook) -> None:
        self.dialogue = dialogue
        self.id = side
        self.sides = frozenset(sides)
        self.rulebook = rulebook
        self.tree = Tree()
        self.judged: list[Judged] = []
        self.founding: Founding | None = None
        self.credentials: dict[str, Credential] = {}
        self.delegates: dict[str, Delegate] = {}
        self.acked = 0
        self.matters = 0
        self._nonces: set[bytes] = set()
        self._spent: set[tuple[str, bytes]] = set()  # (delegate, nonce) that its own delegate made worthless
        self._vouched: set[Seen] = set()
        self._keys: list[tuple[int, bytes]] = []  # (index, log key): larger checkpoints need it
        self._live: set[str] = set()
        self._granted: dict[str, tuple[int, frozenset[Power]]] = {}  # delegate → latest side.powers
        self._persons: dict[str, int] = {}  # delegate → live credentials at level USER
        self._officers: dict[str, int] = {}  # delegate → live credentials that may admit
        self._officers_live = 0

    # --- the log ----------------------------------------------------------------------------------

    @property
    def size(self) -> int:
        """Number of entries."""
        return len(self.judged)

    def root(self, size: int | None = None) -> bytes:
        """RFC 9162 root of the first `size` entries (of all by default), 32 bytes."""
        return self.tree.root(size)

    def seen(self, size: int | None = None) -> Seen:
        """The log as an `own` states it, at `size` entries."""
        size = self.size if size is None else size
        return Seen(size, self.root(size))

    def entry(self, index: int) -> Entry | None:
        """The entry there; None if the leaf is malformed."""
        return self.judged[index].entry

    @property
    def verdicts(self) -> list[str | None]:
        """What this log alone says of each entry; `Joint.verdicts` is final."""
        return [judged.verdict for judged in self.judged]

    def append(self, leaf: bytes) -> str | None:
        """Take the next leaf, whatever its bytes; the verdict as far as this log alone can say."""
        judged = self.judge(leaf)
        self.add(judged, leaf_hash(leaf))
        return judged.verdict

    def extend(self, leaves: Iterable[bytes]) -> None:
        """As `append` for each. Proofs are checked a stretch at a time, by the keys known before it: checked one
        right after another they cost 7 % less (bench/record_verify.py)."""
        rest = iter(leaves)
        while stretch := list(islice(rest, STRETCH)):
            entries = [_parsed(leaf) for leaf in stretch]
            keys = [entry is not None and self._proven_by(entry) for entry in entries]
            for leaf, entry, key in zip(stretch, entries, keys, strict=True):
                self.add(self._judge(entry, key), leaf_hash(leaf))

    def prefix(self, size: int) -> SideState:
        """The state as it was at an earlier `size`; nothing is parsed or verified again."""
        sides = (self.id, *(self.sides - {self.id}))
        earlier = SideState(self.dialogue, self.id, (sides[0], sides[-1]), self.rulebook)
        for index in range(size):
            earlier.add(self.judged[index], self.tree.leaf(index))
        return earlier

    def key_at(self, size: int) -> bytes | None:
        """The log key that signs a checkpoint of `size`: of the latest founding or rotation below it."""
        at = bisect_left(self._keys, size, key=lambda known: known[0])
        return self._keys[at - 1][1] if at else None

    @property
    def log_keys(self) -> tuple[tuple[int, bytes], ...]:
        """Every log key that the side has had, with the index of its entry; the last is in force."""
        return tuple(self._keys)

    def signed(self, seen: Seen) -> bool:
        """Whether `seen.sig` is this log's own over that size and root. The log may have gone another way."""
        if seen in self._vouched:
            return True
        key = self.key_at(seen.size)
        return key is not None and _checkpoint_fits(
            key, self.dialogue, self.id, seen.size, seen.root, seen.sig
        )

    def vouch(self, seen: Seen) -> None:
        """Take it that `signed(seen)` was found before, over this very log: by a node that reads its own disk."""
        self._vouched.add(seen)

    # --- people -----------------------------------------------------------------------------------

    def knows_credential(self, credential: str) -> bool:
        """Whether it was ever admitted, live or not: such a one is never admitted again."""
        return credential in self.credentials

    def live(self, credential: str) -> Credential | None:
        """The credential if it may act now; None if unknown or ended."""
        if credential not in self._live:
            return None
        found = self.credentials[credential]
        if found.parent is not None and found.parent not in self._live:
            return None
        return found

    def delegate_of(self, credential: str) -> str | None:
        """Whose live credential it is; None if unknown or ended."""
        found = self.live(credential)
        return None if found is None else found.delegate

    def powers_of(self, credential: str) -> frozenset[Power]:
        """What it may do now, the delegate's latest full powers taken in; empty if it may nothing."""
        found = self.live(credential)
        return frozenset() if found is None else self._powers(found)

    def live_credentials(self) -> list[Credential]:
        """All that may act now, in order of admission."""
        return [c for c in self.credentials.values() if self.live(c.id) is not None]

    def powers_of_delegate(self, delegate: str) -> frozenset[Power]:
        """What the delegate may do now by any credential; O(number of credentials)."""
        return frozenset().union(
            *(self._powers(c) for c in self.live_credentials() if c.delegate == delegate)
        )

    def powers_by_delegate(self) -> dict[str, frozenset[Power]]:
        """`powers_of_delegate` of everybody who has a live credential; O(number of credentials)."""
        found: dict[str, frozenset[Power]] = {}
        for c in self.live_credentials():
            found[c.delegate] = found.get(c.delegate, frozenset()) | self._powers(c)
        return found

    def _powers(self, credential: Credential) -> frozenset[Power]:
        granted = self._granted.get(credential.delegate)
        if granted is None or granted[0] < credential.admitted:
            return credential.powers
        if credential.level is ProofLevel.DEVICE:
            return credential.powers & granted[1]
        return granted[1]

    # --- judging ----------------------------------------------------------------------------------

    def judge(self, leaf: bytes, *, proven: bool = False) -> Judged:
        """What the log would say of `leaf` as its next entry. Changes nothing.

        proven: take the proof as good (it is yet to be made).
        """
        entry = _parsed(leaf)
        return self._judge(entry, proven)

    def _judge(self, entry: Entry | None, proven: bool | Key) -> Judged:
        """proven: as in `judge`, or the key by which its proof was found good."""
        if entry is None:
            return Judged(verdicts.MALFORMED)
        verdict = self._judge_envelope(entry, proven)
        if verdict is not None:
            return Judged(verdict, entry)
        if self._is_spent(entry.signed.delegate, entry.signed.nonce):
            return Judged(verdicts.REPLAYED, entry)
        if self.size == 0:
            return self._judge_founding(entry)
        return self._judge_act(entry)

    def _judge_envelope(self, entry: Entry, proven: bool | Key) -> str | None:
        signed, index = entry.signed, self.size
        if signed.dialogue != self.dialogue or signed.side != self.id:
            return verdicts.OF_ANOTHER_LOG
        if entry.seq != index:
            return verdicts.WRONG_SEQ
        if signed.own.size > index or self.root(signed.own.size) != signed.own.root:
            return verdicts.SEEN_ANOTHER_OWN_LOG
        if proven is True:
            return None
        try:
            key = self.key_of(signed)
            if key != proven:
                verify(entry.proof, entry.challenge(), key)
        except (Malformed, Untrusted):
            return verdicts.BAD_PROOF
        return None

    def _proven_by(self, entry: Entry) -> bool | Key:
        """The key by which its proof is good, of those that the log has so far; False if there is none."""
        try:
            key = self.key_of(entry.signed)
            verify(entry.proof, entry.challenge(), key)
        except (Malformed, Untrusted):
            return False
        return key

    def key_of(self, signed: SignedMembers) -> Key:
        """The key by which the next entry's proof is checked, live or not. Raises `Malformed` if there is none."""
        if signed.delegate == NODE and signed.credential == NODE:
            if not self._keys:
                raise Malformed("a log does not begin with its node's own words")
            return self._keys[-1][1]
        known = self.credentials.get(signed.credential)
        if known is not None:
            return known.key
        if self.size == 0:
            return Founding.from_json(signed.act.get("founding")).passkey
        return from_text(signed.credential, 32)  # a recovery key, or one that nobody admitted

    def _judge_founding(self, entry: Entry) -> Judged:
        refused = Judged(verdicts.NOT_A_FOUNDING, entry)
        try:
            parsed = self.rulebook.parse(entry.signed.act)
            if parsed is None or not isinstance(parsed[2], Found):
                return refused
            founding = Founding.from_json(parsed[2].founding)
        except Malformed:
            return refused
        by = (entry.signed.delegate, entry.signed.credential)
        if founding.side() != self.id or by != (founding.officer, founding.credential):
            return refused
        return Judged(None, entry, *parsed)

    def _judge_act(self, entry: Entry) -> Judged:
        signed = entry.signed
        credential: Credential | None = None
        node = signed.delegate == NODE and signed.credential == NODE
        recovery = signed.delegate == RECOVERY and self._is_recovery(signed.credential)
        if not node and not recovery:
            credential = self.live(signed.credential)
            if credential is None or credential.delegate != signed.delegate:
                return Judged(verdicts.NO_CREDENTIAL, entry)
        try:
            parsed = self.rulebook.parse(signed.act)
        except Malformed:
            return Judged(verdicts.ACT_FORM, entry, self.rulebook.by_type[str(signed.act["type"])])
        if parsed is None:
            return Judged(verdicts.UNKNOWN_ACT, entry)
        spec, fields, move = parsed
        if spec.edition > 1 and isinstance(move, FOLDED):  # editions are for `join` to judge
            return Judged(verdicts.UNKNOWN_ACT, entry)
        verdict = self._judge_power(spec, move, credential, node=node, recovery=recovery)
        if verdict is None:
            verdict = self._judge_form(move, credential)
        if verdict is None and isinstance(move, Spend):
            own = move.nonce == signed.nonce
            if own or self._is_spent(signed.delegate, move.nonce):
                verdict = verdicts.SPENT_ALREADY
        if verdict is None:
            verdict = spec.form(fields, self.sides)
        subject = ""
        if verdict is None and (carried := _subject(move)) is not None:
            try:
                subject = carried.hash
            except Malformed:
                verdict = verdicts.ACT_FORM
        return Judged(verdict, entry, spec, fields, move, subject)

    def _is_spent(self, delegate: str, nonce: bytes) -> bool:
        """Whether `delegate` can no longer enter anything with that nonce: it is in the log, or was spent by
        the delegate. Of each delegate apart: nobody makes a colleague's signature worthless."""
        return nonce in self._nonces or (delegate, nonce) in self._spent

    def _is_recovery(self, credential: str) -> bool:
        if self.founding is None:
            return False
        return any(to_text(key) == credential for key in self.founding.recovery)

    def _judge_power(
        self, spec: ActSpec, move: Move, credential: Credential | None, *, node: bool, recovery: bool
    ) -> str | None:
        if recovery or isinstance(move, Recover):
            return None if recovery and isinstance(move, Recover) else verdicts.NO_POWER
        if node or credential is None:
            return None if spec.node_may and isinstance(move, NODE_MOVES) else verdicts.NOT_FOR_THE_NODE
        if isinstance(move, Found):
            return verdicts.FOUNDED_ALREADY
        personal = spec.proof is ProofLevel.USER or isinstance(move, PERSONAL)
        if personal and credential.level is not ProofLevel.USER:
            return verdicts.NOT_USER_VERIFIED
        powers = self._powers(credential)
        if isinstance(move, Admit) and move.passkey is None:
            if move.delegate != credential.delegate:
                return verdicts.NOT_A_PASSKEY
            return None if move.powers <= powers & DEVICE_POWERS else verdicts.NO_POWER
        if isinstance(move, Revoke) and self._is_own(move.credential, credential):
            return None
        if spec.power is not None and spec.power not in powers:
            return verdicts.NO_POWER
        needed = _power_of(move)
        if needed is not None and needed not in powers:
            return verdicts.NO_POWER
        return None

    def _is_own(self, revoked: str, by: Credential) -> bool:
        """Anyone may give up its own credential, and the device keys that it admitted."""
        found = self.credentials.get(revoked)
        return found is not None and by.id in (found.id, found.parent)

    def _judge_form(self, move: Move, credential: Credential | None) -> str | None:
        """The form of a move, whatever slice brought it."""
        match move:
            case Admit() | Recover():
                if move.credential in self.credentials:
                    return verdicts.ADMITTED_ALREADY
            case Revoke():
                if move.credential not in self._live:
                    return verdicts.NO_SUCH_CREDENTIAL
                ended = self.credentials[move.credential]
                if self._officers_live == 1 and Power.ADMIT in self._powers(ended):
                    return verdicts.LAST_OFFICER
            case SetPowers():
                if move.delegate not in self.delegates:
                    return verdicts.NO_SUCH_DELEGATE
                others = self._officers_live - self._officers.get(move.delegate, 0)
                if not others and (Power.ADMIT not in move.powers or not self._persons.get(move.delegate)):
                    return verdicts.LAST_OFFICER
            case Table():
                if not is_slot(move.subject.slot) or not SLOTS[move.subject.slot[0]].tabled:
                    return verdicts.NO_SUCH_SLOT
            case Consent():
                if not is_slot(move.slot):
                    return verdicts.NO_SUCH_SLOT
                carried = move.subject
                kind = SLOTS[move.slot[0]]
                if carried is None and kind.carried:
                    return verdicts.ACT_FORM
                if carried is not None and not (kind.carried or kind.tabled):
                    return verdicts.ACT_FORM
                if carried is not None and (carried.slot != move.slot or carried.hash != move.hash):
                    return verdicts.ACT_FORM
            case Withdraw() | Decline():
                if not is_slot(move.slot):
                    return verdicts.NO_SUCH_SLOT
            case End():
                if move.what[0] not in ENDS or len(move.what) != ENDS[move.what[0]][0]:
                    return verdicts.NOTHING_TO_END
            case Begin() | Stop():
                if not 0 <= move.n < 1 << 31:
                    return verdicts.ACT_FORM
            case _:
                pass
        return None

    # --- applying ---------------------------------------------------------------------------------

    def add(self, judged: Judged, leaf: bytes) -> None:
        """Take what `judge` said of the next leaf. leaf: its RFC 9162 hash, 32 bytes."""
        index = self.size
        self.judged.append(judged)
        self.tree.append_hash(leaf)
        if not isinstance(judged.move, Receive):
            self.matters = index + 1
        if judged.entry is None or judged.verdict in verdicts.ENVELOPE:
            return
        signed = judged.entry.signed
        # Spent even if the act is void: its signer did it once, and powers granted later must not let
        # somebody enter it again.
        self._nonces.add(signed.nonce)
        self.acked = max(self.acked, signed.ack.size)
        if judged.verdict is None and judged.move is not None:
            self._apply(index, judged.move, signed.credential)
            if isinstance(judged.move, Spend):
                self._spent.add((signed.delegate, judged.move.nonce))

    def _apply(self, index: int, move: Move, signer: str) -> None:
        match move:
            case Found(statement):
                founding = self.founding = Founding.from_json(statement)
                self._keys.append((index, founding.log_key))
                self._note(founding.officer, Role.PROTOCOL_OFFICER.value, None)
                passkey = founding.passkey
                self._admit(Credential(passkey.credential, founding.officer, passkey, OFFICER_POWERS, index))
            case RotateKey(log_key):
                self._keys.append((index, from_text(log_key, 32)))
            case Admit() as admitted:
                if admitted.passkey is not None:
                    self._note(admitted.delegate, admitted.role, admitted.name)
                self._admit(
                    Credential(
                        admitted.credential,
                        admitted.delegate,
                        admitted.passkey,
                        admitted.powers,
                        index,
                        parent=signer if admitted.passkey is None else None,
                    )
                )
            case Revoke(credential):
                self._end(credential, index)
            case SetPowers(delegate, powers):
                self._granted[delegate] = (index, powers)
                count = self._persons.get(delegate, 0) if Power.ADMIT in powers else 0
                self._officers_live += count - self._officers.get(delegate, 0)
                self._officers[delegate] = count
            case Recover(delegate, passkey):
                for ended in sorted(self._live):
                    self._end(ended, index)
                self._note(delegate, Role.PROTOCOL_OFFICER.value, None)
                self._admit(Credential(passkey.credential, delegate, passkey, OFFICER_POWERS, index))
            case _:
                pass

    def _note(self, delegate: str, role: str, name: str | None) -> None:
        known = self.delegates.get(delegate)
        self.delegates[delegate] = Delegate(delegate, role, name or (known.name if known else None))

    def _admit(self, credential: Credential) -> None:
        self.credentials[credential.id] = credential
        self._live.add(credential.id)
        if credential.level is ProofLevel.USER:
            self._count(credential.delegate, 1, Power.ADMIT in self._powers(credential))

    def _end(self, credential: str, index: int) -> None:
        ended = self.credentials[credential]
        if ended.level is ProofLevel.USER:
            self._count(ended.delegate, -1, Power.ADMIT in self._powers(ended))
        self._live.discard(credential)
        self.credentials[credential] = replace(ended, revoked=index)

    def _count(self, delegate: str, step: int, officer: bool) -> None:
        self._persons[delegate] = self._persons.get(delegate, 0) + step
        if officer:
            self._officers[delegate] = self._officers.get(delegate, 0) + step
            self._officers_live += step


def fold(
    dialogue: str, side: str, sides: tuple[str, str], rulebook: Rulebook, leaves: Iterable[bytes]
) -> SideState:
    """The state of a side from all of its log's leaves."""
    state = SideState(dialogue, side, sides, rulebook)
    state.extend(leaves)
    return state


def _parsed(leaf: bytes) -> Entry | None:
    try:
        return parse_entry(leaf)
    except Malformed:
        return None


def _subject(move: Move) -> Subject | None:
    match move:
        case Table(subject) | Consent(_, _, subject):
            return subject
        case _:
            return None


def _power_of(move: Move) -> Power | None:
    """The power that a move needs by what it touches, whatever its act's row says: a slice's act that let its
    signer name any slot would otherwise lend the power of one slot to another."""
    match move:
        case Table(subject):
            return SLOTS[subject.slot[0]].power if is_slot(subject.slot) else None
        case Consent(slot) | Withdraw(slot) | Decline(slot):
            return SLOTS[slot[0]].power if is_slot(slot) else None
        case End(what):
            return ENDS[what[0]][1] if what[0] in ENDS else None
        case _:
            return None


@lru_cache(maxsize=1 << 13)
def _checkpoint_fits(key: bytes, dialogue: str, side: str, size: int, root: bytes, sig: bytes) -> bool:
    return verify_signature(key, dialogue, side, size, root, sig)
