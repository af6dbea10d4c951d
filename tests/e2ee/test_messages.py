"""Messages between devices: docs/spec/keys.md §3."""

from __future__ import annotations

import contextlib
import os
import random

import pytest
from tests.e2ee.lab import NOW, Device, World

from visavis.e2ee import messages, notes
from visavis.e2ee.errors import Liar, MessageUntrusted
from visavis.e2ee.messages import LeftOut, Taken
from visavis.errors import Malformed, Untrusted
from visavis.record import canonical
from visavis.record.digest import to_text

WORLD = World()
DEVICES, ROSTER = WORLD.setup()


def key_message(sender: Device, roster, epoch=0, key=None):
    others = {device: body for device, body in roster.items() if device != sender.id}
    key = key or os.urandom(32)
    return key, messages.make_key(sender.signer, others, epoch, key, NOW)


def forged(sender: Device, data: bytes, **changes) -> bytes:
    """The same message with other members, signed again by the sender itself."""
    own = {k: v for k, v in canonical.decode(data).items() if k not in messages._COMMON}
    return sender.signer.sign("key", NOW, **{**own, **changes})


def take(receiver, data):
    return receiver.take(receiver.open(data))


def test_everyone_opens_and_a_repetition_changes_nothing():
    """Every device of the roster opens its box; the same bytes again are ignored."""
    key, data = key_message(DEVICES[0], ROSTER)
    assert len(data) < 2000
    for device in DEVICES[1:]:
        receiver = device.receiver(ROSTER)
        assert take(receiver, data) == Taken(DEVICES[0].id, 0, key)
        assert take(receiver, data) is None


def test_thirty_devices_fit_a_message():
    """A key message to thirty devices stays under six kilobytes."""
    devices, roster = World(15, 15).setup()
    assert len(key_message(devices[0], roster)[1]) < 6000


def test_a_box_moved_to_another_message_does_not_open():
    """A box is bound to its message: moved into another, it does not open."""
    _, first = key_message(DEVICES[0], ROSTER)
    _, second = key_message(DEVICES[0], ROSTER, epoch=1)
    mine = dict(canonical.decode(first)["boxes"])[DEVICES[1].id]
    boxes = [[i, mine if i == DEVICES[1].id else b] for i, b in canonical.decode(second)["boxes"]]
    with pytest.raises(MessageUntrusted, match="does not open"):
        take(DEVICES[1].receiver(ROSTER), forged(DEVICES[0], second, boxes=boxes))


def test_a_box_of_another_recipient_does_not_open():
    """A box is bound to its reader: the info of another does not open it."""
    message = canonical.decode(key_message(DEVICES[0], ROSTER)[1])
    box = dict(message["boxes"])[DEVICES[1].id]
    info = messages.box_info(messages.head_of(message), DEVICES[2].id)
    with pytest.raises(MessageUntrusted):
        messages.open_box(messages.from_text(box), DEVICES[1].keys.kem, info)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("epoch", 1),
        ("index", 1),
        ("room", "caucus/A/1"),
        ("talk", "x"),
        ("roster", "x"),
        ("kc", "x"),
        ("n", 9),
        ("type", "beat"),
    ],
)
def test_a_node_that_changes_a_member_is_found(name, value):
    """Whatever a node changes in a message, the signature no longer fits."""
    message = canonical.decode(key_message(DEVICES[0], ROSTER)[1])
    with pytest.raises((Untrusted, Malformed)):
        take(DEVICES[1].receiver(ROSTER), canonical.encode({**message, name: value}))


def test_rollback_and_replay():
    """An older epoch than the one taken is refused; one taken already is ignored."""
    all_three = [key_message(DEVICES[0], ROSTER, epoch)[1] for epoch in range(3)]
    receiver = DEVICES[1].receiver(ROSTER)
    take(receiver, all_three[0])
    take(receiver, all_three[2])
    with pytest.raises(MessageUntrusted, match="older epoch"):
        take(receiver, all_three[1])
    assert take(receiver, all_three[0]) is None


