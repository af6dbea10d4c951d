"""Two delegations that ask for anything in any order, hearing the other side or not.

The adversary plays commands and raw acts of all slices against the real logs. Whatever it does: a command is
refused in words or drafts an act; the preview foretells the verdict; both chairs see one dialogue, mirrored; no
guarantee is in force that binds one side alone; nobody reads what the other holds back, or what is not released.
"""

from __future__ import annotations

import os
from typing import Any

import msgspec
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from tests.talks.table import ADVISER, OFFICER, PRESS, PRINCIPAL, Seat, Table, agreed_talk, signed_text

from visavis.dialogue import chair
from visavis.dialogue.commands import Audience
from visavis.errors import VisavisError
from visavis.press.model import newsroom, press_view, related
from visavis.rulebook import COMMANDS, dialogue_json, dialogue_view, waiting

SEATS = st.sampled_from([*PRINCIPAL, *PRINCIPAL, *PRINCIPAL, *PRINCIPAL, *OFFICER, *ADVISER, *PRESS])
GARBAGE = st.sampled_from(["elsewhere", "A" * 43, "review.elsewhere", "relation", "x" * 65, "", "é"])
GOOD: list[dict[str, str]] = [{"en": "words"}, {"ru": "слова"}, {"en": "words", "ru": "слова"}]
WORDS = st.sampled_from([*GOOD, *GOOD, *GOOD, {}, {"en": " "}])
NUMBER = st.integers(0, 3)
EXPECTED = st.sampled_from(["expected", "if-necessary", "not-expected"])


