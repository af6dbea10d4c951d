"""Make bundles and what the node's verification says of them anew: `python -m tests.vectors.bundles`.

Lives here: honest days, adversaries' histories, random acts, tampered bytes, each with its account.
`tests/vectors/test_bundles.py` holds the node to them, `client/tests/verify.test.ts` the browser.

    record/bundles/<name>.visavis    the bundle
    record/bundles/<name>.json       {"rulebook": "edition-1" or "lab", "account"}
    record/bundles/lab.json          rows of the lab's acts, as `acts.json` has those of the edition
    record/bundles/changed.json      bundles that differ from one of those in a few bytes: what was changed,
                                     whether it holds, and the digest of the account
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from msgspec import structs
from tests.dialogue import lab
from tests.dialogue import test_stateful as stateful
from tests.passkeys import ORIGIN, RP, passkey
from tests.vectors.acts import rows
from tests.verification import desk as desks
from tests.verification.desk import Desk

from visavis.authenticator import Authenticator, DeviceKey
from visavis.dialogue.acts import Rulebook
from visavis.record import canonical, container
from visavis.record.bundle import Bundle, ForkNotes, LogPart, encode_bundle
from visavis.record.checkpoint import Checkpoint, cosign, encode_checkpoint, sign_checkpoint
from visavis.record.digest import digest, to_text
from visavis.record.entry import NODE, make_entry
from visavis.record.proof import Passkey, Signer
from visavis.rulebook import EDITION_1
from visavis.verification.account import Account
from visavis.verification.verify import verify

HERE = Path(__file__).parent / "record" / "bundles"
RULEBOOKS: dict[str, Rulebook] = {"edition-1": EDITION_1, "lab": lab.RULEBOOK}
HISTORIES = (0, 149, 74, 131, 1, 60, 140, 12)
ODD = (43, 28, 7, 70, 13)
"""Seeds that between them meet most reasons; `reasons` and `press` add the rest."""
CHANGED = 160

Act = dict[str, Any]
Case = tuple[str, str, bytes]
"""name, rulebook, bundle."""


# --- what is compared -------------------------------------------------------------------------------


def plain(account: Account) -> dict[str, Any]:
    """The account as JSON; what cannot be read at all is not described alike, so its message is left out."""
    value: dict[str, Any] = json.loads(json.dumps(account.to_json()))
    for fault in value["faults"]:
        if fault["check"] == "bundle":
            fault["message"] = ""
    return value


def summary(account: Account) -> str:
    """A digest of all that the account says."""
    spelt = json.dumps(plain(account), sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return to_text(digest("account", spelt.encode()))


# --- honest days, and each way to fail ---------------------------------------------------------------


def _changed(desk: Desk, s: int, **parts: Any) -> bytes:
    whole = desk.parts()
    side = desks.SIDES[s]
    return encode_bundle(replace(whole, logs={**whole.logs, side: replace(whole.logs[side], **parts)}))


def directed() -> Iterator[Case]:
    """One bundle for each check and each kind of agreement."""
    desk = Desk().founded()
    first = desk.agreed("v1", kind="guarantee")
    yield "guarantee", "edition-1", desk.bundle()
    yield "withheld", "edition-1", encode_bundle(replace(desk.parts(), contents={}))
    yield (
        "older",
        "edition-1",
        _changed(desk, 0, leaves=tuple(desk.logs[0][:3]), checkpoint=desk.checkpoint(0, 3)),
    )
    yield "cut-short", "edition-1", _changed(desk, 1, leaves=tuple(desk.logs[1][:-1]))
    yield "other-key", "edition-1", _changed(desk, 0, checkpoint=desk.checkpoint(0, key=desks.KEYS[1, "log"]))
    bare = desk.checkpoint(0, cosigned=False)
    yield "receipt", "edition-1", _changed(desk, 0, checkpoint=bare, receipt=desk.checkpoint(0, 3))
    yield "no-receipt", "edition-1", _changed(desk, 0, checkpoint=bare, receipt=bare)
    yield "two-receipts", "edition-1", _changed(desk, 0, receipt=desk.checkpoint(0, 3))
    stamped = _changed(desk, 0, timestamps={1: b"not read", 3: b"by the shared checks"})
    yield "timestamps", "edition-1", stamped
    yield "timestamps-amiss", "edition-1", amiss(stamped)
    stranger = "— witness.example/w1 jWbPPwAAAABkGFDLEZMHwSRaJNiIDoe9DYn/zXcrtPHeolMI5OWXEhZCB9dlrDJs\n"
    yield "half-a-receipt", "edition-1", _changed(desk, 0, checkpoint=desk.checkpoint(0, own=False))
    yield "own-alone", "edition-1", _changed(desk, 1, checkpoint=desk.checkpoint(1, cosigned=False))
    lines = desk.checkpoint(0).split(b"\n")
    swapped = b"\n".join([*lines[:-3], lines[-2], lines[-3], b""])
    yield "lines-in-another-order", "edition-1", _changed(desk, 0, checkpoint=swapped)
    yield "a-line-too-many", "edition-1", _changed(desk, 0, checkpoint=bare + stranger.encode())
    founding = desks.FOUNDINGS[1].to_json() | {"log_key": to_text(desks.PUBLIC[0, "officer"])}
    given = [
        (name, canonical.encode(founding) if name == f"logs/{desks.SIDES[1]}/founding.json" else content)
        for name, content in container.read(desk.bundle())[0]
    ]
    yield "another-founding", "edition-1", container.write(given)
    desk.rotate(0)
    again = desk.agreed("v2", kind="guarantee", base=first)
    yield "replaced-after-a-rotation", "edition-1", desk.bundle()
    desk.write(1, {"type": "understanding.end", "understanding": "u1", "reason": []})
    desk.write(0, {"type": "understanding.sign", "understanding": "u1", "hash": again})
    yield "ended", "edition-1", desk.bundle()
    desk.write(0, {"type": "dialogue.end", "reason": None}, forge=True)
    desk.put(0, b"\xff no entry")
    yield "forged-and-garbage", "edition-1", desk.bundle()
    forking, other = Desk().founded(), Desk().founded()
    other.write(0, other.text("shown"))
    shown = other.seen(0, sign_it=True)
    forking.write(0, forking.text("kept"))
    forking.write(1, {"type": "record.receive"}, by=NODE, ack=shown)
    yield "fork", "edition-1", forking.bundle()
    yield "fork-proven", "edition-1", forked()
    yield "fork-unproven", "edition-1", forked_falsely()
    yield "unfounded", "edition-1", unfounded()
    yield "passkeys", "edition-1", passkeys()
    yield "press", "edition-1", press()
    yield "offers", "edition-1", offers()
    yield "erased", "edition-1", erased()
    yield "reasons", "lab", pack(reasons())


def amiss(stamped: bytes) -> bytes:
    """Tokens where none may lie: of no size, of a size that the log has not, empty, too long, in another order."""
    given = container.read(stamped)[0]
    at = next(i for i, (name, _) in enumerate(given) if "/timestamps/" in name)
    folder = given[at][0].rpartition("/")[0]
    given[at], given[at + 1] = given[at + 1], given[at]
    odd = {"0.tsr": b"x", "01.tsr": b"x", "999.tsr": b"x", "2": b"x", "2.tsr": b"", "4.tsr": bytes(65537)}
    given[at:at] = [(f"{folder}/{name}", token) for name, token in odd.items()]
    return container.write(given)


def _alone(desk: Desk, s: int, size: int | None = None, **how: Any) -> bytes:
    return desk.checkpoint(s, size, **{"cosigned": False, "own": False, **how})


def forked() -> bytes:
    """Proofs that side 0 signed two histories, before and after its key was rotated."""
    desk, other = Desk().founded(), Desk().founded()
    for each, words in ((desk, "kept"), (other, "shown")):
        each.agreed(words)
        each.rotate(0)
        each.receipts()
    sizes = (3, 5, len(desk.logs[0]))
    proofs = [
        ForkNotes(
            *(_alone(each, 0, n, key=desks.KEYS[0, "log" if n < 7 else "new-log"]) for each in (other, desk))
        )
        for n in sizes
    ]
    return _changed(desk, 0, forks=tuple(proofs))


def forked_falsely() -> bytes:
    """What is no proof of a fork, each in its way; of one side only, so that one log is without fault."""
    desk, other = Desk().founded(), Desk().founded()
    desk.agreed("kept")
    other.agreed("shown")
    held, shown = _alone(desk, 1, 4), _alone(other, 1, 4)
    proofs = (
        ForkNotes(held, held),
        ForkNotes(_alone(other, 1, 5), held),
        ForkNotes(held, shown),
        ForkNotes(_alone(other, 1, 4, own=True), held),
        ForkNotes(other.checkpoint(1, 4), held),
        ForkNotes(_alone(other, 1, 4, key=desks.KEYS[0, "log"]), held),
        ForkNotes(_alone(other, 0, 4), held),
        ForkNotes(b"no note", held),
        ForkNotes(shown, b""),
    )
    return _changed(desk, 1, forks=proofs)


# --- adversaries --------------------------------------------------------------------------------------

LAB_ACTS: list[Act] = [
    *stateful.TABLES,
    *(lab.offered(act) for act in stateful.TABLES),
    lab.initial(lab.H1), lab.initial(lab.HG1), lab.diverge(lab.H1, "one reading"), lab.diverge(lab.H1, "another"),
    lab.received(lab.H1), lab.received(lab.HG1),
    *(lab.consent(slot, hash_) for slot, hash_ in stateful.HASHES),
    *(lab.withdraw(slot, hash_) for slot, hash_ in stateful.HASHES[:8]),
    *(lab.decline(slot, hash_) for slot, hash_ in stateful.HASHES[:8]),
    lab.consent(lab.TG, "x"), lab.consent(lab.TG, "y"), lab.withdraw(lab.TG, "x"),
    lab.consent(lab.AG, lab.H1), lab.consent(lab.U, lab.HG1), lab.consent(lab.RULES, lab.HR2),
    lab.consent(("nowhere",), lab.H1), lab.adopt(2), lab.adopt(2), lab.adopt(3, lab.HR2),
    lab.end(lab.U), lab.end(lab.W), lab.end(lab.TALK), lab.end(lab.OVER), lab.end(lab.AG),
    *(lab.begin(kind, "T", n) for kind in ("recording", "sitting") for n in (0, 1, 2)),
    *(lab.stop(kind, "T", n) for kind in ("recording", "sitting") for n in (1, 2)),
    lab.assess("implemented"), lab.say("rank/T", "x, y"), lab.erase("v1-en"), lab.RECEIVE, lab.RECEIVE,
    lab.novel("n"), lab.novel("bad"), {"type": "later.thing", "of": "whatever"},
    {"type": "lab.begin", "kind": "sitting"}, lab.found(lab.FA), lab.revoke("a1"), lab.revoke("b1"),
    lab.revoke("a0"), lab.rotate("k2"), lab.admit("z9", ["sign", "schedule", "admit"]),
    lab.admit("phone", ["speak"]), lab.powers("principal-a", "speak"),
    lab.powers("principal-b", "admit", "sign", "schedule", "speak"), lab.powers("officer-a"),
    lab.recover("r9"),
]  # fmt: skip


def history(seed: int, length: int = 70) -> lab.Lab:
    """What two adversaries wrote, by the stateful test's own rules; honest ones agree in between."""
    draw = random.Random(seed)
    machine = stateful.TwoSides()
    number = draw.randint
    for _ in range(length):
        s, act = number(0, 1), draw.choice(LAB_ACTS)
        match draw.choice(
            ("anything", "honest", "honest", "agree", "agree", "garbage", "replay", "spend", "deliver")
        ):
            case "anything":
                machine.write_anything(
                    s=s, act=act, who=number(0, 6), lag=number(0, 6), own=number(0, 4), lie=number(0, 20),
                    more=number(1, 8), time=number(0, 27),
                )  # fmt: skip
            case "honest":
                machine.write_honestly(s=s, act=act, officer=draw.random() < 0.3)
            case "agree":
                machine.agree(s=s)
            case "garbage":
                machine.garbage(s=s, rare=number(0, 4))
            case "replay":
                machine.replay(s=s, back=number(1, 6))
            case "spend":
                machine.make_worthless(s=s, who=number(1, 6), of=number(0, 1), ahead=number(-8, 8))
            case _:
                machine.deliver(s=s, n=number(1, 9))
    return machine.t


