"""The bundle: all of a dialogue's record in one file, to be verified offline. Pure.

Lives here: which members a bundle has, writing it, reading it back, where it departs from its one spelling.
Not here: whether what it says holds (`verification`), the container's bytes (`container`).
Spec: docs/spec/record.md §12.

    visavis.json                          {"dialogue", "format":"visavis/bundle", "sides":[a, b], "v":1}
    logs/<side>/founding.json             the founding statement; its hash is the side's id
    logs/<side>/checkpoint                C2SP checkpoint of the whole log, perhaps cosigned
    logs/<side>/receipt                   the latest cosigned checkpoint, where that is an earlier one
    logs/<side>/timestamps/<size>.tsr     a timestamp authority's token over the checkpoint of that size
    logs/<side>/forks/<n>/held, …/shown   two checkpoints of one size that cannot both be true
    logs/<side>/tile/entries/…            the entries, as C2SP tlog-tiles has them
    logs/<side>/tile/<level>/…            the tree's hashes, likewise
    contents/<commitment>                 a content that is open to whoever exported
    salts/<commitment>                    its salt, 32 bytes

The file has no member, field or order that is free: whatever can be computed is computed again and compared,
the rest is signed or committed to. So each byte is checked; of a token only what its authority signed, by whoever
names the authority (§12.3). Sides and commitments stand in ascending order.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from visavis.errors import Malformed
from visavis.record import canonical, container, tiles
from visavis.record.content import SALT_BYTES
from visavis.record.digest import is_hash
from visavis.record.entry import Founding, dialogue_id
from visavis.record.form import members
from visavis.record.merkle import HASH_BYTES, Tree

FORMAT = "visavis/bundle"
MEDIA_TYPE = "application/vnd.visavis.bundle"
SUFFIX = ".visavis"
MAX_ENTRIES = 1 << 18
"""Of one log: an empty entry costs its writer two bytes and its reader hundreds."""
MAX_FORKS = 16
"""Of one log: one proves all that can be proven."""

MAX_TOKEN_BYTES = 64 * 1024
_TOKEN = re.compile(r"([1-9][0-9]{0,8})\.tsr")


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that does not hold. log: the side's id, or None. index: of the entry, or None.

    check: stable, kebab-case: "checksum", "leaf-hash", "checkpoint-signature", … message: what and where.
    """

    check: str
    message: str
    log: str | None = None
    index: int | None = None


@dataclass(frozen=True, order=True, slots=True)
class ForkNotes:
    """Two signed notes of one size, not yet verified. held: of this log. shown: what contradicts it."""

    shown: bytes
    held: bytes


@dataclass(frozen=True, slots=True)
class LogPart:
    """One side's half. `checkpoint`, `receipt` and `forks` are signed notes, not yet verified.

    checkpoint: of the whole log. receipt: of an earlier size, cosigned; None if there is none, or if
    `checkpoint` itself is cosigned. timestamps: by size, tokens over the checkpoints of those sizes, not verified.
    forks: proofs that the side signed another history, too, in any order.
    """

    founding: Founding
    leaves: tuple[bytes, ...]
    checkpoint: bytes
    receipt: bytes | None = None
    timestamps: Mapping[int, bytes] = field(default_factory=dict)
    forks: tuple[ForkNotes, ...] = ()


@dataclass(frozen=True, slots=True)
class Opened:
    """A content with its salt: what opens a commitment."""

    salt: bytes
    content: bytes


@dataclass(frozen=True, slots=True)
class Bundle:
    """The record of a dialogue as somebody holds it. logs: by side id; contents: by commitment."""

    logs: Mapping[str, LogPart]
    contents: Mapping[str, Opened]

    @property
    def sides(self) -> tuple[str, str]:
        """Both ids, ascending."""
        first, second = sorted(self.logs)
        return first, second

    @property
    def dialogue(self) -> str:
        return dialogue_id(*self.sides)


