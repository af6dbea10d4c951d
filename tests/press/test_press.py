"""The press through real logs: clearance, embargo, versions, the joint readout, the press call, the newsroom."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from tests.talks.table import OFFICER, PRESS, PRINCIPAL, Table, agreed_talk, tabled_last

from visavis.dialogue.commands import Audience
from visavis.errors import Malformed
from visavis.press.acts import Kind
from visavis.press.errors import Embargoed, JointNotApproved, NoSuchRelease, NotCleared
from visavis.press.model import (
    CallState,
    ReleaseState,
    embargoed,
    newsroom,
    press_view,
    public_release,
    related,
    releases,
)
from visavis.press.public import open_newsroom, to_feed, to_quote_from
from visavis.press.quotes import Finding, check
from visavis.rulebook import steps, waiting

TEXTS = {
    "en": {
        "title": "Principals talk",
        "text": "They *talked* for two hours.",
        "dateline": "Capital, 7 December",
    }
}
JOINT = {
    "en": {"title": "Joint readout", "text": "Both sides talked.", "dateline": "Both capitals, 7 December"}
}


def clear(table: Table, s: int, talk: str, **fields: Any) -> dict[str, Any]:
    asked = {"talk": talk, "kind": "readout", "texts": TEXTS, "initials": "PS/3"} | fields
    return table.do(PRINCIPAL[s], "press.clear", **asked)


def release(table: Table, s: int, talk: str, **fields: Any) -> str:
    """Cleared and released; the release's id."""
    act = clear(table, s, talk, **fields)
    table.do(PRINCIPAL[s], "press.release", release=act["release"], version=act["version"])
    id_: str = act["release"]
    return id_


def public_text(table: Table):
    """What everybody may read."""

    def text(commitment: str) -> str | None:
        if table.audience.get(commitment) is not Audience.PUBLIC:
            return None
        return table.contents[commitment][1].data.decode()

    return text


def concluded(table: Table, **fields: Any) -> str:
    talk = agreed_talk(table, **fields)
    table.do(OFFICER[0], "talks.conclude", talk=talk)
    return talk


# --- a side's own voice ---------------------------------------------------------------------------


def test_a_readout_is_out_when_it_is_released_and_not_before() -> None:
    """Cleared it is seen by its own side alone; released, by everybody, word for word."""
    table = Table()
    talk = concluded(table)
    act = clear(table, 0, talk)
    assert press_view(table.joint, 1, talk).theirs == ()
    assert press_view(table.joint, 0, talk).ours[0].state is ReleaseState.CLEARED
    assert newsroom(table.joint, 0) == ()
    assert table.text(1, act["texts"][0]["text"]) is None
    table.do(PRINCIPAL[0], "press.release", release=act["release"], version=1)
    opened = open_newsroom(table.joint, 0, public_text(table))
    assert [(r.texts[0].title, r.texts[0].dateline, r.initials) for r in opened] == [
        ("Principals talk", "Capital, 7 December", "PS/3")
    ]
    assert len(press_view(table.joint, 1, talk).theirs) == 1
    again = {"type": "readout.release", "release": act["release"], "version": 1}
    assert table.enter(PRINCIPAL[0], again) == "released already"
    assert newsroom(table.joint, 1) == ()
    table.mirrored()


def test_releasing_needs_a_clearance_and_full_powers() -> None:
    """A version that nobody cleared is not released, and a press officer drafts only, until granted more."""
    table = Table()
    talk = concluded(table)
    act = clear(table, 0, talk)
    with pytest.raises(NotCleared):
        table.do(PRINCIPAL[0], "press.release", release=act["release"], version=2)
    with pytest.raises(NoSuchRelease):
        table.do(PRINCIPAL[1], "press.release", release=act["release"], version=1)
    forced = {"type": "readout.release", "release": act["release"], "version": 2}
    assert table.enter(PRINCIPAL[0], forced) == "not cleared"
    other_kind = {"type": "statement.release", "release": act["release"], "version": 1}
    assert table.enter(PRINCIPAL[0], other_kind) == "release of another kind"
    assert (
        table.enter(PRESS[0], {"type": "readout.release", "release": act["release"], "version": 1})
        == "no power"
    )
    table.do(OFFICER[0], "dialogue.powers", delegate=PRESS[0].delegate, powers=["release"])
    table.do(PRESS[0], "press.release", release=act["release"], version=1)


def test_an_embargo_is_kept_by_the_clock_of_its_own_node() -> None:
    """Before its time it is refused, at its time it goes out; the record itself reads no clock."""
    table = Table()
    talk = concluded(table)
    act = clear(table, 1, talk, embargo="2021-12-07T18:30:00+01:00")
    assert act["embargo"] == "2021-12-07T17:30:00Z"
    table.now = datetime(2021, 12, 7, 17, 29, 59, tzinfo=UTC)
    with pytest.raises(Embargoed) as refused:
        table.do(PRINCIPAL[1], "press.release", release=act["release"], version=1)
    assert refused.value.details["until"] == "2021-12-07T17:30:00Z"
    table.now = datetime(2021, 12, 7, 17, 30, tzinfo=UTC)
    table.do(PRINCIPAL[1], "press.release", release=act["release"], version=1)