def pack(t: lab.Lab, sizes: tuple[int, int] | None = None) -> bytes:
    """The bundle of a lab's logs, each with its checkpoint, the first one's cosigned."""
    logs = {}
    for s, founding in ((0, lab.FA), (1, lab.FB)):
        size = len(t.logs[s]) if sizes is None else sizes[s]
        key, other = (lab.KEY_OF[t.folds[x].key_at(len(t.logs[x])) or b""] for x in (s, 1 - s))
        key = lab.KEY_OF[t.folds[s].key_at(size) or b""]
        head = (lab.DIALOGUE, lab.SIDES[s], size, t.folds[s].root(size))
        stamp = cosign(other, *head, 1_638_889_200) if s == 0 and sizes is None else None
        own = None if stamp is None else cosign(key, *head, 1_638_889_201)
        checkpoint = Checkpoint(*head, sign_checkpoint(key, *head), stamp, own)
        keys = (key.public_key().public_bytes_raw(), lab.SIDES[1 - s], other.public_key().public_bytes_raw())
        note = encode_checkpoint(checkpoint, *keys)
        logs[lab.SIDES[s]] = LogPart(founding, tuple(t.logs[s][:size]), note)
    return encode_bundle(Bundle(logs, {}))


def reasons() -> lab.Lab:
    """Reasons that adversaries seldom meet by chance."""
    t = lab.tabled(lab.V1, lab.V2, lab.text("soft", lab.H1, kind="understanding"), lab.G1)
    t.write(0, lab.consent(lab.U, lab.H1))
    t.write(0, lab.withdraw(lab.U, lab.H1))
    t.write(0, lab.consent(lab.U, lab.H2), own=len(t.logs[0]) - 2)
    t.receipts()
    for slot, hash_ in ((lab.U, lab.H2), (lab.TG, "x")):
        for s in (0, 1):
            t.write(s, lab.consent(slot, hash_))
        t.receipts()
    t.write(1, lab.consent(lab.TG, "y"))
    t.write(0, lab.withdraw(lab.U, lab.H2))
    t.write(0, lab.erase("v2-en"), by="a0")
    t.write(0, lab.erase("v1-en"), by="a0")
    t.write(0, lab.consent(("nowhere",), lab.H1))
    for what in (lab.U, lab.U, lab.W):
        t.write(1, lab.end(what))
    for act in (lab.begin("recording", "T", 1), lab.stop("recording", "T", 1), lab.stop("recording", "T", 1)):
        t.write(0, act)
    t.write(0, lab.begin("recording", "T", 3))
    t.write(0, lab.found(lab.FA), by="a0")
    for s in (0, 1):
        t.write(s, lab.adopt(2))
    t.receipts()
    t.write(0, lab.adopt(2, lab.HR2))
    t.write(0, lab.powers("officer-a"), by="a0")
    t.write(0, lab.revoke("a0"), by="a0")
    t.write(0, lab.powers("nobody", "speak"), by="a0")
    t.write(0, lab.admit("phone", ["speak"]))
    t.write(0, lab.consent(lab.AG, lab.HG1), by="phone")
    members, signer = t.signed(0, lab.RECEIVE, by=NODE)
    t.put(0, make_entry(members, signer.prove(members.challenge()), seq=3, time="").leaf)
    t.write(0, lab.recover("r9"), by="recovery-a")
    return t


