"""Understandings through real logs: guarantees are mutual, texts take both, either side ends one alone."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.talks.table import ADVISER, OFFICER, PRINCIPAL, Table, agreed_talk, signed_text, tabled_last

from visavis.dialogue.chair import SealState
from visavis.dialogue.errors import NotTabled
from visavis.errors import Malformed
from visavis.rulebook import steps, waiting
from visavis.understandings.acts import ACTS, Kind, TableText, Verdict
from visavis.understandings.errors import (
    KindKept,
    NoSuchDivergence,
    NoSuchUnderstanding,
    NotInForce,
    OneSidedGuarantee,
)
from visavis.understandings.model import (
    LIFE,
    STATUSES,
    Event,
    Need,
    Status,
    TextFacts,
    register,
    review,
    status_of,
    understanding_view,
)
from visavis.understandings.redline import redline
from visavis.understandings.service import mutual

TEXT: dict[str, Any] = {"title": {"en": "Heavy weapons"}, "body": {"en": "On the line of contact."}}
C = "A" * 43


def undertakings(*by: str) -> list[dict[str, Any]]:
    return [{"by": side, "text": {"en": "to keep 60 km away"}} for side in by]


def act_of(understanding: str = "u1", **fields: Any) -> dict[str, Any]:
    """A tabling act written past the commands."""
    return {
        "type": "understanding.table",
        "understanding": understanding,
        "base": None,
        "kind": "guarantee",
        "talk": None,
        "title": [["en", C]],
        "body": [["en", C]],
        "undertakings": [],
        "correction": False,
    } | fields


def table_text(table: Table, s: int = 0, **fields: Any) -> tuple[str, str]:
    """An understanding's id and its text's hash."""
    asked = TEXT | {"kind": "understanding", "undertakings": undertakings(*table.sides)} | fields
    act = table.do(PRINCIPAL[s], "understandings.table", **asked)
    return act["understanding"], tabled_last(table)


# --- guarantees are mutual --------------------------------------------------------------------------


@pytest.mark.parametrize("bound", [(), (0,), (1,)])
def test_a_one_sided_guarantee_is_refused_before_anything_is_written(bound: tuple[int, ...]) -> None:
    """Whoever it binds alone, and whoever drafts it, it is refused; the message names the rule and the ways on."""
    table = Table()
    for s in (0, 1):
        sizes = [state.size for state in table.states]
        with pytest.raises(OneSidedGuarantee) as refused:
            table_text(
                table, s, kind="guarantee", undertakings=undertakings(*(table.sides[b] for b in bound))
            )
        error = refused.value
        assert error.code == "one-sided-guarantee"
        assert "only mutual guarantees" in error.message
        assert "your draft is kept" in error.message
        assert error.details["ways"] == ["mirror", "write-own", "initiative"]
        assert sorted([*error.details["bound"], *error.details["unbound"]]) == sorted(table.sides)  # type: ignore[misc]
        assert [state.size for state in table.states] == sizes


def test_an_empty_undertaking_binds_nobody() -> None:
    """A blank line in the other column does not make a guarantee mutual."""
    table = Table()
    blank = [*undertakings(table.sides[1]), {"by": table.sides[0], "text": {"en": "  "}}]
    with pytest.raises(OneSidedGuarantee):
        table_text(table, kind="guarantee", undertakings=blank)


def test_a_one_sided_guarantee_forced_into_a_log_is_void() -> None:
    """Written past the commands it is void for both, and cannot be signed."""
    table = Table()
    forced = act_of(undertakings=[{"id": "1", "by": table.sides[1], "texts": [["en", C]]}])
    assert table.enter(PRINCIPAL[0], forced) == "one-sided guarantee"
    sign = {"type": "understanding.sign", "understanding": "u1", "hash": C}
    assert table.enter(PRINCIPAL[0], sign) == "not tabled"
    assert register(table.joint, 0) == ()


def test_no_amendment_turns_a_guarantee_into_less() -> None:
    """A successor keeps the kind: neither the command nor the record lets a guarantee become an understanding."""
    table = Table()
    guarantee = signed_text(table, None, "Heavy weapons", kind="guarantee")
    with pytest.raises(KindKept):
        table_text(table, understanding=guarantee, undertakings=undertakings(table.sides[0]))
    in_force = table.joint.in_force(("text", guarantee))
    assert in_force is not None
    forced = act_of(guarantee, base=in_force.hash, kind="understanding")
    assert table.enter(PRINCIPAL[0], forced) == "kind changed"


def test_an_understanding_may_bind_one_side() -> None:
    """What is no guarantee may lay undertakings on one side, or none."""
    table = Table()
    for bound in ((), table.sides[:1]):
        _, hash_ = table_text(table, undertakings=undertakings(*bound))
        assert hash_ in table.joint.tabled


@given(st.sets(st.sampled_from(["A", "B", "C"])), st.sampled_from(list(Kind)))
def test_the_rule_asks_for_both_and_names_nobody(bound: set[str], kind: Kind) -> None:
    """Exchanging the sides changes no answer."""

    def refused(sides: tuple[str, str]) -> bool:
        try:
            mutual(kind, bound, sides)
        except OneSidedGuarantee:
            return True
        return False

    assert refused(("A", "B")) is refused(("B", "A"))
    assert refused(("A", "B")) is (kind is Kind.GUARANTEE and not {"A", "B"} <= bound)


@pytest.mark.parametrize(
    "fields",
    [
        {"body": []},
        {"title": []},
        {"body": [["en", C], ["en", C]]},
        {"title": [["ru", C]]},
        {"undertakings": [{"id": "1", "by": "stranger", "texts": [["en", C]]}]},
    ],
)
def test_a_text_is_whole_in_each_of_its_languages(fields: dict[str, Any]) -> None:
    """Languages missing, doubled or unequal, and undertakings of strangers, are void by their form."""
    table = Table()
    assert table.enter(PRINCIPAL[0], act_of(kind="understanding", **fields)) == "text form"


def test_undertakings_stand_in_every_language_of_the_text() -> None:
    """A duty that is missing in one language, or numbered twice, is void by its form."""
    table = Table()
    two = [["en", C], ["ru", C]]
    for duties in (
        [{"id": "1", "by": table.sides[0], "texts": [["en", C]]}],
        [{"id": "1", "by": side, "texts": two} for side in table.sides],
    ):
        act = act_of(kind="understanding", title=two, body=two, undertakings=duties)
        assert table.enter(PRINCIPAL[0], act) == "text form"


def test_the_command_names_the_field_whose_language_is_missing() -> None:
    """A text with unequal languages is refused in words, with its field."""
    table = Table()
    with pytest.raises(Malformed) as refused:
        table_text(table, title={"en": "Heavy weapons", "ru": "Вооружения"})
    assert refused.value.details["field"] == "body"
    with pytest.raises(Malformed) as refused:
        table_text(table, undertakings=[{"by": "stranger", "text": {"en": "x"}}])
    assert refused.value.details["field"] == "undertakings"


# --- signing --------------------------------------------------------------------------------------


def test_a_text_is_in_force_when_both_have_signed() -> None:
    """Tabled, signed by one, in force: and both chairs see the same."""
    table = Table()
    understanding, hash_ = table_text(table)
    seen = []
    for s in (None, 0, 1):
        if s is not None:
            table.do(PRINCIPAL[s], "understandings.sign", understanding=understanding, hash=hash_)
        view = understanding_view(table.joint, 0, understanding)
        assert view is not None
        seen.append(view.status)
        table.mirrored()
    assert seen == [Status.TABLED, Status.SIGNED_BY_ONE, Status.IN_FORCE]
    view = understanding_view(table.joint, 0, understanding)
    assert view is not None
    assert view.text is not None
    assert (view.text.seal.ours.state, view.text.seal.theirs.state) == (SealState.SEALED, SealState.SEALED)
    mark = view.text.seal.theirs.mark
    assert mark is not None
    assert (mark.role, mark.side) == ("principal", table.sides[1])
    assert (len(view.text.ours), len(view.text.theirs)) == (1, 1)


def test_a_signature_waits_for_the_other() -> None:
    """The first signature makes the other side's page say so."""
    table = Table()
    talk = agreed_talk(table)
    understanding, hash_ = table_text(table, talk=talk)
    assert "sign-text" in [s.key for s in steps(table.joint, 0, talk).now]
    assert waiting(table.joint, 0).for_us == ()  # nobody waits for us yet
    table.do(PRINCIPAL[1], "understandings.sign", understanding=understanding, hash=hash_)
    assert [s.key for s in waiting(table.joint, 0).for_us] == ["sign-text"]
    assert [s.key for s in steps(table.joint, 1, talk).waiting if s.key.startswith("sign")] == ["sign-text"]


