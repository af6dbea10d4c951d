"""Two nodes at a table, for tests: each with its own log and what it has received of the other's.

Lives here: `Lab`, a cast of keys, short spellings of acts. Texts are the real acts of understandings; for the
other slots one generic act per move stands in for every slice's ("lab.consent" for sign, approve, accept …),
with no power of its own, so that what is tested is the machine.
Not here: the slices' own rules (their tests).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from typing import Any

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from tests.passkeys import passkey

from visavis.authenticator import DeviceKey
from visavis.dialogue.acts import (
    ActSpec,
    Begin,
    Consent,
    Decline,
    End,
    Power,
    ProofLevel,
    Register,
    Rulebook,
    Slot,
    Stop,
    Subject,
    Table,
    Withdraw,
    slot_of,
    slot_text,
)
from visavis.dialogue.fold import SideState, fold
from visavis.dialogue.join import Joint, join
from visavis.dialogue.model import ACTS, DEFAULT_POWERS, Role, edition_subject
from visavis.record.checkpoint import sign_checkpoint
from visavis.record.digest import to_text
from visavis.record.entry import NODE, RECOVERY, Founding, Seen, SignedMembers, dialogue_id, make_entry
from visavis.record.proof import Proof, Signer
from visavis.understandings.acts import ACTS as TEXT_ACTS
from visavis.understandings.acts import TableText, text_subject

Act = dict[str, Any]


# --- generic acts ----------------------------------------------------------------------------------


class TableFields(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    slot: str
    base: str | None
    contents: str
    commitment: str | None = None


class SlotFields(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    slot: str
    hash: str


class WhatFields(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    what: str


class SessionFields(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    kind: str
    talk: str
    n: int


class SayFields(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    register: str
    value: str


class NovelFields(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    note: str


def plain_subject(f: TableFields) -> Subject:
    named = frozenset({f.commitment}) if f.commitment is not None else frozenset()
    return Subject(slot_of(f.slot), f.base, "plain", {"contents": f.contents, "names": sorted(named)}, named)


D = ProofLevel.DEVICE
LAB_ACTS = (
    ActSpec("lab.table", TableFields, lambda f: Table(plain_subject(f)), None, D),
    ActSpec("lab.consent", SlotFields, lambda f: Consent(slot_of(f.slot), f.hash), None, D),
    ActSpec("lab.withdraw", SlotFields, lambda f: Withdraw(slot_of(f.slot), f.hash), None, D),
    ActSpec("lab.decline", SlotFields, lambda f: Decline(slot_of(f.slot), f.hash), None, D),
    ActSpec("lab.end", WhatFields, lambda f: End(slot_of(f.what)), None, D),
    ActSpec("lab.begin", SessionFields, lambda f: Begin(f.kind, f.talk, f.n), Power.RECORD, D),
    ActSpec("lab.stop", SessionFields, lambda f: Stop(f.kind, f.talk, f.n), None, D, node_may=True),
    ActSpec("lab.say", SayFields, lambda f: Register(slot_of(f.register), {"said": f.value}), Power.SPEAK, D),
    ActSpec(
        "lab.novel",
        NovelFields,
        lambda f: Register(("novel",), {"said": f.note}),
        Power.SPEAK,
        D,
        form=lambda f, sides: "novel form" if f.note == "bad" else None,
        edition=2,
    ),
)
RULEBOOK = Rulebook((*ACTS, *TEXT_ACTS, *LAB_ACTS))


# --- the cast --------------------------------------------------------------------------------------


def key(name: str) -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(hashlib.sha256(name.encode()).digest())


NAMES = (
    *("a0", "a1", "a1b", "a2", "a9", "b0", "b1", "z9", "r9", "phone"),
    *("recovery-a", "recovery-b", "log-a", "log-b", "k2", "log-a2"),
)
KEYS = {name: key(name) for name in NAMES}
PUBLIC = {name: k.public_key().public_bytes_raw() for name, k in KEYS.items()}
PERSONS = ("a0", "a1", "a1b", "a2", "a9", "b0", "b1", "z9", "r9")
PASSKEY = {name: passkey(name, KEYS[name]) for name in PERSONS}
SIGNER: dict[str, Signer] = {name: PASSKEY.get(name) or DeviceKey(KEYS[name]) for name in NAMES}
CREDENTIAL = {name: signer.credential for name, signer in SIGNER.items()}
KEY_OF = {PUBLIC[name]: KEYS[name] for name in NAMES}
DELEGATE = {
    "a0": "officer-a",
    "a1": "principal-a",
    "a1b": "principal-a",
    "a2": "adviser-a",
    "b0": "officer-b",
    "b1": "principal-b",
    "a9": "new-a",
    "z9": "eve",
    "r9": "new",
    "phone": "principal-a",
}


def nonce(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()[:16]


def founding(letter: str) -> Founding:
    return Founding(
        names=(("en", f"Side {letter.upper()}"),),
        log_key=PUBLIC[f"log-{letter}"],
        recovery=(PUBLIC[f"recovery-{letter}"],),
        officer=DELEGATE[f"{letter}0"],
        passkey=PASSKEY[f"{letter}0"].passkey,
        nonce=nonce(f"founding {letter}"),
    )


FA, FB = founding("a"), founding("b")
A, B = FA.side(), FB.side()
SIDES = (A, B)
DIALOGUE = dialogue_id(A, B)


# --- acts, spelt shortly ------------------------------------------------------------------------------

U: Slot = ("text", "U")
W: Slot = ("text", "W")
AG: Slot = ("agenda", "T")
TM: Slot = ("time", "T")
RULES: Slot = ("rules",)
TG: Slot = ("together", "T", "readout")
TALK: Slot = ("talk", "T")
OVER: Slot = ("dialogue",)


def content(name: str) -> str:
    """A stand-in for a commitment: 43 characters."""
    return to_text(hashlib.sha256(name.encode()).digest())


def both(tag: str) -> list[Act]:
    """An undertaking of each side, in both languages."""
    texts = [[["en", content(f"{tag}{s}-en")], ["fr", content(f"{tag}{s}-fr")]] for s in "ab"]
    return [{"id": f"{tag}-{s}", "by": SIDES[s], "texts": texts[s]} for s in (0, 1)]


def text(
    tag: str,
    base: str | None = None,
    kind: str = "guarantee",
    u: str = "U",
    undertakings: list[Act] | None = None,
) -> Act:
    return {
        "type": "understanding.table",
        "understanding": u,
        "base": base,
        "kind": kind,
        "talk": None,
        "title": [["en", content(f"{tag}-title-en")], ["fr", content(f"{tag}-title-fr")]],
        "body": [["en", content(f"{tag}-en")], ["fr", content(f"{tag}-fr")]],
        "undertakings": both(tag) if undertakings is None else undertakings,
        "correction": False,
    }


def plain(slot: Slot, contents: str, base: str | None = None) -> Act:
    return {
        "type": "lab.table",
        "slot": slot_text(slot),
        "base": base,
        "contents": contents,
        "commitment": None,
    }


def subject(act: Act) -> Subject:
    """What a tabling act tables."""
    fields = {name: value for name, value in act.items() if name != "type"}
    if act["type"] == "understanding.table":
        return text_subject(msgspec.convert(fields, TableText))
    return plain_subject(msgspec.convert(fields, TableFields))


def hash_of(act: Act) -> str:
    return subject(act).hash


def consent(slot: Slot, hash_: str) -> Act:
    return {"type": "lab.consent", "slot": slot_text(slot), "hash": hash_}


def withdraw(slot: Slot, hash_: str) -> Act:
    return {"type": "lab.withdraw", "slot": slot_text(slot), "hash": hash_}


def decline(slot: Slot, hash_: str) -> Act:
    return {"type": "lab.decline", "slot": slot_text(slot), "hash": hash_}


def end(what: Slot) -> Act:
    return {"type": "lab.end", "what": slot_text(what)}


def begin(kind: str, talk: str, n: int) -> Act:
    return {"type": "lab.begin", "kind": kind, "talk": talk, "n": n}


def stop(kind: str, talk: str, n: int) -> Act:
    return {"type": "lab.stop", "kind": kind, "talk": talk, "n": n}


def say(register: str, value: str) -> Act:
    return {"type": "lab.say", "register": register, "value": value}


def assess(verdict: str, u: str = "U") -> Act:
    return {
        "type": "understanding.assess",
        "talk": "T",
        "understanding": u,
        "verdict": verdict,
        "evidence": [],
    }


def erase(name: str) -> Act:
    return {"type": "content.erase", "commitment": content(name)}


def adopt(edition: int, base: str | None = None) -> Act:
    return {"type": "rules.adopt", "edition": edition, "base": base}


def novel(note: str) -> Act:
    return {"type": "lab.novel", "note": note}


def found(statement: Founding) -> Act:
    return {"type": "side.found", "founding": statement.to_json()}


def admit(name: str, powers: Iterable[str], role: Role = Role.ADVISER, delegate: str | None = None) -> Act:
    return {
        "type": "side.admit",
        "delegate": delegate or DELEGATE[name],
        "role": role.value,
        "credential": CREDENTIAL[name],
        "passkey": PASSKEY[name].passkey.to_json() if name in PASSKEY else None,
        "powers": sorted(str(power) for power in powers),
        "name": None,
    }


def revoke(name: str) -> Act:
    return {"type": "side.revoke", "credential": CREDENTIAL[name]}


def powers(delegate: str, *names: str) -> Act:
    return {"type": "side.powers", "delegate": delegate, "powers": sorted(names)}


def rotate(name: str) -> Act:
    return {"type": "side.rotate-key", "log_key": CREDENTIAL[name]}


def recover(name: str) -> Act:
    return {"type": "side.recover", "delegate": DELEGATE[name], "passkey": PASSKEY[name].passkey.to_json()}


RECEIVE: Act = {"type": "record.receive"}
PRINCIPAL = DEFAULT_POWERS[Role.PRINCIPAL]

V1, V2 = text("v1"), text("v2")
H1, H2 = hash_of(V1), hash_of(V2)
V3, V4 = text("v3", H1), text("v4", H1)
H3, H4 = hash_of(V3), hash_of(V4)
G1, G2 = plain(AG, "ag1"), plain(AG, "ag2")
HG1, HG2 = hash_of(G1), hash_of(G2)
T1, T2 = plain(TM, "7 Dec 15:00Z"), plain(TM, "8 Dec 15:00Z")
HT1, HT2 = hash_of(T1), hash_of(T2)
HR2 = edition_subject(2, None).hash

FORGED = bytes(64)
ROOT_OF_LIES = hashlib.sha256(b"a root of no tree").digest()


def lie(size: int, what: str = "lie") -> Seen:
    """An acknowledgement of what nobody signed."""
    return Seen(size, hashlib.sha256(what.encode()).digest(), FORGED)


class Lab:
    """Both logs, both folds, and how much of the other's log each node holds."""

    def __init__(self, *, hurry: bool = True) -> None:
        self.logs: tuple[list[bytes], list[bytes]] = ([], [])
        self.folds = [SideState(DIALOGUE, side, SIDES, RULEBOOK) for side in SIDES]
        self.received = [0, 0]
        self.count = 0
        self.clock: Callable[[int, int], str] = lambda s, i: f"2021-12-07T15:{i // 60:02}:{i % 60:02}Z"
        for s, statement, letter in ((0, FA, "a"), (1, FB, "b")):
            self.write(s, found(statement), by=f"{letter}0")
            self.write(s, admit(f"{letter}1", PRINCIPAL, Role.PRINCIPAL), by=f"{letter}0")
        if hurry:
            self.sync()

    # --- writing -------------------------------------------------------------------------------------

    def seen(self, s: int, size: int, *, sign: bool = False) -> Seen:
        """Log s as it was at `size`; signed by its log key of then, as an ack carries it."""
        state = self.folds[s]
        root = state.root(size)
        log_key = state.key_at(size)
        if not sign or not size or log_key is None:
            return Seen(size, root)
        return Seen(size, root, sign_checkpoint(KEY_OF[log_key], DIALOGUE, SIDES[s], size, root))

    def seen_in_a_fork(self, s: int, size: int) -> Seen:
        """A checkpoint of another history of log s, truly signed by its log key."""
        log_key = self.folds[s].key_at(size)
        signer = KEYS["z9"] if log_key is None else KEY_OF[log_key]
        return Seen(size, ROOT_OF_LIES, sign_checkpoint(signer, DIALOGUE, SIDES[s], size, ROOT_OF_LIES))

    def signed(
        self,
        s: int,
        act: Act,
        by: str | None = None,
        ack: Seen | int | None = None,
        own: Seen | int | None = None,
        nonce_: bytes | None = None,
        dialogue: str = DIALOGUE,
    ) -> tuple[SignedMembers, Signer]:
        """What a person (or "node", "recovery-a") signs, and with which key."""
        by = by or ("a1", "b1")[s]
        self.count += 1
        if not isinstance(ack, Seen):
            ack = self.seen(1 - s, self.received[s] if ack is None else ack, sign=True)
        if not isinstance(own, Seen):
            own = self.seen(s, len(self.logs[s]) if own is None else own)
        if by == NODE:
            delegate = credential = NODE
            log_key = self.folds[s].key_at(len(self.logs[s]))
            signer: Signer = DeviceKey(KEY_OF[log_key] if log_key is not None else KEYS["z9"])
        else:
            delegate = RECOVERY if by.startswith(RECOVERY) else DELEGATE[by]
            credential, signer = CREDENTIAL[by], SIGNER[by]
        fresh = nonce(f"{s}:{self.count}") if nonce_ is None else nonce_
        members = SignedMembers(dialogue, SIDES[s], own, ack, act, delegate, credential, fresh)
        return members, signer

    def leaf(
        self,
        s: int,
        members: SignedMembers,
        signer: Signer,
        *,
        forge: bool = False,
        time: str = "",
    ) -> bytes:
        i = len(self.logs[s])
        proof = Proof("ed25519", FORGED) if forge else signer.prove(members.challenge())
        return make_entry(members, proof, seq=i, time=time or self.clock(s, i)).leaf

    def write(self, s: int, act: Act, *, forge: bool = False, time: str = "", **members: Any) -> int:
        """Write an act into log s; its index."""
        i = len(self.logs[s])
        self.put(s, self.leaf(s, *self.signed(s, act, **members), forge=forge, time=time))
        return i

    def put(self, s: int, leaf: bytes) -> None:
        self.logs[s].append(leaf)
        self.folds[s].append(leaf)

    def drop_last(self, s: int) -> None:
        """Take back what was never written."""
        self.logs[s].pop()
        self.folds[s] = self.folds[s].prefix(len(self.logs[s]))

    def forked(self, n: int, act: Act) -> Lab:
        """A second history of side A: equal up to n, then another act."""
        f = Lab.__new__(Lab)
        f.count, f.clock, f.received = 9000, self.clock, [self.received[0], 0]
        f.logs = (self.logs[0][:n], list(self.logs[1]))
        f.folds = [self.folds[0].prefix(n), self.folds[1].prefix(len(self.logs[1]))]
        f.write(0, act)
        return f

    # --- delivering ------------------------------------------------------------------------------------

    def deliver(self, to: int, n: int | None = None) -> None:
        size = len(self.logs[1 - to])
        self.received[to] = size if n is None else min(size, self.received[to] + n)

    def sync(self) -> None:
        self.deliver(0)
        self.deliver(1)

    def receipts(self) -> None:
        """Both nodes acknowledge all they hold, until each has seen the other's receipt."""
        self.sync()
        self.write(0, RECEIVE, by=NODE)
        self.write(1, RECEIVE, by=NODE)
        self.sync()

    # --- looking -----------------------------------------------------------------------------------------

    def cut(self, p: int, q: int) -> Joint:
        return join(self.folds[0].prefix(p), self.folds[1].prefix(q), RULEBOOK)

    def view(self, s: int) -> Joint:
        """What node s computes, with side A at index 0."""
        p, q = len(self.logs[0]), len(self.logs[1])
        return self.cut(p, self.received[0]) if s == 0 else self.cut(self.received[1], q)

    def all(self) -> Joint:
        return join(self.folds[0], self.folds[1], RULEBOOK)

    def swapped(self) -> Joint:
        return join(self.folds[1], self.folds[0], RULEBOOK)

    def verdict(self, s: int, i: int) -> str | None:
        return self.all().verdicts[s][i]

    def force(self, slot: Slot) -> str | None:
        """Hash of what is in force in a slot."""
        accord = self.all().accord_in_force(slot)
        return None if accord is None else accord.hash


def refold(s: int, log: Iterable[bytes]) -> SideState:
    """Side s from the bytes of a log alone."""
    return fold(DIALOGUE, SIDES[s], SIDES, RULEBOOK, log)


def tabled(*acts: Act) -> Lab:
    """A lab in which side A has tabled these, and both know it."""
    t = Lab()
    for act in acts:
        t.write(0, act)
    t.receipts()
    return t
