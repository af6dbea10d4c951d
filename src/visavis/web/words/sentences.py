"""Words for the codes of the model: acts, steps. Pure.

Lives here: tables from a code to an English phrase, which the catalogues translate; `act_words`, `step_words`.
Not here: the codes' meaning (the slices), phrases of the templates (the templates).

`N_` marks a phrase for `gather`; the phrase is looked up in the reader's catalogue when it is shown.
"""

from __future__ import annotations

from collections.abc import Mapping

from visavis.web.words import translations


def N_(phrase: str) -> str:  # noqa: N802 - gettext's own name for it
    """Mark `phrase` for translation, and leave it as it is."""
    return phrase


ACTS: Mapping[str, str] = {
    "side.found": N_("Founded the side"),
    "side.admit": N_("Admitted a delegate"),
    "side.revoke": N_("Revoked a credential"),
    "side.powers": N_("Stated full powers"),
    "side.rotate-key": N_("Changed the log’s key"),
    "side.recover": N_("Named a new officer by a recovery key"),
    "side.profile": N_("Stated time zone and languages"),
    "record.receive": N_("Receipt"),
    "dialogue.end": N_("Ended the dialogue"),
    "rules.adopt": N_("Adopted an edition of the rules"),
    "record.spend": N_("Made a signature worthless that never came into the log"),
    "content.receive": N_("Receipt for a text and all its contents"),
    "content.erase": N_("Erased a content"),
    "talk.propose": N_("Proposed a time for a talk"),
    "talk.offer": N_("Proposed and accepted a time for a talk"),
    "talk.accept": N_("Accepted the time of a talk"),
    "talk.withdraw": N_("Withdrew from the time of a talk"),
    "talk.decline": N_("Declined the time of a talk"),
    "talk.call-off": N_("Called a talk off"),
    "talk.conclude": N_("Concluded a talk"),
    "talk.delegation": N_("Named the delegation to a talk"),
    "item.propose": N_("Proposed an agenda item"),
    "agenda.rank": N_("Ranked the agenda"),
    "agenda.table": N_("Tabled an agenda"),
    "agenda.offer": N_("Tabled and sealed an agenda"),
    "agenda.approve": N_("Sealed the agenda"),
    "agenda.withdraw": N_("Withdrew the seal from an agenda"),
    "agenda.decline": N_("Declined an agenda"),
    "item.position": N_("Stated a position"),
    "item.initiative": N_("Proposed an initiative"),
    "item.paper": N_("Gave a paper"),
    "item.put": N_("Put an item on the table"),
    "relation.condition": N_("Stated the condition of the relation"),
    "sitting.open": N_("Opened its half of the room"),
    "sitting.leave": N_("Left the sitting"),
    "sitting.summary": N_("Noted floor time"),
    "understanding.table": N_("Tabled a text"),
    "understanding.offer": N_("Tabled and signed a text"),
    "understanding.initial": N_("Initialled a text"),
    "understanding.divergence": N_("Noted how it reads a place where the languages differ"),
    "understanding.sign": N_("Signed a text"),
    "understanding.withdraw": N_("Withdrew the signature from a text"),
    "understanding.decline": N_("Declined a text"),
    "understanding.end": N_("Ended an understanding"),
    "understanding.assess": N_("Assessed an understanding"),
    "readout.clear": N_("Cleared a readout"),
    "readout.release": N_("Released a readout"),
    "readout.table-joint": N_("Tabled a joint readout"),
    "readout.offer-joint": N_("Tabled and sealed a joint readout"),
    "readout.approve-joint": N_("Approved a joint readout"),
    "readout.withdraw-joint": N_("Withdrew from a joint readout"),
    "readout.decline-joint": N_("Declined a joint readout"),
    "readout.release-joint": N_("Released the joint readout"),
    "statement.clear": N_("Cleared a statement"),
    "statement.release": N_("Released a statement"),
    "statement.announce": N_("Said whether a statement is expected"),
    "press-call.arm": N_("Said whether a press call is expected"),
    "press-call.call": N_("Called the press call"),
}


def act_words(kind: str, language: str) -> str:
    """What an act does, in words; its own name where this edition has none for it."""
    phrase = ACTS.get(kind)
    return kind if phrase is None else translations(language).ugettext(phrase)


VERDICTS: Mapping[str, str] = {
    "implemented": N_("implemented"),
    "extra-effort": N_("extra effort"),
    "not-begun": N_("not begun"),
    "": N_("not assessed"),
}


def verdict_words(verdict: str, language: str) -> str:
    """How far an understanding is carried out, in a language of one's choice, not the page's."""
    return translations(language).ugettext(VERDICTS[verdict])


# --- steps ------------------------------------------------------------------------------------------

