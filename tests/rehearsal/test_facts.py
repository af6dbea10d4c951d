"""The twelve facts, over one real rehearsal (`observed.json`, recorded by `make_observed`), and over lies about it."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from visavis.rehearsal.facts import all_held, facts, missing
from visavis.rehearsal.play import Observed, StepTaken
from visavis.rehearsal.scenario import read_scenario

HERE = Path(__file__).parent
SCENARIO = read_scenario(HERE.parents[1] / "examples" / "december" / "scenario.toml")
RECORDED = json.loads((HERE / "observed.json").read_text(encoding="utf-8"))
NAMES = [f"S{n}" for n in range(1, 13)]

Case = dict[str, Any]


def observation(case: Case) -> Observed:
    steps = [StepTaken(**step) for step in case["observed"]["steps"]]
    return Observed(**{**case["observed"], "steps": steps})


def judged(case: Case) -> dict[str, Any]:
    return facts(SCENARIO, observation(case), case["account"], case["numbers"])


def fresh() -> Case:
    return copy.deepcopy(RECORDED)


def test_a_day_that_was_played_holds() -> None:
    """All twelve hold on what a real rehearsal observed, each with a place and with what decided."""
    found = judged(fresh())
    assert [name for name, fact in found.items() if not fact.held] == []
    assert list(found) == NAMES
    assert all_held(found)
    assert missing(found) == []
    for fact in found.values():
        assert fact.where.startswith(("/d/", "/newsroom/", "/quotes"))
        assert fact.observed


# --- one change each ----------------------------------------------------------------------------------


def talk(case: Case, moment: str, chair: str) -> Any:
    """The talk's part of a view."""
    parts = case["observed"]["views"][moment][chair]["talks"]
    return next(part for part in parts if part["talk"]["id"] == case["observed"]["ids"]["talk"])


def seat(case: Case, name: str) -> Any:
    return case["observed"]["seats"][name]


def watched(case: Case, name: str, whom: str) -> Any:
    return seat(case, name)["watched"][seat(case, whom)["device"]]


A, B = "Principal of side A", "Principal of side B"


def another_time(case: Case) -> None:
    talk(case, "agenda agreed", "b")["talk"]["time"]["start"] = "2021-12-07T16:00:00Z"


def time_of_one_side(case: Case) -> None:
    talk(case, "agenda agreed", "a")["talk"]["time"]["seal"]["in_force"] = False


def two_issues(case: Case) -> None:
    for chair in "ab":
        talk(case, "agenda agreed", chair)["talk"]["agenda"]["items"].pop()


def too_few_frames(case: Case) -> None:
    watched(case, A, B)["frames"] = 9


def another_voice(case: Case) -> None:
    watched(case, A, B)["heard_hz"] = [1290.0] * 30


def silence_heard(case: Case) -> None:
    watched(case, B, A)["heard_hz"] = []


def one_seat_gone(case: Case) -> None:
    del seat(case, A)["watched"][seat(case, B)["device"]]


def judgement_missing(case: Case) -> None:
    for chair in "ab":
        row = talk(case, "concluded", chair)["review"]["rows"][0]
        row["ours" if chair == "a" else "theirs"] = None


def judgement_changed(case: Case) -> None:
    for chair in "ab":
        row = talk(case, "concluded", chair)["review"]["rows"][0]
        row["ours" if chair == "a" else "theirs"]["verdict"] = "not-begun"


def review_proposed_by_hand(case: Case) -> None:
    talk(case, "concluded", "a")["talk"]["agenda"]["items"][0]["by_ours"] = True


def relation_last(case: Case) -> None:
    for chair in "ab":
        items = talk(case, "agenda agreed", chair)["talk"]["agenda"]["items"]
        items.append(items.pop(next(n for n, i in enumerate(items) if i["kind"] == "relation")))


def relation_unsaid(case: Case) -> None:
    talk(case, "agenda agreed", "b")["talk"]["relation"]["ours"]["grade"] = "good"


def agenda_of_one_side(case: Case) -> None:
    talk(case, "agenda agreed", "a")["talk"]["agenda"]["seal"]["in_force"] = False


def order_against_both(case: Case) -> None:
    for chair in "ab":
        items = talk(case, "agenda agreed", chair)["talk"]["agenda"]["items"]
        items.append(items.pop(next(n for n, i in enumerate(items) if i["kind"] == "issue")))