def test_a_withdrawn_signature_and_a_declined_one_lapse() -> None:
    """What was withdrawn and heard, or declined, no longer waits for anybody."""
    table = Table()
    for command, s in (("understandings.withdraw", 0), ("understandings.decline", 1)):
        understanding, hash_ = table_text(table)
        told = {"understanding": understanding, "hash": hash_}
        table.do(PRINCIPAL[0], "understandings.sign", **told)
        table.do(PRINCIPAL[s], command, **told)
        table.do(OFFICER[1], "dialogue.profile", zone="Europe/Moscow", languages=["ru"])
        view = understanding_view(table.joint, 1, understanding)
        assert view is not None
        assert view.status is Status.LAPSED
        assert view.open == ()
    assert waiting(table.joint, 1).for_us == ()


def test_an_amendment_replaces_the_text_when_both_have_signed_it() -> None:
    """The old text stands until then; afterwards it is kept among the past ones."""
    table = Table()
    understanding = signed_text(table, None, "Visas")
    _, hash_ = table_text(table, 1, understanding=understanding, title={"en": "Visas and posts"})
    view = understanding_view(table.joint, 0, understanding)
    assert view is not None
    assert view.text is not None
    assert [t.hash for t in view.open] == [hash_]
    old = view.text.hash
    for s in (0, 1):
        table.do(PRINCIPAL[s], "understandings.sign", understanding=understanding, hash=hash_)
    view = understanding_view(table.joint, 0, understanding)
    assert view is not None
    assert view.text is not None
    assert (view.text.hash, view.text.base) == (hash_, old)
    assert [t.hash for t in view.past] == [old]
    assert view.past[0].seal.replaced


