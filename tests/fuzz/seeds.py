"""Make the fuzzers' seeds anew from a real record: `python -m tests.fuzz.seeds`.

The bundles' are the vectors' own (`targets.seeds`). An input that once was a finding is kept beside the seeds of its
target under a name that says what it was, and is not touched here.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, derive_private_key
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from livekit.protocol import models as m
from livekit.protocol import room as api
from livekit.protocol import rtc as r
from tests.dossier.files import JPEG, NOTE, PDF, png
from tests.fuzz.calls import KEY, METHODS, NOW_MS, packed
from tests.fuzz.targets import CHALLENGE, HERE, SIGNER, _policy, world
from tests.passkeys import ORIGIN, RP
from tests.verification import desk as desks

from visavis.authenticator import Authenticator
from visavis.errors import Malformed
from visavis.record import canonical, checkpoint, tiles
from visavis.record.bundle import encode_bundle, parse_bundle
from visavis.record.entry import parse_entry
from visavis.record.inclusion import encode_proof
from visavis.record.policy import encode_policy
from visavis.record.proof import Passkey
from visavis.rtc.roomservice import METHODS as REQUESTS
from visavis.rtc.tokens import AS_LIVEKIT, Grants, RoomConfig, mint
from visavis.rulebook import COMMANDS, EDITION_1
from visavis.verification.readable import Readable

KINDS = ("side.found", "side.admit", "understanding.table", "understanding.sign", "record.receive")
VECTORS = HERE.parent / "vectors"


def entries() -> Iterator[bytes]:
    """One leaf of each act that the vectors' bundles hold."""
    seen = set()
    for path in sorted((VECTORS / "record" / "bundles").glob("*.visavis")):
        for part in parse_bundle(path.read_bytes())[0].logs.values():
            for leaf in part.leaves:
                try:
                    kind = parse_entry(leaf).signed.act["type"]
                except Malformed:
                    continue
                if kind in EDITION_1.by_type and kind not in seen:
                    seen.add(kind)
                    yield leaf


def acts(leaves: list[bytes]) -> Iterator[bytes]:
    by = {"record.receive": "node", "content.receive": "node"}
    for leaf in leaves:
        act = parse_entry(leaf).signed.act
        who = by.get(act["type"], "officer" if str(act["type"]).startswith("side.") else "principal")
        yield canonical.encode({"s": 0, "by": who, "act": dict(act)})


def commands() -> Iterator[bytes]:
    """A body for each command: its fields as a client of the tests would fill them."""
    words = {"en": "words"}
    release = {"en": {"title": "title", "text": "words", "dateline": "Geneva"}}
    hash_ = world().states[0].judged[-1].subject
    fields = {
        "enrolment": "e", "role": "adviser", "key": desks.CREDENTIAL[0, "new-log"], "delegate": "principal-0",
        "powers": ["speak"], "credential": desks.CREDENTIAL[0, "principal"], "edition": 2, "nonce": "A" * 22,
        "zone": "Europe/Moscow", "languages": ["en", "ru"], "talk": "T", "understanding": "u1", "hash": hash_,
        "title": words, "body": words,
        "start": "2021-12-07T15:00:00Z", "minutes": 60, "mode": "video", "place": words, "item": "i", "items": ["i"],
        "press_call": "expected", "statement": "expected", "expected": "expected", "hold": True, "grade": "strained",
        "n": 1, "seconds": dict.fromkeys(desks.SIDES, 60), "correction": False,
        "undertakings": [{"by": side, "text": words} for side in desks.SIDES],
        "reading": words, "divergence": "d", "verdict": "implemented", "evidence": words, "initials": "XY",
        "embargo": None, "release": "r", "version": 1, "delegates": ["principal-0"], "initiative": "i", "reason": None,
        "base": None, "paper": "p",
    }  # fmt: skip
    for command in COMMANDS.values():
        kind = {"talks": "issue", "press": "readout"}.get(command.name.partition(".")[0], "understanding")
        texts = release if command.name.startswith("press.") else words
        known = fields | {"kind": kind, "texts": texts, "text": words}
        given = {name: known[name] for name in command.fields.__struct_fields__ if name in known}
        yield json.dumps({"command": command.name, "fields": given}).encode()


