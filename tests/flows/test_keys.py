"""Passkeys, device keys and recovery keys at a real node: what each may do, and how a side comes back."""

from __future__ import annotations

import io
from collections.abc import AsyncIterator
from contextlib import redirect_stdout
from pathlib import Path

import httpx2
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from lxml import html
from tests.flows.stage import NAMES, Stage, found_dialogue, running_node, seat_delegation

from visavis.authenticator import DeviceKey
from visavis.cli import recovery
from visavis.record.digest import from_text, to_text
from visavis.record.entry import SignedMembers, sign
from visavis.record.proof import ED25519, Proof
from visavis.rehearsal.delegate import Answered, Delegate
from visavis.rulebook import EDITION_1
from visavis.verification.verify import verify

pytestmark = pytest.mark.anyio


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    async with running_node(tmp_path / "data") as running:
        yield running


async def drafted(person: Delegate, command: str, fields: dict, device: str) -> dict:
    path = f"/api/dialogues/{person.dialogue}/drafts"
    return await person.post(path, {"command": command, "fields": fields, "device": device})


async def test_a_device_key_does_housekeeping_and_binds_nothing(stage: Stage) -> None:
    """One touch admits the device; it then proposes by itself, and cannot accept what it proposed."""
    one, _ = await found_dialogue(stage)
    device = DeviceKey.generate()
    await one.act("dialogue.admit-device", key=device.credential)
    fields = {"title": {"en": "A talk"}, "start": "2031-12-07T15:00:00Z", "minutes": 60, "mode": "video"}
    draft = await drafted(one, "talks.propose", fields, device.credential)
    signed = SignedMembers.from_json(draft["signed"])
    assert signed.credential == device.credential
    entries = f"/api/dialogues/{one.dialogue}/entries"
    with pytest.raises(Answered) as refused:  # the passkey's proof does not pass for the device's
        await one.post(
            entries, {"draft": draft["draft"], "proof": one.signer.prove(signed.challenge()).to_json()}
        )
    assert refused.value.status == 403
    entered = await one.post(
        entries, {"draft": draft["draft"], "proof": device.prove(signed.challenge()).to_json()}
    )
    assert entered["side"] == one.side
    talk = signed.act["talk"]
    hash_ = next(iter(stage.node.dialogues.ledger(one.dialogue).joint.tabled))
    with pytest.raises(Answered) as refused:
        await drafted(one, "talks.accept", {"talk": talk, "hash": hash_}, device.credential)
    assert refused.value.code == "not-user-verified"


async def test_a_device_key_is_its_own_delegates(stage: Stage) -> None:
    """Nobody drafts in the name of a device that their passkey did not admit."""
    one, other = await found_dialogue(stage)
    device = DeviceKey.generate()
    await one.act("dialogue.admit-device", key=device.credential)
    people = await seat_delegation(stage, one, "A", "principal")
    for stranger in (other, people["principal"]):
        with pytest.raises(Answered) as refused:
            await drafted(
                stranger, "dialogue.profile", {"zone": "UTC", "languages": ["en"]}, device.credential
            )
        assert refused.value.status == 409


async def test_the_operator_cannot_sign_for_a_delegate(stage: Stage) -> None:
    """Whoever has the node's keys and a delegate's session, but not the passkey, enters nothing."""
    one, _ = await found_dialogue(stage)
    before = stage.node.dialogues.ledger(one.dialogue).states[0].size
    draft = await one.post(
        f"/api/dialogues/{one.dialogue}/drafts",
        {"command": "dialogue.profile", "fields": {"zone": "UTC", "languages": ["en"]}},
    )
    signed = SignedMembers.from_json(draft["signed"])
    ledger = stage.node.dialogues.ledger(one.dialogue)
    log_key = ledger.log_keys[one.side]
    forged = [sign(signed, log_key), one.signer.prove(bytes(32))]
    for proof in forged:
        with pytest.raises(Answered) as refused:
            await one.post(
                f"/api/dialogues/{one.dialogue}/entries", {"draft": draft["draft"], "proof": proof.to_json()}
            )
        assert refused.value.status == 403
    assert stage.node.dialogues.ledger(one.dialogue).states[0].size == before


