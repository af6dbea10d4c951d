"""Which checkpoints count: C2SP tlog-policy files, and whether a note meets one. Pure.

Lives here: `Policy`, reading and writing it, the policy of a dialogue, the check of a note against a policy.
Not here: notes and their lines (`note`), which keys a side has had (`verification`), proofs of entries (`inclusion`).
Spec: docs/spec/record.md §10.5; C2SP tlog-policy.

    log <vkey, 01>                        the log of A; then that of B
    witness A <vkey, 04>                  A's log key, cosigning; or A.1, A.2, … and
    group A any A.1 A.2                   where the key was rotated
    witness B <vkey, 04>
    group both all A B
    quorum both
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from visavis.errors import Malformed, Untrusted
from visavis.record import note
from visavis.record.checkpoint import Cosignature, origin, read_cosignature
from visavis.record.signature import verifies

MAX_BYTES = 64 * 1024
MAX_EACH = 256
"""Of logs, of witnesses and of groups; C2SP asks that 32 of each be read."""
NONE = "none"
"""The quorum that asks for no cosignature."""
BOTH = "both"
NAMES = ("A", "B")
"""What a dialogue's policy calls its sides, ascending by id."""
_ODD = re.compile(rb"[^\t\n\x20-\x7e\x80-\xff]")
_SPACE = re.compile(r"[ \t]+")
_COUNT = re.compile(r"[1-9][0-9]{0,8}")


@dataclass(frozen=True, slots=True)
class Group:
    """Counts as having cosigned if `threshold` of its members have. 1 <= threshold <= len(members)."""

    threshold: int
    members: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Policy:
    """What a checkpoint needs: the signature of one of the logs, and the quorum's cosignatures.

    logs:      Ed25519 keys (01), each named as its log's origin.
    witnesses: by their name in the policy: cosigning keys (04).
    groups:    by name, each after its members; no name is in two groups.
    quorum:    the name of a witness or a group, or `NONE`.
    URLs are read over: nothing here fetches.
    """

    logs: tuple[note.VerifierKey, ...]
    witnesses: Mapping[str, note.VerifierKey]
    groups: Mapping[str, Group]
    quorum: str


@dataclass(frozen=True, slots=True)
class Met:
    """How a note met a policy. log: the key that signed it. cosigned: by witness's name, all that are there."""

    log: note.VerifierKey
    cosigned: Mapping[str, Cosignature]


def dialogue_policy(dialogue: str, keys: Mapping[str, Sequence[bytes]]) -> Policy:
    """The policy of a dialogue's two logs: signed by one of them, cosigned by both sides.

    keys: by side id, every log key that it has had, oldest first, 32 bytes each.
    Raises `Malformed` if both sides have had one key: it would be a witness twice.
    """
    if len(keys) != len(NAMES):
        raise Malformed("policy: a dialogue has two sides")
    logs: list[note.VerifierKey] = []
    witnesses: dict[str, note.VerifierKey] = {}
    groups: dict[str, Group] = {}
    for name, side in zip(NAMES, sorted(keys), strict=True):
        log = origin(dialogue, side)
        logs += [note.VerifierKey(log, note.ED25519, key) for key in keys[side]]
        named = [name] if len(keys[side]) == 1 else [f"{name}.{n}" for n in range(1, len(keys[side]) + 1)]
        for each, key in zip(named, keys[side], strict=True):
            witnesses[each] = note.VerifierKey(log, note.COSIGNATURE_V1, key)
        if named != [name]:
            groups[name] = Group(1, tuple(named))
    groups[BOTH] = Group(len(NAMES), NAMES)
    policy = Policy(tuple(logs), witnesses, groups, BOTH)
    encode_policy(policy)
    return policy


def encode_policy(policy: Policy) -> bytes:
    """The policy's file. Raises `Malformed` for one that `parse_policy` would not read back."""
    try:
        data = "".join(f"{line}\n" for line in _lines(policy)).encode("utf-8", "surrogateescape")
    except UnicodeEncodeError as error:
        raise Malformed("policy: a name is not UTF-8") from error
    if parse_policy(data) != policy:
        raise Malformed("policy: its parts do not form one policy")
    return data


def parse_policy(data: bytes) -> Policy:
    """Read a policy file of at most 64 KiB and 256 logs, witnesses and groups each.

    `Malformed` says which line breaks the form. Names are opaque octets: what is not UTF-8 is kept. Keys
    other than Ed25519, plain (log) and cosigning (witness), are `Malformed`: they could not be checked.
    Source: C2SP tlog-policy, "Policy file syntax and structure".
    """
    if len(data) > MAX_BYTES:
        raise Malformed(f"policy: {len(data)} bytes where {MAX_BYTES} are allowed")
    if odd := _ODD.search(data):
        line = data.count(b"\n", 0, odd.start()) + 1
        raise Malformed(f"policy: line {line} has a control character", line=line)
    *lines, rest = data.decode("utf-8", "surrogateescape").split("\n")
    if rest:
        raise Malformed(f"policy: line {len(lines) + 1} does not end in a newline", line=len(lines) + 1)
    reader = _Reader()
    for number, text in enumerate(lines, 1):
        words = _SPACE.split(text.strip(" \t"))
        if not words[0] or words[0].startswith("#"):
            continue
        try:
            reader.take(words)
        except Malformed as error:
            raise Malformed(f"policy: line {number}: {error.message}", line=number) from error
    if reader.quorum is None:
        raise Malformed("policy: no quorum line")
    return Policy(tuple(reader.logs), reader.witnesses, reader.groups, reader.quorum)


