"""What reads bytes of strangers, as functions that may refuse and must do nothing else.

Lives here: the targets: by name, a function of bytes, its mutation. A function returns, or raises what a
reader may raise (`errors`); any other exception, and any `AssertionError` of an invariant here, is a finding.
Not here: the table (`registry`), what reads a call's signalling (`calls`), the driver (`run`), the mutations that know
no target (`mutate`), making seeds anew (`seeds`).
"""

from __future__ import annotations

import base64
import hashlib
import json
import struct
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from random import Random
from typing import Any

import cbor2
import msgspec
from tests.fuzz import calls
from tests.fuzz.mutate import VALUES, changed, json_, lines, raw, spell
from tests.fuzz.registry import HERE, TARGETS, Mutate, either, seeds, target
from tests.passkeys import RP, passkey
from tests.verification import desk as desks
from tests.verification.desk import Desk

from visavis.cli.listing import in_words
from visavis.dialogue.admission import Site, registered
from visavis.dialogue.commands import Enrolment, View
from visavis.dialogue.fold import SideState
from visavis.dialogue.join import Joint, preview
from visavis.dialogue.texts import harmless
from visavis.dossier.files import clean_name, sniffed
from visavis.dossier.model import described, read_description
from visavis.dossier.ports import Paper
from visavis.errors import Malformed, VisavisError
from visavis.record import bundle as bundles
from visavis.record import canonical, checkpoint, container, inclusion, note, policy, tiles
from visavis.record.checkpoint import open_checkpoint, read_cosignature, sign_checkpoint
from visavis.record.digest import from_text, to_text
from visavis.record.entry import NODE, Entry, Founding, make_entry, parse_entry
from visavis.record.merkle import Tree, leaf_hash
from visavis.record.proof import Passkey, Proof, verify
from visavis.rulebook import COMMANDS, EDITION_1
from visavis.verification.verify import examine
from visavis.web.api import DraftBody, EnrolmentBody, read_body

__all__ = ["HERE", "TARGETS", "calls", "seeds"]

# --- a world to judge in -----------------------------------------------------------------------------


@cache
def world() -> Desk:
    """Two founded sides with a talk agreed, its agenda tabled, a text in force and another on the table."""
    desk = Desk().founded()
    zones = dict.fromkeys(desks.SIDES, "Europe/Moscow")
    title = [["en", desk.content("title")]]
    time = desk.table(
        0,
        {
            "type": "talk.propose", "talk": "T", "base": None, "title": title, "start": "2021-12-07T15:00:00Z",
            "minutes": 60, "mode": "video", "place": [], "zones": zones,
        },
    )  # fmt: skip
    desk.receipts()
    for s in (0, 1):
        desk.write(s, {"type": "talk.accept", "talk": "T", "hash": time})
    desk.write(0, {"type": "item.propose", "talk": "T", "item": "i", "kind": "issue", "title": title})
    desk.agreed("v1", kind="guarantee")
    desk.table(0, desk.text("v2"))
    desk.write(1, {"type": "record.receive"}, by=NODE)
    return desk


@cache
def joint() -> Joint:
    desk = world()
    states = [SideState(desks.DIALOGUE, side, desks.SIDES, EDITION_1) for side in desks.SIDES]
    for state, log in zip(states, desk.logs, strict=True):
        for leaf in log:
            state.append(leaf)
    return Joint(states[0], states[1], EDITION_1)


KEY = desks.PUBLIC[0, "log"]
OTHER = desks.PUBLIC[1, "log"]


# --- spellings ---------------------------------------------------------------------------------------


@target(either(json_, raw), 100)
def canonical_json(data: bytes) -> None:
    assert canonical.encode(canonical.decode(data)) == data


@target(either(json_, json_, raw), 60)
def entry(data: bytes) -> None:
    read = parse_entry(data)
    assert make_entry(read.signed, read.proof, seq=read.seq, time=read.time) == read
    assert read.challenge() == read.signed.challenge()


