"""Certificates of devices: docs/spec/keys.md §2."""

from __future__ import annotations

import contextlib
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.e2ee.lab import HOUR, NOW, World

from visavis.e2ee.device import Certificate, certify, check
from visavis.e2ee.errors import DeviceUntrusted
from visavis.e2ee.roster import roster, roster_hash
from visavis.errors import Malformed, Untrusted

WORLD = World()


def test_a_good_certificate_gives_the_devices_id():
    """A certificate that chains to the side's log gives the device's id, also after a trip as JSON."""
    device = WORLD.device("A0")
    assert check(Certificate.from_json(device.certificate.to_json()), WORLD.logs, NOW) == device.id
    assert len(device.id) == 43


@pytest.mark.parametrize(
    "change",
    [
        {"dialogue": "E"},
        {"talk": "U"},
        {"sitting": 2},
        {"side": "B"},
        {"delegate": "A1"},
        {"kem": bytes(32)},
        {"sig": bytes(32)},
        {"made": NOW + 1},
        {"until": NOW + 5},
    ],
    ids=lambda change: next(iter(change)),
)
def test_every_changed_member_is_untrusted(change):
    """Whoever changes a member of a certified body breaks the proof or leaves the talk."""
    good = WORLD.device("A0").certificate
    with pytest.raises(DeviceUntrusted):
        check(Certificate(replace(good.body, **change), good.proof), WORLD.logs, NOW)


def test_a_side_cannot_certify_for_the_other():
    """A credential of side B's log certifies nobody of side A."""
    with pytest.raises(DeviceUntrusted, match="not live in that side's log"):
        check(WORLD.device("B0", side="A", delegate="A0").certificate, WORLD.logs, NOW)


def test_a_credential_certifies_its_own_delegate_only():
    """A live credential cannot certify a colleague."""
    with pytest.raises(DeviceUntrusted, match="another delegate's"):
        check(WORLD.device("A0", delegate="A1").certificate, WORLD.logs, NOW)


def test_revoked_or_off_the_list_is_out():
    """A revoked credential and a delegate off the list are out at once."""
    device = WORLD.device("A0")
    assert roster([device.certificate], WORLD.without("A0"), NOW) == {}
    lists = {**WORLD.logs.lists, "A": WORLD.logs.lists["A"] - {"A0"}}
    assert roster([device.certificate], replace(WORLD.logs, lists=lists), NOW) == {}


@pytest.mark.parametrize(
    ("made", "until", "now"),
    [
        (NOW, NOW + HOUR, NOW + HOUR),
        (NOW, NOW + 12 * HOUR + 1, NOW),
        (NOW + 120_001, NOW + HOUR, NOW),
        (NOW, NOW, NOW),
    ],
    ids=["over", "too long", "ahead", "no time"],
)
def test_times(made, until, now):
    """A device lives at most twelve hours, and not before the reader's clock says so."""
    with pytest.raises(DeviceUntrusted):
        check(WORLD.device("A0", made=made, until=until).certificate, WORLD.logs, now)


def test_one_device_per_delegate_whatever_the_order():
    """Of two devices of one delegate the later counts, in whatever order they arrive."""
    first, second = WORLD.device("A0"), WORLD.device("A0", made=NOW + 1)
    both = [first.certificate, second.certificate]
    assert set(roster(both, WORLD.logs, NOW)) == set(roster(both[::-1], WORLD.logs, NOW)) == {second.id}


def test_a_roster_hash_does_not_depend_on_order():
    """The roster's hash is of a set."""
    assert roster_hash(["b", "a"]) == roster_hash(["a", "b"]) != roster_hash(["a"])


def test_a_proof_by_another_key_is_untrusted():
    """Only the logged credential's own key certifies."""
    device = WORLD.device("A0")
    with pytest.raises(DeviceUntrusted, match="proof"):
        check(certify(device.body, WORLD.keys["A1"]), WORLD.logs, NOW)


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-1, 5) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(["body", "proof"]), st.integers(0, 20), _JSON)
def test_garbage_raises_only_our_errors(part, at, junk):
    """No JSON, however odd, raises anything but `Malformed` or `Untrusted`."""
    value = WORLD.device("A0").certificate.to_json()
    names = sorted(value[part])
    value[part][names[at % len(names)]] = junk
    with contextlib.suppress(Malformed, Untrusted):
        check(Certificate.from_json(value), WORLD.logs, NOW)


def test_a_certificate_that_is_no_object_is_malformed():
    """A list, a number or nothing is no certificate."""
    for value in ([], 1, None, {}, {"body": 1, "proof": 2}):
        with pytest.raises(Malformed):
            Certificate.from_json(value)
