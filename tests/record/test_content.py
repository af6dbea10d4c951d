"""Commitments to contents (record.md §11)."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from visavis.errors import Malformed, Untrusted
from visavis.record.content import commit, opens, salt
from visavis.record.digest import is_hash, to_text

SALT = bytes(range(32))


def test_a_commitment_is_the_hash_that_the_specification_says() -> None:
    """H("content", salt, content), length-prefixed and domain-separated."""
    content = "Охотно".encode()
    by_hand = (
        b"visavis/content/v1\0" + (32).to_bytes(8, "big") + SALT + len(content).to_bytes(8, "big") + content
    )
    assert commit(SALT, content) == to_text(hashlib.sha256(by_hand).digest())
    assert len(commit(SALT, content)) == 43


@given(st.binary(max_size=200), st.binary(max_size=200))
def test_a_commitment_opens_to_its_content_and_no_other(content: bytes, other: bytes) -> None:
    """The right content opens a commitment; any other is `Untrusted`."""
    commitment = commit(SALT, content)
    opens(commitment, SALT, content)
    if other != content:
        with pytest.raises(Untrusted) as error:
            opens(commitment, SALT, other)
        assert error.value.code == "content-differs"


@given(st.binary(max_size=80).filter(lambda data: len(data) != 32))
def test_a_salt_has_exactly_32_bytes(data: bytes) -> None:
    """A salt of another length would let one commitment open to two contents (rejected rule 7)."""
    for use in (lambda: salt(data), lambda: commit(data, b""), lambda: opens(commit(SALT, b""), data, b"")):
        with pytest.raises(Malformed):
            use()
    assert salt(SALT) == SALT


@given(st.text(max_size=50))
def test_only_43_characters_of_base64url_are_spelt_as_a_commitment(text: str) -> None:
    """Other texts are not taken for commitments."""
    assert not is_hash(text) or len(text) == 43
    assert is_hash(commit(SALT, text.encode()))