def unfounded() -> bytes:
    """A log that does not begin with its side's founding: nobody in it may do anything."""
    desk = Desk()
    signed = desk.signed(0, {"type": "side.found", "founding": desks.FOUNDINGS[1].to_json()}, by="officer")
    desk.put(
        0, make_entry(signed, desks.PASSKEY[1, "officer"].prove(signed.challenge()), seq=0, time="").leaf
    )
    desk.write(0, {"type": "record.receive"}, by=NODE)
    desk.write(1, {"type": "side.found", "founding": desks.FOUNDINGS[1].to_json()}, by="officer")
    return desk.bundle()


class RsaAuthenticator(Authenticator):
    """A passkey of RS256, which no program of ours needs but here."""

    def __init__(self, key: rsa.RSAPrivateKey, *, id: bytes) -> None:
        super().__init__(lab.KEYS["z9"], id=id, rp=RP, origin=ORIGIN)
        spki = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        self._rsa = key
        self.passkey = Passkey("RS256", id, spki, RP)
        self.credential = self.passkey.credential

    def _sign(self, message: bytes) -> bytes:
        return self._rsa.sign(message, PKCS1v15(), SHA256())


def passkeys() -> bytes:
    """Delegates with passkeys of each algorithm, a device's key, and proofs that are not their passkey's own."""
    desk = Desk().founded()
    key = generate_private_key(SECP256R1())
    signers = {
        "es256": Authenticator(key, id=b"es256", rp=RP, origin=ORIGIN),
        "rs256": RsaAuthenticator(rsa.generate_private_key(65537, 2048), id=b"rs256"),
    }
    elsewhere = [
        Authenticator(key, id=b"es256", rp=RP, origin=origin)
        for origin in ("https://evil.example", f"https://node.{RP}:8443", f"http://{RP}")
    ]
    device = DeviceKey(lab.KEYS["phone"])

    def admit(delegate: str, key: Signer, stated: Any, powers: list[str], by: str = "officer") -> None:
        desk.write(0, {"type": "side.admit", "delegate": delegate, "role": "adviser", "credential": key.credential,
                       "passkey": stated, "powers": powers, "name": None}, by=by)  # fmt: skip

    def profile(delegate: str, key: Signer, proof: Signer) -> None:
        act = {"type": "agenda.rank", "talk": "T", "items": []}
        size = len(desk.logs[0])
        signed = structs.replace(desk.signed(0, act), delegate=delegate, credential=key.credential)
        desk.put(0, make_entry(signed, proof.prove(signed.challenge()), seq=size, time="").leaf)

    for name, key in signers.items():
        admit(name, key, key.passkey.to_json(), ["schedule"])
        profile(name, key, key)
    for proof in elsewhere:
        profile("es256", signers["es256"], proof)
    profile("es256", signers["es256"], signers["rs256"])
    profile("es256", signers["es256"], device)
    admit("principal-0", device, None, ["schedule"], by="principal")
    profile("principal-0", device, device)
    profile("principal-0", device, signers["es256"])
    admit("other", DeviceKey(lab.KEYS["k2"]), None, ["schedule"])
    admit("other", signers["es256"], signers["rs256"].passkey.to_json(), ["schedule"])
    return desk.bundle()


