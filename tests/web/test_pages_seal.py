"""The seal's figure."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from visavis.paper.figure import half

HASHES = st.text("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_", min_size=43, max_size=43)


@given(HASHES)
def test_two_halves_of_one_text_meet_ring_for_ring(text_hash):
    """The figure follows from the hash alone, so both sides draw the same rings for the same text."""
    assert half("sealed", text_hash) == half("sealed", text_hash)


@given(st.lists(HASHES, min_size=2, max_size=2, unique=True))
def test_different_texts_have_different_rings(hashes):
    """A half that seals another text does not meet its counterpart."""
    one, other = hashes
    assert half("sealed", one) != half("sealed", other)


@pytest.mark.parametrize("small", [True, False])
def test_the_three_states_look_different(small):
    """Empty, pending and sealed are told apart by shape, not by colour alone."""
    figures = [
        half("empty", small=small),
        half("pending", small=small),
        half("sealed", "a" * 43, small=small),
    ]
    assert len(set(figures)) == 3


@given(HASHES, st.booleans())
def test_a_half_stays_in_its_place(text_hash, small):
    """Every ring starts and ends on the spine at x = 100 and lies within 100 × 200."""
    for stroke in half("sealed", text_hash, small=small):
        match = re.fullmatch(r"M100 ([\d.]+)A([\d.]+) \2 0 0 0 100 ([\d.]+)", stroke.path)
        assert match
        top, radius, bottom = (float(match[i]) for i in (1, 2, 3))
        assert top == pytest.approx(100 - radius)
        assert bottom == pytest.approx(100 + radius)
        assert 0 < radius <= 100


def test_a_sealed_half_needs_its_hash():
    """A seal that seals nothing cannot be drawn."""
    with pytest.raises(ValueError, match="hash"):
        half("sealed")