STEPS: Mapping[str, tuple[str, str, str]] = {
    "accept-time": (
        N_("Answer the proposed time"),
        N_("To answer the proposed time"),
        N_("Next: when both sides have accepted a time, the talk is scheduled."),
    ),
    "propose-item": (
        N_("Propose the items that matter to us"),
        N_("To propose the items that matter to them"),
        N_("Next: both sides propose their items."),
    ),
    "rank-agenda": (
        N_("Rank the items by importance"),
        N_("To rank the items by importance"),
        N_("Next: each side ranks the items; the two rankings are merged fairly."),
    ),
    "table-agenda": (
        N_("Table the agenda"),
        N_("To table the agenda"),
        N_("Next: the agenda is prepared, once the time is accepted by both."),
    ),
    "approve-agenda": (
        N_("Seal the agenda, or decline it"),
        N_("To seal the agenda, or to decline it"),
        N_("Next: when both seals are on the agenda it is in force."),
    ),
    "crossed-time": (
        N_("Undo the crossing of two seals: withdraw ours, or decline their time"),
        N_("To withdraw their seal from the other time, or to decline ours"),
        N_("Next: both sides seal one and the same time."),
    ),
    "crossed-agenda": (
        N_("Undo the crossing of two seals: withdraw ours, or decline their agenda"),
        N_("To withdraw their seal from the other agenda, or to decline ours"),
        N_("Next: both sides seal one and the same agenda."),
    ),
    "state-position": (
        N_("State our position under an item"),
        N_("To state their position under an item"),
        N_("Next: each side states its positions."),
    ),
    "table-position": (
        N_("Table the position that we hold back"),
        N_("To table the position that they hold back"),
        N_("Next: positions held back are tabled."),
    ),
    "state-relation": (
        N_("State the condition of the relation as we see it"),
        N_("To state the condition of the relation as they see it"),
        N_("Next: each side states the condition of the relation."),
    ),
    "name-delegation": (
        N_("Name who of us may enter the room"),
        N_("To name their delegation"),
        N_("Next: each side names its delegation."),
    ),
    "open-sitting": (
        N_("Open our half of the room"),
        N_("To open their half of the room"),
        N_("Next: the room opens when both sides have opened it."),
    ),
    "enter-room": (
        N_("Enter the room"),
        N_("To enter the room"),
        N_("Next: the delegations meet in the room."),
    ),
    "conclude": (
        N_("Conclude the talk, when it is held"),
        N_("To conclude the talk"),
        N_("Next: the talk is concluded, and the press is told."),
    ),
    "table-text": (
        N_("Table a text of what was understood"),
        N_("To table a text of what was understood"),
        N_("Next: what was understood is written down, and signed by both."),
    ),
    "resolve-brackets": (
        N_("Resolve the words in brackets"),
        N_("To resolve the words in brackets"),
        N_("Next: the words in brackets are resolved."),
    ),
    "sign-text": (
        N_("Sign a text, or decline it"),
        N_("To sign a text, or to decline it"),
        N_("Next: a text is in force when both sides have signed it."),
    ),
    "sign-guarantee": (
        N_("Sign a mutual guarantee, or decline it"),
        N_("To sign a mutual guarantee, or to decline it"),
        N_("Next: a guarantee is in force when both sides have signed it."),
    ),
    "assess": (
        N_("Assess the understandings under review"),
        N_("To assess the understandings under review"),
        N_("Next: each side says what is implemented and what needs extra effort."),
    ),
    "clear-readout": (
        N_("Clear our readout for release"),
        N_("To clear their readout"),
        N_("Next: each side’s press service clears its readout."),
    ),
    "release": (
        N_("Release what is cleared"),
        N_("To release what they have cleared"),
        N_("Next: what is cleared is released."),
    ),
    "release-readout": (
        N_("Release our readout"),
        N_("To release their readout"),
        N_("Next: each side’s press service releases its readout."),
    ),
    "approve-joint": (
        N_("Seal the joint readout, or decline it"),
        N_("To seal the joint readout, or to decline it"),
        N_("Next: a joint readout goes out when both sides have sealed it."),
    ),
    "release-joint": (
        N_("Release the joint readout"),
        N_("To release the joint readout, if we do not"),
        N_("Next: the joint readout is released."),
    ),
    "arm-press-call": (
        N_("Say whether a press call is expected"),
        N_("To say whether a press call is expected"),
        N_("Next: each side says whether a press call is expected."),
    ),
    "announce-statement": (
        N_("Say whether a statement is expected"),
        N_("To say whether a statement is expected"),
        N_("Next: each side says whether a statement is expected."),
    ),
    "release-readouts": (
        N_("Release our readout"),
        N_("To release their readout"),
        N_("Next: each side’s press service releases its readout."),
    ),
}
"""Step → what we can do; what we wait for them to do; what comes next."""


def _say(key: str, place: int, language: str) -> str:
    words = STEPS.get(key)
    return key if words is None else translations(language).ugettext(words[place])


def step_ours(key: str, language: str) -> str:
    return _say(key, 0, language)


def step_theirs(key: str, language: str) -> str:
    return _say(key, 1, language)


def step_next(key: str, language: str) -> str:
    return _say(key, 2, language)


def not_by_you(words: str, language: str) -> str:
    """The same, for who lacks the power to do it."""
    phrase = N_("%(what)s (by another delegate of ours)")
    return translations(language).ugettext(phrase) % {"what": words}


def nothing_waits(language: str) -> str:
    """What a page says when neither side has anything to do."""
    return translations(language).ugettext(
        N_("Nothing waits here. The next talk is proposed on the page of the dialogue.")
    )
