"""What an act's ids are called: the names that a node gives beside what is about to be signed. Pure.

Lives here: `names_in`.
Not here: the act's own bytes, of which a delegate's program makes its sentences (`client/src/check`).
Spec: docs/spec/http.md §3.

An id is all that the signature covers. Its name stands in another entry: it is the node's word, and is shown as such.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from visavis.dialogue import chair
from visavis.dialogue.commands import View
from visavis.dialogue.texts import texts_of
from visavis.record.canonical import strings
from visavis.talks.acts import time_slot
from visavis.talks.model import draft_items, known_talks
from visavis.understandings.acts import text_slot
from visavis.understandings.model import known_understandings

Name = list[list[str]]
"""[[language, words], …]; a delegate's name has the language ""."""


def names_in(view: View, act: Mapping[str, Any]) -> dict[str, Name]:
    """Id in `act` → what it is called, as far as the asker's side may read it; ids without a name are left out."""
    named = {
        **_talk(view, act.get("talk")),
        **_items(view, act.get("talk")),
        **_understandings(view, act),
        **_people(view, act),
    }
    mentioned = frozenset(strings(act))
    return {id_: name for id_, name in named.items() if id_ in mentioned and name}


def _talk(view: View, talk: object) -> dict[str, Name]:
    if not isinstance(talk, str) or talk not in known_talks(view.joint):
        return {}
    return {talk: _titled(view, "time", talk)}


def _items(view: View, talk: object) -> dict[str, Name]:
    if not isinstance(talk, str) or talk not in known_talks(view.joint):
        return {}
    return {item.id: _said(view, item.title) for item in draft_items(view.joint, talk)}


def _understandings(view: View, act: Mapping[str, Any]) -> dict[str, Name]:
    wanted = frozenset(strings(act))
    return {u: _titled(view, "text", u) for u in known_understandings(view.joint) if u in wanted}


def _people(view: View, act: Mapping[str, Any]) -> dict[str, Name]:
    named: dict[str, Name] = {}
    for side in view.joint.sides:
        for id_, delegate in side.delegates.items():
            words = view.text(delegate.name) if delegate.name else None
            if words:
                named[id_] = [["", words]]
        for id_, credential in side.credentials.items():
            if credential.delegate in named:
                named[id_] = named[credential.delegate]
    return named


def _titled(view: View, kind: str, of: str) -> Name:
    """The title of what is agreed under the slot, else of what was tabled there last."""
    slot = time_slot(of) if kind == "time" else text_slot(of)
    subject = chair.agreed(view.joint, slot)
    if subject is None:
        tabled = chair.tabled(view.joint, kind, of)
        subject = tabled[-1].subject if tabled else None
    return [] if subject is None else _said(view, texts_of(subject.body["title"]))


def _said(view: View, texts: Iterable[tuple[str, str]]) -> Name:
    read = ((language, view.text(commitment)) for language, commitment in texts)
    return [[language, words] for language, words in read if words is not None]