def test_an_embargo_is_a_time() -> None:
    """Words, or a time without its offset, are no embargo; an odd one in a log holds nothing back."""
    table = Table()
    talk = concluded(table)
    for odd in ("tonight", "2021-12-07T17:30:00"):
        with pytest.raises(Malformed):
            clear(table, 0, talk, embargo=odd)
    assert not embargoed("9999-99-99T99:99:99Z", table.now)
    assert not embargoed(None, table.now)


def test_a_correction_is_a_new_version_and_the_old_one_stays() -> None:
    """A release is never edited in place: readers see the newest, and what came before it."""
    table = Table()
    talk = concluded(table)
    id_ = release(table, 0, talk)
    corrected = {"en": TEXTS["en"] | {"text": "They talked for two hours and one minute."}}
    act = clear(table, 0, talk, release=id_, texts=corrected)
    assert act["version"] == 2
    shown = public_release(table.joint, 0, id_)
    assert shown is not None
    assert (shown.version, shown.corrected) == (1, False)
    assert "release" in [s.key for s in steps(table.joint, 0, talk).now]
    table.do(PRINCIPAL[0], "press.release", release=id_, version=2)
    shown = public_release(table.joint, 0, id_)
    assert shown is not None
    assert (shown.version, shown.corrected, [v.version for v in shown.earlier]) == (2, True, [1])
    assert (
        table.enter(PRINCIPAL[0], {"type": "readout.release", "release": id_, "version": 1})
        == "released already"
    )


def test_versions_are_cleared_once_and_in_turn() -> None:
    """No version is cleared twice, skipped, or turned into another kind."""
    table = Table()
    talk = concluded(table)
    act = clear(table, 0, talk)
    assert table.enter(PRINCIPAL[0], act) == "cleared already"
    assert table.enter(PRINCIPAL[0], act | {"version": 3}) == "version out of turn"
    statement = act | {"type": "statement.clear", "version": 2}
    assert table.enter(PRINCIPAL[0], statement) == "release of another kind"


def test_a_release_has_all_its_parts_in_each_language() -> None:
    """A language without title, text or dateline is refused, naming the field."""
    table = Table()
    talk = concluded(table)
    for part in ("title", "text", "dateline"):
        with pytest.raises(Malformed) as refused:
            clear(table, 0, talk, texts={"en": TEXTS["en"] | {part: " "}})
        assert refused.value.details["field"] == f"texts.en.{part}"


# --- the joint readout ----------------------------------------------------------------------------


def test_a_joint_readout_is_one_text_that_both_approve() -> None:
    """Either lets it out once both approved it; then it stands in both newsrooms, once."""
    table = Table()
    talk = concluded(table)
    with pytest.raises(JointNotApproved):
        table.do(PRINCIPAL[0], "press.release-joint", talk=talk)
    table.do(PRINCIPAL[1], "press.table-joint", talk=talk, texts=JOINT)
    hash_ = tabled_last(table)
    table.do(PRINCIPAL[1], "press.approve-joint", talk=talk, hash=hash_)
    assert table.enter(PRINCIPAL[1], {"type": "readout.release-joint", "talk": talk, "hash": hash_}) == (
        "not approved by both"
    )
    assert "approve-joint" in [s.key for s in waiting(table.joint, 0).for_us]
    table.do(PRINCIPAL[0], "press.approve-joint", talk=talk, hash=hash_)
    table.do(PRINCIPAL[0], "press.release-joint", talk=talk)
    for s in (0, 1):
        rooms = newsroom(table.joint, s)
        assert [(r.kind, r.by) for r in rooms] == [(Kind.JOINT, tuple(sorted(table.sides)))]
        assert related(table.joint, s, rooms[0]) == ()
    assert len(to_quote_from(table.joint, public_text(table), lambda *at: "/".join(at))) == 1
    table.mirrored()


def test_one_gesture_tables_and_approves_a_joint_readout() -> None:
    """An offered readout waits for the other side alone, and is public in both newsrooms once either lets it out."""
    table = Table()
    talk = concluded(table)
    table.do(PRINCIPAL[1], "press.offer-joint", talk=talk, texts=JOINT)
    hash_ = tabled_last(table)
    assert "approve-joint" in [s.key for s in waiting(table.joint, 0).for_us]
    table.do(PRINCIPAL[0], "press.approve-joint", talk=talk, hash=hash_)
    table.do(PRINCIPAL[0], "press.release-joint", talk=talk)
    for s in (0, 1):
        assert [r.kind for r in newsroom(table.joint, s)] == [Kind.JOINT]
    table.mirrored()


def test_a_joint_readout_keeps_its_embargo() -> None:
    """The embargo is in the text that both approved, so neither lets it out before."""
    table = Table()
    talk = concluded(table)
    table.do(PRINCIPAL[0], "press.table-joint", talk=talk, texts=JOINT, embargo="2021-12-07T20:00:00Z")
    hash_ = tabled_last(table)
    for s in (0, 1):
        table.do(PRINCIPAL[s], "press.approve-joint", talk=talk, hash=hash_)
    for s in (0, 1):
        with pytest.raises(Embargoed):
            table.do(PRINCIPAL[s], "press.release-joint", talk=talk)


