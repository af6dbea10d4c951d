"""Words for what the node refuses: every error that a person can meet, in their language. Pure.

Lives here: `refusal_words`, `void_words`.
Not here: the errors (`visavis.errors`, the slices), their HTTP (`web.errors`), finding their phrases (`gather`).

An error's English phrase is the key of its translations, as a template's is; what is filled into it are the error's
details. What a program compares, `code`, is never translated.
"""

from __future__ import annotations

from collections.abc import Mapping

from visavis.errors import Malformed, Refused, Unavailable, Untrusted, VisavisError, filled
from visavis.rulebook import EDITION_1
from visavis.web.words import DEFAULT, translations
from visavis.web.words.sentences import N_

FIELDS: Mapping[str, str] = {
    "address": N_("Address"),
    "base": N_("What it replaces"),
    "body": N_("Text"),
    "check": N_("Code"),
    "command": N_("Command"),
    "credential": N_("Credential"),
    "dateline": N_("Dateline"),
    "delegate": N_("Delegate"),
    "delegates": N_("Delegates"),
    "disown": N_("Checkpoint"),
    "edition": N_("Edition"),
    "embargo": N_("Embargo"),
    "evidence": N_("Evidence"),
    "hash": N_("Hash"),
    "initials": N_("Initials"),
    "item": N_("Item"),
    "items": N_("Items"),
    "kind": N_("Kind"),
    "languages": N_("Languages"),
    "log_key": N_("Log key"),
    "minutes": N_("Minutes"),
    "name": N_("Name"),
    "place": N_("Place"),
    "powers": N_("Powers"),
    "reading": N_("Reading"),
    "reason": N_("Reason"),
    "role": N_("Role"),
    "seconds": N_("Seconds"),
    "start": N_("Start"),
    "talk": N_("Talk"),
    "text": N_("Text"),
    "title": N_("Title"),
    "undertakings": N_("Undertakings"),
    "understanding": N_("Understanding"),
    "verdict": N_("Assessment"),
    "version": N_("Version"),
    "zone": N_("Time zone"),
}
"""A form's field → what a person calls it."""

FAMILIES: Mapping[type[VisavisError], str] = {
    Malformed: N_("Something in what was sent is not as it should be."),
    Untrusted: N_("A signature, a proof or an identity does not hold."),
    Unavailable: N_("A part of the node does not answer."),
    Refused: N_("The rules of the talks say no."),
}
"""What stands before the English of an error that only programs are expected to meet."""


def refusal_words(error: VisavisError, language: str) -> str:
    """What `error` says, in one of the languages of the interface."""
    catalogue = translations(language)
    told = catalogue.ugettext(error.phrase)
    if told == error.phrase and language != DEFAULT:
        family = next((FAMILIES[kind] for kind in type(error).__mro__ if kind in FAMILIES), None)
        return error.message if family is None else f"{catalogue.ugettext(family)} ({error.message})"
    details = dict(error.details)
    for name in ("field", "first"):
        if isinstance(details.get(name), str):
            details[name] = field_words(str(details[name]), language)
    return filled(told, details)


def void_words(reason: str, language: str) -> str:
    """What a void reason says, in one of the languages of the interface; "" for one without words."""
    explained = EDITION_1.explained.get(reason, "")
    return translations(language).ugettext(explained) if explained else ""


def field_words(field: str, language: str) -> str:
    """A field as a person calls it, "texts.fr.title" → "Title"; as the interface spells it where it has no name."""
    if language == DEFAULT:
        return field
    named = next((FIELDS[part] for part in reversed(field.split(".")) if part in FIELDS), None)
    return field if named is None else translations(language).ugettext(named)