def test_only_full_powers_sign() -> None:
    """Neither an adviser nor a protocol officer binds a side."""
    table = Table()
    understanding, hash_ = table_text(table)
    sign = {"type": "understanding.sign", "understanding": understanding, "hash": hash_}
    assert table.enter(ADVISER[0], sign) == "no power"
    assert table.enter(OFFICER[0], sign) == "no power"


def test_what_was_not_tabled_cannot_be_signed() -> None:
    """An unknown hash, and an unknown understanding, are refused in words."""
    table = Table()
    understanding, _ = table_text(table)
    with pytest.raises(NotTabled):
        table.do(PRINCIPAL[0], "understandings.sign", understanding=understanding, hash=C)
    with pytest.raises(NoSuchUnderstanding):
        table.do(PRINCIPAL[0], "understandings.end", understanding="elsewhere")
    with pytest.raises(NoSuchUnderstanding):
        table_text(table, understanding="elsewhere")


# --- one gesture, initials, corrections, divergences ------------------------------------------------


def test_one_gesture_tables_and_signs() -> None:
    """A text that its author offers waits for the other side alone; an amendment, too."""
    table = Table()
    asked = TEXT | {"kind": "guarantee", "undertakings": undertakings(*table.sides)}
    act = table.do(PRINCIPAL[0], "understandings.offer", **asked)
    told = {"understanding": act["understanding"], "hash": tabled_last(table)}
    assert [s.key for s in waiting(table.joint, 1).for_us] == ["sign-guarantee"]
    table.do(PRINCIPAL[1], "understandings.sign", **told)
    table.do(PRINCIPAL[1], "understandings.offer", **asked, understanding=told["understanding"])
    table.do(
        PRINCIPAL[0],
        "understandings.sign",
        understanding=told["understanding"],
        hash=tabled_last(table),
    )
    view = understanding_view(table.joint, 1, told["understanding"])
    assert view is not None
    assert view.text is not None
    assert view.text.base == told["hash"]
    assert view.status is Status.IN_FORCE
    table.mirrored()


