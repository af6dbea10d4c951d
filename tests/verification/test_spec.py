"""The specification and the software say the same: acts, powers, proofs, verdicts (docs/spec/record.md)."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec
import pytest

from visavis.dialogue import verdicts
from visavis.dialogue.accord import SLOTS
from visavis.dialogue.acts import ActSpec, ProofLevel
from visavis.dialogue.model import DEFAULT_POWERS, Role
from visavis.record import bundle, canonical, container, content, note, tiles
from visavis.rulebook import EDITION_1

SPEC = (Path(__file__).resolve().parents[2] / "docs/spec/record.md").read_text(encoding="utf-8")
CODE = re.compile(r"`([^`]+)`")


def section(number: int) -> str:
    """The text of one numbered section."""
    found = re.search(rf"^## {number}\. .*?(?=^## )", SPEC, re.MULTILINE | re.DOTALL)
    assert found, f"section {number} is missing"
    return found[0]


def rows(text: str, columns: int) -> list[list[str]]:
    """The cells of all table rows with that many columns, heads and rules left out."""
    found = []
    for line in text.splitlines():
        cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
        if len(cells) == columns and not set(line) <= set("|- "):
            found.append(cells)
    return found


ACTS = {name: row for row in rows(section(6), 5)[1:] for name in CODE.findall(row[0])}


def test_every_act_has_its_row() -> None:
    """The table of acts names each act of the edition, and no other."""
    assert set(ACTS) == set(EDITION_1.by_type)


@pytest.mark.parametrize("spec", EDITION_1.by_type.values(), ids=lambda spec: spec.type)
def test_an_acts_row_is_true(spec: ActSpec) -> None:
    """Members, power and proof of an act are those that the software asks for."""
    _, members, power, proof, _ = ACTS[spec.type]
    named = set(CODE.findall(members))
    assert named == {field.name for field in msgspec.structs.fields(spec.fields)}
    expected = {"–"} if spec.power is None else {spec.power.value}
    if spec.type == "side.recover":
        expected = {"a recovery key"}
    assert {power.split(",")[0].removesuffix(" ¹")} == expected
    level = {ProofLevel.USER: "U", ProofLevel.DEVICE: "D", ProofLevel.NODE: "N"}[spec.proof]
    if spec.node_may and level != "N":
        level += ", N"
    assert proof == ("–" if spec.type == "side.recover" else level)


def test_every_word_of_a_verdict_is_one_that_the_software_says() -> None:
    """Reasons in §4 are spelt as accounts spell them."""
    words = {value for name, value in vars(verdicts).items() if name.isupper() and isinstance(value, str)}
    named = [word for row in rows(section(4), 3)[1:] for word in CODE.findall(row[0])]
    assert len(named) >= 15
    assert set(named) <= words
    for quoted in re.findall(r"\(`([a-z -]+)`(?:, `[a-z -]+`)*\)", section(5) + section(8)):
        assert quoted in words


def test_every_slot_is_told_with_its_power() -> None:
    """The slots of §5.1 are those of the machine."""
    told = {CODE.findall(row[0])[0].split("/")[0]: row[3] for row in rows(section(5), 4)[1:]}
    assert told == {name: kind.power.value for name, kind in SLOTS.items()}


def test_the_default_powers_are_told() -> None:
    """The table of roles in §9.3 is the one that admissions begin from."""
    table = rows(section(9), 7)
    for row in table[1:]:
        for role in row[0].split(", "):
            granted = {name for name, mark in zip(table[0][1:], row[1:], strict=True) if mark == "✓"}
            assert granted == {power.value for power in DEFAULT_POWERS[Role(role.replace(" ", "-"))]}


def test_budgets_are_told() -> None:
    """Limits in the specification are those of the parsers."""
    for words, value in (
        ("65,535 bytes", canonical.MAX_BYTES),
        ("65,535 bytes", tiles.MAX_ENTRY_BYTES),
        ("inside more than 32 others", canonical.MAX_DEPTH),
        ("64 KiB and 32 signatures", note.MAX_SIGNATURES),
        ("60,000 members", container.MAX_MEMBERS),
        ("262,144 entries in a log", bundle.MAX_ENTRIES),
        ("at most 160 characters", container.MAX_NAME),
        ("exactly 32 random bytes", content.SALT_BYTES),
    ):
        assert words in SPEC
        assert f"{value:,}" in words
    assert f"{container.MAX_BYTES // 2**20} MiB" in section(12)
    assert bundle.MEDIA_TYPE in SPEC


def test_every_check_is_told() -> None:
    """The names of checks in §14.1 are those that faults bear in the software."""
    root = Path(__file__).resolve().parents[2] / "src/visavis"
    source = "".join(
        (root / name).read_text(encoding="utf-8")
        for name in ("record/bundle.py", "verification/verify.py", "verification/bounds.py")
    )
    told = {name for row in rows(section(14), 2)[1:] for name in CODE.findall(row[0])}
    assert told == set(re.findall(r'Fault\("([a-z-]+)"', source))
