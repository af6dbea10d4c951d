"""What others' tools are given of a bundle: its policy, proofs of entries, its logs as files. Pure.

Lives here: `Readable`, which a bundle in its one spelling becomes.
Not here: whether the record holds (`verify`), the formats (`record.policy`, `record.inclusion`, `record.tiles`).
Spec: docs/spec/record.md §§10.4–10.6; C2SP tlog-tiles, tlog-policy, tlog-proof.
"""

from __future__ import annotations

from collections.abc import Iterator

from visavis.dialogue.acts import Rulebook
from visavis.dialogue.fold import SideState, fold
from visavis.errors import Refused, Untrusted
from visavis.record import checkpoint, container, note
from visavis.record.bundle import parse_bundle
from visavis.record.inclusion import LoggedProof, check_proof
from visavis.record.merkle import Tree
from visavis.record.policy import Policy, dialogue_policy, encode_policy, satisfied
from visavis.verification.verify import log_keys

POLICY = "policy"
VKEY = "vkey"


class Readable:
    """A bundle, as others' tools see it.

    data:     the bundle's bytes. Raises `Malformed` if they are none, `Untrusted` if they are not in their
              one spelling: what is handed on is what a verifier would read.
    rulebook: the acts that the reader's software knows; rotations of log keys are among them.
    """

    def __init__(self, data: bytes, rulebook: Rulebook) -> None:
        self._data = data
        self.bundle, faults = parse_bundle(data)
        if faults:
            raise Untrusted(f"the bundle is not whole: {faults[0].message}")
        self._states: dict[str, SideState] = {}
        for side, part in self.bundle.logs.items():
            self._states[side] = fold(self.bundle.dialogue, side, self.bundle.sides, rulebook, part.leaves)

    def policy(self) -> Policy:
        """The policy of §10.5: every log key that the two logs name. `Malformed` if they share one."""
        keys = {side: log_keys(self._states[side], part) for side, part in self.bundle.logs.items()}
        return dialogue_policy(self.bundle.dialogue, keys)

    def prove(self, side: str, index: int) -> tuple[LoggedProof, bytes]:
        """The proof that entry `index` is in the log of `side`, checked, and the entry's bytes.

        It rests on the latest checkpoint in the bundle that both sides have cosigned. Raises `Refused` if
        there is no such entry, or none of them covers it; `Untrusted` if the checkpoint is of another log.
        """
        part, policy = self.bundle.logs[side], self.policy()
        if not 0 <= index < len(part.leaves):
            raise Refused(f"the log has {len(part.leaves)} entries, and no entry {index}")
        for data in (part.checkpoint, part.receipt):
            if data is None or not satisfied(policy, signed := note.parse_note(data)):
                continue
            size = checkpoint.parse_text(signed.text)[2]
            if not index < size <= len(part.leaves):
                continue
            proof = LoggedProof(index, tuple(Tree(part.leaves).inclusion_proof(index, size)), data)
            check_proof(proof, part.leaves[index], policy)
            return proof, part.leaves[index]
        raise Refused(f"no checkpoint in the bundle that both sides have cosigned covers entry {index}")

    def files(self) -> Iterator[tuple[str, bytes]]:
        """(path, bytes): the policy; for each side its C2SP tiled log, with the vkey that signed its checkpoint.

        Contents stay in the bundle: they are no part of a log.
        """
        yield POLICY, encode_policy(self.policy())
        for side, part in self.bundle.logs.items():
            key = self._states[side].key_at(len(part.leaves)) or part.founding.log_key
            name = checkpoint.origin(self.bundle.dialogue, side)
            yield f"{side}/{VKEY}", f"{note.verifier_key(name, note.ED25519, key)}\n".encode()
        for path, content in container.read(self._data)[0]:
            folder, _, rest = path.partition("/")
            if folder == "logs":
                yield rest, content