def test_the_summary_says_what_the_gesture_does() -> None:
    """Who tables and signs in one reads both; who initials reads that it binds nobody."""
    table = Table()
    asked = TEXT | {"kind": "understanding"}
    said = {
        command: table.draft(PRINCIPAL[0], command, **asked).summary
        for command in ("understandings.table", "understandings.offer")
    }
    assert said["understandings.table"].title == "Table a text"
    assert said["understandings.offer"].title == "Table a text and sign it"
    assert "Tabling binds nobody" in said["understandings.table"].lines[-1]
    assert "signs it for our side" in said["understandings.offer"].lines[-1]
    understanding, hash_ = table_text(table)
    told = {"understanding": understanding, "hash": hash_}
    assert "binds nobody" in table.draft(PRINCIPAL[0], "understandings.initial", **told).summary.lines[-1]


def test_a_guarantee_on_one_side_is_not_offered_either() -> None:
    """One gesture is no way around the rule."""
    table = Table()
    with pytest.raises(OneSidedGuarantee):
        table.draft(
            PRINCIPAL[0],
            "understandings.offer",
            **TEXT,
            kind="guarantee",
            undertakings=undertakings(table.sides[1]),
        )


def test_initialled_by_both_a_text_is_settled_and_not_in_force() -> None:
    """One initial changes no state; two make it "initialled"; a signature then goes on as ever."""
    table = Table()
    understanding, hash_ = table_text(table)
    told = {"understanding": understanding, "hash": hash_}
    seen = []
    for s in (0, 1):
        table.do(PRINCIPAL[s], "understandings.initial", **told)
        view = understanding_view(table.joint, 0, understanding)
        assert view is not None
        assert view.text is None
        seen.append((view.status, view.open[0].initials.both))
        table.mirrored()
    assert seen == [(Status.TABLED, False), (Status.INITIALLED, True)]
    table.do(PRINCIPAL[0], "understandings.sign", **told)
    view = understanding_view(table.joint, 0, understanding)
    assert view is not None
    assert view.status is Status.SIGNED_BY_ONE
    assert table.enter(ADVISER[0], {"type": "understanding.initial", **told}) == "no power"


def test_a_correction_replaces_the_text_from_the_beginning() -> None:
    """The corrected text is kept, and marked as corrected once both have signed; an amendment marks nothing."""
    table = Table()
    understanding = signed_text(table, None, "Visas")
    for correction in (True, False):
        before = understanding_view(table.joint, 0, understanding)
        assert before is not None
        assert before.text is not None
        _, hash_ = table_text(table, understanding=understanding, correction=correction)
        for s in (0, 1):
            table.do(PRINCIPAL[s], "understandings.sign", understanding=understanding, hash=hash_)
        view = understanding_view(table.joint, 0, understanding)
        assert view is not None
        assert view.text is not None
        assert (view.text.hash, view.text.correction) == (hash_, correction)
        old = next(t for t in view.past if t.hash == before.text.hash)
        assert old.corrected is correction
    table.mirrored()


def test_each_side_notes_how_it_reads_a_place() -> None:
    """The second side answers under the same id without naming the place again; both readings stand."""
    table = Table()
    understanding, hash_ = table_text(table)
    told = {"understanding": understanding, "hash": hash_}
    place = {"en": "the line of contact", "ru": "линия соприкосновения"}
    act = table.do(ADVISER[0], "understandings.diverge", **told, place=place, reading="As of 2014.")
    answer = {"divergence": act["divergence"], "reading": {"ru": "На день подписания."}}
    assert table.do(ADVISER[1], "understandings.diverge", **told, **answer)["place"] == act["place"]
    for us in (0, 1):
        view = understanding_view(table.joint, us, understanding)
        assert view is not None
        (found,) = view.open[0].divergences
        assert [list(each) for each in found.place] == act["place"]
        assert found.ours is not None
        assert found.theirs is not None
        words = [table.text(us, reading.reading[0][1]) for reading in (found.ours, found.theirs)]
        assert words[us] == "As of 2014."
        assert words[1 - us] == "На день подписания."
    table.mirrored()