@target(either(json_, raw), 60)
def founding(data: bytes) -> None:
    read = Founding.from_json(canonical.decode(data))
    assert canonical.encode(read.to_json()) == data
    assert len(read.side()) == 43


@target(either(json_, raw), 60)
def passkey_statement(data: bytes) -> None:
    read = Passkey.from_json(canonical.decode(data))
    assert canonical.encode(read.to_json()) == data


def _spki(data: bytes, random: Random) -> bytes:
    """The key's DER changed, inside its JSON."""
    value = json.loads(data)
    value["key"] = to_text(raw(from_text(value["key"]), random))
    return spell(value)


# --- notes ---------------------------------------------------------------------------------------------


@target(either(lines, raw), 100)
def signed_note(data: bytes) -> None:
    read = note.parse_note(data)
    assert note.encode_note(read) == data


def _resigned(data: bytes, random: Random) -> bytes:
    """A checkpoint's text changed, and truly signed and cosigned again."""
    text, _, _ = data.decode("utf-8", "replace").partition("\n\n")
    bent = random.choice((lines, raw))(text.encode() + b"\n", random)
    name = checkpoint.origin(desks.DIALOGUE, desks.SIDES[0])
    rows = [f"— {name} {_line(name, note.ED25519, 'log', 0, bent)}"]
    seconds = random.choice((0, 1_638_889_200, 2**63 - 1, 2**63, 2**64 - 1))
    for side in (0, 1):
        name = checkpoint.origin(desks.DIALOGUE, desks.SIDES[side])
        rows.append(f"— {name} {_line(name, note.COSIGNATURE_V1, 'log', side, bent, seconds)}")
    return bent + b"\n" + "".join(f"{row}\n" for row in rows).encode()


def _line(name: str, kind: int, key: str, side: int, text: bytes, seconds: int | None = None) -> str:
    public, private = desks.PUBLIC[side, key], desks.KEYS[side, key]
    stamp = b"" if seconds is None else seconds.to_bytes(8, "big")
    said = text if seconds is None else b"cosignature/v1\ntime %d\n%b" % (seconds, text)
    return base64.b64encode(note.key_id(name, kind, public) + stamp + private.sign(said)).decode()


@target(either(lines, raw, _resigned), 40)
def opened_checkpoint(data: bytes) -> None:
    read = open_checkpoint(data, KEY, desks.SIDES[1], OTHER)
    text = checkpoint.checkpoint_text(read.dialogue, read.side, read.size, read.root)
    assert note.parse_note(data).text.encode() == text


COSIGNED = checkpoint.checkpoint_text(desks.DIALOGUE, desks.SIDES[0], 1, bytes(32))


@target(raw, 100)
def cosignature(data: bytes) -> None:
    read_cosignature(data, COSIGNED, KEY)


@target(either(lines, raw), 60)
def policy_file(data: bytes) -> None:
    read = policy.parse_policy(data)
    assert policy.parse_policy(policy.encode_policy(read)) == read
    policy.check_note(read, note.parse_note(_note()))


@cache
def _note() -> bytes:
    return world().checkpoint(0)


@cache
def _policy() -> policy.Policy:
    return policy.dialogue_policy(
        desks.DIALOGUE, {side: [desks.PUBLIC[s, "log"]] for s, side in enumerate(desks.SIDES)}
    )


@target(either(lines, raw), 60)
def logged_proof(data: bytes) -> None:
    read = inclusion.parse_proof(data)
    assert inclusion.encode_proof(read) == data
    inclusion.check_proof(read, world().logs[0][min(read.index, len(world().logs[0]) - 1)], _policy())


@target(raw, 100)
def entry_tile(data: bytes) -> None:
    count = data[0] if data else 0
    leaves = tiles.decode_entries(data[1:], count)
    assert tiles.encode_entries(leaves) == data[1:]


# --- passkeys ------------------------------------------------------------------------------------------

SIGNER = passkey("fuzzed")
CHALLENGE = hashlib.sha256(b"fuzzed").digest()