def encode_bundle(bundle: Bundle) -> bytes:
    """The bundle's bytes: the same for the same record, whoever writes them.

    Raises `Malformed` if a side's id is not its founding statement's hash, or a budget is exceeded.
    """
    if len(bundle.logs) != 2 or any(part.founding.side() != side for side, part in bundle.logs.items()):
        raise Malformed("bundle: two logs are due, each under its founding statement's hash")
    if any(len(part.leaves) > MAX_ENTRIES for part in bundle.logs.values()):
        raise Malformed(f"bundle: a log of more than {MAX_ENTRIES} entries")
    for part in bundle.logs.values():
        for size, token in part.timestamps.items():
            if not 0 < size <= len(part.leaves) or not 0 < len(token) <= MAX_TOKEN_BYTES:
                raise Malformed("bundle: a timestamp needs a size that its log has had, and at most 64 KiB")
    if any(len(part.forks) > MAX_FORKS for part in bundle.logs.values()):
        raise Malformed(f"bundle: more than {MAX_FORKS} forks of a log")
    for commitment, opened in bundle.contents.items():
        if not is_hash(commitment) or len(opened.salt) != SALT_BYTES:
            raise Malformed("bundle: a content needs its commitment and a salt of 32 bytes")
    return container.write(list(_members(bundle)))


def parse_bundle(data: bytes) -> tuple[Bundle, list[Fault]]:
    """Read a bundle; what departs from its one spelling is listed, where it can still be read.

    No signature is verified and no commitment opened here. Bytes that cannot be read as a bundle at all
    raise `Malformed`.
    """
    given, departure = container.read(data)
    by_name = dict(given)
    dialogue, sides = _parse_manifest(by_name.get("visavis.json"))
    faults: list[Fault] = []
    if departure is not None:
        faults.append(Fault("archive", departure))
    logs: dict[str, LogPart] = {}
    for side in sides:
        logs[side] = _parse_log(by_name, side)
        if logs[side].founding.side() != side:
            faults.append(Fault("founding", "the founding statement's hash is not the side's id", side))
    if len({part.founding.side() for part in logs.values()}) != 2 or dialogue_id(*sides) != dialogue:
        faults.append(Fault("dialogue", "the dialogue's id does not follow from the two founding statements"))
    bundle = Bundle(logs, _parse_contents(by_name))
    faults += _compare(given, _members(bundle))
    return bundle, faults


def _members(bundle: Bundle) -> Iterator[container.Member]:
    """All members of the bundle, in order."""
    sides = bundle.sides
    manifest = {"format": FORMAT, "v": 1, "dialogue": bundle.dialogue, "sides": list(sides)}
    yield "visavis.json", canonical.encode(manifest)
    for side in sides:
        part = bundle.logs[side]
        prefix = f"logs/{side}/"
        yield prefix + "founding.json", canonical.encode(part.founding.to_json())
        yield prefix + "checkpoint", part.checkpoint
        if part.receipt is not None:
            yield prefix + "receipt", part.receipt
        for size in sorted(part.timestamps):
            yield f"{prefix}timestamps/{size}.tsr", part.timestamps[size]
        for number, fork in enumerate(sorted({*part.forks})):
            yield f"{prefix}forks/{number}/held", fork.held
            yield f"{prefix}forks/{number}/shown", fork.shown
        for path, content in tiles.entry_tiles(part.leaves):
            yield prefix + path, content
        for path, content in tiles.hash_tiles(Tree(part.leaves)):
            yield prefix + path, content
    for commitment in sorted(bundle.contents):
        yield f"contents/{commitment}", bundle.contents[commitment].content
        yield f"salts/{commitment}", bundle.contents[commitment].salt


def _parse_manifest(data: bytes | None) -> tuple[str, tuple[str, str]]:
    if data is None:
        raise Malformed("bundle: visavis.json is missing")
    obj = members(canonical.decode(data), {"format", "v", "dialogue", "sides"}, "visavis.json")
    sides = obj["sides"]
    if obj["format"] != FORMAT or obj["v"] != 1 or type(obj["v"]) is not int:
        raise Malformed(f"visavis.json: format {FORMAT!r}, version 1, is due")
    if not isinstance(sides, list) or len(sides) != 2 or not all(map(is_hash, [*sides, obj["dialogue"]])):
        raise Malformed("visavis.json: the ids of a dialogue and of its two sides are due")
    if not sides[0] < sides[1]:
        raise Malformed("visavis.json: the sides' ids stand in ascending order")
    return obj["dialogue"], (sides[0], sides[1])