async def further(stage: Stage, officer: Delegate, person: Delegate) -> Delegate:
    """The same delegate with a new passkey: invited again by an officer, and admitted."""
    base = f"/api/dialogues/{officer.dialogue}"
    role = (await person.get("/api/session"))["role"] if person.token else "principal"
    invited = await officer.post(
        f"{base}/invitations", {"name": person.name, "role": role, "delegate": person.id}
    )
    again = stage.delegate(person.name)
    await again.enrol(invited["link"])
    (waiting,) = (await officer.get(f"{base}/enrolments"))["enrolments"]
    assert (waiting["delegate"], waiting["credential"]) == (person.id, again.credential)
    await officer.act("dialogue.admit", enrolment=waiting["id"], role=role)
    return again


async def test_a_lost_passkey_is_replaced(stage: Stage) -> None:
    """Revoked and invited again, the same delegate signs on with a new one; the lost one signs nothing any more."""
    one, other = await found_dialogue(stage)
    lost = (await seat_delegation(stage, one, "A", "principal"))["principal"]
    text = {"kind": "understanding", "title": {"en": "T", "ru": "Т"}, "body": {"en": "B", "ru": "Б"}}
    first = (await lost.act("understandings.offer", **text, undertakings=[]))["understanding"]
    draft = await lost.post(
        f"/api/dialogues/{one.dialogue}/drafts",
        {"command": "understandings.table", "fields": {**text, "undertakings": []}},
    )
    await one.act("dialogue.revoke", credential=lost.credential)
    new = await further(stage, one, lost)
    assert new.id == lost.id
    # What it had drafted before is not entered; its session sees nothing, and no other is opened.
    proof = lost.signer.prove(SignedMembers.from_json(draft["signed"]).challenge()).to_json()
    for attempt in (
        lost.post(f"/api/dialogues/{one.dialogue}/entries", {"draft": draft["draft"], "proof": proof}),
        lost.get(f"/api/dialogues/{one.dialogue}"),
        lost.sign_in(),
    ):
        with pytest.raises(Answered) as refused:
            await attempt
        assert refused.value.status == 403
    # Nor does its signature pass for the new one's.
    drafts = f"/api/dialogues/{one.dialogue}/drafts"
    mine = await new.post(drafts, {"command": "understandings.end", "fields": {"understanding": first}})
    forged = lost.signer.prove(SignedMembers.from_json(mine["signed"]).challenge()).to_json()
    with pytest.raises(Answered) as refused:
        await new.post(f"/api/dialogues/{one.dialogue}/entries", {"draft": mine["draft"], "proof": forged})
    assert refused.value.status == 403
    second = (await new.act("understandings.offer", **text, undertakings=[]))["understanding"]
    open_ = {u["id"]: u["status"] for u in (await other.state())["understandings"]}
    assert open_ == {first: "signed-by-one", second: "signed-by-one"}  # what was signed before stands
    assert verify(await other.bytes_of(f"/api/dialogues/{one.dialogue}/bundle"), EDITION_1).holds


async def test_officers_replace_each_others_passkeys_and_nobody_the_last(stage: Stage) -> None:
    """A second officer lets the first back in; alone, an officer cannot revoke their own, and recovery is the way."""
    one, _ = await found_dialogue(stage)
    with pytest.raises(Answered) as refused:
        await one.act("dialogue.revoke", credential=one.credential)
    assert refused.value.code == "last-officer"
    second = (await seat_delegation(stage, one, "A", "protocol-officer"))["protocol-officer"]
    await second.act("dialogue.revoke", credential=one.credential)
    again = await further(stage, second, one)
    assert set((await again.get("/api/session"))["powers"]) == {"admit", "schedule"}
    await again.act("dialogue.revoke", credential=second.credential)


