"""The twelve facts of the report, each computed from what was observed. Pure.

Lives here: `facts`: S1…S12 as `Fact(held, where, observed)`.
Not here: playing (`play`), telling (`report`).

Nothing here knows how the day was meant to go but by the scenario; a fact holds only if the answers, pages and
measures that came back say so. `where` names the place at which a person can look it up.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import combinations
from typing import Any
from zoneinfo import ZoneInfo

from lxml import etree

from visavis.errors import VisavisError
from visavis.rehearsal.play import CHAIRS, Observed
from visavis.rehearsal.scenario import Chair, Scenario
from visavis.rehearsal.voice import seat_hz

ATOM = "{http://www.w3.org/2005/Atom}"
HEARD_HZ = 25.0
"""How far a heard tone may lie from a seat's own: 100 ms windows and Opus blur by about ten."""
MIN_FRAMES = 10
FAIR_FLOOR = 3.0
"""Floor time of the two sides may differ by this factor before it is no longer fair."""


@dataclass(frozen=True, slots=True)
class Fact:
    """One fact. where: a place a person can open. observed: what decided."""

    held: bool
    where: str
    says: str
    observed: Mapping[Any, Any] = field(default_factory=dict)


class Day:
    """What all facts look at. numbers: seat's name → number (its voice)."""

    def __init__(
        self,
        scenario: Scenario,
        observed: Observed,
        account: Mapping[str, Any],
        numbers: Mapping[str, int],
    ) -> None:
        self.scenario, self.observed, self.account, self.numbers = scenario, observed, account, numbers
        self.ids = observed.ids
        # A day that ended early may have come to a dialogue and to no talk.
        self.base = f"/d/{self.ids.get('dialogue', '')}"
        self.talk_page = f"{self.base}/talks/{self.ids.get('talk', '')}"

    def talk(self, moment: str, chair: Chair) -> dict[str, Any]:
        """The talk's part of a view: {"talk", "review", "press", "steps"}."""
        view = self.observed.views[moment][chair]
        part: dict[str, Any] = next(p for p in view["talks"] if p["talk"]["id"] == self.ids["talk"])
        return part

    def both(self, moment: str) -> list[dict[str, Any]]:
        return [self.talk(moment, chair) for chair in CHAIRS]

    def page(self, name: str) -> tuple[int, str]:
        found = self.observed.public[name]
        return found["status"], found["text"]


def facts(
    scenario: Scenario, observed: Observed, account: Mapping[str, Any], numbers: Mapping[str, int]
) -> dict[str, Fact]:
    """S1…S12. account: what `visavis record verify --json` printed. A fact whose evidence is missing does not hold."""
    day = Day(scenario, observed, account, numbers)
    found = {}
    for number, judge in enumerate((s1, s2, s3, s4, s5, s6, s7, s8, s9, s10, s11, s12), start=1):
        found[f"S{number}"] = _judged(judge, day)
    return found


def _judged(judge: Callable[[Day], Fact], day: Day) -> Fact:
    try:
        return judge(day)
    except (KeyError, IndexError, StopIteration, TypeError, ValueError, VisavisError) as error:
        missing = f"{type(error).__name__}: {error}"
        return Fact(False, "", (judge.__doc__ or "").strip(), {"missing": missing})


def s1(day: Day) -> Fact:
    """The two principals discuss three issues by video on a given day."""
    due = day.scenario.talk.start.astimezone(UTC)
    times: list[datetime | None] = []
    zones = []
    for chair, part in zip(CHAIRS, day.both("agenda agreed"), strict=True):
        time = part["talk"]["time"]
        times.append(datetime.fromisoformat(time["start"]).astimezone(UTC))
        zones.append((time["zone_ours"], time["zone_theirs"]))
        if time["zone_ours"] != day.scenario.sides[chair].zone or not time["seal"]["in_force"]:
            times.append(None)
    issues = [
        [i["id"] for i in part["talk"]["agenda"]["items"] if i["kind"] == "issue"]
        for part in day.both("agenda agreed")
    ]
    met = _met(day)
    due_issues = {day.ids["items"][i.id] for i in day.scenario.talk.items if i.kind == "issue"}
    local = {
        side.zone: due.astimezone(ZoneInfo(side.zone)).isoformat() for side in day.scenario.sides.values()
    }
    held = (
        all(time == due for time in times)
        and zones[0] == zones[1][::-1]
        and all(set(each) == due_issues for each in issues)
        and bool(met)
        and all(pair["frames"] >= MIN_FRAMES and pair["heard"] for pair in met)
    )
    return Fact(
        held,
        f"{day.talk_page}/room",
        "The two sides met by video at the agreed time, on three issues.",
        {"start": local, "issues": len(issues[0]), "met": met},
    )


