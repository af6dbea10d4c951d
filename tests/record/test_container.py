"""The bundle's container (record.md §12.1)."""

from __future__ import annotations

import io
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from visavis.errors import Malformed
from visavis.record import container

MEMBERS = [("visavis.json", b"{}"), ("logs/a/tile/0/000.p/2", bytes(64)), ("contents/x", b"")]
NAMES = st.from_regex(r"\A[A-Za-z0-9_-][A-Za-z0-9._-]{0,8}(/[A-Za-z0-9_-][A-Za-z0-9._-]{0,8}){0,2}\Z")


def test_any_unzip_reads_it() -> None:
    """The archive is an ordinary ZIP: Python's zipfile finds the same members and no damage."""
    with zipfile.ZipFile(io.BytesIO(container.write(MEMBERS))) as archive:
        assert archive.testzip() is None
        assert [(info.filename, archive.read(info)) for info in archive.infolist()] == MEMBERS


@given(st.lists(st.tuples(NAMES, st.binary(max_size=50)), min_size=1, max_size=6, unique_by=lambda m: m[0]))
def test_members_read_back(members: list[container.Member]) -> None:
    """What was written is read, in order, and departs nowhere from its one spelling."""
    assert container.read(container.write(members)) == (members, None)


def test_every_byte_of_the_archive_counts() -> None:
    """One bit changed anywhere is malformed or named as a departure."""
    data = container.write(MEMBERS)
    for at in range(len(data)):
        for bit in range(8):
            changed = bytearray(data)
            changed[at] ^= 1 << bit
            try:
                _, departure = container.read(bytes(changed))
            except Malformed:
                continue
            assert departure, f"byte {at}, bit {bit} passed"


@pytest.mark.parametrize("end", [1, 22, 30, 100])
def test_cut_or_lengthened_archives_are_found(end: int) -> None:
    """Bytes missing at the end or added there are found."""
    data = container.write(MEMBERS)
    for other in (data[:-end], data + bytes(end), data + data):
        try:
            assert container.read(other)[1]
        except Malformed:
            continue


def test_a_changed_content_is_named() -> None:
    """Where a member's bytes changed, its checksum names it."""
    data = container.write([("a", b"one"), ("b", b"two")]).replace(b"two", b"TWO")
    assert container.read(data) == (
        [("a", b"one"), ("b", b"TWO")],
        "archive: the header or checksum of b differs from the members' one spelling",
    )


@pytest.mark.parametrize(
    "name", ["", "/a", "a/", "a//b", "../a", "a/../b", "a/.b", "a b", "a\\b", "ä", "a" * 161]
)
def test_odd_names_are_malformed(name: str) -> None:
    """No path leads out of the archive, and no name has two spellings."""
    with pytest.raises(Malformed):
        container.write([(name, b"")])
    size = len(name.encode())
    if 0 < size <= container.MAX_NAME:
        plain = container.write([("n" * size, b"")])
        with pytest.raises(Malformed):
            container.read(plain.replace(b"n" * size, name.encode()))


def test_a_name_twice_is_malformed() -> None:
    """Two members of one name would let two readers see two contents."""
    with pytest.raises(Malformed, match="cannot be"):
        container.write([("a", b"1"), ("a", b"2")])
    with pytest.raises(Malformed, match="twice"):
        container.read(container.write([("a", b"1"), ("b", b"2")]).replace(b"\x62\x32", b"\x61\x32"))


def test_a_compressed_archive_is_malformed() -> None:
    """Nothing is ever unpacked: no member can be larger than the file."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("visavis.json", bytes(1_000_000))
    with pytest.raises(Malformed, match="not stored plainly"):
        container.read(out.getvalue())


def test_another_archives_order_of_bytes_is_a_departure() -> None:
    """An archive that says the same, written by another tool, is not this one spelling."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("visavis.json", b"{}")
    members, departure = container.read(out.getvalue())
    assert members == [("visavis.json", b"{}")]
    assert departure


@given(st.binary(max_size=120) | st.binary(max_size=90).map(lambda rest: b"PK\x03\x04" + rest))
def test_any_bytes_are_an_archive_or_malformed(data: bytes) -> None:
    """Reading never raises anything but `Malformed`."""
    try:
        members, departure = container.read(data)
    except Malformed:
        return
    assert departure is not None or container.write(members) == data


def test_too_many_members_are_malformed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The number of members is within a budget, writing and reading."""
    data = container.write([(f"m{i}", b"") for i in range(9)])
    monkeypatch.setattr(container, "MAX_MEMBERS", 8)
    with pytest.raises(Malformed, match="more than 8"):
        container.read(data)
    with pytest.raises(Malformed, match="too many"):
        container.write([(f"m{i}", b"") for i in range(9)])


def test_too_many_bytes_are_malformed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The archive's length is within a budget, writing and reading."""
    data = container.write(MEMBERS)
    monkeypatch.setattr(container, "MAX_BYTES", len(data) - 1)
    for use in (lambda: container.read(data), lambda: container.write(MEMBERS)):
        with pytest.raises(Malformed):
            use()
