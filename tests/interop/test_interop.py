"""Others' tools accept our files and refuse what is wrong (record.md §10): torchwood v0.9.0, tessera's fsck v1.0.4."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from tests.dialogue.test_service import PROFILE, found_house
from tests.verification.desk import FOUNDINGS, KEYS, PUBLIC, RULEBOOK, SIDES, Desk

from visavis.cli.record import unpack
from visavis.record.entry import NODE
from visavis.record.inclusion import check_proof, encode_proof, parse_proof
from visavis.record.policy import encode_policy
from visavis.record.tiles import tile_path
from visavis.verification.readable import Readable

pytestmark = pytest.mark.slow

SIZES = (1, 17, 256, 257, 700)
ROTATED = 40
"""Entries of the log whose key is rotated half-way."""
TIMEOUT_S = 60
"""fsck may wait for ever on a damaged tile (its one checking worker ends, its producer does not); that is no "yes"."""


@dataclass(frozen=True, slots=True)
class Laid:
    """A record laid out as files. folder: of side 0's log. older: checkpoints of earlier sizes, cosigned."""

    desk: Desk
    folder: Path
    policy: Path
    older: tuple[Path, ...]


def written(size: int, *, rotate: bool = False) -> Desk:
    """A log of side 0 of `size` real entries; that of side 1 has one."""
    desk = Desk()
    for s in (0, 1):
        desk.write(s, {"type": "side.found", "founding": FOUNDINGS[s].to_json()}, by="officer")
    while len(desk.logs[0]) < size:
        if rotate and len(desk.logs[0]) == size // 2:
            desk.rotate(0)
        else:
            desk.write(0, {"type": "record.receive"}, by=NODE)
    return desk


