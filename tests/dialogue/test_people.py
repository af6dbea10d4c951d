"""A side's own people: founding, profile, admission, powers, the dialogue's end, by command."""

from __future__ import annotations

import pytest
from tests.passkeys import passkey
from tests.talks.table import (
    ADVISER,
    OFFICER,
    PRESS,
    PRINCIPAL,
    Seat,
    Table,
    agreed_talk,
    signed_text,
)

from visavis.dialogue.commands import Enrolment, View
from visavis.dialogue.memo import remembered
from visavis.dialogue.people import NoSuchDelegate, NoSuchEnrolment, NotStated, sides_view
from visavis.errors import Malformed
from visavis.rulebook import COMMANDS, steps, waiting


def test_a_side_is_founded_by_its_own_statement() -> None:
    """Entry 0 is the statement that the side's id is the hash of."""
    table = Table(seated=False)
    assert [
        side.founded for side in (sides_view(table.joint, 0).ours, sides_view(table.joint, 0).theirs)
    ] == [
        False,
        False,
    ]
    table.do(OFFICER[1], "dialogue.found")
    view = sides_view(table.joint, 0)
    assert (view.theirs.founded, view.theirs.names, view.ours.founded) == (True, {"en": "Side B"}, False)
    assert [(who.id, who.powers) for who in view.theirs.delegates] == [
        (OFFICER[1].delegate, ("admit", "schedule"))
    ]


def test_a_side_is_not_founded_before_both_have_stated_themselves() -> None:
    """Without the statement there is nothing to sign."""
    table = Table(seated=False)
    view = table.view(OFFICER[0])
    bare = View(view.joint, 0, view.delegate, view.now, view.text, {})
    with pytest.raises(NotStated):
        COMMANDS["dialogue.found"].build(bare, None, table.fresh)


def test_a_delegate_is_admitted_with_the_powers_of_the_role_or_others() -> None:
    """The role's powers by default, others if the officer says so; the name is a commitment in the log."""
    table = Table()
    view = sides_view(table.joint, 1).ours
    people = {who.id: who for who in view.delegates}
    assert people[PRINCIPAL[1].delegate].powers == ("record", "release", "schedule", "sign", "speak")
    assert people[PRESS[1].delegate].powers == ()
    name = people[PRINCIPAL[1].delegate].name
    assert name is not None
    assert table.text(0, name) == "principal of 1"
    extra = Seat(1, "second press officer")
    waits = Enrolment("e-x", extra.delegate, passkey(extra.key).passkey, "Press officer", "press-officer")
    table.enrolments[1]["e-x"] = waits
    table.do(OFFICER[1], "dialogue.admit", enrolment="e-x", role="press-officer", powers=["release"])
    assert table.joint.sides[1].powers_of_delegate(extra.delegate) == {"release"}


def test_nobody_is_admitted_who_did_not_enrol() -> None:
    """An enrolment of the other side, or of nobody, is refused in words."""
    table = Table()
    table.enrolments[0]["e-x"] = Enrolment("e-x", "d-x", passkey("x").passkey, "X", "adviser")
    with pytest.raises(NoSuchEnrolment):
        table.do(OFFICER[1], "dialogue.admit", enrolment="e-x", role="adviser")


def test_a_revoked_credential_acts_no_more() -> None:
    """What it signed stands; from here on it is void."""
    table = Table()
    credential = passkey(ADVISER[0].key).credential
    table.do(OFFICER[0], "dialogue.revoke", credential=credential)
    people = {who.id: who for who in sides_view(table.joint, 1).theirs.delegates}
    shown = people[ADVISER[0].delegate]
    assert (shown.live, shown.powers, shown.credentials[0].live) == (False, (), False)
    act = {"type": "relation.condition", "talk": "t", "grade": "good", "texts": [["en", "A" * 43]]}
    assert table.enter(ADVISER[0], act) == "no credential"
    with pytest.raises(NoSuchDelegate):
        table.do(OFFICER[1], "dialogue.revoke", credential=credential)


def test_full_powers_are_stated_by_the_delegates_own_side() -> None:
    """A side grants and takes powers of its own delegates alone."""
    table = Table()
    table.do(OFFICER[0], "dialogue.powers", delegate=ADVISER[0].delegate, powers=["speak", "sign"])
    assert table.joint.sides[0].powers_of_delegate(ADVISER[0].delegate) == {"speak", "sign"}
    with pytest.raises(NoSuchDelegate):
        table.do(OFFICER[0], "dialogue.powers", delegate=ADVISER[1].delegate, powers=[])


@pytest.mark.parametrize(
    "zone", ["Nowhere/City", "", "../../etc/passwd", "/etc/localtime", "Europe", "\x00", "x" * 500]
)
def test_a_zone_is_one_that_there_is(zone: str) -> None:
    """Anything but an IANA zone is refused, naming the field; no path is followed."""
    table = Table()
    with pytest.raises(Malformed) as refused:
        table.do(OFFICER[0], "dialogue.profile", zone=zone, languages=["en"])
    assert refused.value.details["field"] == "zone"


def test_a_profile_is_the_latest_word() -> None:
    """Zone and languages as said last; UTC and the languages of its name before."""
    table = Table()
    assert (sides_view(table.joint, 0).ours.zone, sides_view(table.joint, 0).ours.languages) == (
        "Etc/UTC",
        ("en",),
    )
    for zone in ("Europe/Moscow", "America/New_York"):
        table.do(OFFICER[0], "dialogue.profile", zone=zone, languages=["ru", "en"])
    assert sides_view(table.joint, 1).theirs.zone == "America/New_York"
    with pytest.raises(Malformed):
        table.do(OFFICER[0], "dialogue.profile", zone="Etc/UTC", languages=["ru", "ru"])


def test_either_side_ends_the_dialogue_alone() -> None:
    """Nothing waits for anybody any more; what is in force stays."""
    table = Table()
    talk = agreed_talk(table)
    understanding = signed_text(table, talk, "Visas")
    table.do(PRINCIPAL[1], "dialogue.end", reason="It is time.")
    assert sides_view(table.joint, 0).ended
    assert table.joint.in_force(("text", understanding)) is not None
    for s in (0, 1):
        assert waiting(table.joint, s).for_us == ()
        assert steps(table.joint, s, talk).now == ()
    table.mirrored()


def test_an_answer_is_remembered_until_a_log_has_grown() -> None:
    """The same question of the same state is asked once; of a grown one, again."""
    table = Table()
    asked = []

    @remembered
    def size_of(joint, s: int) -> int:
        asked.append(s)
        return joint.sides[s].size

    assert [size_of(table.joint, s) for s in (0, 1, 0)] == [4, 4, 4]
    assert asked == [0, 1]
    table.do(OFFICER[0], "dialogue.profile", zone="Etc/UTC", languages=["en"])
    assert size_of(table.joint, 0) == 5
    assert asked == [0, 1, 0]
