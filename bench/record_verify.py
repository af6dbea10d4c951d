"""Entries verified a second, against bare verification of the same signatures in the same run.

Workload: two logs of a dialogue, one act in each in turn (ranks, positions, texts tabled, signed, amended; a receipt
now and then), each acknowledging the other's log as it stands, so that an entry carries two signatures: the person's
and the other log's. `--kind both`: what binds is signed by passkeys (ES256), housekeeping by device keys (Ed25519);
`--kind passkey`: all that is a person's by passkeys. `verify` reads the bundle's bytes and does all of record.md §14.
Bare: the same public keys, signatures and messages, ready in memory, one `verify` each.
Ratio: time of the bare verification by time of the whole; 1 would mean that all but the signatures is free.

    python bench/record_verify.py [--json] [--kind both|passkey] [--entries 4000] [--rounds 7]
"""

from __future__ import annotations

import argparse
import gc
import hashlib
import json
import statistics
import sys
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "src"))

from cryptography.hazmat.primitives.asymmetric.ec import ECDSA
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_der_public_key

from visavis.authenticator import Authenticator, DeviceKey
from visavis.dialogue import fold
from visavis.record import checkpoint
from visavis.record.bundle import Bundle, LogPart, Opened, encode_bundle
from visavis.record.content import commit
from visavis.record.digest import from_text
from visavis.record.entry import (
    NODE,
    Founding,
    Seen,
    SignedMembers,
    dialogue_id,
    make_entry,
    parse_entry,
)
from visavis.record.merkle import Tree
from visavis.record.proof import Signer
from visavis.rulebook import EDITION_1
from visavis.verification.verify import verify

Act = dict[str, Any]
ES256 = ECDSA(SHA256())
POWERS = ["record", "release", "schedule", "sign", "speak"]


def seed(*parts: object) -> bytes:
    return hashlib.sha256("/".join(map(str, parts)).encode()).digest()


def key(*parts: object) -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(seed(*parts))


class Workload:
    """Two logs, written as two honest nodes would."""

    def __init__(self, kind: str = "both") -> None:
        self.log_keys = [key("log", s) for s in (0, 1)]
        self.officers, self.principals = (
            [Authenticator.generate("talks.example", "https://talks.example") for _ in (0, 1)] for _ in (0, 1)
        )
        self.devices: list[Signer] = list(self.principals)
        self.foundings = [
            Founding(
                (("en", f"Side {s}"),),
                self.log_keys[s].public_key().public_bytes_raw(),
                (),
                f"officer-{s}",
                self.officers[s].passkey,
                seed("nonce", s)[:16],
            )
            for s in (0, 1)
        ]
        self.sides = [founding.side() for founding in self.foundings]
        self.dialogue = dialogue_id(*self.sides)
        self.trees = [Tree(), Tree()]
        self.leaves: list[list[bytes]] = [[], []]
        self.contents: dict[str, Opened] = {}
        self.count = 0
        for s in (0, 1):
            self.write(s, {"type": "side.found", "founding": self.foundings[s].to_json()}, self.officers[s])
            admit = {
                "type": "side.admit",
                "delegate": f"principal-{s}",
                "role": "principal",
                "credential": self.principals[s].credential,
                "passkey": self.principals[s].passkey.to_json(),
                "powers": POWERS,
                "name": None,
            }
            self.write(s, admit, self.officers[s])
            if kind == "both":
                device = self.devices[s] = DeviceKey(key("device", s))
                admit = admit | {
                    "credential": device.credential, "passkey": None, "powers": ["schedule", "speak"],
                }  # fmt: skip
                self.write(s, admit)

    def write(self, s: int, act: Act, signer: Signer | None = None) -> None:
        """Write an act into log s, by its principal unless a signer is given; the node's own if it is a receipt."""
        self.count += 1
        if act["type"] == "record.receive":
            signer, delegate, own_credential = DeviceKey(self.log_keys[s]), NODE, NODE
        else:
            signer = signer or self.principals[s]
            delegate = f"{'officer' if signer is self.officers[s] else 'principal'}-{s}"
            own_credential = signer.credential
        own, other = self.trees[s], self.trees[1 - s]
        head = (self.dialogue, self.sides[1 - s], other.size, other.root())
        sig = checkpoint.sign_checkpoint(self.log_keys[1 - s], *head) if other.size else b""
        signed = SignedMembers(
            self.dialogue,
            self.sides[s],
            Seen(own.size, own.root()),
            Seen(other.size, other.root(), sig),
            act,
            delegate,
            own_credential,
            seed("entry", self.count)[:16],
        )
        entry = make_entry(
            signed,
            signer.prove(signed.challenge()),
            seq=own.size,
            time=f"2021-12-07T15:00:00.{self.count % 1000:03}Z",
        )
        own.append(entry.leaf)
        self.leaves[s].append(entry.leaf)

    def text(self, words: str) -> list[list[str]]:
        pairs = []
        for language in ("en", "ru"):
            salt, data = seed("salt", language, words), f"{language}: {words}".encode()
            commitment = commit(salt, data)
            self.contents[commitment] = Opened(salt, data)
            pairs.append([language, commitment])
        return pairs

    def round(self, n: int) -> None:
        """Eleven entries: a text tabled, known, signed by both; each side's position, rank and receipt."""
        understanding = f"u{n}"
        act = {
            "type": "understanding.table",
            "understanding": understanding,
            "base": None,
            "kind": "guarantee",
            "talk": "t1",
            "title": self.text(f"title {n}"),
            "body": self.text(f"body {n}"),
            "undertakings": [
                {"id": f"d{s}", "by": self.sides[s], "texts": self.text(f"duty {n} {s}")} for s in (0, 1)
            ],
            "correction": False,
        }
        self.write(n % 2, act)
        parsed = EDITION_1.parse(act)
        assert parsed is not None
        hash_ = parsed[2].subject.hash  # type: ignore[union-attr]
        for s in (0, 1):
            self.write(s, {"type": "record.receive"})
        for s in (0, 1):
            self.write(s, {"type": "understanding.sign", "understanding": understanding, "hash": hash_})
        for s in (0, 1):
            texts = self.text(f"position {n} {s}")
            position = {
                "type": "item.position", "talk": "t1", "item": f"i{n}", "stage": "table", "texts": texts,
            }  # fmt: skip
            self.write(s, position, self.devices[s])
            rank = {"type": "agenda.rank", "talk": "t1", "items": [f"i{k}" for k in range(8)]}
            self.write(s, rank, self.devices[s])
            self.write(s, {"type": "record.receive"})

    def bundle(self) -> bytes:
        logs = {}
        for s in (0, 1):
            head = (self.dialogue, self.sides[s], self.trees[s].size, self.trees[s].root())
            keys = self.log_keys[s], self.log_keys[1 - s]
            own, other = (checkpoint.cosign(each, *head, 1_638_889_200) for each in keys)
            note = checkpoint.Checkpoint(*head, checkpoint.sign_checkpoint(keys[0], *head), other, own)
            data = checkpoint.encode_checkpoint(
                note,
                keys[0].public_key().public_bytes_raw(),
                self.sides[1 - s],
                keys[1].public_key().public_bytes_raw(),
            )
            logs[self.sides[s]] = LogPart(self.foundings[s], tuple(self.leaves[s]), data)
        return encode_bundle(Bundle(logs, self.contents))

    def signatures(self) -> list[tuple[Any, ...]]:
        """(verify, its arguments) of every signature that a full verification checks, each once."""
        found: dict[bytes, tuple[Any, ...]] = {}
        passkeys = {
            each.credential: load_der_public_key(each.passkey.key)
            for each in (*self.officers, *self.principals)
        }
        for s in (0, 1):
            other = self.log_keys[1 - s].public_key()
            for leaf in self.leaves[s]:
                entry = parse_entry(leaf)
                signed = entry.signed
                proof = entry.proof
                if proof.client_data:
                    message = proof.authenticator_data + hashlib.sha256(proof.client_data).digest()
                    verify_ = passkeys[signed.credential].verify
                    found[proof.sig] = (verify_, proof.sig, message, ES256)
                else:
                    by_node = signed.credential == NODE
                    public = self.log_keys[s].public_key().public_bytes_raw()
                    signer = public if by_node else from_text(signed.credential, 32)
                    verify_ = Ed25519PublicKey.from_public_bytes(signer).verify
                    found[proof.sig] = (verify_, proof.sig, signed.challenge())
                if signed.ack.size:
                    head = (self.dialogue, self.sides[1 - s], signed.ack.size, signed.ack.root)
                    found[signed.ack.sig] = (other.verify, signed.ack.sig, checkpoint.checkpoint_text(*head))
        return list(found.values())