def press() -> bytes:
    """Talks and releases as they should go, and each of their rules broken once."""
    desk = Desk().founded()
    titles, more = ([["en", desk.content(f"title {n}")]] for n in (1, 2))
    version = {"language": "en", **{name: desk.content(name) for name in ("title", "text", "dateline")}}

    def write(s: int, type_: str, **fields: Any) -> str:
        desk.write(s, {"type": type_, **fields})
        return desk.states[s].judged[-1].subject

    def agree(table: str, consent: str, id_: str = "talk", **fields: Any) -> str:
        hash_ = write(0, table, base=None, **fields)
        desk.receipts()
        for s in (0, 1):
            write(s, consent, hash=hash_, **{id_: fields[id_]})
        desk.receipts()
        return hash_

    zones = {desks.SIDES[0]: "Europe/Moscow", desks.SIDES[1]: "America/New_York"}
    agree("talk.propose", "talk.accept", talk="T", title=titles, start="2021-12-07T15:00:00Z", minutes=120,
          mode="video", place=[], zones=zones)  # fmt: skip
    write(0, "talk.propose", talk="S", base=None, title=titles, start="2021-12-07T15:00:00Z", minutes=120,
          mode="video", place=[], zones=zones | {desks.SIDES[0]: "no zone"})  # fmt: skip
    write(0, "item.propose", talk="T", item="relation", kind="issue", title=titles)
    desk.write(0, {"type": "side.revoke", "credential": desk.content("nobody's")}, by="officer")
    item = {"id": "i", "kind": "issue", "title": titles, "understandings": [], "initiatives": []}
    hash_ = write(
        0, "agenda.table", talk="T", base=None, items=[item], press_call="expected", statement="expected"
    )
    desk.receipts()
    write(0, "agenda.approve", talk="T", hash=hash_)
    write(0, "agenda.withdraw", talk="T", hash=hash_)
    desk.receipts()
    for s in (0, 1):
        write(s, "item.propose", talk="T", item="i", kind="issue", title=titles)
        desk.receipts()
    write(0, "item.position", talk="T", item="i", stage="deposit", texts=titles)
    write(0, "item.position", talk="T", item="i", stage="table", texts=more)
    write(0, "item.position", talk="T", item="i", stage="table", texts=titles)
    write(0, "item.initiative", talk="T", item="i", initiative="a", title=titles, texts=more)
    paper = desk.content("Map.pdf\napplication/pdf, 3 bytes\nSHA-256 " + "0" * 64)
    write(0, "item.paper", talk="T", item="i", paper="p", text=paper)
    write(0, "item.paper", talk="T", item=None, paper="p", text=paper)
    write(0, "item.paper", talk="T", item="", paper="p", text=paper)
    write(0, "relation.condition", talk="T", grade="strained", texts=titles)
    seconds = dict.fromkeys(desks.SIDES, 60)
    for kind in ("sitting.open", "sitting.open", "sitting.leave", "sitting.leave"):
        write(0, kind, talk="T", n=1)
    write(0, "sitting.summary", talk="T", n=1, seconds=seconds)
    write(0, "sitting.summary", talk="T", n=2, seconds=seconds)
    write(0, "sitting.summary", talk="T", n=1, seconds={"x": 1})
    write(0, "talk.call-off", talk="T")
    write(0, "talk.conclude", talk="T")
    clear = {"talk": "T", "texts": [version], "initials": desk.content("initials"), "embargo": None}
    for kind, number in (("readout", 1), ("readout", 1), ("readout", 3), ("statement", 2), ("readout", 2)):
        write(0, f"{kind}.clear", release="r", version=number, **clear)
    write(0, "statement.clear", release="s", version=1, **clear)
    for kind, release, number in (
        ("readout", "r", 2), ("readout", "r", 1), ("readout", "r", 3), ("statement", "r", 1), ("statement", "s", 1),
    ):  # fmt: skip
        write(0, f"{kind}.release", release=release, version=number)
    hash_ = agree("readout.table-joint", "readout.approve-joint", talk="T", texts=[version], embargo=None)
    write(0, "readout.release-joint", talk="T", hash=hash_)
    write(0, "readout.release-joint", talk="T", hash=hash_)
    write(1, "readout.decline-joint", talk="T", hash=hash_)
    for _ in range(2):
        write(0, "press-call.call", talk="T")
    hash_ = desk.table(0, desk.text("u1"))
    write(0, "understanding.sign", understanding="u1", hash=hash_)
    write(0, "understanding.withdraw", understanding="u1", hash=hash_)
    desk.receipts()
    write(1, "understanding.sign", understanding="u1", hash=hash_)
    desk.receipts()
    write(0, "understanding.decline", understanding="u1", hash=hash_)
    assess = {"talk": "T", "understanding": "u1", "verdict": "implemented", "evidence": []}
    write(0, "understanding.assess", **assess)
    agreed = desk.agreed("again")
    write(0, "understanding.assess", **assess)
    write(0, "content.erase", commitment=titles[0][1])
    write(0, "content.erase", commitment=desk.text("again")["title"][0][1])
    write(0, "understanding.end", understanding="u1", reason=[])
    write(1, "understanding.withdraw", understanding="u1", hash=agreed)
    return desk.bundle()