def no_initiative(case: Case) -> None:
    for item in talk(case, "agenda agreed", "a")["talk"]["agenda"]["items"]:
        item["initiatives"] = []


def refusal(case: Case) -> Any:
    return next(r for r in case["observed"]["refusals"] if r["what"] == "a one-sided guarantee")


def refused_for_another_reason(case: Case) -> None:
    refusal(case)["code"] = "no-power"


def never_refused(case: Case) -> None:
    case["observed"]["refusals"].remove(refusal(case))


def guarantee(case: Case, chair: str) -> Any:
    views = case["observed"]["views"]["concluded"][chair]
    return next(u for u in views["understandings"] if u["kind"] == "guarantee")


def guarantee_of_one_side(case: Case) -> None:
    guarantee(case, "b")["text"]["theirs"] = []


def guarantee_signed_once(case: Case) -> None:
    guarantee(case, "a")["status"] = "signed-by-one"


def guarantee_unverified(case: Case) -> None:
    slot = f"text/{case['observed']['ids']['guarantee']}"
    agreement = next(a for a in case["account"]["agreements"] if a["slot"] == slot)
    agreement["standing"] = "ended"


def record_does_not_hold(case: Case) -> None:
    case["account"]["holds"] = False


def two_agendas(case: Case) -> None:
    talk(case, "concluded", "b")["talk"]["agenda"]["hash"] = "another"


def one_side_spoke(case: Case) -> None:
    for chair in "ab":
        case["observed"]["floor"][chair]["b"] = 0.0


def one_side_spoke_ten_times_as_long(case: Case) -> None:
    for chair in "ab":
        case["observed"]["floor"][chair]["a"] = 10 * case["observed"]["floor"][chair]["b"] + 1


def one_side_may_act_for_the_other(case: Case) -> None:
    kept = case["observed"]["refusals"]
    kept[:] = [r for r in kept if r["what"] == "a one-sided guarantee" or r["by"].endswith("A")]


def other_rights(case: Case) -> None:
    people = case["observed"]["views"]["concluded"]["a"]["sides"]["ours"]["delegates"]
    people[0]["powers"] = []


def feed_empty(case: Case) -> None:
    feed = case["observed"]["public"]["feed b"]
    head, _, rest = feed["text"].partition("<entry")
    feed["text"] = head + rest.rpartition("</entry>")[2]


def feed_gone(case: Case) -> None:
    case["observed"]["public"]["feed a"]["status"] = 404


def released_before_the_end(case: Case) -> None:
    for chair in "ab":
        talk(case, "concluded", chair)["talk"]["ended_ours"]["time"] = "2999-01-01T00:00:00Z"


def called(case: Case) -> None:
    talk(case, "closed", "b")["press"]["call_ours"]["called"] = {"time": "2021-12-07T17:00:00Z"}


def never_armed(case: Case) -> None:
    talk(case, "closed", "a")["press"]["call_ours"]["armed"] = None


def statement_expected(case: Case) -> None:
    talk(case, "closed", "a")["press"]["statement_ours"]["expected"] = "expected"


def statement_made(case: Case) -> None:
    press = talk(case, "closed", "b")["press"]
    press["ours"].append({**press["ours"][0], "kind": "statement", "public": True})


def quote_passed_as_verbatim(case: Case) -> None:
    quotes = case["observed"]["public"]["quotes"]
    altered = next(q for q in quotes if q["due"] == "altered")
    altered["answer"]["quotations"][0]["finding"] = "verbatim"


def quote_without_a_place(case: Case) -> None:
    for each in case["observed"]["public"]["quotes"]:
        for quotation in each["answer"]["quotations"]:
            quotation["permalink"] = None


def quote_without_its_difference(case: Case) -> None:
    for each in case["observed"]["public"]["quotes"]:
        for quotation in each["answer"]["quotations"]:
            quotation["difference"] = []


def feed_of_one_language(case: Case) -> None:
    feed = case["observed"]["public"]["feed a"]
    feed["text"] = feed["text"].replace('xml:lang="ru"', 'xml:lang="en"')


def words(case: Case, moment: str, chair: str, item: str) -> Any:
    return case["observed"]["contents"][moment][chair][case["observed"]["ids"]["items"][item]]


def position_rewritten(case: Case) -> None:
    words(case, "after tabling", "b", "expansion")["theirs"]["en"] += " Perhaps."


def position_leaked(case: Case) -> None:
    said = words(case, "after tabling", "a", "tension")["theirs"]
    words(case, "before tabling", "a", "tension")["theirs"] = said