def timed(work: Any) -> float:
    """CPU seconds of this process: what else the machine does is not our figure."""
    start = time.process_time()
    work()
    return time.process_time() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--kind", choices=("both", "passkey"), default="both")
    parser.add_argument("--entries", type=int, default=4000)
    parser.add_argument("--rounds", type=int, default=7)
    given = parser.parse_args()
    workload = Workload(given.kind)
    n = 0
    while workload.count < given.entries:
        workload.round(n)
        n += 1
    bundle, signatures = workload.bundle(), workload.signatures()

    def bare() -> None:
        for check, *given_ in signatures:
            check(*given_)

    def whole() -> None:
        fold._checkpoint_fits.cache_clear()  # a reader verifies a bundle once
        gc.disable()  # as `visavis record verify` does
        account = verify(bundle, EDITION_1)
        gc.enable()
        assert account.holds, account.faults[:3]
        assert len(account.in_force()) == n

    whole()
    bare_s, whole_s = [], []
    for _ in range(given.rounds):
        bare_s.append(timed(bare))
        whole_s.append(timed(whole))
    ratios = [b / w for b, w in zip(bare_s, whole_s, strict=True)]
    result = {
        "bench": "record_verify",
        "kind": given.kind,
        "entries": workload.count,
        "passkey_proofs": sum(len(each) == 4 for each in signatures),
        "signatures": len(signatures),
        "bundle_bytes": len(bundle),
        "rounds": given.rounds,
        "entries_per_s": round(workload.count / statistics.median(whole_s)),
        "signatures_per_s": round(len(signatures) / statistics.median(whole_s)),
        "bare_per_s": round(len(signatures) / statistics.median(bare_s)),
        "ratio": round(statistics.median(ratios), 3),
        "ratio_min": round(min(ratios), 3),
        "ratio_max": round(max(ratios), 3),
    }
    if given.json:
        print(json.dumps(result))
        return
    for name, value in result.items():
        print(f"{name:18} {value}")


if __name__ == "__main__":
    main()