def offers() -> bytes:
    """Offers, receipts for contents, initials, divergences, spent nonces, and each of their rules broken once."""
    desk = Desk().founded()

    def write(s: int, type_: str, by: str = "principal", **fields: Any) -> str:
        desk.write(s, {"type": type_, **fields}, by=by)
        return desk.states[s].judged[-1].subject

    def offer(s: int, act: Act, **changed: Any) -> str:
        return write(s, **{**act, **changed, "type_": "understanding.offer", "by": "principal"})

    def text(tag: str, **how: Any) -> Act:
        return {name: value for name, value in desk.text(tag, **how).items() if name != "type"}

    write(1, "side.profile", by="officer", zone="Europe/Moscow", languages=["ru", "en"])
    first = text("v1", kind="guarantee")
    hash_ = offer(0, first)
    names = {"understanding": "u1", "hash": hash_}
    write(1, "content.receive", by=NODE, hash=hash_)
    write(1, "understanding.sign", **names)
    desk.receipts()
    write(1, "content.receive", by=NODE, hash=hash_)
    write(1, "content.receive", hash=hash_)
    write(0, "content.receive", hash=desk.content("nowhere"))
    said = [["en", desk.content("words")]]
    for s in (0, 1):
        write(s, "understanding.initial", **names)
        write(s, "understanding.divergence", **names, divergence="d", place=said, reading=said)
    write(0, "understanding.divergence", **names, divergence="d", place=[], reading=said)
    for wrong in (
        {"understanding": "u2", "hash": hash_},
        {"understanding": "u1", "hash": desk.content("nowhere")},
    ):
        write(0, "understanding.initial", **wrong)
        write(0, "understanding.divergence", **wrong, divergence="d", place=said, reading=said)
    write(1, "understanding.sign", **names)
    desk.receipts()
    offer(1, text("again"))
    offer(1, text("no-base", base=desk.content("nowhere")))
    offer(1, text("softer", base=hash_))
    second = text("v2", kind="guarantee", base=hash_)
    for s in (0, 1):
        offer(s, second)
    desk.receipts()
    offer(0, text("one-sided", kind="guarantee", by=(0,)), understanding="u3")
    pending = offer(0, text("pending"), understanding="u4")
    offer(0, text("pen-in-use"), understanding="u4")
    write(0, "understanding.withdraw", understanding="u4", hash=pending)
    counter = offer(1, text("of-two"), understanding="u5")
    desk.receipts()
    offer(0, text("the-other"), understanding="u5")
    write(1, "understanding.sign", understanding="u5", hash=counter)
    write(1, "understanding.end", understanding="u1", reason=[])
    write(1, "understanding.initial", **names)
    offer(1, text("after-the-end"))
    title = [["en", desk.content("item")]]
    item = {"id": "i", "kind": "issue", "title": title, "understandings": [], "initiatives": []}
    agenda = {"talk": "T", "base": None, "press_call": "expected", "statement": "expected"}
    for s in (0, 1):
        write(s, "agenda.offer", **agenda, items=[item])
        write(s, "agenda.offer", **agenda, items=[item, item])
    time = {
        "talk": "T", "base": None, "title": title, "minutes": 60, "mode": "video", "place": [],
        "zones": dict.fromkeys(desks.SIDES, "Etc/UTC"),
    }  # fmt: skip
    joint = {"talk": "T", "base": None, "embargo": None}
    words = [{"language": "en", **{part: desk.content(part) for part in ("title", "text", "dateline")}}]
    for s in (0, 1):
        write(s, "talk.offer", **time, start="2021-12-07T15:00:00Z")
        write(s, "talk.offer", **time, start="2021-12-07T15:00:01Z")
        write(s, "readout.offer-joint", **joint, texts=words)
        write(s, "readout.offer-joint", **joint, texts=[*words, *words])
    desk.receipts()

    def spend(s: int, spent: bytes, **changed: Any) -> None:
        signed = structs.replace(desk.signed(s, {"type": "record.spend", "nonce": to_text(spent)}), **changed)
        proof = desks.PASSKEY[s, "principal"].prove(signed.challenge())
        desk.put(s, make_entry(signed, proof, seq=len(desk.logs[s]), time="").leaf)

    fresh = [bytes([n]) * 16 for n in range(4)]
    spend(0, fresh[0])
    spend(0, fresh[0])
    spend(0, fresh[1], nonce=fresh[0])
    spend(0, fresh[2], nonce=fresh[1])
    spend(0, fresh[1])
    spend(0, fresh[3], nonce=fresh[3])
    spend(1, fresh[3], nonce=fresh[0])
    write(0, "record.spend", by="officer", nonce="AA")
    write(0, "content.erase", by="officer", commitment=said[0][1])
    write(1, "content.erase", by="officer", commitment=first["title"][0][1])
    write(1, "dialogue.end", reason=None)
    offer(1, text("too-late"), understanding="u6")
    return desk.bundle()