def _met(day: Day) -> list[dict[str, Any]]:
    """Each seat of each other: frames decoded, and whether the other's own tone was what it heard most."""
    by_device = {measure["device"]: name for name, measure in day.observed.seats.items()}
    out = []
    for name, measure in day.observed.seats.items():
        for device, watched in measure["watched"].items():
            other = by_device[device]
            tones = watched["heard_hz"]
            due = seat_hz(day.numbers[other])
            right = sum(abs(hz - due) <= HEARD_HZ for hz in tones)
            spoke = day.observed.seats[other]["spoken_s"] > 0
            heard = right > len(tones) / 2 if spoke else not tones
            out.append(
                {
                    "who": name,
                    "whom": other,
                    "frames": watched["frames"],
                    "heard": heard,
                    "voiced_s": round(watched["voiced_s"], 1),
                }
            )
    pairs = len(day.observed.seats) * (len(day.observed.seats) - 1)
    return out if len(out) == pairs else []


def s2(day: Day) -> Fact:
    """The understandings of the earlier meeting are reviewed: implemented, or needing extra effort."""
    earlier = {u.id: u for u in day.scenario.earlier.understandings}
    ids = day.ids["understandings"]
    held, tallies = True, {}
    for chair, part in zip(CHAIRS, day.both("concluded"), strict=True):
        first = part["talk"]["agenda"]["items"][0]
        held &= first["kind"] == "review" and set(first["understandings"]) == set(ids.values())
        # It came by itself: no side proposed it.
        held &= not first["by_ours"] and not first["by_theirs"]
        rows = {row["understanding"]: row for row in part["review"]["rows"]}
        other = CHAIRS[1 - CHAIRS.index(chair)]
        for key, understanding in earlier.items():
            row = rows[ids[key]]
            held &= row["ours"]["verdict"] == understanding.assessments[chair].verdict
            held &= row["theirs"]["verdict"] == understanding.assessments[other].verdict
        tallies[chair] = part["review"]["ours"]
    return Fact(
        bool(held),
        f"{day.talk_page}/review",
        "Each side's judgement of every earlier understanding stands beside the other's.",
        {"tally": tallies, "differing": day.talk("concluded", "a")["review"]["differing"]},
    )


def s3(day: Day) -> Fact:
    """The bilateral relation is on the agenda; each side says how it finds it."""
    grades, held = {}, True
    for chair, part in zip(CHAIRS, day.both("agenda agreed"), strict=True):
        kinds = [item["kind"] for item in part["talk"]["agenda"]["items"]]
        held &= kinds.index("relation") < kinds.index("issue")
        relation = part["talk"]["relation"]
        other = CHAIRS[1 - CHAIRS.index(chair)]
        held &= relation["ours"]["grade"] == day.scenario.talk.relation[chair].grade
        held &= relation["theirs"]["grade"] == day.scenario.talk.relation[other].grade
        grades[chair] = relation["ours"]["grade"]
    return Fact(
        bool(held), day.talk_page, "The relation stands before the issues, in each side's word.", grades
    )


def s4(day: Day) -> Fact:
    """An agenda in order of importance, with one side's initiative under its item."""
    back = {v: k for k, v in day.ids["items"].items()}
    orders, held = {}, True
    rankings = day.scenario.talk.rankings
    for chair, part in zip(CHAIRS, day.both("agenda agreed"), strict=True):
        agenda = part["talk"]["agenda"]
        order = [back[i["id"]] for i in agenda["items"] if i["kind"] == "issue"]
        orders[chair] = order
        held &= agenda["seal"]["in_force"]
        for one, two in combinations(order, 2):
            # Fair to both: what both rank higher comes first, whatever the rule.
            held &= not all(ranking.index(two) < ranking.index(one) for ranking in rankings.values())
        for item in day.scenario.talk.items:
            if item.initiative is not None:
                row = next(i for i in agenda["items"] if i["id"] == day.ids["items"][item.id])
                held &= [x["ours"] for x in row["initiatives"]] == [item.initiative.by == chair]
    held &= orders["a"] == orders["b"]
    return Fact(
        bool(held),
        day.talk_page,
        "Both approved one order, merged from both rankings; the initiative stands under its item.",
        {"order": orders["a"], "rankings": dict(rankings)},
    )