class TwoDelegations(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.table = Table()
        self.size = -1
        talk = agreed_talk(self.table, start="2021-06-16T11:00:00Z")
        signed_text(self.table, talk, "Heads of mission")
        talk = agreed_talk(self.table)
        for s in (0, 1):
            asked = {"talk": talk, "title": {"en": f"Issue {s}"}, "kind": "issue"}
            self.table.do(OFFICER[s], "talks.propose-item", **asked)

    # --- drawing ----------------------------------------------------------------------------------

    def _ids(self, slot: str) -> list[str]:
        return sorted({s.slot[1] for s in self.table.joint.tabled.values() if s.slot[0] == slot})

    def _keys(self, name: str, part: int) -> list[str]:
        return sorted({key[part] for s in (0, 1) for key in self.table.joint.registers(s, (name,))})

    def _one(self, data: st.DataObject, known: list[str]) -> str:
        """Mostly something that is there, the latest most of all; sometimes nothing of the kind."""
        if known and data.draw(st.integers(0, 11)) < 11:
            return data.draw(st.sampled_from(known[-3:]))
        return data.draw(GARBAGE)

    def _hash(self, data: st.DataObject, slot: str, of: str) -> str:
        found = [h for h, s in self.table.joint.tabled.items() if s.slot == (slot, of)]
        return self._one(data, found)

    def _ask(self, seat: Seat, command: str, fields: dict[str, Any]) -> None:
        """Ask for a command; it is refused in words, or drafts what is then signed and entered."""
        try:
            asked = msgspec.convert(fields, COMMANDS[command].fields, strict=True)
        except msgspec.ValidationError:
            return
        try:
            drafted = COMMANDS[command].build(self.table.view(seat), asked, self.table.fresh)
        except VisavisError:
            return
        assert drafted.summary.title
        if self.table.enter(seat, drafted.act) is not None:
            return
        for content in drafted.contents:
            self.table.contents[content.commitment] = (seat.side, content)
            self.table.audience[content.commitment] = content.audience
        for commitment, audience in drafted.widen:
            self.table.audience[commitment] = audience

    # --- what a delegation may try ------------------------------------------------------------------

    @rule(seat=SEATS, data=st.data(), hour=st.integers(10, 14), new=st.booleans(), place=WORDS)
    def propose(self, seat: Seat, data: st.DataObject, hour: int, new: bool, place: dict[str, str]) -> None:
        fields: dict[str, Any] = {
            "title": {"en": "A talk"},
            "start": f"2021-12-{hour}T15:00:00Z",
            "minutes": 60,
            "mode": data.draw(st.sampled_from(["video", "in-person"])),
            "place": place,
        }
        if not new:
            fields["talk"] = self._one(data, self._ids("time"))
        self._ask(seat, "talks.propose", fields)

    @rule(
        seat=SEATS,
        data=st.data(),
        what=st.sampled_from(
            [
                ("time", "talks.accept", "talk"),
                ("time", "talks.withdraw", "talk"),
                ("time", "talks.decline", "talk"),
                ("agenda", "talks.approve-agenda", "talk"),
                ("agenda", "talks.withdraw-agenda", "talk"),
                ("agenda", "talks.decline-agenda", "talk"),
                ("text", "understandings.sign", "understanding"),
                ("text", "understandings.sign", "understanding"),
                ("text", "understandings.withdraw", "understanding"),
                ("text", "understandings.decline", "understanding"),
                ("readout", "press.approve-joint", "talk"),
                ("readout", "press.withdraw-joint", "talk"),
                ("readout", "press.decline-joint", "talk"),
            ]
        ),
    )
    def answer(self, seat: Seat, data: st.DataObject, what: tuple[str, str, str]) -> None:
        slot, command, name = what
        of = self._one(data, self._ids(slot))
        self._ask(seat, command, {name: of, "hash": self._hash(data, slot, of)})

    @rule(
        data=st.data(),
        what=st.sampled_from(
            [
                ("time", "talks.accept", "talk"),
                ("agenda", "talks.approve-agenda", "talk"),
                ("text", "understandings.sign", "understanding"),
                ("readout", "press.approve-joint", "talk"),
            ]
        ),
        first=st.sampled_from([0, 1]),
    )
    def agree(self, data: st.DataObject, what: tuple[str, str, str], first: int) -> None:
        """Both say yes to one thing, one after the other."""
        slot, command, name = what
        of = self._one(data, self._ids(slot))
        hash_ = self._hash(data, slot, of)
        for s in (first, 1 - first):
            self._ask(PRINCIPAL[s], command, {name: of, "hash": hash_})

    @rule(seat=SEATS, data=st.data(), command=st.sampled_from(["talks.call-off", "talks.conclude"]))
    def end_a_talk(self, seat: Seat, data: st.DataObject, command: str) -> None:
        if data.draw(st.integers(0, 5)) == 5:
            self._ask(seat, command, {"talk": self._one(data, self._ids("time"))})

    @rule(seat=SEATS, data=st.data(), title=WORDS, kind=st.sampled_from(["review", "relation", "issue"]))
    def propose_item(self, seat: Seat, data: st.DataObject, title: dict[str, str], kind: str) -> None:
        talk = self._one(data, self._ids("time"))
        self._ask(seat, "talks.propose-item", {"talk": talk, "title": title, "kind": kind})

    @rule(seat=SEATS, data=st.data(), press_call=EXPECTED, statement=EXPECTED, whole=st.booleans())
    def rank_or_table(
        self, seat: Seat, data: st.DataObject, press_call: str, statement: str, whole: bool
    ) -> None:
        talk = self._one(data, self._ids("time"))
        items = data.draw(st.lists(st.sampled_from([*self._keys("item", 2), "relation"]), max_size=4))
        if data.draw(st.booleans()):
            self._ask(seat, "talks.rank", {"talk": talk, "items": items})
            return
        fields: dict[str, Any] = {"talk": talk, "press_call": press_call, "statement": statement}
        if not whole and items:
            fields["items"] = items
        self._ask(seat, "talks.table-agenda", fields)

    @rule(seat=SEATS, data=st.data(), text=WORDS, hold=st.booleans())
    def speak(self, seat: Seat, data: st.DataObject, text: dict[str, str], hold: bool) -> None:
        talk = self._one(data, self._ids("time"))
        item = self._one(data, [*self._keys("item", 2), "relation"])
        told = {"talk": talk, "item": item}
        match data.draw(st.integers(0, 4)):
            case 0:
                self._ask(seat, "talks.state-position", told | {"text": text, "hold": hold})
            case 1:
                self._ask(seat, "talks.table-position", told)
            case 2:
                self._ask(seat, "talks.propose-initiative", told | {"title": text, "text": text})
            case 3:
                self._ask(seat, "talks.put-item", told)
            case _:
                self._ask(seat, "talks.relation", {"talk": talk, "grade": "poor", "text": text})

    @rule(seat=SEATS, data=st.data(), n=NUMBER)
    def sit(self, seat: Seat, data: st.DataObject, n: int) -> None:
        told = {"talk": self._one(data, self._ids("time")), "n": n}
        match data.draw(st.integers(0, 2)):
            case 0:
                self._ask(seat, "talks.open-sitting", told)
            case 1:
                self._ask(seat, "talks.leave-sitting", told)
            case _:
                self._ask(seat, "talks.note-floor", told | {"seconds": dict.fromkeys(self.table.sides, n)})

    @rule(
        seat=SEATS,
        data=st.data(),
        kind=st.sampled_from(["guarantee", "understanding"]),
        title=WORDS,
        bound=st.lists(st.sampled_from([0, 1]), max_size=3),
        new=st.booleans(),
    )
    def table_text(
        self, seat: Seat, data: st.DataObject, kind: str, title: dict[str, str], bound: list[int], new: bool
    ) -> None:
        fields: dict[str, Any] = {
            "kind": kind,
            "title": title,
            "body": title,
            "undertakings": [{"by": self.table.sides[s], "text": title} for s in bound],
            "talk": self._one(data, self._ids("time")),
        }
        if not new:
            fields["understanding"] = self._one(data, self._ids("text"))
        self._ask(seat, "understandings.table", fields)

    @rule(seat=SEATS, data=st.data(), verdict=st.sampled_from(["implemented", "extra-effort", "not-begun"]))
    def assess_or_end(self, seat: Seat, data: st.DataObject, verdict: str) -> None:
        understanding = self._one(data, self._ids("text"))
        if data.draw(st.integers(0, 5)) == 5:
            self._ask(seat, "understandings.end", {"understanding": understanding, "reason": "enough"})
            return
        talk = self._one(data, self._ids("time"))
        fields = {"talk": talk, "understanding": understanding, "verdict": verdict, "evidence": "seen"}
        self._ask(seat, "understandings.assess", fields)

    @rule(seat=SEATS, data=st.data(), words=WORDS, embargo=st.sampled_from([None, "2030-01-01T00:00:00Z"]))
    def publish(self, seat: Seat, data: st.DataObject, words: dict[str, str], embargo: str | None) -> None:
        talk = self._one(data, self._ids("time"))
        texts = {lang: {"title": text, "text": text, "dateline": text} for lang, text in words.items()}
        match data.draw(st.integers(0, 7)):
            case 0 | 1:
                fields = {
                    "talk": talk,
                    "kind": "readout",
                    "texts": texts,
                    "initials": "PS",
                    "embargo": embargo,
                }
                if data.draw(st.booleans()):
                    fields["release"] = self._one(data, self._keys("cleared", 1))
                self._ask(seat, "press.clear", fields)
            case 2 | 3:
                release = self._one(data, self._keys("cleared", 1))
                self._ask(seat, "press.release", {"release": release, "version": data.draw(NUMBER)})
            case 4:
                self._ask(seat, "press.table-joint", {"talk": talk, "texts": texts, "embargo": embargo})
            case 5:
                self._ask(seat, "press.release-joint", {"talk": talk})
            case 6:
                self._ask(seat, "press.arm-call", {"talk": talk, "expected": "if-necessary"})
            case _:
                self._ask(seat, "press.call", {"talk": talk})

    @rule(s=st.sampled_from([0, 1]), hears=st.booleans())
    def hear(self, s: int, hears: bool) -> None:
        """From now on a side acknowledges everything, or nothing more."""
        self.table.deaf[s] = None if hears else self.table.states[1 - s].size

    @rule(seat=SEATS, data=st.data())
    def force(self, seat: Seat, data: st.DataObject) -> None:
        """An act of the log entered again, by anybody, past every command: judged, and nothing raises."""
        s = data.draw(st.sampled_from([0, 1]))
        entry = self.table.states[s].entry(data.draw(st.integers(0, self.table.states[s].size - 1)))
        assert entry is not None
        if not str(entry.signed.act["type"]).startswith("side."):
            self.table.enter(seat, entry.signed.act)

    # --- what must hold ------------------------------------------------------------------------------

    @invariant()
    def both_chairs_see_one_dialogue(self) -> None:
        size = self.table.states[0].size + self.table.states[1].size
        if size == self.size:
            return
        self.size = size
        joint = self.table.joint
        for s in (0, 1):
            assert dialogue_json(joint, s)["waiting"] is not None
            for release in newsroom(joint, s):
                related(joint, s, release)
                assert all(
                    self.table.audience[c] is Audience.PUBLIC
                    for text in release.texts
                    for c in (text.title, text.text, text.dateline)
                    if c in self.table.audience
                )

    @invariant()
    def nothing_is_in_force_that_one_side_did_not_sign(self) -> None:
        for slot in self.table.joint.slots:
            subject = self.table.joint.in_force(slot)
            if subject is None:
                continue
            seal = chair.double_seal(self.table.joint, 0, slot, subject.hash)
            assert seal.agreed
            assert seal.in_force
            assert seal.ours.mark is not None
            assert seal.theirs.mark is not None
            if subject.kind == "guarantee":
                assert {u["by"] for u in subject.body["undertakings"]} == set(self.table.sides)

    @invariant()
    def what_is_held_back_is_not_read(self) -> None:
        joint = self.table.joint
        for s in (0, 1):
            for value in joint.registers(s, ("position",)).values():
                if value["stage"] == "deposit":
                    assert all(self.table.text(1 - s, c) is None for _, c in value["texts"])
            for talk in self._ids("time"):
                for release in press_view(joint, s, talk).theirs:
                    assert release.public is not None

    @invariant()
    def what_waits_for_us_they_wait_for(self) -> None:
        """A seal that waits for us is one that they are told they wait for, and the other way round."""
        joint = self.table.joint
        seals = {"accept-time", "approve-agenda", "sign-text", "sign-guarantee", "approve-joint"}
        ours = [
            {(s.key, s.params["hash"]) for s in waiting(joint, us).for_us if s.key in seals} for us in (0, 1)
        ]
        theirs = [
            {(s.key, s.params["hash"]) for s in waiting(joint, us).for_them if s.key in seals}
            for us in (0, 1)
        ]
        assert ours == theirs[::-1]

    def teardown(self) -> None:
        self.table.mirrored()
        assert dialogue_view(self.table.joint, 0).ours == self.table.sides[0]


EXAMPLES = int(os.environ.get("VISAVIS_ADVERSARY_EXAMPLES", "25"))
TwoDelegations.TestCase.settings = settings(max_examples=EXAMPLES, stateful_step_count=40)
TestTwoDelegations = TwoDelegations.TestCase