def _parse_log(by_name: Mapping[str, bytes], side: str) -> LogPart:
    prefix = f"logs/{side}/"
    try:
        founding, checkpoint = by_name[prefix + "founding.json"], by_name[prefix + "checkpoint"]
    except KeyError as error:
        raise Malformed(f"bundle: {error.args[0]} is missing") from error
    leaves: list[bytes] = []
    full = 0
    while (name := prefix + tiles.tile_path("entries", full)) in by_name:
        leaves += _entries(by_name[name], tiles.WIDTH, name)
        full += 1
        if len(leaves) > MAX_ENTRIES:
            raise Malformed(f"{prefix}: more than {MAX_ENTRIES} entries")
    for width in range(1, tiles.WIDTH):
        if (name := prefix + tiles.tile_path("entries", full, width)) in by_name:
            leaves += _entries(by_name[name], width, name)
            break
    try:
        statement = Founding.from_json(canonical.decode(founding))
    except Malformed as error:
        raise Malformed(f"{prefix}founding.json: {error.message}") from error
    return LogPart(
        statement,
        tuple(leaves),
        checkpoint,
        by_name.get(prefix + "receipt"),
        _parse_timestamps(by_name, prefix + "timestamps/", len(leaves)),
        tuple(_forks(by_name, prefix)),
    )


def _parse_timestamps(by_name: Mapping[str, bytes], folder: str, size: int) -> dict[int, bytes]:
    """Tokens of sizes that the log has had; what else lies there has no place in a bundle."""
    found: dict[int, bytes] = {}
    for name, token in by_name.items():
        match = _TOKEN.fullmatch(name.removeprefix(folder)) if name.startswith(folder) else None
        if match is not None and int(match[1]) <= size and 0 < len(token) <= MAX_TOKEN_BYTES:
            found[int(match[1])] = token
    return found


def _forks(by_name: Mapping[str, bytes], prefix: str) -> Iterator[ForkNotes]:
    """Both notes of each; half a fork, or one too many, has no place in a bundle."""
    for number in range(MAX_FORKS):
        held, shown = (by_name.get(f"{prefix}forks/{number}/{which}") for which in ("held", "shown"))
        if held is not None and shown is not None:
            yield ForkNotes(shown, held)


def _entries(data: bytes, width: int, name: str) -> list[bytes]:
    try:
        return tiles.decode_entries(data, width)
    except Malformed as error:
        raise Malformed(f"{name}: {error.message}") from error


def _parse_contents(by_name: Mapping[str, bytes]) -> dict[str, Opened]:
    contents: dict[str, Opened] = {}
    for name, data in by_name.items():
        folder, _, commitment = name.partition("/")
        if folder != "contents":
            continue
        salt = by_name.get(f"salts/{commitment}")
        if not is_hash(commitment) or salt is None or len(salt) != SALT_BYTES:
            raise Malformed(f"bundle: {name} has no commitment for a name, or no salt of 32 bytes beside it")
        contents[commitment] = Opened(salt, data)
    return contents


def _compare(given: Sequence[container.Member], due: Iterable[container.Member]) -> list[Fault]:
    """What the members are, against what they must be for the leaves and contents they hold.

    due: made one by one, so that the record is not there once more.
    """
    faults: list[Fault] = []
    by_name = dict(given)
    before: dict[str, int] = {}
    order: list[str] = []
    for name, content in due:
        order.append(name)
        found = by_name.pop(name, None)
        side = _side_of(name)
        hashes = side is not None and "/tile/0/" in name
        if found is None:
            faults.append(Fault("member", f"{name} is missing", side))
        elif found != content and hashes and side is not None:
            faults += _differing_leaves(name, found, content, side, before.get(side, 0))
        elif found != content:
            faults.append(Fault("member", f"{name} is not what the rest of the bundle makes it", side))
        if hashes and side is not None:
            before[side] = before.get(side, 0) + len(content) // HASH_BYTES
    faults += [Fault("member", f"{name} has no place in a bundle") for name in by_name]
    if not faults and [name for name, _ in given] != order:
        faults.append(Fault("member", "the members are not in their one order"))
    return faults


def _side_of(name: str) -> str | None:
    return name.split("/")[1] if name.startswith("logs/") else None


def _differing_leaves(name: str, found: bytes, due: bytes, side: str, first: int) -> Iterator[Fault]:
    """Which entries a level-0 tile disagrees with: the entry was changed, or its hash was."""
    if len(found) != len(due):
        yield Fault("member", f"{name} has another length than its entries make it", side)
        return
    odd = [
        at
        for at in range(0, len(due), HASH_BYTES)
        if found[at : at + HASH_BYTES] != due[at : at + HASH_BYTES]
    ]
    for at in odd[:8]:
        message = f"the entry's bytes and its hash in {name} differ"
        yield Fault("leaf-hash", message, side, first + at // HASH_BYTES)