def _asserted(data: bytes, random: Random) -> bytes:
    """What the browser or the authenticator says changed, and truly signed again."""
    value = json.loads(data)
    client, said = from_text(value["client_data"]), from_text(value["authenticator_data"])
    if random.random() < 0.7:
        client = random.choice((json_, raw))(client, random)[:1200]
    else:
        said = raw(said, random)[:600]
    sig = SIGNER._sign(said + hashlib.sha256(client).digest())
    parts = {"sig": sig, "client_data": client, "authenticator_data": said}
    return spell({"type": "webauthn", **{name: to_text(part) for name, part in parts.items()}})


UNREADABLE = (
    Malformed,
    cbor2.CBORError,
    ArithmeticError,
    AttributeError,
    EOFError,
    LookupError,
    RecursionError,
    TypeError,
    ValueError,
)


def _safely(mutate: Mutate) -> Mutate:
    """Bytes that a mutation can no longer read are changed as bytes."""

    def mutated(data: bytes, random: Random) -> bytes:
        try:
            return mutate(data, random)
        except UNREADABLE:
            return raw(data, random)

    return mutated


@target(either(json_, raw, _safely(_asserted), _safely(_asserted)), 40)
def assertion(data: bytes) -> None:
    proof = Proof.from_json(canonical.decode(data))
    assert canonical.encode(proof.to_json()) == data
    verify(proof, CHALLENGE, SIGNER.passkey)


TARGETS["passkey_statement"] = replace(
    TARGETS["passkey_statement"], mutate=either(json_, raw, _safely(_spki))
)


def _attested(data: bytes, random: Random) -> bytes:
    """The bytes inside a registration's JSON changed: client data, or the attestation object's CBOR."""
    value = json.loads(data)
    response = value["registration"]["response"]
    at = random.choice(("clientDataJSON", "attestationObject", "attestationObject", "attestationObject"))
    inside = from_text(response[at])
    way: Mutate = random.choice((json_, raw)) if at == "clientDataJSON" else random.choice((raw, _cbor))
    response[at] = to_text(way(inside, random))
    return json.dumps(value).encode()


def _cbor(data: bytes, random: Random) -> bytes:
    """The attestation object with a member changed: its format, its statement, its authenticator data, its key."""
    value = cbor2.loads(data)
    match random.randrange(4):
        case 0:
            value["fmt"] = random.choice(
                ("packed", "fido-u2f", "tpm", "android-key", "android-safetynet", "apple", 1, None)
            )
            value["attStmt"] = random.choice(
                (
                    {},
                    {"sig": b""},
                    {"alg": -7, "sig": b"x"},
                    {"x5c": [b"x"], "sig": b"x", "alg": -257, "ver": "2.0"},
                    [],
                )
            )
        case 1:
            value["authData"] = raw(value["authData"], random)
        case 2:
            head, key = value["authData"][:71], cbor2.loads(value["authData"][71:])
            name = random.choice((1, 3, -1, -2, -3))
            key[name] = random.choice(
                (
                    *(v for v in VALUES if not isinstance(v, float)),
                    b"",
                    bytes(31),
                    bytes(32),
                    bytes(300),
                    -8,
                    -7,
                    -257,
                )
            )
            value["authData"] = head + cbor2.dumps(key)
        case _:
            value[random.choice(("fmt", "attStmt", "authData", "x"))] = random.choice(
                (b"", "", 0, [], {}, None)
            )
    return cbor2.dumps(value)


@target(either(json_, raw, _safely(_attested), _safely(_attested), _safely(_attested)), 10)
def registration(data: bytes) -> None:
    body = read_body(data, EnrolmentBody)
    registered(body.registration, CHALLENGE, Site(RP, f"https://{RP}"))


# --- entries in a log ------------------------------------------------------------------------------------


@target(either(json_, json_, raw), 30, ())
def leaf(data: bytes) -> None:
    """Any bytes as the next leaf, and as the one after it: judged, joined, never raised over."""
    state = joint().sides[0].prefix(3)
    state.append(data)
    state.append(data)
    assert state.size == 5
    Joint(state, joint().sides[1].prefix(3), EDITION_1).state()


