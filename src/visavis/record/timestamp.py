"""Timestamp tokens of RFC 3161 over checkpoints: reading and checking them, offline. Pure.

Lives here: `Stamp`, `read_stamp`, `read_authorities`, budgets.
Not here: asking an authority (`visavis.authority`), when that is done (`dialogue.stamping`), the bundle's members.
Spec: docs/spec/record.md §10.7; RFC 3161, RFC 5816. CMS and certificates are checked by `rfc3161_client`, over OpenSSL.

A token says that a checkpoint existed not later than a time. No rule of §§3–9 reads it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256

from cryptography import x509
from rfc3161_client import PKIStatus, TimeStampResponse, VerifierBuilder
from rfc3161_client import decode_timestamp_response as decode

from visavis.errors import Malformed, Untrusted
from visavis.record.bundle import MAX_TOKEN_BYTES

MAX_AUTHORITIES_BYTES = 1024 * 1024
SHA256 = x509.ObjectIdentifier("2.16.840.1.101.3.4.2.1")


@dataclass(frozen=True, slots=True)
class Stamp:
    """What a token says. time: not later than this, UTC, with the accuracy that it claims, in whole seconds.

    authority: the subject of the signer's certificate (RFC 4514), "" if the token has none. serial: that
    certificate's, hexadecimal. policy: its OID. trusted: whether the signature holds and leads to one of the
    authorities that were named; False: nobody has checked it, and the rest is hearsay.
    """

    time: datetime
    authority: str
    serial: str
    policy: str
    trusted: bool


def read_stamp(
    token: bytes,
    text: bytes,
    authorities: Sequence[x509.Certificate] = (),
    *,
    nonce: int | None = None,
) -> Stamp:
    """Read a token (a TimeStampResp, DER) over the checkpoint text `text`.

    authorities: certificates of CAs that the reader trusts; none: the signature is not checked at all.
    nonce: of the request, where it is at hand. Raises `Malformed` for what is no token; `Untrusted` if it is over
    something else, answers another request, or its signature does not lead to `authorities` at its own time.
    """
    if len(token) > MAX_TOKEN_BYTES:
        raise Malformed(f"timestamp: {len(token)} bytes where {MAX_TOKEN_BYTES} are allowed")
    try:
        answer = decode(token)
        granted = PKIStatus(answer.status) is PKIStatus.GRANTED
        info = answer.tst_info
        imprint = (info.message_imprint.hash_algorithm, info.message_imprint.message)
        stamp = _stamp(answer, bool(authorities))
    except Exception as error:
        raise Malformed("timestamp: these bytes are no timestamp token") from error
    if not granted:
        raise Untrusted("timestamp: it was not granted")
    if imprint != (SHA256, sha256(text).digest()):
        raise Untrusted("timestamp: it is over something else than this checkpoint")
    if nonce is not None and info.nonce != nonce:
        raise Untrusted("timestamp: it answers another request")
    if authorities:
        try:
            VerifierBuilder(roots=list(authorities)).build().verify(answer, sha256(text).digest())
        except Exception as error:
            message = "timestamp: its signature does not lead to an authority that was named"
            raise Untrusted(message) from error
    return stamp


def _stamp(answer: TimeStampResponse, trusted: bool) -> Stamp:
    info, accuracy, signer = answer.tst_info, answer.tst_info.accuracy, _signer(answer)
    time = info.gen_time.astimezone(UTC)
    if accuracy is not None:
        exact = (accuracy.seconds or 0) + (accuracy.millis or 0) / 1e3 + (accuracy.micros or 0) / 1e6
        time += timedelta(seconds=math.ceil(exact))
    if time.microsecond:
        time = time.replace(microsecond=0) + timedelta(seconds=1)
    return Stamp(
        time,
        "" if signer is None else signer.subject.rfc4514_string(),
        "" if signer is None else f"{signer.serial_number:x}",
        info.policy.dotted_string,
        trusted,
    )


def _signer(answer: TimeStampResponse) -> x509.Certificate | None:
    """The certificate that the token says signed it, out of those it carries."""
    (info,) = answer.signed_data.signer_infos
    for each in answer.signed_data.certificates:
        certificate = x509.load_der_x509_certificate(each)
        if (certificate.issuer, certificate.serial_number) == (info.issuer, info.serial_number):
            return certificate
    return None


def read_authorities(pem: bytes) -> tuple[x509.Certificate, ...]:
    """The CA certificates of a PEM file, one or more. Raises `Malformed`."""
    try:
        return tuple(x509.load_pem_x509_certificates(pem))
    except ValueError as error:
        raise Malformed("no certificates in PEM: the authorities' CA certificates are due") from error
