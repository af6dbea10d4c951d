"""Times as acts and nodes spell them."""

from __future__ import annotations

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from visavis.dialogue.times import instant, is_spelt, spelt


def test_a_time_has_its_offset() -> None:
    """With an offset it is an instant, in UTC; without one it is none."""
    assert instant("2021-12-07T10:00:00-05:00") == datetime(2021, 12, 7, 15, tzinfo=UTC)
    assert instant("2021-12-07T10:00:00") is None


def test_years_beyond_reckoning_are_none() -> None:
    """A time so early or late that a zone's offset could overflow is no time."""
    for text in (
        "0001-01-01T00:00:00Z",
        "9999-12-31T23:59:59Z",
        "1899-12-31T23:59:59Z",
        "3000-01-01T00:00:00Z",
    ):
        assert instant(text) is None
        assert not is_spelt(text)


@given(st.datetimes(datetime(1900, 1, 2), datetime(2999, 12, 30), timezones=st.timezones()))  # noqa: DTZ001
def test_what_is_spelt_is_read_again(at: datetime) -> None:
    """Every time has one spelling, which reads as itself to the second."""
    text = spelt(at)
    assert is_spelt(text)
    assert instant(text) == at.astimezone(UTC).replace(microsecond=0)


@given(st.text(max_size=40))
def test_no_text_raises(text: str) -> None:
    """Whatever a node states as its time, it is a time or none."""
    at = instant(text)
    assert at is None or at.utcoffset() is not None
    assert not is_spelt(text) or instant(text) is not None