def test_two_messages_for_one_epoch_end_trust():
    """Who signs two keys for one epoch is a liar, and is not heard again."""
    receiver = DEVICES[1].receiver(ROSTER)
    take(receiver, key_message(DEVICES[0], ROSTER)[1])
    with pytest.raises(Liar):
        take(receiver, key_message(DEVICES[0], ROSTER)[1])
    with pytest.raises(MessageUntrusted, match="two keys"):
        receiver.open(key_message(DEVICES[0], ROSTER, epoch=1)[1])


def test_another_key_for_one_reader_is_caught_by_the_commitment():
    """A sender cannot give one reader another key than the one it committed to."""
    _, data = key_message(DEVICES[0], ROSTER)
    message = canonical.decode(data)
    info = messages.box_info(messages.head_of(message), DEVICES[1].id)
    other = to_text(messages._seal(os.urandom(32), DEVICES[1].body.kem, info))
    boxes = [[i, other if i == DEVICES[1].id else b] for i, b in message["boxes"]]
    with pytest.raises(MessageUntrusted, match="committed"):
        take(DEVICES[1].receiver(ROSTER), forged(DEVICES[0], data, boxes=boxes))


def test_a_ghost_that_is_sealed_to_is_named():
    """A key that was also sealed to a device this reader cannot verify is taken, with a warning."""
    ghost = World().device("B0")
    key, data = key_message(DEVICES[0], {**ROSTER, ghost.id: ghost.body})
    assert take(DEVICES[1].receiver(ROSTER), data) == Taken(DEVICES[0].id, 0, key, (ghost.id,))


def test_the_boxes_must_be_the_roster():
    """A box left out of the stated roster is found."""
    _, data = key_message(DEVICES[0], ROSTER)
    with pytest.raises(MessageUntrusted, match="roster"):
        take(
            DEVICES[1].receiver(ROSTER),
            forged(DEVICES[0], data, boxes=canonical.decode(data)["boxes"][:-1]),
        )


def test_who_is_left_out_knows_it():
    """A reader without a box learns the epoch that it lacks."""
    without = {d: b for d, b in ROSTER.items() if d != DEVICES[1].id}
    data = key_message(DEVICES[0], without)[1]
    assert take(DEVICES[1].receiver(ROSTER), data) == LeftOut(DEVICES[0].id, 0)


def test_a_floor_key_is_no_caucus_key():
    """A message of one room is none of another."""
    caucus = World.device(WORLD, "A0")
    caucus.signer.room = "caucus/A/1"
    roster = {**ROSTER, caucus.id: caucus.body}
    with pytest.raises(MessageUntrusted, match="room"):
        DEVICES[1].receiver(roster).open(caucus.signer.sign("bye", NOW))


def test_a_sender_outside_the_roster_is_not_read():
    """A device without a verified certificate is not heard, whatever it signs."""
    stranger = World().device("A0")
    with pytest.raises(MessageUntrusted, match="not in the roster"):
        DEVICES[1].receiver(ROSTER).open(stranger.signer.sign("bye", NOW))


def test_recording_has_no_rules_yet():
    """A key that claims to be recorded is refused in this edition."""
    _, data = key_message(DEVICES[0], ROSTER)
    with pytest.raises(Malformed, match="recording"):
        take(DEVICES[1].receiver(ROSTER), forged(DEVICES[0], data, rec={"n": 1, "keys": "x"}))


def test_what_is_said_opens_for_who_has_the_key_only():
    """A `say` opens under the sender's key of its epoch, and under no other; it cannot be moved."""
    key, sender = os.urandom(32), DEVICES[0]
    data = messages.seal_say(sender.signer, {"hand": True}, 0, key, os.urandom(12), NOW)
    message = DEVICES[1].receiver(ROSTER).open(data)
    assert messages.open_say(message, key, sender.body) == {"hand": True}
    with pytest.raises(MessageUntrusted):
        messages.open_say(message, os.urandom(32), sender.body)
    with pytest.raises(MessageUntrusted):
        messages.open_say({**message, "n": message["n"] + 1}, key, sender.body)


