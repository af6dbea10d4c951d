"""The browser judges by the table of acts that the node's own types make."""

from __future__ import annotations

from tests.vectors.acts import PATH, table


def test_the_table_of_acts_is_fresh() -> None:
    """The committed table is the one that the acts' types make today: `python -m tests.vectors.acts`."""
    assert PATH.read_text(encoding="utf-8") == table()
