"""Keys may stand and signatures verify as record/ed25519.json says; the browser is held to the same (§1.5)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tests.vectors.ed25519 import act_stands, takes

from visavis.record.entry import Founding
from visavis.record.note import parse_verifier_key
from visavis.record.proof import Passkey
from visavis.record.signature import is_proper, verifies

VECTOR = json.loads((Path(__file__).parent / "record" / "ed25519.json").read_text(encoding="utf-8"))


def cases(what: str) -> Any:
    return pytest.mark.parametrize("case", VECTOR[what], ids=lambda case: case["name"])


@cases("points")
def test_a_point_may_be_a_key_as_the_vector_says(case: dict[str, Any]) -> None:
    """Every small-order point, in each spelling, and every y from p on is refused."""
    assert is_proper(bytes.fromhex(case["point"])) is case["proper"]


@cases("signatures")
def test_a_signature_verifies_as_the_vector_says(case: dict[str, Any]) -> None:
    """S below L, no cofactor, no small order: where libraries differ, one answer."""
    key, sig, message = (bytes.fromhex(case[part]) for part in ("key", "sig", "message"))
    assert verifies(key, sig, message) is case["holds"]


@cases("passkeys")
def test_a_passkey_is_read_as_the_vector_says(case: dict[str, Any]) -> None:
    """EdDSA keys by §1.5; RSA with exponent 65,537 alone."""
    assert takes(lambda: Passkey.from_json(case["passkey"])) is case["stands"]


@cases("foundings")
def test_a_founding_is_read_as_the_vector_says(case: dict[str, Any]) -> None:
    """Log key and recovery keys by §1.5."""
    assert takes(lambda: Founding.from_json(case["founding"])) is case["stands"]


@cases("acts")
def test_an_act_has_its_form_as_the_vector_says(case: dict[str, Any]) -> None:
    """A device's key and a new log key by §1.5."""
    assert act_stands(case["act"]) is case["stands"]


@cases("vkeys")
def test_a_vkey_is_read_as_the_vector_says(case: dict[str, Any]) -> None:
    """A policy names no key that §1.5 refuses."""
    assert takes(lambda: parse_verifier_key(case["vkey"])) is case["stands"]