async def test_a_recovery_takes_the_recovery_key_and_a_passkey_that_waits(tmp_path: Path) -> None:
    """`POST /api/recoveries`: whoever waits is drafted for, whoever holds the key signs; all else is refused."""
    key = Ed25519PrivateKey.generate()
    public = to_text(key.public_key().public_bytes_raw())
    async with running_node(tmp_path / "data") as stage:
        one, other = await found_dialogue(stage, recovery=[public])
        invited = await one.post(
            f"/api/dialogues/{one.dialogue}/invitations", {"name": "New officer", "role": "adviser"}
        )
        new = stage.delegate("New officer")
        for person in (new, one):  # nobody is signed in; nothing of theirs waits
            with pytest.raises(Answered) as refused:
                await person.post("/api/recoveries", {"recovery": public})
            assert refused.value.status == (401 if person is new else 409)
        await new.enrol(invited["link"])
        for wrong in (to_text(bytes(32)), "", "short", f"{public}="):
            with pytest.raises(Answered, match="none of the recovery keys") as refused:
                await new.post("/api/recoveries", {"recovery": wrong})
            assert refused.value.status == 409
        draft = await new.post("/api/recoveries", {"recovery": public})
        signed = SignedMembers.from_json(draft["signed"])
        assert signed.act["type"] == "side.recover"
        assert signed.act["passkey"] == new.signer.passkey.to_json()
        assert (signed.delegate, signed.credential) == ("recovery", public)
        assert from_text(draft["hash"]) == signed.challenge()
        entries = "/api/recoveries/entries"
        for proof in (
            Proof(ED25519, bytes(64)),
            Proof(ED25519, Ed25519PrivateKey.generate().sign(signed.challenge())),
            new.signer.prove(signed.challenge()),
        ):
            with pytest.raises(Answered) as refused:
                await new.post(entries, {"draft": draft["draft"], "proof": proof.to_json()})
            assert refused.value.status == 403
        body = {"draft": draft["draft"], "proof": Proof(ED25519, key.sign(signed.challenge())).to_json()}
        with pytest.raises(Answered) as refused:  # somebody else's draft
            await other.post(entries, body)
        assert refused.value.code == "draft-gone"
        assert (await new.post(entries, body))["side"] == one.side
        with pytest.raises(Answered) as refused:
            await new.post(entries, body)
        assert refused.value.code == "draft-gone"
        assert (await new.get("/api/session"))["powers"] == ["admit", "schedule"]
        with pytest.raises(Answered) as refused:
            await one.act("dialogue.profile", zone="UTC", languages=["en"])
        assert refused.value.status == 403


async def test_a_side_that_lost_every_passkey_comes_back(stage: Stage, tmp_path: Path) -> None:
    """The recovery key, made and used by the command line, seats a new officer; the lost passkey ends."""
    file = tmp_path / "recovery.pem"
    printed = io.StringIO()
    with redirect_stdout(printed):
        recovery.make(file)
    key = printed.getvalue().strip()
    officers = [stage.delegate("Protocol officer of side A"), stage.delegate("Protocol officer of side B")]
    for officer, link, name in zip(officers, stage.links, NAMES, strict=True):
        await officer.enrol(link)
        await officer.post("/api/foundings", {"name": name, "recovery": [key]})
    for officer in officers:
        await officer.place()
        await officer.act("dialogue.found")
    one, other = officers
    printed = io.StringIO()
    with redirect_stdout(printed):
        await recovery.link(one.dialogue, one.side, name="New officer", data=tmp_path / "data")
    # Links made beside the node are good at it, and who comes by one is known to it at once.
    new = stage.delegate("New officer of side A")
    await new.enrol(stage.url + printed.getvalue().strip())
    headers = {"Authorization": f"Bearer {new.token}"}
    async with httpx2.AsyncClient(base_url=stage.url, headers=headers) as http:
        first = await http.get("/recover")
        assert first.status_code == 200
        wrong = await http.post("/recover", data={"recovery": to_text(bytes(32))})
        assert wrong.status_code == 400
        shown = html.document_fromstring((await http.post("/recover", data={"recovery": key})).text)
        challenge = shown.xpath("string(//code)")
        draft = shown.xpath("string(//input[@name='draft']/@value)")
        assert len(from_text(challenge)) == 32
        forged = await http.post("/recover", data={"draft": draft, "sig": to_text(bytes(64))})
        assert forged.status_code == 400
        printed = io.StringIO()
        with redirect_stdout(printed):
            recovery.sign(file, challenge)
        done = await http.post("/recover", data={"draft": draft, "sig": printed.getvalue().strip()})
        assert done.status_code == 303
    assert (await new.get("/api/session"))["powers"] == ["admit", "schedule"]
    await new.act("dialogue.profile", zone="UTC", languages=["en"])
    with pytest.raises(Answered):
        await one.get(f"/api/dialogues/{one.dialogue}")
    account = verify(await other.bytes_of(f"/api/dialogues/{other.dialogue}/bundle"), EDITION_1)
    assert account.holds
