"""A side's seal, and a PAdES signature by it over a printed file.

Lives here: `Seal`, `make_seal`, `read_seal`, `seal_file`.
Not here: where a node keeps its seals (`bootstrap`), what is printed (`printing`).
Spec: docs/spec/record.md §15.3. Why so: docs/adr/0009-paper.md.

The seal is the node's for one side: a P-256 key with a certificate that it made itself. It shows that a file is as the
node printed it, and signs for no person.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from io import BytesIO

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import NameOID

from visavis.dialogue.texts import harmless
from visavis.errors import Malformed
from visavis.record.digest import to_text

YEARS = 10
NAME_LIMIT = 64
"""Bytes of a common name in UTF-8: X.520 means characters, `cryptography` counts bytes."""


@dataclass(frozen=True, slots=True)
class Seal:
    """A P-256 key and its certificate."""

    key: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate

    @property
    def fingerprint(self) -> str:
        """The certificate's SHA-256, as text."""
        return to_text(self.certificate.fingerprint(hashes.SHA256()))

    def to_pem(self) -> bytes:
        key = self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        return key + self.certificate.public_bytes(Encoding.PEM)


def make_seal(dialogue: str, side: str, name: str, now: datetime) -> Seal:
    """A new seal of `side`, whose name is the certificate's common name and whose id its URI. now: aware."""
    key = ec.generate_private_key(ec.SECP256R1())
    short = harmless(name).encode()[:NAME_LIMIT].decode(errors="ignore")
    common = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, short)])
    usage = x509.KeyUsage(
        digital_signature=True, content_commitment=True, key_encipherment=False, data_encipherment=False,
        key_agreement=False, key_cert_sign=False, crl_sign=False, encipher_only=False, decipher_only=False,
    )  # fmt: skip
    certificate = (
        x509.CertificateBuilder()
        .subject_name(common)
        .issuer_name(common)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(minutes=1))
        .not_valid_after(now + timedelta(days=365 * YEARS))
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(
            x509.SubjectAlternativeName([x509.UniformResourceIdentifier(f"visavis:{dialogue}/{side}")]),
            critical=False,
        )
        .sign(key, hashes.SHA256())
    )
    return Seal(key, certificate)


def read_seal(pem: bytes) -> Seal:
    """The seal in a PEM file: a P-256 private key without a password, and its certificate. Raises `Malformed`."""
    try:
        key = load_pem_private_key(pem, None)
        certificate = x509.load_pem_x509_certificate(pem)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise Malformed("seal: a PEM file with a private key and a certificate is due") from error
    if not isinstance(key, ec.EllipticCurvePrivateKey) or not isinstance(key.curve, ec.SECP256R1):
        raise Malformed("seal: a key on P-256 is due")
    if certificate.public_key() != key.public_key():
        raise Malformed("seal: the certificate is another key's")
    return Seal(key, certificate)


def seal_file(pdf: bytes, seal: Seal) -> bytes:
    """`pdf` with a PAdES signature (B-B) over all of it; not from inside an event loop."""
    from asn1crypto import keys
    from asn1crypto import x509 as asn1
    from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
    from pyhanko.sign import PdfSignatureMetadata, signers
    from pyhanko.sign.fields import SigSeedSubFilter
    from pyhanko_certvalidator.registry import SimpleCertificateStore

    signer = signers.SimpleSigner(
        signing_cert=asn1.Certificate.load(seal.certificate.public_bytes(Encoding.DER)),
        signing_key=keys.PrivateKeyInfo.load(
            seal.key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
        ),
        cert_registry=SimpleCertificateStore(),  # type: ignore[no-untyped-call]
    )
    metadata = PdfSignatureMetadata(
        field_name="Seal",
        md_algorithm="sha256",
        subfilter=SigSeedSubFilter.PADES,
        embed_validation_info=False,
    )
    out = BytesIO()
    signers.sign_pdf(IncrementalPdfFileWriter(BytesIO(pdf)), metadata, signer=signer, output=out)
    return out.getvalue()
