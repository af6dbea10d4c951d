"""The state machines of the dialogue are their tables: every row is driven through real logs (docs/states.md)."""

from __future__ import annotations

from itertools import product

import pytest
from tests.dialogue.lab import (
    H1,
    H2,
    RECEIVE,
    V1,
    V2,
    Lab,
    U,
    begin,
    consent,
    decline,
    end,
    stop,
    tabled,
    withdraw,
)

from visavis.dialogue.accord import COURSE, OfferEvent, OfferStatus
from visavis.dialogue.sessions import SESSION, Half, SessionState
from visavis.record.entry import NODE


def offered_by(s: int) -> Lab:
    """Side s has signed V1 of two tabled texts, and the other node holds the entry."""
    t = tabled(V1, V2)
    t.write(s, consent(U, H1))
    t.sync()
    return t


def put_into(t: Lab, s: int, status: OfferStatus) -> None:
    """Bring side s's open offer into a state."""
    match status:
        case OfferStatus.OPEN:
            pass
        case OfferStatus.PENDING:
            t.write(s, withdraw(U, H1))
        case OfferStatus.FORMED:
            t.write(1 - s, consent(U, H1))
        case OfferStatus.CLOSED:
            t.write(1 - s, decline(U, H1))


def happen(t: Lab, s: int, event: OfferEvent, how: int) -> None:
    """One event, in one of its two forms. The other side hears nothing that the event does not say."""
    o = 1 - s
    match event, how:
        case OfferEvent.MATCHED, _:
            t.write(o, consent(U, H1))
        case OfferEvent.WITHDRAWN, 0:
            t.write(s, withdraw(U, H1))
        case OfferEvent.WITHDRAWN, _:
            t.write(s, end(U))
        case OfferEvent.HEARD, _:
            t.sync()
            t.write(o, RECEIVE, by=NODE)
        case OfferEvent.ANSWERED, 0:
            t.write(o, decline(U, H1))
        case OfferEvent.ANSWERED, _:
            t.write(o, consent(U, H2))


@pytest.mark.parametrize(("s", "how"), list(product((0, 1), (0, 1))))
@pytest.mark.parametrize(("status", "event"), list(product(OfferStatus, OfferEvent)))
def test_what_becomes_of_an_offer_is_the_table(
    status: OfferStatus, event: OfferEvent, s: int, how: int
) -> None:
    """Every state with every event, of either side: what the machine says is the table's row, or no change."""
    t = offered_by(s)
    put_into(t, s, status)
    j = t.all()
    assert j.offer_status(s, U, j.offers(s, U)[0]) is status
    happen(t, s, event, how)
    j = t.all()
    assert j.offer_status(s, U, j.offers(s, U)[0]) is COURSE.get((status, event), status)


@pytest.mark.parametrize(("ours", "theirs"), list(product(Half, Half)))
def test_a_session_is_what_both_halves_make_it(ours: Half, theirs: Half) -> None:
    """Every pair of halves, from both chairs, has the state of the table; only the running one runs."""
    t = Lab()
    for s, half in ((0, ours), (1, theirs)):
        if half is not Half.NOT_BEGUN:
            t.write(s, begin("sitting", "T", 1))
        if half is Half.STOPPED:
            t.write(s, stop("sitting", "T", 1))
    key = ("sitting", "T", 1)
    state = SESSION[ours, theirs]
    assert t.all().sessions.state(key) is t.swapped().sessions.state(key) is state
    assert (t.all().running("sitting", "T") == 1) is (state is SessionState.RUNNING)
    assert bool(t.all().waiting()) is (state is SessionState.ASKED)


def test_the_tables_name_every_state() -> None:
    """No state is out of reach, and what is final has no way out."""
    assert set(COURSE.values()) | {OfferStatus.OPEN} == set(OfferStatus)
    assert not {OfferStatus.FORMED, OfferStatus.CLOSED} & {before for before, _ in COURSE}
    assert set(SESSION) == set(product(Half, Half))
    assert set(SESSION.values()) == set(SessionState)