def erased() -> bytes:
    """Contents erased by one side, by both, twice; here all the same, and not; and others only withheld."""
    desk = Desk().founded()
    tags = ("gone", "of both", "here", "held back", "title", "text", "place", "an id", "another id")
    said = {tag: desk.content(tag) for tag in tags}

    def write(s: int, type_: str, by: str = "principal", **fields: Any) -> int:
        return desk.write(s, {"type": type_, **fields}, by=by)

    version = {"language": "en", "title": said["title"], "text": said["text"], "dateline": said["place"]}
    write(
        0,
        "item.position",
        talk="T",
        item="i",
        stage="deposit",
        texts=[["en", said["gone"]], ["ru", said["here"]]],
    )
    write(1, "item.position", talk="T", item="i", stage="table", texts=[["en", said["of both"]]])
    write(
        0,
        "readout.clear",
        release="r",
        version=1,
        talk="T",
        texts=[version],
        initials=said["held back"],
        embargo=None,
    )
    write(
        0,
        "talk.delegation",
        by="officer",
        talk="T",
        delegates=[said["an id"], said["another id"]],
    )
    write(1, "dialogue.end", reason=desk.content("why"))
    desk.receipts()
    for s, tag in ((0, "gone"), (0, "gone"), (1, "of both"), (0, "of both"), (0, "here"), (1, "title")):
        write(s, "content.erase", by="officer", commitment=said[tag])
    write(0, "content.erase", commitment=said["place"])
    for tag in tags:
        if tag not in ("here", "text"):
            del desk.contents[said[tag]]
    return desk.bundle()


