"""All slices at once: the commands and acts are those of the specifications, with their fields."""

from __future__ import annotations

import ast
import inspect
import re
from pathlib import Path

import msgspec
import pytest
from tests.talks.table import Table

from visavis.dialogue.acts import ProofLevel
from visavis.press import acts as press_acts
from visavis.rulebook import COMMANDS, EDITION_1, dialogue_json
from visavis.talks import acts as talks_acts
from visavis.understandings import acts as understandings_acts

DOCS = Path(__file__).parent.parent / "docs" / "spec"
NAME = re.compile(r"`([a-z-]*\.?[a-z-]+)`")


def rows(file: str, heading: str) -> list[list[str]]:
    """The cells of every table row below a heading, up to the next heading."""
    text = (DOCS / file).read_text(encoding="utf-8")
    part = re.split(r"\n#+ ", text.split(f"\n{heading}\n", 1)[1], maxsplit=1)[0]
    lines = [line for line in part.splitlines() if line.startswith("|") and "---" not in line]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[1:]]


def commands_of_the_spec() -> dict[str, dict[str, bool]]:
    """Command → field → whether it may be left out."""
    out: dict[str, dict[str, bool]] = {}
    for names, fields in rows("http.md", "### Commands"):
        family = ""
        given = dict.fromkeys((m[0] for m in re.findall(r"(?:^|, )`([a-z_]+)`(\??)", fields)), False)
        given |= {name: True for name, mark in re.findall(r"(?:^|, )`([a-z_]+)`(\??)", fields) if mark}
        for name in re.findall(r"`([a-z.-]+)`", names):
            full = f"{family}{name}" if name.startswith(".") else name
            family = full.split(".", maxsplit=1)[0]
            out[full] = given
    return out


def test_the_commands_are_those_of_the_specification() -> None:
    """http.md §3 names every command, and no other."""
    assert set(COMMANDS) == set(commands_of_the_spec())


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_a_commands_fields_are_those_of_the_specification(name: str) -> None:
    """Every field has its name, and may be left out where the specification says so."""
    spec = commands_of_the_spec()[name]
    fields = {field.name: not field.required for field in msgspec.structs.fields(COMMANDS[name].fields)}
    assert set(fields) == set(spec)
    assert all(fields[field] for field, optional in spec.items() if optional)


def test_the_acts_are_those_of_the_specification() -> None:
    """record.md §6 names every act with its members, and whether a device or the node may prove it."""
    told: dict[str, tuple[set[str], str]] = {}
    for names, members, _power, proof, _effect in rows("record.md", "## 6. Acts"):
        for name in re.findall(r"`([a-z.-]+)`", names):
            told[name] = (set(re.findall(r"`([a-z_]+)`", members)), proof)
    assert set(told) == set(EDITION_1.by_type)
    for name, spec in EDITION_1.by_type.items():
        members, proof = told[name]
        assert {field.name for field in msgspec.structs.fields(spec.fields)} == members, name
        assert all(field.required for field in msgspec.structs.fields(spec.fields)), name
        assert ("N" in proof) is spec.node_may, name
        assert ("D" in proof) is (spec.proof is ProofLevel.DEVICE), name


def test_an_empty_dialogue_has_a_view() -> None:
    """Before anybody proposes anything both chairs see the two sides, and nothing waits."""
    table = Table()
    for us in (0, 1):
        view = dialogue_json(table.joint, us)
        assert view["ours"] == table.sides[us]
        assert not view["talks"]
        assert not view["understandings"]
        assert not any(view["waiting"].values())
    table.mirrored()


def test_every_void_reason_is_explained() -> None:
    """Whatever word an act's form or rule can return, the person refused reads a sentence for it."""
    for module in (talks_acts, understandings_acts, press_acts):
        tree = ast.parse(inspect.getsource(module))
        said = {
            node.value
            for part in ast.walk(tree)
            if isinstance(part, ast.Return | ast.Lambda | ast.IfExp)
            for node in ast.walk(part)
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and " " in node.value
        }
        assert said
        assert said <= EDITION_1.explained.keys(), module.__name__