def s5(day: Day) -> Fact:
    """A guarantee cannot be one-sided: refused so, and in force only when both signed the mutual one."""
    refusal = next(r for r in day.observed.refusals if r["what"] == "a one-sided guarantee")
    duties, held = {}, refusal["code"] == "one-sided-guarantee" and refusal["status"] == 409
    for chair in CHAIRS:
        view = day.observed.views["concluded"][chair]
        texts = [u for u in view["understandings"] if u["kind"] == "guarantee"]
        held &= [u["id"] for u in texts] == [day.ids["guarantee"]]
        text = texts[0]
        held &= text["status"] == "in-force" and text["text"]["seal"]["agreed"]
        duties[chair] = [len(text["text"]["ours"]), len(text["text"]["theirs"])]
        held &= all(count > 0 for count in duties[chair])
    slot = f"text/{day.ids['guarantee']}"
    verified = [a for a in day.account["agreements"] if (a["slot"], a["standing"]) == (slot, "in force")]
    held &= bool(day.account["holds"]) and len(verified) == 1
    return Fact(
        bool(held),
        f"{day.base}/understandings/{day.ids['guarantee']}",
        "The one-sided draft was refused; the mutual guarantee is in force, signed by both, and verified offline.",
        {"refused": refusal["message"], "undertakings (ours, theirs)": duties},
    )


def s6(day: Day) -> Fact:
    """Mutual respect: the same rights, the same view, the floor shared."""
    mirrored, held = {}, True
    for moment in ("agenda agreed", "concluded"):
        a, b = day.both(moment)
        same = (
            a["talk"]["agenda"]["hash"] == b["talk"]["agenda"]["hash"]
            and a["talk"]["time"]["hash"] == b["talk"]["time"]["hash"]
            and [i["id"] for i in a["talk"]["agenda"]["items"]]
            == [i["id"] for i in b["talk"]["agenda"]["items"]]
            and [(r["understanding"], r["ours"], r["theirs"]) for r in a["review"]["rows"]]
            == [(r["understanding"], r["theirs"], r["ours"]) for r in b["review"]["rows"]]
        )
        mirrored[moment] = same
        held &= same
    floors = [sum(day.observed.floor[chair][side] for chair in CHAIRS) / 2 for side in CHAIRS]
    held &= min(floors) > 0 and max(floors) <= FAIR_FLOOR * min(floors)
    tried = [r for r in day.observed.refusals if r["what"] != "a one-sided guarantee"]
    held &= {r["by"].rpartition(" ")[2] for r in tried} == {"A", "B"} and len(tried) >= 4
    powers = {
        chair: [
            sorted(p["powers"]) for p in day.observed.views["concluded"][chair]["sides"]["ours"]["delegates"]
        ]
        for chair in CHAIRS
    }
    held &= sorted(powers["a"]) == sorted(powers["b"])
    return Fact(
        bool(held),
        f"{day.talk_page}/room",
        "Both chairs show one mirrored state; neither could act for the other; both had the floor.",
        {
            "floor_s": dict(zip(CHAIRS, (round(f, 1) for f in floors), strict=True)),
            "mirrored": mirrored,
            "refused": [r["code"] for r in tried],
        },
    )


def s7(day: Day) -> Fact:
    """Each side's press service issues its release after the talk."""
    counts, held = {}, True
    # Concluded by both: the later of the two; feeds say whole seconds.
    ended = [part["talk"]["ended_ours"]["time"] for part in day.both("concluded")]
    concluded = max(map(_instant, ended)).replace(microsecond=0)
    for chair in CHAIRS:
        status, feed = day.page(f"feed {chair}")
        entries = _entries(feed)
        held &= status == 200 and len(entries) >= 1
        held &= all(_instant(e["published"]) >= concluded for e in entries)
        titles = {text.title for text in day.scenario.press.desk(chair).readout.values()}
        held &= any(e["title"] in titles for e in entries)
        counts[chair] = len(entries)
    return Fact(
        bool(held),
        day.observed.public["release a"]["path"],
        "Both readouts are out, after the talk was concluded.",
        {"entries in the feeds": counts},
    )


def s8(day: Day) -> Fact:
    """A press call is arranged if need be; for now it is not on."""
    states, held = {}, True
    for chair, part in zip(CHAIRS, day.both("closed"), strict=True):
        call = part["press"]["call_ours"]
        states[chair] = call["state"]
        held &= call["expected"] == day.scenario.talk.press_call
        held &= call["armed"] is not None and call["called"] is None
    return Fact(
        bool(held),
        f"{day.talk_page}/press",
        "The press call was armed by both and called by neither.",
        states,
    )


