"""Gathers every phrase of the interface and brings the catalogues up to date.

Lives here: extraction (Babel's), the merge into `*.po`.
Not here: reading catalogues at run time (`visavis.web.words`).
Run: `python -m visavis.web.words.gather`, then translate what the catalogues leave empty.
"""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po, write_po

from visavis.web.words import DEFAULT, LANGUAGES

WEB = Path(__file__).parent.parent
_METHODS = [("templates/**.html", "jinja2"), ("**.py", "python")]
_OPTIONS = {"templates/**.html": {"newstyle_gettext": "true", "trimmed": "true", "silent": "false"}}
_KEYWORDS = {"_": None, "gettext": None, "ngettext": (1, 2), "N_": None}


def gathered() -> Catalog:
    """Every phrase of templates and Python, as a catalogue without translations."""
    catalogue = Catalog(project="visavis", charset="utf-8", fuzzy=False)
    for name, _line, message, _comments, context in extract_from_dir(
        str(WEB), _METHODS, _OPTIONS, keywords=_KEYWORDS
    ):
        # Without line numbers: a catalogue changes when words change, not when a template is moved about.
        catalogue.add(message, None, [(name, 0)], context=context)
    return catalogue


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
