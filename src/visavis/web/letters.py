"""The words of a notice by mail, and of the mail that asks for an address.

Lives here: `letter` and `asking`, behind `notices.ports`.
Not here: when one is sent (`notices`), how (`visavis.post`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from visavis.web import words
from visavis.web.words.sentences import N_


def letter(language: str, home: str, settings: str, names: Sequence[Mapping[str, str]]) -> tuple[str, str]:
    """(subject, text), as `notices.ports.Letter` has it."""
    say = words.translations(language).ugettext
    lines = [say(N_("The other side has acted, and something may wait for you:"))]
    if names:
        ours, theirs = (words.one_of(each, language)[1] for each in names)
        which = say(N_("In the dialogue of %(ours)s and %(theirs)s something may wait for you:"))
        lines = [which % {"ours": ours, "theirs": theirs}]
    lines += [
        home,
        say(N_("What it is stands there, once you have signed in. This message says no more.")),
        say(N_("To change or to stop these messages:")) + f"\n{settings}",
    ]
    return say(N_("Something waits for you")), "\n\n".join(lines) + "\n"


def asking(language: str, link: str, home: str) -> tuple[str, str]:
    """(subject, text), as `notices.ports.Asking` has it: who never asked for it does nothing, and hears no more."""
    say = words.translations(language).ugettext
    lines = [
        say(N_("Somebody has asked to be told at this address when something waits for them, at:"))
        + f"\n{home}",
        say(N_("If it was you, open this page and press its button; only then mails come:")) + f"\n{link}",
        say(N_("If it was not, do nothing: no other mail comes.")),
    ]
    return say(N_("Is this your address?")), "\n\n".join(lines) + "\n"
