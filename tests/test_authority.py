"""A timestamp authority over HTTP: a real one, and every kind of bad answer."""

from __future__ import annotations

from pathlib import Path

import pytest
from rfc3161_client import HashAlgorithm, TimestampRequestBuilder
from tests.tsa import POLICY, Authority, answering

from visavis.authority import HttpAuthority
from visavis.bootstrap import timestamp_authority
from visavis.config import Settings
from visavis.errors import Malformed, Unavailable, Untrusted, VisavisError
from visavis.record.bundle import MAX_TOKEN_BYTES
from visavis.record.timestamp import read_authorities, read_stamp

pytestmark = pytest.mark.anyio

TEXT = b"visavis/dialogue/side\n3\nroot\n"


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority.made(tmp_path_factory.mktemp("tsa") / "one")


async def test_a_token_of_a_real_authority(authority: Authority) -> None:
    """It is asked for a hash, and what it gives leads to its CA and states the policy that is due."""
    roots = read_authorities(authority.ca.read_bytes())
    with answering(lambda query: (200, authority.reply(query))) as server:
        token = await HttpAuthority(server.url, roots, POLICY).stamp(TEXT)
        assert read_stamp(token, TEXT, roots).trusted
        with pytest.raises(Untrusted, match="policy"):
            await HttpAuthority(server.url, roots, "1.2.3").stamp(TEXT)
    assert all(TEXT not in query for query in server.asked)


async def test_bad_answers_are_refused_with_one_error(authority: Authority, tmp_path: Path) -> None:
    """Nothing that a server can answer is kept, or is more than `Unavailable`, `Malformed` or `Untrusted`."""
    other = Authority.made(tmp_path / "other", "Another")
    roots = read_authorities(authority.ca.read_bytes())
    elsewhere = TimestampRequestBuilder().data(TEXT).hash_algorithm(HashAlgorithm.SHA256).build().as_bytes()
    bad: dict[str, tuple[int, bytes, type[VisavisError]]] = {
        "another imprint": (200, authority.token(b"another"), Untrusted),
        "another nonce": (200, authority.reply(elsewhere), Untrusted),
        "another CA": (200, other.token(TEXT), Untrusted),
        "garbage": (200, b"\x30\x82" + bytes(90), Malformed),
        "a page": (200, b"<!doctype html>", Malformed),
        "nothing": (200, b"", Malformed),
        "huge": (200, bytes(8 * MAX_TOKEN_BYTES), Malformed),
        "an error": (500, b"", Unavailable),
        "elsewhere": (302, b"", Unavailable),
    }
    for why, (status, body, kind) in bad.items():
        with answering(lambda _, status=status, body=body: (status, body)) as server:  # type: ignore[misc]
            with pytest.raises(VisavisError) as refused:
                await HttpAuthority(server.url, roots).stamp(TEXT)
            assert type(refused.value) is kind, why
    with pytest.raises(Unavailable):  # nobody listens there any more
        await HttpAuthority(server.url, roots).stamp(TEXT)


def test_settings_say_whom_to_ask(authority: Authority, tmp_path: Path) -> None:
    """Off by default; what is wrong in the settings is said before anything runs."""
    assert timestamp_authority(Settings.from_environment({})) is None
    said = {
        "VISAVIS_TIMESTAMP_AUTHORITY": "https://tsa.example/tsr",
        "VISAVIS_TIMESTAMP_CA": str(authority.ca),
    }
    assert timestamp_authority(Settings.from_environment(said)) is not None
    for name, wrong in (("AUTHORITY", "tsa.example"), ("POLICY", "1.2,3")):
        with pytest.raises(Malformed):
            Settings.from_environment(said | {f"VISAVIS_TIMESTAMP_{name}": wrong})
    with pytest.raises(Unavailable):
        timestamp_authority(
            Settings.from_environment(said | {"VISAVIS_TIMESTAMP_CA": str(tmp_path / "none.pem")})
        )
    (tmp_path / "empty.pem").write_text("")
    with pytest.raises(Malformed):
        timestamp_authority(
            Settings.from_environment(said | {"VISAVIS_TIMESTAMP_CA": str(tmp_path / "empty.pem")})
        )
