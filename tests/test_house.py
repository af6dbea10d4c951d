"""The house's own rules, where a tool can hold them."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
MODULES = sorted((ROOT / "src/visavis").rglob("*.py"))
TESTS = sorted((ROOT / "tests").rglob("test_*.py"))


def name(path: Path) -> str:
    """Say a file's place in the project."""
    return str(path.relative_to(ROOT))


def functions(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    """Yield every test of a file."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_"):
            yield node


@pytest.mark.parametrize("module", [path for path in MODULES if path.parent.name != "visavis"], ids=name)
def test_a_module_says_what_lives_there(module: Path) -> None:
    """Every module's docstring says what lives in it."""
    told = ast.get_docstring(ast.parse(module.read_text(encoding="utf-8"))) or ""
    assert re.search(r"\blives here\b", told, re.IGNORECASE)


@pytest.mark.parametrize("test", TESTS, ids=name)
def test_a_test_says_what_holds(test: Path) -> None:
    """Every test's docstring is a sentence that ends."""
    silent = [node.name for node in functions(test) if not (ast.get_docstring(node) or "").endswith(".")]
    assert silent == []


def test_no_module_is_named_for_nothing() -> None:
    """No module is called `utils`, `helpers`, `common`, `misc` or `manager`."""
    assert [name(path) for path in MODULES if re.search(r"util|helper|common|misc|manager", path.stem)] == []


def test_the_engine_is_safe_outside_its_sockets() -> None:
    """Only `crates/sfu-io` holds `unsafe` code, and the pure core forbids it."""
    core = (ROOT / "crates/sfu/src/lib.rs").read_text(encoding="utf-8")
    assert "#![forbid(unsafe_code)]" in core
    holders = {
        path.relative_to(ROOT / "crates").parts[0]
        for path in (ROOT / "crates").rglob("*.rs")
        if re.search(r"\bunsafe\s*(\{|fn|impl)", path.read_text(encoding="utf-8"))
    }
    assert holders <= {"sfu-io"}


def test_no_page_asks_a_third_party() -> None:
    """No template, style or script of ours names another host to load from, and none has inline script or style."""
    web = ROOT / "src/visavis/web"
    for template in sorted((web / "templates").rglob("*")):
        if template.is_file():
            text = template.read_text(encoding="utf-8")
            assert not re.search(r"""(?:src|href|action)\s*=\s*["']?(?:https?:)?//""", text), template.name
            assert not re.search(r"""<style\b|\sstyle\s*=|\son[a-z]+\s*=\s*["']""", text), template.name
            assert not re.search(r"<script\b(?![^>]*\bsrc=)(?![^>]*application/ld\+json)", text), (
                template.name
            )
    for style in sorted((web / "static/css").rglob("*.css")):
        assert not re.search(
            r"url\(\s*[\"']?(?:https?:)?//|@import\s+[\"'](?:https?:)?//", style.read_text("utf-8")
        )
