"""Tokens of a real authority: what holds, and every way in which one does not (record.md §10.7)."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rfc3161_client import HashAlgorithm, TimestampRequestBuilder
from tests.tsa import POLICY, Authority

from visavis.errors import Malformed, Untrusted
from visavis.record.bundle import MAX_TOKEN_BYTES
from visavis.record.timestamp import read_authorities, read_stamp

TEXT = b"visavis/dialogue/side\n3\nroot\n"


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority.made(tmp_path_factory.mktemp("tsa") / "one")


@pytest.fixture(scope="module")
def token(authority: Authority) -> bytes:
    return authority.token(TEXT)


def test_a_token_leads_to_the_authority_that_is_named(authority: Authority, token: bytes) -> None:
    """Time, name and serial are the token's; without an authority they are hearsay, and said to be."""
    roots = read_authorities(authority.ca.read_bytes())
    trusted, hearsay = read_stamp(token, TEXT, roots), read_stamp(token, TEXT)
    assert trusted.trusted and not hearsay.trusted
    assert trusted.authority == hearsay.authority == "CN=Authority of the test"
    assert trusted.policy == POLICY
    assert trusted.serial
    assert trusted.time == hearsay.time and trusted.time.tzinfo is not None


def test_a_token_over_something_else_is_refused(authority: Authority, token: bytes) -> None:
    """Another text, or another hash function over this one."""
    with pytest.raises(Untrusted):
        read_stamp(token, TEXT + b"x")
    with pytest.raises(Untrusted):
        read_stamp(authority.token(TEXT, HashAlgorithm.SHA512), TEXT)


def test_an_answer_to_another_request_is_refused(authority: Authority) -> None:
    """The nonce is the request's own."""
    one, other = (
        TimestampRequestBuilder().data(TEXT).hash_algorithm(HashAlgorithm.SHA256).build() for _ in range(2)
    )
    token = authority.reply(one.as_bytes())
    read_stamp(token, TEXT, nonce=one.nonce)
    with pytest.raises(Untrusted):
        read_stamp(token, TEXT, nonce=other.nonce)


def test_another_authority_or_an_expired_one_is_refused(tmp_path: Path, token: bytes) -> None:
    """A chain to another CA, and a certificate that had ended before it signed."""
    other = Authority.made(tmp_path / "other", "Another authority")
    with pytest.raises(Untrusted):
        read_stamp(token, TEXT, read_authorities(other.ca.read_bytes()))
    ended = Authority.made(tmp_path / "ended", "Ended", "-days", "-1")
    with pytest.raises(Untrusted):
        read_stamp(ended.token(TEXT), TEXT, read_authorities(ended.ca.read_bytes()))


def test_a_refusal_and_garbage_are_no_tokens(authority: Authority, token: bytes) -> None:
    """A request that is none is refused by the authority; no bytes whatever do more than that."""
    for data in (
        b"",
        b"\x30\x03",
        b"no token",
        token[:-1],
        token + b"x",
        token[:200],
        bytes(MAX_TOKEN_BYTES + 1),
    ):
        with pytest.raises(Malformed):
            read_stamp(data, TEXT)
    with pytest.raises((Malformed, Untrusted)):
        read_stamp(authority.reply(b"\x30\x03\x02\x01\x01"), TEXT)
    for pem in (b"", b"no certificate", token):
        with pytest.raises(Malformed):
            read_authorities(pem)


@given(st.integers(0, 10_000), st.integers(1, 255))
def test_a_token_with_one_byte_changed(authority: Authority, token: bytes, at: int, by: int) -> None:
    """Any one byte: it is refused with one clear error, or what is signed is as it was."""
    changed = bytearray(token)
    changed[at % len(token)] ^= by
    whole = read_stamp(token, TEXT, read_authorities(authority.ca.read_bytes()))
    try:
        found = read_stamp(bytes(changed), TEXT, read_authorities(authority.ca.read_bytes()))
    except (Malformed, Untrusted):
        return
    assert found == whole