def page_changed(name: str, old: str, new: str) -> Callable[[Case], None]:
    def change(case: Case) -> None:
        page = case["observed"]["public"][name]
        assert old in page["text"]
        page["text"] = page["text"].replace(old, new)

    change.__name__ = f"page_without_{old.strip('<').lower()}"
    return change


def unrelated(case: Case) -> None:
    page = case["observed"]["public"]["release a"]
    page["text"] = page["text"].replace(case["observed"]["ids"]["releases"]["b"], "nothing")


def comment_at_once(case: Case) -> None:
    case["observed"]["public"]["comment"]["shown_before"] = True


def comment_never(case: Case) -> None:
    case["observed"]["public"]["comment"]["shown_after"] = False


LIES: list[tuple[str, Callable[[Case], None]]] = [
    ("S1", another_time),
    ("S1", time_of_one_side),
    ("S1", two_issues),
    ("S1", too_few_frames),
    ("S1", another_voice),
    ("S1", silence_heard),
    ("S1", one_seat_gone),
    ("S2", judgement_missing),
    ("S2", judgement_changed),
    ("S2", review_proposed_by_hand),
    ("S3", relation_last),
    ("S3", relation_unsaid),
    ("S4", agenda_of_one_side),
    ("S4", order_against_both),
    ("S4", no_initiative),
    ("S5", refused_for_another_reason),
    ("S5", never_refused),
    ("S5", guarantee_of_one_side),
    ("S5", guarantee_signed_once),
    ("S5", guarantee_unverified),
    ("S5", record_does_not_hold),
    ("S6", two_agendas),
    ("S6", one_side_spoke),
    ("S6", one_side_spoke_ten_times_as_long),
    ("S6", one_side_may_act_for_the_other),
    ("S6", other_rights),
    ("S7", feed_empty),
    ("S7", feed_gone),
    ("S7", released_before_the_end),
    ("S8", called),
    ("S8", never_armed),
    ("S9", statement_expected),
    ("S9", statement_made),
    ("S10", quote_passed_as_verbatim),
    ("S10", quote_without_a_place),
    ("S10", quote_without_its_difference),
    ("S10", feed_of_one_language),
    ("S11", position_rewritten),
    ("S11", position_leaked),
    ("S12", page_changed("release a", "UTC", "")),
    ("S12", page_changed("release b", "WASHINGTON", "")),
    ("S12", page_changed("release a", "<textarea", "<input")),
    ("S12", page_changed("release b", "OP", "")),
    ("S12", page_changed("release b", "<time", "<span")),
    ("S12", unrelated),
    ("S12", comment_at_once),
    ("S12", comment_never),
]
ALSO = {
    # One cause, two facts: each of them rests on it by its own words.
    "two_issues": {"S4", "S6"},
    "judgement_missing": {"S6"},
    "feed_empty": {"S10"},
}


@pytest.mark.parametrize(("name", "lie"), LIES, ids=[f"{n}-{lie.__name__}" for n, lie in LIES])
def test_a_fact_falls_with_its_evidence_and_alone(name: str, lie: Callable[[Case], None]) -> None:
    """One thing observed otherwise, and exactly the fact that rests on it does not hold."""
    case = fresh()
    lie(case)
    fallen = {n for n, fact in judged(case).items() if not fact.held}
    assert name in fallen
    assert fallen - {name} <= ALSO.get(lie.__name__, set())


@pytest.mark.parametrize("name", NAMES)
def test_nothing_observed_is_nothing_held(name: str) -> None:
    """A day that came to a dialogue and no further proves none of the twelve, and raises nothing."""
    bare = Observed(ids={"dialogue": RECORDED["observed"]["ids"]["dialogue"]})
    found = facts(SCENARIO, bare, {"holds": False, "agreements": []}, RECORDED["numbers"])
    assert not found[name].held
    assert found[name].says


@pytest.mark.parametrize("part", ["views", "refusals", "seats", "public", "ids", "floor", "contents"])
def test_missing_evidence_never_raises(part: str) -> None:
    """Any part of the observation may be missing: what rests on it does not hold."""
    case = fresh()
    case["observed"][part] = type(case["observed"][part])()
    found = judged(case)
    assert list(found) == NAMES
    assert not all_held(found)


def test_every_fact_has_a_lie() -> None:
    """No fact stands without a test that makes it fall."""
    assert {name for name, _ in LIES} == set(NAMES)
