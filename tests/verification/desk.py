"""Two sides at one desk, for tests of verification: real keys, real contents, a bundle at any moment.

Lives here: `Desk`, short spellings of acts.
Not here: the races and attacks that the rules answer (`tests.dialogue`).
"""

from __future__ import annotations

import hashlib
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from tests.passkeys import passkey

from visavis.dialogue.acts import Rulebook
from visavis.dialogue.fold import SideState
from visavis.dialogue.model import ACTS, DEFAULT_POWERS, Role
from visavis.press.acts import ACTS as PRESS_ACTS
from visavis.record.bundle import Bundle, LogPart, Opened, encode_bundle
from visavis.record.checkpoint import Checkpoint, cosign, encode_checkpoint, sign_checkpoint
from visavis.record.content import commit
from visavis.record.digest import to_text
from visavis.record.entry import (
    NODE,
    Founding,
    Seen,
    SignedMembers,
    dialogue_id,
    make_entry,
    sign,
)
from visavis.record.proof import Proof
from visavis.talks.acts import ACTS as TALK_ACTS
from visavis.understandings.acts import ACTS as TEXT_ACTS

Act = dict[str, Any]
RULEBOOK = Rulebook((*ACTS, *TALK_ACTS, *TEXT_ACTS, *PRESS_ACTS))
COSIGNED_AT = 1_638_889_200
PEOPLE = ("officer", "principal", "log", "new-log")


def seed(*names: object) -> bytes:
    return hashlib.sha256("/".join(map(str, names)).encode()).digest()


def key_of(side: int, name: str) -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(seed("key", side, name))


KEYS = {(side, name): key_of(side, name) for side in (0, 1) for name in PEOPLE}
PUBLIC = {who: key.public_key().public_bytes_raw() for who, key in KEYS.items()}
PASSKEY = {
    (side, name): passkey(f"{side}/{name}", KEYS[side, name])
    for side in (0, 1)
    for name in ("officer", "principal")
}
CREDENTIAL = {who: PASSKEY[who].credential if who in PASSKEY else to_text(PUBLIC[who]) for who in KEYS}


def _foundings() -> list[Founding]:
    """Two statements, in ascending order of the ids that follow from them, so that side 0 stands first."""
    made = []
    for side in (0, 1):
        nonces = (seed("nonce", side, i)[:16] for i in range(64))
        made.append(
            [
                Founding(
                    (("en", f"Side {'AB'[side]}"),), PUBLIC[side, "log"], (), f"officer-{side}",
                    PASSKEY[side, "officer"].passkey, nonce,
                )
                for nonce in nonces
            ]
        )  # fmt: skip
    return next([a, b] for a in made[0] for b in made[1] if a.side() < b.side())


FOUNDINGS = _foundings()
SIDES = (FOUNDINGS[0].side(), FOUNDINGS[1].side())
DIALOGUE = dialogue_id(*SIDES)


