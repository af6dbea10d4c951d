"""The day of the report at one table: every command of the slices, through real logs and signatures."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from tests.talks.table import ADVISER, OFFICER, PRINCIPAL, Table, agreed_talk, signed_text, tabled_last

from visavis.press.acts import Kind
from visavis.press.errors import Embargoed
from visavis.press.model import CallState, newsroom, press_view, related
from visavis.rulebook import dialogue_view, steps, talk_part, waiting
from visavis.talks.model import ItemKind, Phase, Status, talk_view
from visavis.understandings.errors import OneSidedGuarantee
from visavis.understandings.model import review, understanding_view


def keys_of(found) -> list[str]:
    return [step.key for step in found]


def test_the_day_of_the_report() -> None:
    """Geneva, the agenda, the room, a mutual guarantee, the readouts: each step stands in both logs."""
    table = Table()
    joint = table.joint
    table.do(OFFICER[0], "dialogue.profile", zone="America/New_York", languages=["en"])
    table.do(OFFICER[1], "dialogue.profile", zone="Europe/Moscow", languages=["ru", "en"])

    # Geneva, held in person and entered afterwards.
    geneva = agreed_talk(
        table, title={"en": "Geneva"}, start="2021-06-16T11:00:00Z", mode="in-person", place={"en": "Geneva"}
    )
    understandings = [signed_text(table, geneva, name) for name in ("Heads of mission", "Consular staff")]
    table.do(OFFICER[1], "talks.conclude", talk=geneva)
    assert talk_view(joint, 0, geneva).status is Status.CONCLUDED
    table.mirrored()

    # The next talk: a time, first declined, then agreed in both zones.
    act = table.do(
        OFFICER[0],
        "talks.propose",
        title={"en": "Talk of the two principals", "ru": "Беседа"},
        start="2021-12-06T10:00:00-05:00",
        minutes=120,
        mode="video",
    )
    talk, first = act["talk"], tabled_last(table)
    assert act["start"] == "2021-12-06T15:00:00Z"
    table.do(OFFICER[0], "talks.accept", talk=talk, hash=first)
    assert keys_of(steps(joint, 1, talk).now)[0] == "accept-time"
    assert "accept-time" in keys_of(waiting(joint, 0).for_them)
    table.do(OFFICER[1], "talks.decline", talk=talk, hash=first)
    table.do(
        OFFICER[1],
        "talks.propose",
        talk=talk,
        title={"en": "Talk of the two principals"},
        start="2021-12-07T15:00:00Z",
        minutes=120,
        mode="video",
    )
    second = tabled_last(table)
    for s in (1, 0):
        table.do(OFFICER[s], "talks.accept", talk=talk, hash=second)
    view = talk_view(joint, 0, talk)
    assert (view.status, view.phase) == (Status.SCHEDULED, Phase.PREPARE)
    assert (view.time.zone_ours, view.time.zone_theirs) == ("America/New_York", "Europe/Moscow")
    assert view.times == ()

    # The agenda: the review stands there by itself, then the relation, then the issues in merged order.
    issues = {}
    for s, name in ((0, "Tension"), (1, "Expansion"), (1, "Guarantees of security")):
        issues[name] = table.do(
            OFFICER[s], "talks.propose-item", talk=talk, title={"en": name}, kind="issue"
        )["item"]
    tension, expansion, guarantees = issues.values()
    table.do(OFFICER[0], "talks.rank", talk=talk, items=[tension, guarantees, expansion])
    table.do(OFFICER[1], "talks.rank", talk=talk, items=[tension, expansion, guarantees])
    draft = talk_view(joint, 1, talk).draft
    assert [item.kind for item in draft] == [ItemKind.REVIEW, ItemKind.RELATION] + [ItemKind.ISSUE] * 3
    assert draft[0].understandings == tuple(understandings)
    assert draft[0].of == geneva
    assert draft[2].id == tension
    initiative = table.do(
        ADVISER[1],
        "talks.propose-initiative",
        talk=talk,
        item=guarantees,
        title={"en": "Guarantees in writing"},
        text={"en": "That both draw up a text that binds each in the same way."},
    )["initiative"]
    table.do(OFFICER[1], "talks.table-agenda", talk=talk, press_call="if-necessary", statement="not-expected")
    agenda = tabled_last(table)
    table.do(OFFICER[1], "talks.approve-agenda", talk=talk, hash=agenda)
    assert "approve-agenda" in keys_of(waiting(joint, 0).for_us)
    table.do(OFFICER[0], "talks.approve-agenda", talk=talk, hash=agenda)
    view = talk_view(joint, 0, talk)
    assert view.agenda.seal.in_force
    assert [item.id for item in view.agenda.items] == [item.id for item in draft]
    assert next(i for i in view.agenda.items if i.id == guarantees).initiatives[0].id == initiative
    table.mirrored()

    # Positions: one side holds its own back until the other has spoken; it is tabled as it was written.
    words = {"en": "The other side is massing forces."}
    held = table.do(ADVISER[0], "talks.state-position", talk=talk, item=tension, text=words, hold=True)
    commitment = held["texts"][0][1]
    assert table.text(1, commitment) is None
    table.do(
        ADVISER[1],
        "talks.state-position",
        talk=talk,
        item=tension,
        text={"en": "It is the other side."},
        hold=False,
    )
    assert "table-position" in keys_of(waiting(joint, 0).for_us)
    table.do(ADVISER[0], "talks.table-position", talk=talk, item=tension)
    assert table.text(1, commitment) == words["en"]
    for s, grade in ((0, "poor"), (1, "strained")):
        table.do(PRINCIPAL[s], "talks.relation", talk=talk, grade=grade, text={"en": "still sad"})
    relation = dialogue_view(joint, 1).relations[0]
    assert (relation.ours.grade, relation.theirs.grade) == ("strained", "poor")

    # Press: a call armed, no statement expected.
    for s in (0, 1):
        table.do(PRINCIPAL[s], "press.arm-call", talk=talk, expected="if-necessary")
        table.do(PRINCIPAL[s], "press.announce-statement", talk=talk, expected="not-expected")
        table.do(
            OFFICER[s], "talks.delegation", talk=talk, delegates=[PRINCIPAL[s].delegate, OFFICER[s].delegate]
        )

    # The room, and the review in it.
    assert "open-sitting" in keys_of(steps(joint, 0, talk).now)
    table.do(OFFICER[0], "talks.open-sitting", talk=talk, n=1)
    assert "open-sitting" in keys_of(waiting(joint, 1).for_us)
    table.do(OFFICER[1], "talks.open-sitting", talk=talk, n=1)
    assert talk_view(joint, 0, talk).status is Status.SITTING
    for s in (0, 1):
        table.do(OFFICER[s], "talks.put-item", talk=talk, item=tension)
    assert next(i for i in talk_view(joint, 0, talk).agenda.items if i.id == tension).on_table_theirs
    for s, verdict in ((0, "implemented"), (1, "extra-effort")):
        table.do(
            PRINCIPAL[s],
            "understandings.assess",
            talk=talk,
            understanding=understandings[1],
            verdict=verdict,
            evidence={"en": "Posts were agreed in October."},
        )
        table.do(
            PRINCIPAL[s],
            "understandings.assess",
            talk=talk,
            understanding=understandings[0],
            verdict="implemented",
        )
    seen = review(joint, 0, talk)
    assert [row.understanding for row in seen.rows] == [understandings[1], understandings[0]]
    assert seen.rows[0].differ
    assert seen.rows[0].need == "effort"
    assert (seen.ours.implemented, seen.theirs.extra_effort, seen.complete) == (2, 1, True)

    # One side drafts a guarantee that binds the other alone: refused, nothing written. Then both sign a mutual one.
    size = table.states[1].size
    text = {"title": {"en": "Heavy weapons"}, "body": {"en": "On the line of contact."}}
    with pytest.raises(OneSidedGuarantee) as refused:
        table.do(
            PRINCIPAL[1],
            "understandings.table",
            talk=talk,
            kind="guarantee",
            undertakings=[{"by": table.sides[0], "text": {"en": "to keep 60 km away"}}],
            **text,
        )
    assert refused.value.details["unbound"] == [table.sides[1]]
    assert table.states[1].size == size
    guarantee = signed_text(table, talk, "Heavy weapons", kind="guarantee")
    assert understanding_view(joint, 0, guarantee).text.seal.in_force
    table.mirrored()

    # The end of the talk; a readout of each side, one under embargo; a joint readout.
    for s in (0, 1):
        table.do(
            OFFICER[s], "talks.note-floor", talk=talk, n=1, seconds={table.sides[0]: 60, table.sides[1]: 61}
        )
    table.do(OFFICER[1], "talks.leave-sitting", talk=talk, n=1)
    assert talk_view(joint, 0, talk).status is Status.BETWEEN
    assert talk_view(joint, 1, talk).sittings[0].floor_theirs.ours_s == 61
    table.do(OFFICER[0], "talks.conclude", talk=talk)
    part = talk_part(joint, 0, talk)
    assert (part.talk.status, part.talk.phase) == (Status.CONCLUDED, Phase.PRESS)
    assert part.talk.agenda is not None
    assert "clear-readout" in keys_of(part.steps.now)
    assert press_view(joint, 0, talk).call_theirs.state is CallState.ARMED

    release = {}
    for s in (0, 1):
        act = table.do(
            PRINCIPAL[s],
            "press.clear",
            talk=talk,
            kind="readout",
            texts={
                "en": {
                    "title": "Principals talk",
                    "text": "They *talked*.",
                    "dateline": "Capital, 7 December",
                },
            },
            initials="PS/3",
            embargo="2021-12-07T17:30:00Z" if s else None,
        )
        release[s] = act["release"]
    table.do(PRINCIPAL[0], "press.release", release=release[0], version=1)
    with pytest.raises(Embargoed):
        table.do(PRINCIPAL[1], "press.release", release=release[1], version=1)
    assert newsroom(joint, 1) == ()
    assert press_view(joint, 0, talk).theirs == ()
    table.now = datetime(2021, 12, 7, 17, 30, tzinfo=UTC)
    table.do(PRINCIPAL[1], "press.release", release=release[1], version=1)
    assert talk_view(joint, 0, talk).phase is Phase.CLOSED

    table.do(
        PRINCIPAL[0],
        "press.table-joint",
        talk=talk,
        texts={"en": {"title": "Joint readout", "text": "Both talked.", "dateline": "Both capitals"}},
    )
    shared = tabled_last(table)
    for s in (0, 1):
        table.do(PRINCIPAL[s], "press.approve-joint", talk=talk, hash=shared)
    assert "release-joint" in keys_of(steps(joint, 1, talk).now)
    table.do(PRINCIPAL[1], "press.release-joint", talk=talk)
    for s in (0, 1):
        rooms = newsroom(joint, s)
        assert [r.kind for r in rooms] == [Kind.JOINT, Kind.READOUT]
        beside = related(joint, s, rooms[1])
        assert [(r.why, r.kind) for r in beside] == [("same-talk", Kind.JOINT), ("same-talk", Kind.READOUT)]
    assert press_view(joint, 0, talk).call_ours.state is CallState.ARMED

    # Nobody is left waiting, and the guarantee stands on the next talk's agenda by itself.
    assert waiting(joint, 0).for_us == waiting(joint, 1).for_us == ()
    later = agreed_talk(table, start="2022-01-10T15:00:00Z")
    assert [i.of for i in talk_view(joint, 0, later).draft if i.kind is ItemKind.REVIEW] == [geneva, talk]
    table.mirrored()