def made() -> Iterator[tuple[str, list[bytes]]]:
    desk = world()
    leaves = list(entries())
    some = [leaf for leaf in leaves if parse_entry(leaf).signed.act["type"] in KINDS]
    note = desk.checkpoint(0)
    p256 = Authenticator(derive_private_key(7, SECP256R1()), id=b"p256", rp=RP, origin=ORIGIN)
    rsa = (
        generate_private_key(65_537, 2048)
        .public_key()
        .public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    )
    passkeys = [SIGNER.passkey, p256.passkey, Passkey("RS256", b"rsa", rsa, RP)]
    readable = Readable(encode_bundle(desk.parts()), EDITION_1)
    proof = readable.prove(desks.SIDES[0], 1)[0]
    stamped = checkpoint.cosign(
        desks.KEYS[0, "log"], desks.DIALOGUE, desks.SIDES[0], 1, bytes(32), 1_638_889_200
    )
    yield (
        "canonical_json",
        [canonical.encode({"b": 1, "a": [True, None, {"é": "\n\U0001f600", "1": 2**53 - 1}]}), some[0]],
    )
    yield "entry", some
    yield "leaf", desk.logs[0][3:6]
    yield "act", list(acts(leaves))
    yield "founding", [canonical.encode(desks.FOUNDINGS[0].to_json())]
    yield "passkey_statement", [canonical.encode(each.to_json()) for each in passkeys]
    yield "signed_note", [note]
    yield "opened_checkpoint", [note, desk.checkpoint(0, cosigned=False, own=False)]
    yield "cosignature", [stamped.timestamp.to_bytes(8, "big") + stamped.sig]
    yield "policy_file", [encode_policy(_policy()), _policies()]
    yield "logged_proof", [encode_proof(proof)]
    yield "entry_tile", [bytes([3]) + tiles.encode_entries([b"", b"ab", b"{}" * 40])]
    yield "assertion", [canonical.encode(SIGNER.prove(CHALLENGE).to_json())]
    yield (
        "registration",
        [
            json.dumps({"token": "t", "registration": each.register(CHALLENGE)}).encode()
            for each in (SIGNER, p256)
        ],
    )
    yield "command", list(commands())
    yield "paper", [b"Map.pdf\n" + PDF, b"a.png\n" + png(), b"a.md\n" + NOTE.encode(), b"a.jpg\n" + JPEG]
    yield "token", list(access())
    yield (
        "handshake",
        [b"reconnect=1&sid=PA_1&auto_subscribe=0&client_protocol=16&sdk=js", b"access_token=a.b.c"],
    )
    yield "description", [OFFER.encode(), ANSWER.encode()]
    yield "signal", list(sittings())
    yield "twirp", list(posted())


def _sections(*rows: tuple[str, str, str]) -> str:
    return "v=0\r\n" + "".join(
        f"m={kind} 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:{mid}\r\na=rtpmap:111 opus/48000\r\n"
        f"a={direction}\r\na=msid:- {mid}\r\n"
        for kind, mid, direction in rows
    )


OFFER = _sections(("audio", "t0", "sendonly"), ("video", "t1", "sendonly"))
ANSWER = _sections(("application", "m0", "sendrecv"), ("audio", "m1", "recvonly"))


def access() -> Iterator[bytes]:
    """Tokens of a delegate, of an administrator, and with all that a token can say."""
    rights = {"hidden": True, "room_admin": True, "room_create": True, "room_list": True}
    full = Grants(
        "talk", "a1", sources=frozenset({"CAMERA"}), name="A", metadata="{}", attributes={"k": "v"}, kind="agent",
        room_config=RoomConfig(60, 20, 10, "m"), **rights,
    )  # fmt: skip
    for grants, rules in ((Grants("talk", "a1"), AS_LIVEKIT), (full, AS_LIVEKIT)):
        yield mint(KEY, grants, now_ms=NOW_MS, rules=rules).encode()