def s9(day: Day) -> Fact:
    """No statement by the principal is expected after the talk."""
    said, held = {}, True
    for chair, part in zip(CHAIRS, day.both("closed"), strict=True):
        statement = part["press"]["statement_ours"]["expected"]
        said[chair] = statement
        held &= statement == day.scenario.talk.statement == "not-expected"
        held &= not [r for r in part["press"]["ours"] if r["kind"] == "statement" and r["public"]]
    return Fact(bool(held), f"{day.talk_page}/press", "Said in advance by both; none was made.", said)


def s10(day: Day) -> Fact:
    """Feeds in several languages that agencies take; anyone can check a quotation."""
    quotes, held = [], True
    for each in day.observed.public["quotes"]:
        found = each["answer"]["quotations"]
        held &= [q["finding"] for q in found] == [each["due"]]
        if each["due"] != "not-found":
            held &= bool(found[0]["permalink"])
        if each["due"] == "altered":
            held &= bool(found[0]["difference"])
        quotes.append({"due": each["due"], "found": [q["finding"] for q in found]})
    languages = {}
    for chair in CHAIRS:
        _, feed = day.page(f"feed {chair}")
        languages[chair] = sorted({e["language"] for e in _entries(feed) if e["language"]})
        held &= set(languages[chair]) == set(day.scenario.press.desk(chair).readout)
    return Fact(
        bool(held),
        "/quotes",
        "Each quotation was told verbatim, altered or not found, rightly; the feeds speak both languages.",
        {"quotations": quotes, "languages": languages},
    )


def s11(day: Day) -> Fact:
    """Under each item each side states its own position in its own words, side by side."""
    held, shown = True, {}
    for item in day.scenario.talk.items:
        if len(item.positions) != 2:
            continue
        key = day.ids["items"][item.id]
        for chair in CHAIRS:
            other = CHAIRS[1 - CHAIRS.index(chair)]
            after = day.observed.contents["after tabling"][chair][key]
            before = day.observed.contents["before tabling"][chair][key]
            held &= after["ours"] == item.positions[chair].text
            held &= after["theirs"] == item.positions[other].text
            # What was held back could not be read until it was tabled.
            held &= before["theirs"] == ({} if item.positions[other].hold else item.positions[other].text)
        shown[item.id] = sorted(item.positions)
    held &= bool(shown) and any(p.hold for i in day.scenario.talk.items for p in i.positions.values())
    return Fact(
        bool(held),
        day.talk_page,
        "Both positions stand under each item; one was held back until tabled.",
        shown,
    )


def s12(day: Day) -> Fact:
    """The page itself: date with zone, dateline, initials of the desk, related releases, a box for comments."""
    found: dict[str, Any] = {}
    held = True
    for chair in CHAIRS:
        status, html = day.page(f"release {chair}")
        desk = day.scenario.press.desk(chair)
        other = CHAIRS[1 - CHAIRS.index(chair)]
        text = _text(html)
        seen = {
            "date": bool(re.search(r'<time[^>]+datetime="\d{4}-\d\d-\d\dT', html)),
            "zone": "UTC" in text,
            "dateline": any(r.dateline in text for r in desk.readout.values()),
            "initials": desk.initials in text,
            "related": day.ids["releases"][other] in html,
            "comment box": "<textarea" in html,
            "no script needed": "<form" in html and "data-command" not in html,
        }
        found[chair] = seen
        held &= status == 200 and all(seen.values())
    comment = day.observed.public["comment"]
    held &= len(comment["held"]) == 1 and not comment["shown_before"] and comment["shown_after"]
    return Fact(
        bool(held),
        day.observed.public["release b"]["path"],
        "The newsroom's page carries all of it; a reader's comment was held, then published.",
        {**found, "comment held before publication": not comment["shown_before"]},
    )


def _entries(feed: str) -> list[dict[str, str]]:
    """Title, date and language of a feed's entries."""
    parser = etree.XMLParser(resolve_entities=False, no_network=True)
    root = etree.fromstring(feed.encode(), parser)
    xml_lang = "{http://www.w3.org/XML/1998/namespace}lang"
    out = []
    for entry in root.iter(f"{ATOM}entry"):
        title = entry.find(f"{ATOM}title")
        language = entry.get(xml_lang) or (title.get(xml_lang) if title is not None else None) or ""
        out.append(
            {
                "title": (entry.findtext(f"{ATOM}title") or "").strip(),
                "published": entry.findtext(f"{ATOM}published") or "",
                "language": language,
            }
        )
    return out


def _instant(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _text(html: str) -> str:
    return re.sub(r"<[^>]+>", " ", html)


def all_held(found: Mapping[str, Fact]) -> bool:
    return len(found) == 12 and all(fact.held for fact in found.values())


def missing(found: Mapping[str, Fact]) -> Sequence[str]:
    return [name for name, fact in found.items() if not fact.held]