def test_a_divergence_names_a_place_that_is_known() -> None:
    """A new one needs its place; an answer needs one that was noted; both need a text that was tabled."""
    table = Table()
    understanding, hash_ = table_text(table)
    told = {"understanding": understanding, "hash": hash_, "reading": "As of 2014."}
    with pytest.raises(Malformed) as refused:
        table.do(PRINCIPAL[0], "understandings.diverge", **told)
    assert refused.value.details["field"] == "place"
    with pytest.raises(NoSuchDivergence):
        table.do(PRINCIPAL[0], "understandings.diverge", **told, divergence="elsewhere")
    with pytest.raises(NotTabled):
        table.do(PRINCIPAL[0], "understandings.diverge", **(told | {"hash": C}), place={"en": "x"})


def test_a_withdrawal_that_came_too_late_is_said() -> None:
    """A withdraws while B, not having heard it, signs: in force, and A's half says that it came too late."""
    table = Table()
    understanding, hash_ = table_text(table)
    told = {"understanding": understanding, "hash": hash_}
    table.do(PRINCIPAL[0], "understandings.sign", **told)
    table.deaf[1] = table.states[0].size
    table.do(PRINCIPAL[0], "understandings.withdraw", **told)
    view = understanding_view(table.joint, 0, understanding)
    assert view is not None
    assert view.open[0].seal.ours.state is SealState.WITHDRAWING
    table.do(PRINCIPAL[1], "understandings.sign", **told)
    for us, late in ((0, (True, False)), (1, (False, True))):
        view = understanding_view(table.joint, us, understanding)
        assert view is not None
        assert view.text is not None
        assert view.text.seal.in_force
        assert (view.text.seal.ours.late, view.text.seal.theirs.late) == late


@pytest.mark.parametrize(
    ("before", "after", "lines"),
    [
        ("one two", "one two", [[("equal", "one two")]]),
        (
            "within thirty days of signing",
            "within ten days",
            [
                [
                    ("equal", "within"),
                    ("delete", "thirty"),
                    ("insert", "ten"),
                    ("equal", "days"),
                    ("delete", "of signing"),
                ]
            ],
        ),
        ("First.\n\nSecond.", "First.", [[("equal", "First.")], [("delete", "Second.")]]),
        ("", "New  words.", [[("insert", "New words.")]]),
    ],
)
def test_a_redline_is_word_by_word(before: str, after: str, lines: list[list[tuple[str, str]]]) -> None:
    """What was struck out, what is new, and what stays; a space counts as one, a blank line parts."""
    assert [list(paragraph) for paragraph in redline(before, after)] == lines


WORDS = st.lists(st.sampled_from(["a", "b", "c.", "\n\n"]), max_size=30).map(" ".join)


@given(WORDS, WORDS)
def test_a_redline_holds_both_texts_and_nothing_else(before: str, after: str) -> None:
    """Without what is struck out it reads as the later text, without what is new as the earlier."""
    for text, left_out in ((before, "insert"), (after, "delete")):
        kept = [words for line in redline(before, after) for op, words in line if op != left_out]
        assert " ".join(kept).split() == text.split()


def test_two_long_texts_are_shown_whole() -> None:
    """What would take seconds to align is struck out and written anew."""
    one, other = "a " * 5000, "b " * 5000
    assert [[op for op, _ in line] for line in redline(one, other)] == [["delete"], ["insert"]]


# --- ends -----------------------------------------------------------------------------------------


def test_either_side_ends_an_understanding_alone() -> None:
    """At once, for both, with its reason; it stays in the register as ended."""
    table = Table()
    understanding = signed_text(table, None, "Visas")
    act = table.do(
        PRINCIPAL[1], "understandings.end", understanding=understanding, reason="No visa was issued."
    )
    view = understanding_view(table.joint, 0, understanding)
    assert view is not None
    assert (view.status, view.ended_ours) == (Status.ENDED, None)
    assert view.ended_theirs is not None
    assert [list(text) for text in view.ended_theirs.reason] == act["reason"]
    assert table.text(0, act["reason"][0][1]) == "No visa was issued."
    assert [line.status for line in register(table.joint, 0)] == [Status.ENDED]
    table.mirrored()