def sittings() -> Iterator[bytes]:
    """What clients send in a call: publishing, subscribing, declining, changing, leaving."""
    q = r.SignalRequest
    audio = r.AddTrackRequest(cid="t0", type=m.AUDIO, source=m.MICROPHONE, encryption=m.Encryption.GCM)
    layers = [m.VideoLayer(quality=n, width=320 << n, height=180 << n) for n in range(3)]
    video = r.AddTrackRequest(cid="t1", type=m.VIDEO, source=m.CAMERA, layers=layers)
    publish = [
        (0, q(add_track=audio)),
        (0, q(add_track=video)),
        (0, q(offer=r.SessionDescription(type="offer", sdp=OFFER, id=1))),
    ]
    answers = [
        (who, q(answer=r.SessionDescription(type="answer", sdp=ANSWER, id=n)))
        for who in (1, 2)
        for n in (1, 2)
    ]
    tracks = [f"TR_{n}" for n in range(4, 7)]
    settings = r.UpdateTrackSettings(
        track_sids=tracks, disabled=True, quality=m.LOW, width=640, height=360, fps=15
    )
    change = [
        (1, q(track_setting=settings)),
        (1, q(subscription=r.UpdateSubscription(track_sids=tracks, subscribe=False))),
        (1, q(subscription=r.UpdateSubscription(track_sids=tracks, subscribe=True))),
        (0, q(subscription_permission=r.SubscriptionPermission(track_permissions=[
            r.TrackPermission(participant_identity="a2", all_tracks=True)]))),
        (0, q(mute=r.MuteTrackRequest(sid=tracks[0], muted=True))),
        (0, q(update_metadata=r.UpdateParticipantMetadata(metadata="m", name="n", request_id=7))),
        (0, q(trickle=r.TrickleRequest(candidateInit="{}", target=r.SUBSCRIBER))),
        (2, q(ping=5)),
        (2, q(ping_req=r.Ping(timestamp=5, rtt=1))),
        (2, q(sync_state=r.SyncState(publish_tracks=[r.TrackPublishedResponse(cid="t0")]))),
        (2, q(simulate=r.SimulateScenario(node_failure=True))),
        (2, q(leave=r.LeaveRequest(reason=m.CLIENT_INITIATED))),
    ]  # fmt: skip
    yield packed(publish)
    yield packed(publish + answers + change)
    yield packed([change[8], (1, b"\xff\xff"), change[-1]])


def posted() -> Iterator[bytes]:
    """One body for each method, in protobuf and in JSON."""
    for n, name in enumerate(METHODS):
        fields = REQUESTS[name][0]().DESCRIPTOR.fields_by_name
        known = {
            "room": "talk",
            "name": "talk",
            "identity": "a1",
            "metadata": "m",
            "track_sid": "TR_1",
            "muted": True,
        }
        given = {field: value for field, value in known.items() if field in fields}
        yield bytes([2 * n]) + REQUESTS[name][0](**given).SerializeToString()
        yield bytes([2 * n + 1]) + json.dumps(given).encode()
    settings = api.CreateRoomRequest(name="other", empty_timeout=1, max_participants=5, metadata="m")
    yield bytes([2 * METHODS.index("CreateRoom")]) + settings.SerializeToString()


def _policies() -> bytes:
    cases = json.loads((VECTORS / "record" / "policy.json").read_text(encoding="utf-8"))["policies"]
    return str(next(case["text"] for case in cases if case["name"] == "groups of groups")).encode()


def write(folder: Path) -> None:
    for name, seeds in made():
        (folder / name).mkdir(parents=True, exist_ok=True)
        for old in (folder / name).glob("[0-9]*"):
            old.unlink()
        for number, seed in enumerate(seeds):
            (folder / name / f"{number:02}").write_bytes(seed)


if __name__ == "__main__":
    write(HERE / "seeds")