def check_note(policy: Policy, signed: note.Note) -> Met:
    """Check that a checkpoint's note meets a policy. Raises `Untrusted`, saying what is missing or fails.

    Every line by a key that the policy names is verified, and one that fails fails the note. Lines by
    other keys are passed over. Whether the text is a checkpoint is the caller's to check.
    Source: C2SP tlog-policy; signed-note, "Signatures"; tlog-cosignature.
    """
    text = signed.text.encode()
    name = signed.text.partition("\n")[0]
    by: note.VerifierKey | None = None
    for key in policy.logs:
        sig = signed.find(key.name, key.id)
        if sig is None:
            continue
        if not verifies(key.public_key, sig, text):
            raise Untrusted(f"policy: the signature of {key.name} fails")
        if key.name == name:
            by = by or key
    if by is None:
        raise Untrusted("policy: not signed by a log that it names")
    cosigned: dict[str, Cosignature] = {}
    for witness, key in policy.witnesses.items():
        stamped = signed.find(key.name, key.id)
        if stamped is None:
            continue
        try:
            cosigned[witness] = read_cosignature(stamped, text, key.public_key)
        except (Malformed, Untrusted) as error:
            raise Untrusted(f"policy: the cosignature of {witness} fails") from error
    if policy.quorum != NONE and policy.quorum not in _standing(policy, cosigned):
        missing = ", ".join(each for each in policy.witnesses if each not in cosigned)
        raise Untrusted(f"policy: the quorum {policy.quorum} is not met; not cosigned by {missing}")
    return Met(by, cosigned)


def satisfied(policy: Policy, signed: note.Note) -> bool:
    """Whether a checkpoint's note meets a policy; `check_note` says why not. Never raises."""
    try:
        check_note(policy, signed)
    except Untrusted:
        return False
    return True


class _Reader:
    """What the lines so far have defined."""

    def __init__(self) -> None:
        self.logs: list[note.VerifierKey] = []
        self.witnesses: dict[str, note.VerifierKey] = {}
        self.groups: dict[str, Group] = {}
        self.quorum: str | None = None
        self._members: set[str] = set()
        self._known: dict[int, set[bytes]] = {note.ED25519: set(), note.COSIGNATURE_V1: set()}

    def take(self, words: Sequence[str]) -> None:
        """Read one line, split into its words."""
        match words:
            case ["log", vkey] | ["log", vkey, _]:
                self.logs.append(self._key(vkey, note.ED25519))
                _within(self.logs, "logs")
            case ["witness", name, vkey] | ["witness", name, vkey, _]:
                self._new(name)
                self.witnesses[name] = self._key(vkey, note.COSIGNATURE_V1)
                _within(self.witnesses, "witnesses")
            case ["group", name, how, _, *_]:
                self._new(name)
                self.groups[name] = self._group(how, tuple(words[3:]))
                _within(self.groups, "groups")
            case ["quorum", name]:
                if self.quorum is not None:
                    raise Malformed("a second quorum")
                if name != NONE:
                    self._defined(name)
                self.quorum = name
            case ["log" | "witness" | "group" | "quorum" as keyword, *_]:
                raise Malformed(f"{keyword}: too few or too many words")
            case _:
                raise Malformed("log, witness, group or quorum is due")

    def _group(self, how: str, members: tuple[str, ...]) -> Group:
        for member in members:
            self._defined(member)
            if member in self._members:
                raise Malformed(f"{_shown(member)} is a member already")
            self._members.add(member)
        if how not in ("any", "all") and not _COUNT.fullmatch(how):
            raise Malformed("all, any or a number is due")
        threshold = {"any": 1, "all": len(members)}.get(how) or int(how)
        if threshold > len(members):
            raise Malformed(f"{threshold} of {len(members)} members")
        return Group(threshold, members)

    def _key(self, vkey: str, kind: int) -> note.VerifierKey:
        key = note.parse_verifier_key(vkey)
        if key.kind != kind:
            raise Malformed(f"a key of type {kind:02x} is due")
        if key.public_key in self._known[kind]:
            raise Malformed("this key is there already")
        self._known[kind].add(key.public_key)
        return key

    def _new(self, name: str) -> None:
        if name == NONE or name in self.witnesses or name in self.groups:
            raise Malformed(f"the name {_shown(name)} is taken")

    def _defined(self, name: str) -> None:
        if name not in self.witnesses and name not in self.groups:
            raise Malformed(f"no witness and no group {_shown(name)} before this line")


def _lines(policy: Policy) -> Iterator[str]:
    for key in policy.logs:
        yield f"log {_vkey(key)}"
    for name, key in policy.witnesses.items():
        yield f"witness {name} {_vkey(key)}"
    for name, group in policy.groups.items():
        every = group.threshold == len(group.members)
        how = "all" if every else "any" if group.threshold == 1 else str(group.threshold)
        yield " ".join(["group", name, how, *group.members])
    yield f"quorum {policy.quorum}"


def _standing(policy: Policy, cosigned: Mapping[str, Cosignature]) -> set[str]:
    """The witnesses and groups that have cosigned. A group stands after its members, so once through is enough."""
    standing = set(cosigned)
    for name, group in policy.groups.items():
        if len(standing.intersection(group.members)) >= group.threshold:
            standing.add(name)
    return standing


def _within(items: Sequence[object] | Mapping[str, object], what: str) -> None:
    if len(items) > MAX_EACH:
        raise Malformed(f"more than {MAX_EACH} {what}")


def _vkey(key: note.VerifierKey) -> str:
    return note.verifier_key(key.name, key.kind, key.public_key)


def _shown(name: str) -> str:
    return ascii(name[:80])