# --- the edition's own acts, at random ----------------------------------------------------------------

ROWS = rows(EDITION_1.by_type.values())
RARE = {"side.rotate-key", "side.revoke", "side.powers", "side.recover", "side.found", "dialogue.end",
        "talk.call-off", "talk.conclude"}  # fmt: skip
"""After one of these little else stands."""


class Odd:
    """Acts of every type, mostly of their form, out of few ids and hashes, so that their rules meet."""

    def __init__(self, seed: int) -> None:
        self.draw = random.Random(seed)
        self.desk = Desk().founded()
        for s in (0, 1):
            act = {"type": "side.powers", "delegate": f"principal-{s}", "powers": sorted(
                ("admit", "schedule", "sign", "record", "release", "speak"))}  # fmt: skip
            self.desk.write(s, act, by="officer")
        self.contents = [self.desk.content(f"content {n}") for n in range(4)]

    def hashes(self) -> list[str]:
        states = self.desk.states
        return [j.subject for state in states for j in state.judged if j.subject] or self.contents

    def value(self, form: Any, name: str) -> Any:
        draw = self.draw
        if "$ref" in form:
            return self.value(ROWS["definitions"][form["$ref"][2:]], name)
        if "anyOf" in form:
            return self.value(draw.choice(form["anyOf"]), name)
        if "enum" in form:
            return draw.choice(form["enum"])
        match form.get("type"):
            case "string":
                return self.text(form.get("pattern", ""), name)
            case "integer":
                return draw.choice((0, 1, 1, 1, 2, 3, 2**31))
            case "boolean":
                return draw.random() < 0.5
            case "array" if "prefixItems" in form:
                return [self.value(each, name) for each in form["prefixItems"]]
            case "array":
                return [self.value(form["items"], name) for _ in range(draw.choice((0, 1, 1, 1, 1, 1, 2)))]
            case "object" if name == "passkey":
                known = draw.choice(
                    (*desks.PASSKEY.values(), passkey(f"{draw.randint(0, 3)}"))
                ).passkey.to_json()
                odd = draw.choice(
                    ({}, {}, {}, {}, {"alg": "ES256"}, {"rp": "No host"}, {"key": "AA"}, {"id": ""})
                )
                return known | odd
            case "object" if "properties" in form:
                return {key: self.value(each, key) for key, each in form["properties"].items()}
            case "object":
                of = form.get("additionalProperties") or {"type": "integer"}
                sides = desks.SIDES if draw.random() < 0.9 else desks.SIDES[:1]
                return {side: self.value(of, name) for side in sides}
        return None

    def text(self, pattern: str, name: str) -> str:
        draw = self.draw
        if "{43}" in pattern:
            return draw.choice(self.hashes() if name in ("hash", "base") else self.contents)
        if "{2,3}" in pattern:
            return draw.choice(("en", "en", "en", "fr"))
        if name == "by":
            return draw.choice((*desks.SIDES, "nobody"))
        if name in ("start", "embargo"):
            if draw.random() < 0.7:
                return "2021-12-07T15:00:00Z"
            return draw.choice(
                ("2021-02-29T15:00:00Z", "2024-02-29T15:00:00Z", "2021-12-07T15:00:30Z",
                 "1899-12-31T23:59:00Z", "2999-12-31T23:59:00Z", "2021-12-07T24:00:00Z", "2021-12-07 15:00:00Z")
            )  # fmt: skip
        if name in ("credential", "log_key"):
            return draw.choice((*desks.CREDENTIAL.values(), self.contents[0], "short"))
        if name in ("zones", "zone"):
            return draw.choice(
                ("Europe/Moscow", "America/New_York", "America/New_York", "Asia/Tokyo", "no zone")
            )
        if name == "nonce":
            return to_text(bytes([draw.randint(1, 6)]) * draw.choice((16, 16, 16, 8)))
        if name in ("commitment", "reason", "name"):
            return draw.choice((*self.contents, "a name in clear"))
        if name == "delegate":
            return draw.choice(("principal-0", "principal-1", "officer-0", "new", "node", ""))
        return draw.choice(("1", "1", "1", "1", "1", "1", "2", "relation"))

    def act(self) -> Act:
        kinds = (
            sorted(ROWS["acts"])
            if self.draw.random() < 0.1
            else [k for k in sorted(ROWS["acts"]) if k not in RARE]
        )
        kind = self.draw.choice(kinds)
        act = {**self.value(ROWS["acts"][kind]["fields"], ""), "type": kind}
        if self.draw.random() < 0.08 and len(act) > 1:
            name = self.draw.choice([name for name in act if name != "type"])
            act[name] = self.draw.choice((None, [], {}, 7, "x", True))
        if self.draw.random() < 0.03:
            act["more"] = 1
        return act

    def bundle(self, length: int = 60) -> bytes:
        for _ in range(length):
            s, chance = self.draw.randint(0, 1), self.draw.random()
            if chance < 0.12:
                self.desk.receipts()
            elif chance < 0.2:
                self.desk.agreed(f"t{self.draw.random()}")
            elif chance < 0.4:  # the rules of a slot meet only if hashes are those tabled in it
                of = self.draw.choice(
                    ("understanding.table", "agenda.table", "talk.propose", "readout.table-joint")
                )
                self.follow(s, {**self.value(ROWS["acts"][of]["fields"], ""), "type": of, "base": None})
            else:
                self.desk.write(s, self.act(), by=self.draw.choice(("principal",) * 9 + ("officer", NODE)))
        return self.desk.bundle()

    def follow(self, s: int, act: Act) -> None:
        """Table, and answer what was tabled: in any order, by either."""
        id_, prefix, suffix = {
            "understanding.table": ("understanding", "understanding", ("sign", "withdraw", "decline")),
            "agenda.table": ("talk", "agenda", ("approve", "withdraw", "decline")),
            "talk.propose": ("talk", "talk", ("accept", "withdraw", "decline")),
            "readout.table-joint": ("talk", "readout", ("approve-joint", "withdraw-joint", "release-joint")),
        }[act["type"]]
        kinds = [f"{prefix}.{each}" for each in suffix]
        self.desk.write(s, act)
        hash_ = self.desk.states[s].judged[-1].subject
        for _ in range(self.draw.randint(0, 3)):
            kind = self.draw.choice((kinds[0], kinds[0], *kinds))
            answer = {"type": kind, id_: act[id_], "hash": hash_ or self.contents[0]}
            self.desk.write(self.draw.randint(0, 1), answer)


