"""Checkpoints, policies and proofs as record/{cosigned,policy,tlog-proof}.json say; the browser is held to the same."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tests.vectors.make import Cosigned, met, policy_json, told

from visavis.errors import Malformed
from visavis.record.checkpoint import open_checkpoint
from visavis.record.inclusion import check_proof, encode_proof, parse_proof
from visavis.record.policy import encode_policy, parse_policy


def vector(name: str) -> dict[str, Any]:
    path = Path(__file__).parent / "record" / f"{name}.json"
    return json.loads(path.read_text(encoding="utf-8"))


COSIGNED, POLICY, PROOF = vector("cosigned"), vector("policy"), vector("tlog-proof")


def outcome(case: dict[str, Any]) -> dict[str, Any]:
    return {what: case[what] for what in ("holds", "refused") if what in case}


@pytest.mark.parametrize("case", COSIGNED["notes"], ids=lambda case: case["name"])
def test_a_checkpoint_opens_as_the_vector_says(case: dict[str, Any]) -> None:
    """Which signatures a note bears, or why it is refused."""
    keys = {who: bytes.fromhex(key) for who, key in COSIGNED["keys"].items()}

    def opened() -> dict[str, Any]:
        key = keys["old" if int(case["note"].split("\n")[1]) <= 3 else "new"]
        found = open_checkpoint(case["note"].encode(), key, COSIGNED["other"], keys["other"])
        assert (found.dialogue, found.side) == (COSIGNED["dialogue"], COSIGNED["side"])
        return {
            "size": found.size,
            "own": found.own and found.own.timestamp,
            "other": found.cosignature and found.cosignature.timestamp,
            "receipt": found.receipt is not None,
        }

    assert told(opened) == outcome(case)


@pytest.mark.parametrize("case", POLICY["policies"], ids=lambda case: case["name"])
def test_a_policy_reads_as_the_vector_says(case: dict[str, Any]) -> None:
    """Logs, witnesses, groups and quorum; written again, it reads the same."""
    policy = parse_policy(case["text"].encode())
    expected = {what: case[what] for what in ("logs", "witnesses", "groups", "quorum")}
    assert policy_json(policy) == expected
    assert parse_policy(encode_policy(policy)) == policy


@pytest.mark.parametrize("case", POLICY["refused"], ids=range(len(POLICY["refused"])))
def test_a_malformed_policy_names_the_vectors_line(case: dict[str, Any]) -> None:
    """The line that breaks the form is the same for every reader."""
    with pytest.raises(Malformed) as caught:
        parse_policy(case["text"].encode())
    assert caught.value.details.get("line") == case["line"]


@pytest.mark.parametrize("case", POLICY["checks"], ids=lambda case: f"{case['policy']}: {case['note']}")
def test_a_note_meets_a_policy_as_the_vector_says(case: dict[str, Any]) -> None:
    """Whose cosignatures count, or why the note does not meet the policy."""
    text = next(each["text"] for each in POLICY["policies"] if each["name"] == case["policy"])
    assert told(lambda: met(text, case["text"])) == outcome(case)


@pytest.mark.parametrize("case", PROOF["proofs"], ids=lambda case: case["name"])
def test_a_proof_holds_as_the_vector_says(case: dict[str, Any]) -> None:
    """What a `.tlog-proof` shows of an entry, or why it is refused."""
    trusted = parse_policy(PROOF["policy"].encode())

    def checked() -> dict[str, Any]:
        proof = parse_proof(case["proof"].encode())
        assert encode_proof(proof) == case["proof"].encode()
        logged = check_proof(proof, bytes.fromhex(case["entry"]), trusted)
        found = {"side": logged.side, "index": logged.index, "size": logged.size}
        return {**found, "by": sorted(logged.met.cosigned)}

    assert told(checked) == outcome(case)


def test_a_dialogues_policy_is_the_vectors() -> None:
    """The policy of two sides, one key rotated, is written byte for byte."""
    assert encode_policy(Cosigned.policy()).decode() == POLICY["policies"][0]["text"] == PROOF["policy"]
