"""The drawings of the state machines are those of the tables."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

SCRIPT = Path(__file__).resolve().parents[2] / "scripts/draw_states.py"
spec = importlib.util.spec_from_file_location("draw_states", SCRIPT)
assert spec is not None
assert spec.loader is not None
draw_states = importlib.util.module_from_spec(spec)
spec.loader.exec_module(draw_states)


def test_the_drawings_are_those_of_the_tables() -> None:
    """docs/states.md is what the tables give today."""
    assert draw_states.PAGE.read_text(encoding="utf-8") == draw_states.drawn()


def test_a_stale_drawing_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A page that differs in one arrow fails the check, and drawing it anew mends it."""
    page = tmp_path / "states.md"
    page.write_text(draw_states.drawn().replace("[*] --> open", "[*] --> closed"), encoding="utf-8")
    monkeypatch.setattr(draw_states, "PAGE", page)
    monkeypatch.setattr(draw_states, "ROOT", tmp_path)
    assert draw_states.main(["--check"]) == 1
    assert draw_states.main([]) == 0
    assert draw_states.main(["--check"]) == 0
