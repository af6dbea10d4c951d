"""The documents say what is there: links lead somewhere, commands exist, examples run."""

from __future__ import annotations

import doctest
import re
import subprocess
from pathlib import Path

import pytest

from visavis.cli import app

ROOT = Path(__file__).resolve().parent.parent
TRACKED = subprocess.run(
    ["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.md"],
    cwd=ROOT,
    capture_output=True,
    text=True,
    check=True,
).stdout.split()
DOCUMENTS = sorted(ROOT / name for name in TRACKED if (ROOT / name).is_file())

LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
FENCE = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
named = pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))


def anchors(text: str) -> set[str]:
    """Return the anchors that a Markdown page's headings make, by GitHub's rule."""
    headings = re.findall(r"^#+ (.+)$", FENCE.sub("", text), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@named
def test_links_lead_somewhere(document: Path) -> None:
    """A relative link or picture in a document names a file, and a heading, that is there."""
    for target in LINK.findall(FENCE.sub("", document.read_text(encoding="utf-8"))):
        if re.match(r"[a-z]+:", target):
            continue
        name, _, anchor = target.partition("#")
        path = (document.parent / name).resolve() if name else document
        assert path.exists(), f"{target} leads nowhere"
        if anchor and path.suffix == ".md":
            assert anchor in anchors(path.read_text(encoding="utf-8")), f"{target} names no heading"


@named
def test_examples_run(document: Path) -> None:
    """Every `>>>` example in a document gives what the document says."""
    outcome = doctest.testfile(str(document), module_relative=False, encoding="utf-8")
    assert outcome.failed == 0


def commands(word: str) -> set[str]:
    """Return what follows `word` in the shell examples and inline code of all documents."""
    found = set()
    for document in DOCUMENTS:
        text = document.read_text(encoding="utf-8")
        shell = [body for language, body in FENCE.findall(text) if language in {"sh", "console"}]
        inline = re.findall(r"`([^`\n]+)`", FENCE.sub("", text))
        for line in "\n".join([*shell, *inline]).splitlines():
            if match := re.match(
                rf"(?:\$ )?(?:\.venv/bin/)?{word} (?:[A-Z_]+=\S+ )*([a-z-]+)\b", line.strip()
            ):
                found.add(match.group(1))
    return found


def test_make_targets_exist() -> None:
    """Each `make` command that a document names is a target of the Makefile."""
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    asked = commands("make")
    assert {"demo", "test", "check"} <= asked
    assert asked <= targets


def test_commands_exist() -> None:
    """Each `visavis` command that a document names is one that the program has."""
    asked = commands("visavis")
    assert {"serve", "rehearse", "record"} <= asked
    assert asked <= set(app)


def test_the_glossary_says_each_word_once() -> None:
    """No word of the glossary has two definitions."""
    words = re.findall(r"\*\*([^*]+)\*\*", (ROOT / "docs/glossary.md").read_text(encoding="utf-8"))
    assert len(words) > 50
    assert sorted(words) == sorted(set(words))


def test_the_code_map_is_true() -> None:
    """Each place in ARCHITECTURE.md's code map is there, and no package of the product is missing from it."""
    text = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    places = set(re.findall(r"^\| `([^`]+)` \|", text, re.MULTILINE))
    assert {place for place in places if not (ROOT / place).exists()} == set()
    product = ROOT / "src/visavis"
    packages = {f"src/visavis/{path.parent.name}/" for path in product.glob("*/__init__.py")}
    crates = {f"crates/{path.parent.name}/" for path in (ROOT / "crates").glob("*/Cargo.toml")}
    assert packages | crates <= places
