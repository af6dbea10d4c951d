"""The words of a notice by mail.

Lives here: `letter`, behind `notices.ports.Letter`. Not here: when one is sent (`notices`), how (`visavis.post`).
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
