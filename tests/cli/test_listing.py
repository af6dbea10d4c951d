"""`visavis record verify --entries`: every entry in words and as JSON (record.md §14.2)."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path

import pytest
from msgspec.structs import replace
from rich.cells import cell_len
from tests.cli.test_record import visavis
from tests.vectors.bundles import HERE, RULEBOOKS
from tests.verification.desk import CREDENTIAL, DIALOGUE, KEYS, SIDES, Desk

from visavis.authenticator import DeviceKey
from visavis.cli.listing import in_json, in_words
from visavis.record.entry import NODE, make_entry
from visavis.rulebook import EDITION_1
from visavis.verification.lines import ProofKind
from visavis.verification.verify import examine

BUNDLES = sorted(HERE.glob("*.visavis"))


@pytest.fixture(scope="module")
def desk() -> Desk:
    """A text in force; then a device of the principal's, which ranks an agenda, and an act that is void."""
    desk = Desk().founded()
    desk.agreed("v1", kind="guarantee")
    device = DeviceKey(KEYS[0, "new-log"])
    desk.write(0, {"type": "side.admit", "delegate": "principal-0", "role": "principal",
                   "credential": device.credential, "passkey": None, "powers": ["schedule"], "name": None})  # fmt: skip
    act = {"type": "agenda.rank", "talk": "T", "items": ["one", "two"]}
    signed = desk.signed(0, act, by="new-log")
    signed = replace(signed, delegate="principal-0")
    assert signed.credential == CREDENTIAL[0, "new-log"]
    time = "2021-12-07T16:00:00.000Z"
    desk.put(0, make_entry(signed, device.prove(signed.challenge()), seq=len(desk.logs[0]), time=time).leaf)
    desk.write(0, {"type": "understanding.end", "understanding": "other", "reason": []})
    desk.put(0, b"no entry")
    return desk


def said(desk: Desk, side: str | None = None, start: int = 0, stop: int | None = None) -> list[str]:
    examined = examine(desk.bundle(), EDITION_1)
    return list(in_words(examined.account, examined.lines(side, start, stop), 80))


def test_an_entry_says_who_did_what_by_what_and_what_came_of_it(desk: Desk) -> None:
    """A signature: its place and verdict, the person, the kind of proof, the text by its title, order both ways."""
    assert said(desk, SIDES[1], 3, 4) == [
        "",
        "# The log of Side B, entry by entry",
        "",
        "     3  Signed a text                                                   ✓ stands",
        "        Principal of side B, principal · passkey, user verified",
        "        7 December 2021, 15:00:03 UTC, as its node claims",
        "          understanding: u1",
        "          text en: “v1: title”",
        "          hash: " + desk.states[0].judged[2].subject,
        "        had seen 5 entries of Side A’s log · known to Side A since its entry 5",
    ]


def test_what_does_not_stand_is_marked_with_its_reason(desk: Desk) -> None:
    """A void act, and bytes that are no entry: a mark in the margin, the reason, and nobody's words."""
    shown = said(desk, SIDES[0], 8)
    assert "!    8  Ended an understanding                                            ✗ void" in shown
    assert "!       nothing of yours to end. There is nothing of your side's to end." in shown
    assert shown[-3:-1] == [
        "!    9  Bytes that are no entry                                           ✗ void",
        "!       malformed. These bytes are not an entry.",
    ]


def test_each_kind_of_proof_is_named(desk: Desk) -> None:
    """Passkey, device and node; a recovery key in the vectors of the people."""
    examined = examine(desk.bundle(), EDITION_1)
    kinds = {line.index: line.proof for line in examined.lines(SIDES[0], 0, None)}
    assert (kinds[0], kinds[3], kinds[7], kinds[9]) == (
        ProofKind.PASSKEY,
        ProofKind.NODE,
        ProofKind.DEVICE,
        None,
    )
    assert any("a device’s key" in line for line in said(desk, SIDES[0], 7, 8))
    assert NODE not in {line.role for line in examined.lines(None, 0, None)}


@pytest.mark.parametrize("path", BUNDLES, ids=lambda path: path.stem)
def test_every_entry_is_listed_within_its_columns(path: Path) -> None:
    """Whatever is in the logs: each entry once, no line wider than the terminal, the JSON well-formed and the same."""
    rulebook = RULEBOOKS[json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))["rulebook"]]
    examined = examine(path.read_bytes(), rulebook)
    account = examined.account
    for columns in (60, 80, 100):
        shown = list(in_words(account, examined.lines(None, 0, None), columns))
        long = [
            line
            for line in shown
            if cell_len(line) > columns and len(line.split()) > 1 and " " in line.strip()
        ]
        assert long == []
        heads = [line for line in shown if line.endswith(("✓ stands", "✗ void", "… held"))]
        assert len(heads) == account.entries
        assert not [line for line in shown if any(character < " " for character in line)]
    spelt = json.dumps(account.to_json(), ensure_ascii=False, indent=2)
    read = json.loads("".join(in_json(spelt, examined.lines(None, 0, None))))
    assert {name: value for name, value in read.items() if name != "lines"} == json.loads(spelt)
    assert [(line["log"], line["index"]) for line in read["lines"]] == [
        (log.side, index) for log in account.logs for index in range(log.size)
    ]
    assert {(line["log"], line["index"], line["verdict"]) for line in read["lines"]} >= {
        (void.log, void.index, void.reason) for void in account.void
    }
    for one, other in pairwise(read["lines"]):  # whoever has heard of an entry has heard of all before it
        if one["log"] == other["log"] and other["known_since"] is not None:
            assert one["known_since"] is not None
            assert one["known_since"] <= other["known_since"]


def test_the_command_lists_what_is_asked_for(desk: Desk, tmp_path: Path) -> None:
    """--entries with --side, --from and --to; the status is the record's; without --entries they are refused."""
    (tmp_path / "a.visavis").write_bytes(desk.bundle())
    chosen = ("--side", SIDES[0][:6], "--from", "2", "--to", "4")
    done = visavis("verify", "a.visavis", "--entries", *chosen, cwd=tmp_path)
    assert done.returncode == 1
    assert done.stdout.count("as its node claims") == 3
    assert DIALOGUE in done.stdout
    done = visavis("verify", "a.visavis", "--entries", "--json", *chosen, cwd=tmp_path)
    assert [line["index"] for line in json.loads(done.stdout)["lines"]] == [2, 3, 4]
    done = visavis("verify", "a.visavis", *chosen, cwd=tmp_path)
    assert (done.returncode, "say --entries" in done.stderr) == (2, True)
    (tmp_path / "b.visavis").write_bytes(b"no bundle")
    done = visavis("verify", "b.visavis", "--entries", cwd=tmp_path)
    assert (done.returncode, done.stdout.count("\n")) == (1, 4)


def test_hostile_acts_stay_within_their_lines() -> None:
    """No act's members, whatever they are called or hold, command the terminal, make a line, or end the listing."""
    desk = Desk().founded()
    for act in (
        {"type": "side.found", "founding": {"name": "x", "officer": {"delegate": "y"}, "recovery": []}},
        {
            "type": "side.admit\x1b[2J",
            "\x1b[2J\n✓ stands": [["\x9b2J\n", CREDENTIAL[0, "officer"]]],
            "passkey": [],
        },
        {"type": "talk.delegation", "delegates": [{}, None, 1], "delegate": [], "hash": {}},
    ):
        desk.write(0, act)
    shown = said(desk, SIDES[0], 2)
    assert [line for line in shown if any(character in "\x1b\x9b\n" for character in line)] == []
    assert sum(line.endswith("✗ void") for line in shown) == 3