def test_a_note_opens_for_its_readers_of_the_side_alone():
    """Who has no box, or is of the other side even with one, opens nothing; and nothing of it can be moved."""
    world = World(4, 1)
    sender, one, other, left_out, theirs = (world.device(who) for who in ("A0", "A1", "A2", "A3", "B0"))
    to = {each.id: each.body for each in (one, other, theirs)}
    data = notes.seal_note(sender.signer, to, {"is": "note", "text": "x"}, 7, os.urandom, NOW)
    message = theirs.receiver({sender.id: sender.body}).open(data)
    for reader in (one, other):
        said = notes.open_note(message, sender.body, reader.body, reader.keys)
        assert said == {"is": "note", "text": "x"}
    for reader in (left_out, theirs):
        with pytest.raises(MessageUntrusted):
            notes.open_note(message, sender.body, reader.body, reader.keys)
    with pytest.raises(MessageUntrusted):
        notes.open_note(message, sender.body, one.body, left_out.keys)
    alone = [box for box in message["boxes"] if box[0] == one.id]
    changes = {"n": NOW + 9, "epoch": 8, "kc": to_text(bytes(32)), "iv": to_text(bytes(12)), "boxes": alone}
    for name, value in changes.items():
        with pytest.raises(MessageUntrusted):
            notes.open_note({**message, name: value}, sender.body, one.body, one.keys)
    own = {k: v for k, v in message.items() if k not in messages._COMMON}
    for name, value in {"kc": "x", "iv": "x", "ct": "", "boxes": [["x"]], "epoch": "7"}.items():
        wrong = sender.signer.sign("note", NOW, **{**own, name: value})
        with pytest.raises(Malformed):
            one.receiver({sender.id: sender.body}).open(wrong)


def test_message_numbers_only_grow():
    """n grows with every message, also where the clock stands still."""
    signer = WORLD.device("A0").signer
    numbers = [canonical.decode(signer.sign("bye", NOW))["n"] for _ in range(3)]
    assert numbers == sorted(set(numbers))


@pytest.mark.parametrize("seed", range(8))
def test_garbage_raises_only_our_errors(seed):
    """No message, however odd, raises anything but `Malformed` or `Untrusted`."""
    rnd = random.Random(seed)
    junk = [None, 1, "", "x", [], {}, [[1]], {"a": 1}, True, [["a", "b"]]]
    _, data = key_message(DEVICES[0], ROSTER)
    for _ in range(150):
        value = canonical.decode(data)
        value[rnd.choice(list(value))] = rnd.choice(junk)
        if rnd.random() < 0.7:
            own = {k: v for k, v in value.items() if k not in messages._COMMON}
            again = DEVICES[0].signer.sign("key", NOW, **own)
        else:
            again = canonical.encode(value)
        with contextlib.suppress(Malformed, Untrusted):
            take(DEVICES[1].receiver(ROSTER), again)
    for _ in range(200):
        cut = bytearray(data)
        cut[rnd.randrange(len(cut))] ^= 1 << rnd.randrange(8)
        with pytest.raises((Malformed, Untrusted)):
            take(DEVICES[1].receiver(ROSTER), bytes(cut))


@pytest.mark.parametrize("value", [b"", b"[]", b"1", b"{}", b"\xff", b"[" * 20_000, b'{"a":1,"a":1}'])
def test_bytes_that_are_no_message_are_malformed(value):
    """Bytes that are no canonical object of at most 16 KiB are `Malformed`."""
    with pytest.raises(Malformed):
        messages.parse_message(value)
