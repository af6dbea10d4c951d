"""Gathers every phrase of the interface and brings the catalogues up to date.

Lives here: extraction (Babel's; an error's phrase is found where it is raised), the merge into `*.po`.
Not here: reading catalogues at run time (`visavis.web.words`).
Run: `python -m visavis.web.words.gather`, then translate what the catalogues leave empty.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po, write_po

import visavis.web.app  # noqa: F401 - so that every error is known
from visavis.errors import VisavisError
from visavis.rulebook import EDITION_1
from visavis.web.words import DEFAULT, LANGUAGES

WEB = Path(__file__).parent.parent
_METHODS = [("templates/**.html", "jinja2"), ("**.py", "python")]
_OPTIONS = {"templates/**.html": {"newstyle_gettext": "true", "trimmed": "true", "silent": "false"}}
_KEYWORDS = {"_": None, "gettext": None, "ngettext": (1, 2), "N_": None}

SPEAKING = (
    "access.py",
    "calendars",
    "dialogue",
    "dossier",
    "notices",
    "press",
    "seating.py",
    "talks",
    "understandings",
    "web",
)
"""Where errors are raised that a person can meet. The record's bytes and the call's have programs for readers."""


def gathered() -> Catalog:
    """Every phrase of templates, Python and errors, as a catalogue without translations."""
    catalogue = Catalog(project="visavis", charset="utf-8", fuzzy=False)
    for name, _line, message, _comments, context in extract_from_dir(
        str(WEB), _METHODS, _OPTIONS, keywords=_KEYWORDS
    ):
        # Without line numbers: a catalogue changes when words change, not when a template is moved about.
        catalogue.add(message, None, [(name, 0)], context=context)
    for phrase in sorted(phrases()):
        catalogue.add(phrase)
    return catalogue


def phrases() -> frozenset[str]:
    """Every phrase that a rule refuses with, or that an error is raised with where a person can meet it."""
    raised = frozenset(phrase for _, phrase in raised_phrases() if phrase is not None)
    return raised | frozenset(EDITION_1.explained.values())


def raised_phrases() -> Iterator[tuple[str, str | None]]:
    """("talks/service.py:42", phrase) of everything that is raised; None for a phrase that is put together there."""
    kinds = {kind.__name__ for kind in _kinds(VisavisError)}
    root = WEB.parent
    for path in sorted(path for name in SPEAKING for path in (root / name, *(root / name).rglob("*.py"))):
        if not path.is_file():
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            place = f"{path.relative_to(root)}:{getattr(node, 'lineno', 0)}"
            if isinstance(node, ast.ClassDef) and node.name in kinds:
                yield from ((place, said) for said in _own_phrases(node))
            if not (isinstance(node, ast.Call) and node.args and isinstance(node.func, ast.Name)):
                continue
            if node.func.id in kinds:
                first = node.args[0]
                if isinstance(first, ast.Constant) and isinstance(first.value, str):
                    yield place, first.value
                elif isinstance(first, ast.JoinedStr):
                    yield place, None


def _own_phrases(node: ast.ClassDef) -> Iterator[str]:
    """Phrases that an error keeps as constants of its class: those with a space, as no code has one."""
    for each in node.body:
        if isinstance(each, ast.Assign) and isinstance(each.value, ast.Constant):
            value = each.value.value
            if isinstance(value, str) and " " in value:
                yield value


def _kinds(kind: type[VisavisError]) -> Iterator[type[VisavisError]]:
    yield kind
    for below in kind.__subclasses__():
        yield from _kinds(below)


def main() -> None:
    template = gathered()
    for language in LANGUAGES:
        if language == DEFAULT:
            continue
        path = WEB / "words" / f"{language}.po"
        catalogue = Catalog(
            locale=language,
            header_comment="# Words of the interface. English words are the keys.",
            project="Visavis",
            version="1",
            charset="utf-8",
            fuzzy=False,
        )
        if path.exists():
            with path.open("rb") as source:
                catalogue = read_po(source, locale=language)
        catalogue.update(template, no_fuzzy_matching=True, update_creation_date=False)
        catalogue.obsolete.clear()
        written = BytesIO()
        write_po(written, catalogue, width=108, sort_output=True, omit_header=False, no_location=True)
        path.write_bytes(written.getvalue())


if __name__ == "__main__":
    main()