# --- review ---------------------------------------------------------------------------------------


def assess(table: Table, s: int, talk: str, understanding: str, verdict: Verdict, **fields: Any) -> None:
    table.do(
        PRINCIPAL[s],
        "understandings.assess",
        talk=talk,
        understanding=understanding,
        verdict=verdict.value,
        **fields,
    )


def test_the_review_puts_extra_effort_first_and_what_is_implemented_last() -> None:
    """Extra effort, then where the sides differ, then what is not begun or open, then what both call implemented."""
    table = Table()
    first = agreed_talk(table, start="2021-06-16T11:00:00Z")
    done, effort, differs, none = (
        signed_text(table, first, n) for n in ("Done", "Effort", "Differs", "None")
    )
    talk = agreed_talk(table)
    for s in (0, 1):
        assess(table, s, talk, done, Verdict.IMPLEMENTED)
        assess(table, s, talk, effort, Verdict.EXTRA_EFFORT)
    assess(table, 0, talk, differs, Verdict.IMPLEMENTED, evidence="Three rounds were held.")
    assess(table, 1, talk, differs, Verdict.NOT_BEGUN, evidence={"en": "No answer yet.", "ru": "Ответа нет."})
    seen = review(table.joint, 0, talk)
    assert [row.understanding for row in seen.rows] == [effort, differs, none, done]
    assert [(need, [row.understanding for row in rows]) for need, rows in seen.groups] == [
        (Need.EFFORT, [effort]),
        (Need.APART, [differs]),
        (Need.OPEN, [none]),
        (Need.DONE, [done]),
    ]
    assert (seen.ours.implemented, seen.ours.extra_effort, seen.ours.not_begun, seen.ours.open) == (
        2,
        1,
        0,
        1,
    )
    assert (seen.theirs.not_begun, seen.both_implemented, seen.differing, seen.complete) == (1, 1, 1, False)
    row = seen.rows[1]
    assert row.differ and row.theirs is not None
    assert {lang: table.text(0, c) for lang, c in row.theirs.evidence} == {
        "en": "No answer yet.",
        "ru": "Ответа нет.",
    }
    table.mirrored()


def test_the_review_asks_each_side_for_what_it_has_not_assessed() -> None:
    """What the other has assessed and we have not waits for us."""
    table = Table()
    first = agreed_talk(table, start="2021-06-16T11:00:00Z")
    understanding = signed_text(table, first, "Visas")
    talk = agreed_talk(table)
    assess(table, 1, talk, understanding, Verdict.NOT_BEGUN)
    ours = [s for s in steps(table.joint, 0, talk).now if s.key == "assess"]
    assert [(s.urgent, s.params["understanding"]) for s in ours] == [(True, understanding)]
    assert [s for s in steps(table.joint, 1, talk).now if s.key == "assess"] == []
    assert [s.key for s in steps(table.joint, 1, talk).waiting if s.key == "assess"] == ["assess"]


def test_assessments_are_kept_talk_by_talk() -> None:
    """The course of an understanding over the talks is seen at a glance; what ended is still told."""
    table = Table()
    first = agreed_talk(table, start="2021-06-16T11:00:00Z")
    understanding = signed_text(table, first, "Visas")
    later = [agreed_talk(table, start=f"2021-1{n}-07T15:00:00Z") for n in (0, 1, 2)]
    for talk, verdict in zip(
        later, (Verdict.NOT_BEGUN, Verdict.EXTRA_EFFORT, Verdict.IMPLEMENTED), strict=True
    ):
        assess(table, 0, talk, understanding, verdict)
    view = understanding_view(table.joint, 0, understanding)
    assert view is not None
    assert [a.ours.verdict for a in view.assessed if a.ours] == [
        Verdict.NOT_BEGUN,
        Verdict.EXTRA_EFFORT,
        Verdict.IMPLEMENTED,
    ]
    assert [a.talk for a in review(table.joint, 1, later[1]).rows[0].before] == [later[0]]
    table.do(PRINCIPAL[0], "understandings.end", understanding=understanding)
    assert [row.status for row in review(table.joint, 0, later[2]).rows] == [Status.ENDED]