def _acted(value: Any) -> tuple[int, str, dict[str, Any]] | None:
    match value:
        case {
            "s": (0 | 1) as s,
            "by": ("officer" | "principal" | "node") as by,
            "act": {"type": str()} as act,
        }:
            return s, by, act
    return None


def _members(s: int, by: str, act: dict[str, Any]) -> Entry | None:
    """The entry that a node would draft for the act; None if no entry can hold it."""
    try:
        signed = world().signed(s, act, by=by)
        return make_entry(
            signed, Proof("ed25519", bytes(64)), seq=signed.own.size, time="2021-12-07T15:00:00Z"
        )
    except Malformed:
        return None


def _act(data: bytes, random: Random) -> bytes:
    """One change inside the act; now and then by another hand."""
    value = json.loads(data)
    if random.random() < 0.1:
        value["by"] = random.choice(("officer", "principal", "node"))
    value["act"] = changed(value["act"], random)
    return spell(value)


@target(either(json_, _safely(_act), _safely(_act), _safely(_act)), 30, ())
def act(data: bytes) -> None:
    """An act as the next of a log: as a node judges it before it is signed, and after."""
    try:
        acted = _acted(json.loads(data))
    except (ValueError, RecursionError):
        return
    drafted = None if acted is None else _members(*acted)
    if acted is None or drafted is None:
        return
    s = acted[0]
    verdict = preview(joint(), s, drafted, proven=True)
    state = joint().sides[s]
    grown = state.prefix(state.size)
    grown.add(state.judge(drafted.leaf, proven=True), leaf_hash(drafted.leaf))
    pair = (grown, joint().sides[1]) if s == 0 else (joint().sides[0], grown)
    walked = Joint(*pair, EDITION_1)
    assert walked.verdicts[s][-1] == verdict


# --- what a browser asks of a node -----------------------------------------------------------------------


class Fixed:
    """Randomness that is none."""

    def id(self) -> str:
        return "A" * 16

    def salt(self) -> bytes:
        return bytes(32)


@cache
def _view() -> View:
    now = datetime(2021, 12, 7, 15, tzinfo=UTC)
    waits = Enrolment("e", "new", SIGNER.passkey, "Somebody", "adviser")
    founding = desks.FOUNDINGS[0].to_json()
    return View(
        joint(),
        0,
        "principal-0",
        now,
        lambda _: "words",
        {"e": waits},
        founding,
        paper=lambda *_asked: "a.txt\ntext/plain, 1 bytes\nSHA-256 " + "0" * 64,
    )


@target(either(json_, json_, raw), 60, (VisavisError,))
def command(data: bytes) -> None:
    """A draft's body: fields into an act, the act into an entry, judged before it is signed."""
    body = read_body(data, DraftBody)
    spec = COMMANDS.get(body.command)
    if spec is None:
        return
    try:
        given = msgspec.convert(body.fields, spec.fields, strict=True)
    except (msgspec.ValidationError, RecursionError):
        return
    drafted = spec.build(_view(), given, Fixed())
    signed = world().signed(0, dict(drafted.act))
    made = make_entry(signed, Proof("ed25519", bytes(64)), seq=signed.own.size, time="")
    preview(joint(), 0, made, proven=True)


# --- bundles -----------------------------------------------------------------------------------------------


@target(either(raw, lines), 60)
def paper(data: bytes) -> None:
    """A file's name, a line; then its bytes."""
    name, _, body = data.partition(b"\n")
    said = name.decode("utf-8", "replace")
    kind = sniffed(body, said)
    clean = clean_name(said, kind)
    assert clean == harmless(clean) == clean_name(clean, kind)
    whole = Paper("d", "a", "p", "T", "", clean, kind, len(body), "0" * 64, "who", datetime.now(UTC))
    read = read_description(described(whole))
    assert read is not None
    assert (read.name, read.kind, read.size) == (clean, kind.value, len(body))


