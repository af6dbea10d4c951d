"""The seal on a file (record.md §15.3), checked by Poppler's pdfsig and by openssl, not by what made it."""

from __future__ import annotations

import re
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509 import SubjectAlternativeName, UniformResourceIdentifier
from tests.paper.lab import account, agreed, told
from tests.verification.desk import DIALOGUE, SIDES, Desk

from visavis.bootstrap import side_seal
from visavis.errors import Malformed, Unavailable
from visavis.paper.model import paper_of
from visavis.paper.printing import print_paper
from visavis.paper.sealing import Seal, make_seal, read_seal

NOW = datetime(2026, 11, 25, tzinfo=UTC)


@pytest.fixture(scope="module")
def seal() -> Seal:
    return make_seal(DIALOGUE, SIDES[0], "Side A", NOW)


@pytest.fixture(scope="module")
def sealed(seal: Seal) -> bytes:
    desk = Desk().founded()
    agreed(desk)
    return print_paper(paper_of(account(desk), SIDES[0]), seal)


def pdfsig(pdf: bytes, path: Path) -> str:
    """What Poppler says of the file's signatures. The issuer is nobody's, so only the signature is asked for."""
    path.write_bytes(pdf)
    return subprocess.run(
        ["pdfsig", "-nocert", str(path)], capture_output=True, text=True, check=False
    ).stdout


def ranges(pdf: bytes) -> tuple[int, int, int, int]:
    found = re.search(rb"/ByteRange\s*\[\s*(\d+)\s+(\d+)\s+(\d+)\s+(\d+)\s*\]", pdf)
    assert found is not None
    one, two, three, four = map(int, found.groups())
    return one, two, three, four


def test_poppler_accepts_the_seal(sealed: bytes, seal: Seal, tmp_path: Path) -> None:
    """pdfsig finds one PAdES signature by the side, valid, over the whole document."""
    said = pdfsig(sealed, tmp_path / "sealed.pdf")
    for words in (
        "Signature is Valid.",
        "Total document signed",
        "ETSI.CAdES.detached",
        "SHA-256",
        "CN=Side A",
    ):
        assert words in said
    assert said.count("Signature #") == 1
    assert seal.fingerprint in told(sealed)


def test_openssl_accepts_the_seal(sealed: bytes, seal: Seal, tmp_path: Path) -> None:
    """The signature is a detached CMS over the two ranges, by the certificate that the paper names."""
    start, length, after, rest = ranges(sealed)
    signed = sealed[start : start + length] + sealed[after : after + rest]
    hexed = sealed[start + length + 1 : after - 1]
    (tmp_path / "signed").write_bytes(signed)
    der = bytes.fromhex(hexed.decode())
    (tmp_path / "cms").write_bytes(der[: 4 + int.from_bytes(der[2:4])])
    (tmp_path / "pem").write_bytes(seal.certificate.public_bytes(Encoding.PEM))

    def check(content: str) -> int:
        command = [
            "openssl", "cms", "-verify", "-binary", "-inform", "DER", "-in", "cms", "-content", content,
            "-CAfile", "pem", "-purpose", "any", "-no_check_time", "-out", "out",
        ]  # fmt: skip
        return subprocess.run(command, cwd=tmp_path, capture_output=True, check=False).returncode

    assert check("signed") == 0
    (tmp_path / "other").write_bytes(signed[:-1] + bytes([signed[-1] ^ 1]))
    assert check("other") != 0


@pytest.mark.parametrize("where", [0.02, 0.3, 0.6, 0.95])
def test_a_byte_changed_anywhere_breaks_the_seal(sealed: bytes, tmp_path: Path, where: float) -> None:
    """One bit of one byte in the signed range, and pdfsig no longer says that the signature is valid."""
    _, length, after, rest = ranges(sealed)
    at = int((length + rest) * where)
    at = at if at < length else at - length + after
    changed = sealed[:at] + bytes([sealed[at] ^ 1]) + sealed[at + 1 :]
    assert "Signature is Valid." not in pdfsig(changed, tmp_path / "changed.pdf")
    assert "Signature is Valid." in pdfsig(sealed, tmp_path / "sealed.pdf")


def test_the_file_is_sound(sealed: bytes, tmp_path: Path) -> None:
    """Poppler reads a tagged PDF in a stated language, its fonts embedded, the house's among them."""
    path = tmp_path / "sealed.pdf"
    path.write_bytes(sealed)
    info = subprocess.run(["pdfinfo", str(path)], capture_output=True, text=True, check=True)
    assert re.search(r"Tagged:\s+yes", info.stdout)
    assert re.search(r"Page size:\s+595\.\d+ x 841\.\d+ pts \(A4\)", info.stdout)
    assert b"/Lang (en)" in sealed
    fonts = subprocess.run(["pdffonts", str(path)], capture_output=True, text=True, check=True).stdout
    rows = fonts.splitlines()[2:]
    assert rows
    assert all(re.search(r" yes (yes|no) +(yes|no) +\d+ +\d+$", row) for row in rows)
    assert "ibm-plex-serif-latin" in fonts


def test_the_certificate_names_the_side(seal: Seal) -> None:
    """The common name is the side's, cut to what X.520 allows; the URI is its id."""
    names = seal.certificate.extensions.get_extension_for_class(SubjectAlternativeName).value
    assert names.get_values_for_type(UniformResourceIdentifier) == [f"visavis:{DIALOGUE}/{SIDES[0]}"]
    long = make_seal(DIALOGUE, SIDES[0], "Сторона " * 20 + "\u202e", NOW)
    (common,) = long.certificate.subject
    assert common.value == "Сторона " * 4 + "Ст"


def test_a_seal_is_kept_as_it_was_made(tmp_path: Path) -> None:
    """A node makes a side's seal once, readable by the owner alone; one that cannot be read is not replaced."""
    made = side_seal(tmp_path, DIALOGUE, SIDES[0], "Side A")
    assert side_seal(tmp_path, DIALOGUE, SIDES[0], "Side A").fingerprint == made.fingerprint
    assert side_seal(tmp_path, DIALOGUE, SIDES[1], "Side B").fingerprint != made.fingerprint
    path = tmp_path / f"seal-{SIDES[0]}.pem"
    assert path.stat().st_mode & 0o777 == 0o600
    path.write_bytes(b"x")
    with pytest.raises(Unavailable):
        side_seal(tmp_path, DIALOGUE, SIDES[0], "Side A")
    assert path.read_bytes() == b"x"


def test_what_is_no_seal_is_refused(seal: Seal) -> None:
    """Another curve, Ed25519, another's certificate, no certificate, no PEM."""
    certificate = seal.certificate.public_bytes(Encoding.PEM)
    for key in (
        ec.generate_private_key(ec.SECP384R1()),
        ec.generate_private_key(ec.SECP256R1()),
        ed25519.Ed25519PrivateKey.generate(),
    ):
        pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        with pytest.raises(Malformed):
            read_seal(pem + certificate)
        with pytest.raises(Malformed):
            read_seal(pem)
    for pem in (b"", b"x", certificate):
        with pytest.raises(Malformed):
            read_seal(pem)
    assert read_seal(seal.to_pem()).fingerprint == seal.fingerprint