def test_only_what_is_in_force_is_assessed() -> None:
    """A text that one side signed, or that ended, is not in force: refused, and void past the command."""
    table = Table()
    talk = agreed_talk(table)
    understanding, hash_ = table_text(table)
    table.do(PRINCIPAL[0], "understandings.sign", understanding=understanding, hash=hash_)
    with pytest.raises(NotInForce):
        assess(table, 0, talk, understanding, Verdict.IMPLEMENTED)
    forced = {
        "type": "understanding.assess",
        "talk": talk,
        "understanding": understanding,
        "verdict": "implemented",
        "evidence": [],
    }
    assert table.enter(PRINCIPAL[0], forced) == "not in force"


def test_every_state_is_in_the_table_once() -> None:
    """An end wins over every accord; without any fact a text has lapsed."""
    assert {status for status, _ in STATUSES} == set(Status)
    facts = [fact for _, fact in STATUSES if fact is not None]
    for at, (status, _) in enumerate(STATUSES):
        held = TextFacts(**{fact: n >= at for n, fact in enumerate(facts)})
        assert status_of(held) is status


def test_unknown_members_are_refused() -> None:
    """An act with a member that its row does not name is void by its form."""
    table = Table()
    assert table.enter(PRINCIPAL[0], act_of(kind="understanding", secret="x")) == "act form"
    assert {spec.type for spec in ACTS if spec.fields is TableText} == {
        "understanding.table",
        "understanding.offer",
    }


# --- the life as a table ----------------------------------------------------------------------------


def live(table: Table, event: Event, told: dict[str, str], *, first: int) -> dict[str, str]:
    """Let one event happen, by the side that acts first or by the other; what names the text then."""
    one, other = PRINCIPAL[first], PRINCIPAL[1 - first]
    match event:
        case Event.TABLED | Event.OFFERED:
            command = "understandings.table" if event is Event.TABLED else "understandings.offer"
            of = {"understanding": told["understanding"]} if told else {}
            act = table.do(one, command, **TEXT, kind="understanding", **of)
            return {"understanding": act["understanding"], "hash": tabled_last(table)}
        case Event.INITIALLED:
            for seat in (one, other):
                table.do(seat, "understandings.initial", **told)
        case Event.SIGNED:
            table.do(one, "understandings.sign", **told)
        case Event.AGREED:
            table.do(other, "understandings.sign", **told)
        case Event.LAPSED:
            table.do(other, "understandings.decline", **told)
        case Event.REPLACED:
            _, hash_ = table_text(table, first, understanding=told["understanding"], correction=bool(first))
            told = {"understanding": told["understanding"], "hash": hash_}
            for seat in (one, other):
                table.do(seat, "understandings.sign", **told)
        case Event.ENDED:
            table.do(one, "understandings.end", understanding=told["understanding"])
    return told


def way_to(status: Status | None) -> list[Event]:
    """Events that lead there, by the table itself."""
    ways: dict[Status | None, list[Event]] = {None: []}
    for _ in Status:
        for before, event, after in LIFE:
            if before in ways:
                ways.setdefault(after, [*ways[before], event])
    return ways[status]


@pytest.mark.parametrize("first", [0, 1])
@pytest.mark.parametrize(("before", "event", "after"), LIFE)
def test_the_life_of_an_understanding_is_the_table(
    before: Status | None, event: Event, after: Status, first: int
) -> None:
    """Every row, driven through real logs by either side, leads where it says, for both chairs."""
    table = Table()
    told: dict[str, str] = {}
    for step in way_to(before):
        told = live(table, step, told, first=first)
    if before is not None:
        view = understanding_view(table.joint, 0, told["understanding"])
        assert view is not None
        assert view.status is before
    told = live(table, event, told, first=first)
    for us in (0, 1):
        view = understanding_view(table.joint, us, told["understanding"])
        assert view is not None
        assert view.status is after
    table.mirrored()


def test_the_life_reaches_every_state() -> None:
    """No state is out of reach; an end is final."""
    assert {after for _, _, after in LIFE} == set(Status)
    assert {event for _, event, _ in LIFE} == set(Event)
    assert Status.ENDED not in {before for before, _, _ in LIFE}