def lay(desk: Desk, tmp: Path) -> Laid:
    """Export, unpack by our command line, and put earlier checkpoints beside."""
    bundle = tmp / "record.visavis"
    bundle.write_bytes(desk.bundle())
    unpack(bundle, tmp / "files")
    size = len(desk.logs[0])
    older = []
    for then in sorted({1, 2, size // 2, size - 1, size} & set(range(1, size + 1))):
        path = tmp / f"checkpoint-{then}"
        early = desk.log_keys[0] is KEYS[0, "new-log"] and then <= size // 2
        path.write_bytes(desk.checkpoint(0, then, key=KEYS[0, "log"] if early else None))
        older.append(path)
    return Laid(desk, tmp / "files" / SIDES[0], tmp / "files" / "policy", tuple(older))


@pytest.fixture(scope="session", params=[*SIZES, "rotated"], ids=str)
def laid(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Laid:
    """Logs of several sizes around the width of a tile, and one with a rotated key. Nobody changes them."""
    rotate = request.param == "rotated"
    desk = written(ROTATED if rotate else request.param, rotate=rotate)
    return lay(desk, tmp_path_factory.mktemp("laid"))


@pytest.fixture
def spoilt(tmp_path: Path) -> Laid:
    """A log of 300 entries (a full tile, a partial one, a level above) for a test to damage."""
    return lay(written(300), tmp_path)


def run(programs: Path, *arguments: object) -> subprocess.CompletedProcess[str]:
    command = [str(programs / "tlogcheck"), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_S, check=False)


def fsck(programs: Path, folder: Path) -> str | None:
    """What fsck prints; None if it is still at it after a minute. Its exit status is 0 whatever it found."""
    flags = ["-ui=false", "-N=4", f"-storage_url=file://{folder}", f"-public_key={folder / 'vkey'}"]
    try:
        done = subprocess.run(
            [str(programs / "fsck"), *flags], capture_output=True, text=True, timeout=TIMEOUT_S, check=False
        )
    except subprocess.TimeoutExpired:
        return None
    return done.stderr


def accepted_by_fsck(said: str | None) -> bool:
    return said is not None and "Successfully fsck'd log" in said and "failed" not in said


# --- what is accepted ------------------------------------------------------------------------------


def test_torchwood_accepts_our_logs(programs: Path, laid: Laid) -> None:
    """Policy, checkpoint with both cosignatures, every entry with its proof, consistency with earlier sizes."""
    done = run(programs, "log", laid.policy, laid.folder, *laid.older)
    size = len(laid.desk.logs[0])
    assert (done.returncode, done.stderr) == (0, "")
    assert f"{SIDES[0]}, {size} entries, {len(laid.older)} older checkpoints" in done.stdout
    assert run(programs, "log", laid.policy, laid.folder.parent / SIDES[1]).returncode == 0


def test_fsck_accepts_our_logs(programs: Path, laid: Laid) -> None:
    """tessera's fsck makes every tile and the root again from the entries, and finds ours."""
    for side in SIDES:
        said = fsck(programs, laid.folder.parent / side)
        assert accepted_by_fsck(said), said


def test_torchwood_accepts_our_proofs_and_we_accept_its(programs: Path, laid: Laid, tmp_path: Path) -> None:
    """A `.tlog-proof` of ours holds for torchwood, and torchwood writes the very same bytes."""
    record = Readable(laid.desk.bundle(), RULEBOOK)
    size = len(laid.desk.logs[0])
    for index in sorted({0, 1, size // 2, 255, 256, size - 1} & set(range(size))):
        proof, entry = record.prove(SIDES[0], index)
        (tmp_path / "proof").write_bytes(encode_proof(proof))
        (tmp_path / "entry").write_bytes(entry)
        done = run(programs, "proof", laid.policy, tmp_path / "proof", tmp_path / "entry")
        assert done.returncode == 0, done.stdout
        theirs = run(programs, "prove", laid.policy, laid.folder, index).stdout.encode()
        assert theirs == encode_proof(proof)
        assert check_proof(parse_proof(theirs), entry, record.policy()).index == index


@pytest.mark.anyio
async def test_torchwood_accepts_a_nodes_log_whose_key_was_replaced(programs: Path, tmp_path: Path) -> None:
    """Of a real node: both keys in the policy, the latest checkpoint by the new one, an earlier one by the old."""
    house = await found_house(tmp_path / "node.sqlite")
    try:
        one = house.officers[0]
        side, dialogue = one.session.side, house.ledger.id
        (early := tmp_path / "early").write_bytes(await house.dialogues.checkpoint(dialogue, side))
        await house.enter(one, "dialogue.rotate-key")
        await house.enter(one, "dialogue.profile", **PROFILE)
        (bundle := tmp_path / "record.visavis").write_bytes(await house.dialogues.export(dialogue, None))
        unpack(bundle, files := tmp_path / "files")
        done = run(programs, "log", files / "policy", files / side, early)
        assert (done.returncode, done.stderr) == (0, "")
        assert f"{side}, 3 entries, 1 older checkpoints" in done.stdout
        for each in house.ledger.sides:
            assert accepted_by_fsck(said := fsck(programs, files / each)), said
    finally:
        await house.store.close()


# --- what is refused -------------------------------------------------------------------------------


def refused(done: subprocess.CompletedProcess[str], says: str) -> None:
    assert done.returncode == 1, done.stdout + done.stderr
    assert says in done.stdout


@pytest.mark.parametrize("lines", [{"own": False}, {"cosigned": False}, {"own": False, "cosigned": False}])
def test_torchwood_refuses_a_missing_cosignature(
    programs: Path, spoilt: Laid, lines: dict[str, bool]
) -> None:
    """Without either side's cosignature the quorum `both` is not met."""
    (spoilt.folder / "checkpoint").write_bytes(spoilt.desk.checkpoint(0, **lines))
    refused(run(programs, "log", spoilt.policy, spoilt.folder), "policy components satisfied")


@pytest.mark.parametrize("at", [-1, -2, -3], ids=["theirs", "own", "log"])
def test_torchwood_refuses_a_false_line(programs: Path, spoilt: Laid, at: int) -> None:
    """One bit of a signature changed, in any of the three lines, and the checkpoint is refused."""
    lines = (spoilt.folder / "checkpoint").read_bytes().splitlines(keepends=True)
    lines[at] = lines[at][:-20] + bytes([lines[at][-20] ^ 2]) + lines[at][-19:]
    (spoilt.folder / "checkpoint").write_bytes(b"".join(lines))
    refused(run(programs, "log", spoilt.policy, spoilt.folder), "refused: checkpoint: ")


def test_torchwood_refuses_by_a_policy_of_other_keys(programs: Path, spoilt: Laid, tmp_path: Path) -> None:
    """A checkpoint by the keys of A and B does not meet a policy whose witness A has another key."""
    policy = Readable(spoilt.desk.bundle(), RULEBOOK).policy()
    other = replace(policy.witnesses["A"], public_key=PUBLIC[0, "new-log"])
    changed = replace(policy, witnesses={**policy.witnesses, "A": other})
    (tmp_path / "other").write_bytes(encode_policy(changed))
    refused(run(programs, "log", tmp_path / "other", spoilt.folder), "policy components satisfied")


def flip(path: Path, at: int) -> None:
    data = bytearray(path.read_bytes())
    data[at] ^= 1
    path.write_bytes(data)


DAMAGE: dict[str, Callable[[Path], None]] = {
    "a wrong entry": lambda folder: flip(folder / tile_path("entries", 0), 1000),
    "a wrong last entry": lambda folder: flip(folder / tile_path("entries", 1, 44), -2),
    "a flipped byte of a full tile": lambda folder: flip(folder / tile_path("0", 0), 100),
    "a flipped byte of a partial tile": lambda folder: flip(folder / tile_path("0", 1, 44), -1),
    "a flipped byte of a level above": lambda folder: flip(folder / tile_path("1", 0, 1), 0),
    "an entry cut off": lambda folder: (folder / tile_path("entries", 1, 44)).unlink(),
}


@pytest.mark.parametrize("damage", DAMAGE, ids=str)
def test_torchwood_refuses_damage(programs: Path, spoilt: Laid, damage: str) -> None:
    """A wrong entry, or a flipped byte of any tile, is refused."""
    DAMAGE[damage](spoilt.folder)
    refused(run(programs, "log", spoilt.policy, spoilt.folder), "refused: ")


@pytest.mark.parametrize("damage", DAMAGE, ids=str)
def test_fsck_refuses_damage(programs: Path, spoilt: Laid, damage: str) -> None:
    """The same damage is not fsck's "successfully"; if it waits for ever, that is no acceptance either."""
    assert accepted_by_fsck(fsck(programs, spoilt.folder))
    DAMAGE[damage](spoilt.folder)
    assert not accepted_by_fsck(fsck(programs, spoilt.folder))


def test_fsck_refuses_another_key(programs: Path, spoilt: Laid) -> None:
    """A checkpoint that the given key did not sign is refused at once."""
    other = (spoilt.folder.parent / SIDES[1] / "vkey").read_text()
    (spoilt.folder / "vkey").write_text(other)
    assert not accepted_by_fsck(fsck(programs, spoilt.folder))


def test_torchwood_refuses_another_history(programs: Path, spoilt: Laid, tmp_path: Path) -> None:
    """An older checkpoint of the same log, well cosigned, over other entries: consistency fails."""
    fork = written(2)
    fork.put(0, b"what the log does not say")
    for size, holds in ((2, True), (3, False)):
        (tmp_path / "older").write_bytes(fork.checkpoint(0, size))
        done = run(programs, "log", spoilt.policy, spoilt.folder, tmp_path / "older")
        assert (done.returncode == 0) is holds, done.stdout


def test_torchwood_refuses_a_wrong_proof(programs: Path, spoilt: Laid, tmp_path: Path) -> None:
    """Another entry, another index, a sibling changed, a cosignature gone: none of them is a proof."""
    proof, entry = Readable(spoilt.desk.bundle(), RULEBOOK).prove(SIDES[0], 7)
    good = encode_proof(proof)
    bare = spoilt.desk.checkpoint(0, cosigned=False)
    cases = {
        "another entry": (good, spoilt.desk.logs[0][8]),
        "another index": (good.replace(b"index 7\n", b"index 8\n"), entry),
        "a sibling changed": (good.replace(good.split(b"\n")[3], good.split(b"\n")[4], 1), entry),
        "a cosignature gone": (good.replace(proof.checkpoint, bare), entry),
    }
    (tmp_path / "proof").write_bytes(good)
    (tmp_path / "entry").write_bytes(entry)
    assert run(programs, "proof", spoilt.policy, tmp_path / "proof", tmp_path / "entry").returncode == 0
    for data, leaf in cases.values():
        (tmp_path / "proof").write_bytes(data)
        (tmp_path / "entry").write_bytes(leaf)
        refused(run(programs, "proof", spoilt.policy, tmp_path / "proof", tmp_path / "entry"), "refused: ")