@target(raw, 20)
def archive(data: bytes) -> None:
    members, departure = container.read(data)
    assert departure is not None or container.write(members) == data


def _repacked(data: bytes, random: Random) -> bytes:
    """Leaves, notes, foundings and contents changed; tiles, hashes, checkpoints and the archive made anew."""
    whole, _ = bundles.parse_bundle(data)
    side = random.choice(whole.sides)
    s = desks.SIDES.index(side) if side in desks.SIDES else 0
    part = whole.logs[side]
    leaves = list(part.leaves)
    at = random.randrange(len(leaves)) if leaves else 0
    match random.randrange(8):
        case 0 if leaves:
            leaves[at] = json_(leaves[at], random)[:65_535]
        case 1 if leaves:
            leaves[at] = raw(leaves[at], random)[:65_535]
        case 2 if leaves:
            other = random.randrange(len(leaves))
            leaves[at], leaves[other] = leaves[other], leaves[at]
        case 3:
            leaves[at:at] = random.choice(list(whole.logs.values())).leaves[:2]
        case 4:
            del leaves[at : at + random.choice((1, 1, 300))]
        case 5:
            part = replace(part, checkpoint=random.choice((lines, raw, _resigned))(part.checkpoint, random))
        case 6:
            part = replace(part, receipt=random.choice((lines, raw, _resigned))(part.checkpoint, random))
        case _:
            return _members_changed(data, random)
    if tuple(leaves) != part.leaves:
        size, root = len(leaves), Tree(leaves).root()
        sig = sign_checkpoint(desks.KEYS[s, "log"], whole.dialogue, side, size, root)
        made = checkpoint.Checkpoint(whole.dialogue, side, size, root, sig)
        part = replace(
            part, leaves=tuple(leaves), checkpoint=checkpoint.encode_checkpoint(made, desks.PUBLIC[s, "log"])
        )
    return bundles.encode_bundle(replace(whole, logs={**whole.logs, side: part}))


def _members_changed(data: bytes, random: Random) -> bytes:
    """Members dropped, doubled, renamed, changed; the archive in its one spelling all the same."""
    members, _ = container.read(data)
    at = random.randrange(len(members))
    name, content = members[at]
    match random.randrange(5):
        case 0:
            del members[at]
        case 1:
            members[at] = (name, random.choice((raw, json_, lines))(content, random))
        case 2:
            members.insert(random.randrange(len(members)), (f"{name}x", content))
        case 3:
            members[at] = (members[random.randrange(len(members))][0] + ".p/1", content)
        case _:
            other = random.randrange(len(members))
            members[at], members[other] = members[other], members[at]
    return container.write(members)


def _bent(data: bytes, random: Random) -> bytes:
    """A byte of the archive's own fields changed: a length, a name, a checksum."""
    value = bytearray(data)
    head = data.find(b"PK", random.randrange(len(data)))
    at = max(head, 0) + random.randrange(30)
    if random.random() < 0.5 and at + 4 <= len(value):
        struct.pack_into("<L", value, at, random.choice((0, 1, 2**16, 2**31, 2**32 - 1)))
    else:
        value[at] ^= 1 << random.randrange(8)
    return bytes(value)


TARGETS["archive"] = replace(TARGETS["archive"], mutate=either(raw, _safely(_bent)))


@target(either(_safely(_repacked), _safely(_repacked), _safely(_members_changed), _safely(_bent), raw), 6, ())
def bundle(data: bytes) -> None:
    """Verification raises over no bytes, and says of a bundle in its one spelling that it is."""
    examined = examine(data, EDITION_1)
    account = examined.account
    json.dumps(account.to_json())
    shown = [*in_words(account, examined.lines(None, 0, None), 80)]
    assert len(shown) >= account.entries
    assert not any(character < " " for line in shown for character in line)
    if account.holds:
        assert bundles.encode_bundle(bundles.parse_bundle(data)[0]) == data
