"""Verdicts: why an entry is void. Pure.

Lives here: the reasons, as stable constants, and what each says to the person who is refused.
Not here: who finds them (`fold` for one log, `join` for both; a slice's forms and rules add their own).
Spec: docs/spec/record.md §4; rule book 2a §4.

A verdict is None (it stands) or one of these words. They stand in exported accounts and in tests: a reason is
added, never reworded.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

# --- the envelope: decided by one log; such an entry acknowledges nothing -------------------------
MALFORMED: Final = "malformed"
OF_ANOTHER_LOG: Final = "of another log"
WRONG_SEQ: Final = "wrong seq"
SEEN_ANOTHER_OWN_LOG: Final = "seen another own log"
BAD_PROOF: Final = "bad proof"
NOT_A_FOUNDING: Final = "not a founding"

ENVELOPE: Final = frozenset(
    {MALFORMED, OF_ANOTHER_LOG, WRONG_SEQ, SEEN_ANOTHER_OWN_LOG, BAD_PROOF, NOT_A_FOUNDING}
)
"""Their ack does not count, and their nonce is not spent."""

# --- decided by one log -----------------------------------------------------------------------------
REPLAYED: Final = "replayed"
NO_CREDENTIAL: Final = "no credential"
NOT_USER_VERIFIED: Final = "not user-verified"
NOT_A_PASSKEY: Final = "not a passkey"
NO_POWER: Final = "no power"
NOT_FOR_THE_NODE: Final = "not for the node"
FOUNDED_ALREADY: Final = "founded already"
ADMITTED_ALREADY: Final = "admitted already"
NO_SUCH_CREDENTIAL: Final = "no such credential"
NO_SUCH_DELEGATE: Final = "no such delegate"
LAST_OFFICER: Final = "last officer"
ACT_FORM: Final = "act form"
NO_SUCH_SLOT: Final = "no such slot"
ONE_SIDED_GUARANTEE: Final = "one-sided guarantee"
TEXT_FORM: Final = "text form"
SPENT_ALREADY: Final = "spent already"

BEFORE_THE_ACT: Final = ENVELOPE | {REPLAYED, NO_CREDENTIAL}
"""Found without knowing what the act is: the same for software that does not know the act."""

# --- decided by both ----------------------------------------------------------------------------------
FALSE_ACKNOWLEDGEMENT: Final = "false acknowledgement"
UNKNOWN_ACT: Final = "unknown act"
DIALOGUE_ENDED: Final = "dialogue ended"
ENDED: Final = "ended"
ENDED_ALREADY: Final = "ended already"
NOTHING_TO_END: Final = "nothing of yours to end"
BASE_NOT_TABLED: Final = "base not tabled"
BASE_OF_ANOTHER: Final = "base of another"
KIND_CHANGED: Final = "kind changed"
NOT_TABLED: Final = "not tabled"
WRONG_SLOT: Final = "wrong slot"
BASE_NOT_IN_FORCE: Final = "base not in force"
STALE: Final = "stale"
PEN_IN_USE: Final = "pen in use"
EXCHANGED_ALREADY: Final = "exchanged already"
NOTHING_TO_WITHDRAW: Final = "nothing to withdraw"
IN_FORCE_ALREADY: Final = "in force already"
NOTHING_TO_DECLINE: Final = "nothing to decline"
BEGUN_ALREADY: Final = "begun already"
NOT_ITS_TURN: Final = "not its turn"
NOTHING_TO_STOP: Final = "nothing of yours to stop"
STOPPED_ALREADY: Final = "stopped already"
NOT_IN_FORCE: Final = "not in force"
BINDS_YOU: Final = "binds you"
EDITION_NOT_NEWER: Final = "edition not newer"

HELD: Final = "held"
"""Not a verdict: what `preview` says of an entry that could not be judged yet."""

EXPLAINED: Final[Mapping[str, str]] = {
    MALFORMED: "These bytes are not an entry.",
    OF_ANOTHER_LOG: "This entry names another dialogue or another side.",
    WRONG_SEQ: "This entry is not at its own place in the log.",
    SEEN_ANOTHER_OWN_LOG: "The signer had another history of this log before them.",
    BAD_PROOF: "The proof does not fit what was signed.",
    NOT_A_FOUNDING: "A log begins with the side's own founding statement, signed by its officer.",
    REPLAYED: "This act was entered before: its nonce is spent.",
    NO_CREDENTIAL: "This credential is not admitted, or has ended.",
    NOT_USER_VERIFIED: "This act needs the delegate's passkey, not a device's key.",
    NOT_A_PASSKEY: "A delegate is admitted with a passkey.",
    NO_POWER: "This delegate's powers do not cover the act.",
    NOT_FOR_THE_NODE: "A node may receive and stop; it never acts for its side.",
    FOUNDED_ALREADY: "This side is founded already.",
    ADMITTED_ALREADY: "This credential was known before; one that ended never comes back.",
    NO_SUCH_CREDENTIAL: "No credential of that name is admitted.",
    NO_SUCH_DELEGATE: "No delegate of that name was ever admitted.",
    LAST_OFFICER: "Nobody would be left who may admit.",
    ACT_FORM: "The act's members are not what this act needs.",
    NO_SUCH_SLOT: "Nothing of that name can be agreed.",
    ONE_SIDED_GUARANTEE: "A guarantee lays undertakings on both sides; this one binds one side alone.",
    TEXT_FORM: "The text is not complete in each of its languages.",
    FALSE_ACKNOWLEDGEMENT: "The entry claims to have seen what the other side never wrote.",
    UNKNOWN_ACT: "The edition of the rules in force does not know this act.",
    DIALOGUE_ENDED: "The dialogue has ended; nothing new can be agreed in it.",
    ENDED: "This has ended.",
    ENDED_ALREADY: "Your side has ended this already.",
    NOTHING_TO_END: "There is nothing of your side's to end.",
    BASE_NOT_TABLED: "What this would replace was not tabled before the signer.",
    BASE_OF_ANOTHER: "What this would replace is another matter.",
    KIND_CHANGED: "A successor keeps the kind of what it replaces.",
    NOT_TABLED: "It was not tabled before the signer.",
    WRONG_SLOT: "It was tabled as another matter.",
    BASE_NOT_IN_FORCE: "It rests on something that is not in force.",
    STALE: "Your side has acted on this since you looked at it.",
    PEN_IN_USE: "Your side has another consent open here: withdraw it, and be heard, first.",
    EXCHANGED_ALREADY: "Both have deposited already.",
    NOTHING_TO_WITHDRAW: "There is no open consent of your side to withdraw.",
    IN_FORCE_ALREADY: "It is in force already; it can only be ended or replaced.",
    NOTHING_TO_DECLINE: "There is no open consent of the other side to decline.",
    BEGUN_ALREADY: "Your side has begun this already.",
    NOT_ITS_TURN: "The one before it has not been stopped, as far as your side has seen.",
    NOTHING_TO_STOP: "Your side has not begun this.",
    STOPPED_ALREADY: "Your side has stopped this already.",
    NOT_IN_FORCE: "This is not in force.",
    BINDS_YOU: (
        "What is or was in force keeps its words. What your side holds open to the other can be erased once it is"
        " withdrawn and they have heard of it."
    ),
    EDITION_NOT_NEWER: "This edition of the rules is not newer than the one in force.",
    SPENT_ALREADY: "What you signed is in the log, or was made worthless already.",
    HELD: "The entry waits for entries of the other side that are not at hand.",
}
"""For the person who is refused: one calm sentence each."""