# --- all -----------------------------------------------------------------------------------------------


def cases() -> Iterator[Case]:
    """Every bundle that is kept whole."""
    yield from directed()
    for seed in HISTORIES:
        t = history(seed)
        yield f"history-{seed}", "lab", pack(t)
        if seed in HISTORIES[:3]:
            sizes = (max(2, len(t.logs[0]) - 4), max(2, len(t.logs[1]) // 2))
            yield f"history-{seed}-older", "lab", pack(t, sizes)
    for seed in ODD:
        yield f"odd-{seed}", "edition-1", Odd(seed).bundle()


def changed(data: bytes, draw: random.Random) -> bytes:
    """`data` with a few bytes changed, cut out or put in; sometimes packed again, so that checksums fit."""
    match draw.randrange(5):
        case 0:
            out = bytearray(data)
            out[draw.randrange(len(out))] ^= draw.randint(1, 255)
            return bytes(out)
        case 1:
            at = draw.randrange(len(data))
            return data[:at] + data[at + draw.randint(1, 40) :]
        case 2:
            at = draw.randrange(len(data))
            return data[:at] + draw.randbytes(draw.randint(1, 9)) + data[at:]
    members = container.read(data)[0]
    at = draw.randrange(len(members))
    if draw.random() < 0.2:
        name, content = members.pop(at)
        if draw.random() < 0.5:
            members.insert(draw.randrange(len(members)), (name, content))
        return container.write(members)
    name, content = members[at]
    if content:
        out = bytearray(content)
        out[draw.randrange(len(out))] ^= draw.choice((1, 2, 0x20, 0x80, draw.randint(1, 255)))
        members[at] = (name, bytes(out))
    return container.write(members)


def splices(before: bytes, after: bytes) -> list[list[Any]]:
    """[at, bytes cut out, bytes put in as hex], to make `after` of `before`; last first."""
    if len(before) != len(after):
        at = next(
            (i for i, (x, y) in enumerate(zip(before, after, strict=False)) if x != y),
            min(len(before), len(after)),
        )
        tail = 0
        while tail < min(len(before), len(after)) - at and before[-1 - tail] == after[-1 - tail]:
            tail += 1
        return [[at, len(before) - at - tail, after[at : len(after) - tail].hex()]]
    odd = [i for i, (x, y) in enumerate(zip(before, after, strict=True)) if x != y]
    return [[i, 1, after[i : i + 1].hex()] for i in reversed(odd)]


def splice(data: bytes, by: list[list[Any]]) -> bytes:
    """`data` with the splices made."""
    for at, cut, put in by:
        data = data[:at] + bytes.fromhex(put) + data[at + cut :]
    return data


def main() -> None:
    HERE.mkdir(parents=True, exist_ok=True)
    for old in HERE.iterdir():
        old.unlink()
    made = list(cases())
    for name, rulebook, data in made:
        (HERE / f"{name}.visavis").write_bytes(data)
        _write(name, {"rulebook": rulebook, "account": plain(verify(data, RULEBOOKS[rulebook]))})
    _write("lab", rows(lab.RULEBOOK.by_type.values()))
    draw = random.Random(4)
    out = []
    while len(out) < CHANGED:
        name, rulebook, data = draw.choice(made)
        by = splices(data, changed(data, draw))
        if len(json.dumps(by)) < 2000:
            account = verify(splice(data, by), RULEBOOKS[rulebook])
            out.append({"of": name, "by": by, "holds": account.holds, "account": summary(account)})
    _write("changed", out)


def _write(name: str, value: Any) -> None:
    (HERE / f"{name}.json").write_text(json.dumps(value, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