class Desk:
    """Both logs, as two honest nodes keep them; `write` can be told to be dishonest."""

    def __init__(self) -> None:
        self.logs: tuple[list[bytes], list[bytes]] = ([], [])
        self.states = [SideState(DIALOGUE, side, SIDES, RULEBOOK) for side in SIDES]
        self.log_keys = [KEYS[0, "log"], KEYS[1, "log"]]
        self.contents: dict[str, Opened] = {}
        self.count = 0

    def founded(self) -> Desk:
        """Each side founded, its principal admitted by name."""
        for s in (0, 1):
            self.write(s, {"type": "side.found", "founding": FOUNDINGS[s].to_json()}, by="officer")
            admit = {
                "type": "side.admit",
                "delegate": f"principal-{s}",
                "role": "principal",
                "credential": CREDENTIAL[s, "principal"],
                "passkey": PASSKEY[s, "principal"].passkey.to_json(),
                "powers": sorted(power.value for power in DEFAULT_POWERS[Role.PRINCIPAL]),
                "name": self.content(f"Principal of side {'AB'[s]}"),
            }
            self.write(s, admit, by="officer")
        return self

    def content(self, words: str) -> str:
        """Commit to words and keep them."""
        salt = seed("salt", len(self.contents), words)
        commitment = commit(salt, words.encode())
        self.contents[commitment] = Opened(salt, words.encode())
        return commitment

    def seen(self, s: int, size: int | None = None, *, sign_it: bool = False) -> Seen:
        size = len(self.logs[s]) if size is None else size
        root = self.states[s].root(size)
        if not sign_it or not size:
            return Seen(size, root)
        return Seen(size, root, sign_checkpoint(self.log_keys[s], DIALOGUE, SIDES[s], size, root))

    def signed(self, s: int, act: Act, *, by: str = "principal", ack: Seen | None = None) -> SignedMembers:
        self.count += 1
        delegate, credential = (NODE, NODE) if by == NODE else (f"{by}-{s}", CREDENTIAL[s, by])
        ack = self.seen(1 - s, sign_it=True) if ack is None else ack
        return SignedMembers(
            DIALOGUE, SIDES[s], self.seen(s), ack, act, delegate, credential, seed("nonce", self.count)[:16]
        )

    def write(
        self, s: int, act: Act, *, by: str = "principal", forge: bool = False, ack: Seen | None = None
    ) -> int:
        """Write an act into log s; its index. forge: with a signature that fits nothing."""
        signed = self.signed(s, act, by=by, ack=ack)
        if forge:
            proof = Proof("ed25519", bytes(64))
        elif by == NODE:
            proof = sign(signed, self.log_keys[s])
        else:
            proof = PASSKEY[s, by].prove(signed.challenge())
        index = len(self.logs[s])
        time = f"2021-12-07T15:{index // 60:02}:{index % 60:02}.000Z"
        return self.put(s, make_entry(signed, proof, seq=index, time=time).leaf)

    def put(self, s: int, leaf: bytes) -> int:
        self.logs[s].append(leaf)
        self.states[s].append(leaf)
        return len(self.logs[s]) - 1

    def rotate(self, s: int) -> None:
        """Log s from here on is signed by a new key."""
        self.write(s, {"type": "side.rotate-key", "log_key": CREDENTIAL[s, "new-log"]}, by="officer")
        self.log_keys[s] = KEYS[s, "new-log"]

    def receipts(self) -> None:
        """Both nodes acknowledge all of the other's log."""
        for s in (0, 1):
            self.write(s, {"type": "record.receive"}, by=NODE)

    # --- texts ------------------------------------------------------------------------------------------

    def text(
        self, tag: str, *, kind: str = "understanding", by: tuple[int, ...] = (0, 1), base: str | None = None
    ) -> Act:
        """A text with one undertaking for each side in `by`."""
        undertakings = [
            {"id": f"{tag}-{s}", "by": SIDES[s], "texts": [["en", self.content(f"{tag}: duty of {'AB'[s]}")]]}
            for s in by
        ]
        return {
            "type": "understanding.table", "understanding": "u1", "base": base, "kind": kind, "talk": None,
            "title": [["en", self.content(f"{tag}: title")]], "body": [["en", self.content(f"{tag}: body")]],
            "undertakings": undertakings, "correction": False,
        }  # fmt: skip

    def table(self, s: int, act: Act) -> str:
        """Table a text; its hash, whatever the verdict."""
        self.write(s, act)
        return next(reversed([judged.subject for judged in self.states[s].judged]))

    def sign(self, s: int, hash_: str) -> int:
        return self.write(s, {"type": "understanding.sign", "understanding": "u1", "hash": hash_})

    def agreed(self, tag: str = "v1", **how: Any) -> str:
        """A text tabled by side 0, signed by both and acknowledged; its hash."""
        hash_ = self.table(0, self.text(tag, **how))
        self.receipts()
        self.sign(0, hash_)
        self.sign(1, hash_)
        self.receipts()
        return hash_

    # --- the bundle ------------------------------------------------------------------------------------

    def checkpoint(
        self,
        s: int,
        size: int | None = None,
        *,
        cosigned: bool = True,
        own: bool = True,
        key: Any = None,
    ) -> bytes:
        """A note of log s, of `size` entries. cosigned: by the other side; own: by side s itself."""
        seen = self.seen(s, size)
        key = key or self.log_keys[s]
        head = (DIALOGUE, SIDES[s], seen.size, seen.root)
        cosigner = self.log_keys[1 - s]
        cosignature = cosign(cosigner, *head, COSIGNED_AT) if cosigned else None
        mine = cosign(key, *head, COSIGNED_AT) if own else None
        note = Checkpoint(*head, sign_checkpoint(key, *head), cosignature, mine)
        keys = (key.public_key().public_bytes_raw(), SIDES[1 - s], cosigner.public_key().public_bytes_raw())
        return encode_checkpoint(note, *keys)

    def parts(self) -> Bundle:
        logs = {SIDES[s]: LogPart(FOUNDINGS[s], tuple(self.logs[s]), self.checkpoint(s)) for s in (0, 1)}
        return Bundle(logs, dict(self.contents))

    def bundle(self) -> bytes:
        return encode_bundle(self.parts())