# --- expectations and the press call ----------------------------------------------------------------


def test_a_press_call_is_off_then_armed_then_called() -> None:
    """Each side's own: arming one does not arm the other's, and it is called once."""
    table = Table()
    talk = agreed_talk(table)
    states = []
    for command, fields in (
        (None, {}),
        ("press.arm-call", {"expected": "if-necessary"}),
        ("press.call", {}),
    ):
        if command is not None:
            table.do(PRINCIPAL[0], command, talk=talk, **fields)
        view = press_view(table.joint, 1, talk)
        states.append((view.call_theirs.state, view.call_ours.state))
    assert states == [
        (CallState.OFF, CallState.OFF),
        (CallState.ARMED, CallState.OFF),
        (CallState.CALLED, CallState.OFF),
    ]
    assert table.enter(PRINCIPAL[0], {"type": "press-call.call", "talk": talk}) == "called already"


def test_what_is_expected_is_said_in_advance_by_each_side() -> None:
    """Each side says for itself whether a statement is expected; the latest word counts."""
    table = Table()
    talk = agreed_talk(table)
    for expected in ("expected", "not-expected"):
        table.do(PRINCIPAL[1], "press.announce-statement", talk=talk, expected=expected)
    view = press_view(table.joint, 0, talk)
    assert view.statement_ours is None
    assert view.statement_theirs is not None
    assert view.statement_theirs.expected == "not-expected"


# --- the newsroom ---------------------------------------------------------------------------------


def test_related_releases_are_of_the_same_talk_first() -> None:
    """The other side's readout of the talk comes before older news of the dialogue."""
    table = Table()
    earlier = concluded(table, start="2021-06-16T11:00:00Z")
    old = release(table, 0, earlier)
    talk = concluded(table)
    theirs = release(table, 1, talk)
    ours = release(table, 0, talk)
    statement = release(table, 0, talk, kind="statement")
    shown = public_release(table.joint, 0, ours)
    assert shown is not None
    found = related(table.joint, 0, shown)
    assert [(r.release, r.why) for r in found] == [
        (statement, "same-talk"),
        (theirs, "same-talk"),
        (old, "same-dialogue"),
    ]
    assert [r.id for r in newsroom(table.joint, 0)] == [statement, ours, old]
    assert [r.kind for r in releases(table.joint, 0)] == [Kind.READOUT, Kind.READOUT, Kind.STATEMENT]


def test_nobody_is_kept_waiting_for_a_readout_once_the_next_talk_is_agreed() -> None:
    """A talk whose press time is over asks for nothing more."""
    table = Table()
    concluded(table, start="2021-06-16T11:00:00Z")
    assert [s.key for s in waiting(table.joint, 0).for_us] == ["clear-readout"]
    assert [s.key for s in waiting(table.joint, 0).for_them] == ["release-readout"]
    agreed_talk(table)
    assert waiting(table.joint, 0).for_us == ()


def test_what_was_released_can_be_quoted_with_its_permalink() -> None:
    """A quotation is found in the released words, in any language and version, at its own address."""
    table = Table()
    talk = concluded(table)
    both = TEXTS | {"ru": {"title": "Беседа", "text": "Беседа длилась два часа.", "dateline": "Столица"}}
    id_ = release(table, 0, talk, texts=both)
    released = to_quote_from(
        table.joint, public_text(table), lambda s, r, lang: f"/newsroom/{s}/{r}?lang={lang}"
    )
    report = check(
        "«Беседа длилась два часа», — сказал он. “They talked for two days,” said another.", released
    )
    assert [q.finding for q in report.quotations] == [Finding.VERBATIM, Finding.ALTERED]
    assert report.quotations[0].permalink == f"/newsroom/{table.sides[0]}/{id_}?lang=ru"


def test_the_feed_has_one_entry_for_each_release_and_language() -> None:
    """Newest first; one language alone if asked; a correction moves `updated` and not `published`."""
    table = Table()
    talk = concluded(table)
    both = TEXTS | {"ru": {"title": "Беседа", "text": "Два часа.", "dateline": "Столица"}}
    id_ = release(table, 0, talk, texts=both)
    release(table, 0, talk, release=id_, texts=both)

    def entries(language: str | None = None):
        return to_feed(
            table.joint, 0, public_text(table), lambda *at: "/".join(at), lambda _: "Press", language
        )

    assert [(e.language, e.release) for e in entries()] == [("en", id_), ("ru", id_)]
    assert [e.language for e in entries("ru")] == ["ru"]
    assert entries()[0].updated > entries()[0].published
    assert entries()[0].others == [("ru", f"{table.sides[0]}/{id_}/ru")]


def test_an_erased_language_is_left_out() -> None:
    """A release of which no word is left is not shown; nothing raises."""
    table = Table()
    talk = concluded(table)
    release(table, 0, talk)
    assert open_newsroom(table.joint, 0, lambda _: None) == ()
    assert to_quote_from(table.joint, lambda _: None, lambda *at: "") == ()
