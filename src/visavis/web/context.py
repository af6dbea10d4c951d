"""What every page is rendered with.

Lives here: the templates' environment (one per language), words, times, files of the bundle, `page`.
Not here: what a page says (`pages/`, `newsroom`), sessions (`visavis.access`), headers (`app`).

The environment escapes everything; the content security policy forbids inline script and style, so
templates carry neither. Templates, style sheets and the bundle are read by `importlib.resources`, from a
checkout as from a wheel.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache, partial
from hashlib import sha256
from importlib.resources import files
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import jinja2
import msgspec
from babel import dates, lists
from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import HTMLResponse

from visavis.access import asker_of
from visavis.dialogue import chair
from visavis.dialogue.commands import View
from visavis.dialogue.erasing import erasures
from visavis.dialogue.texts import direction, harmless
from visavis.errors import Unavailable
from visavis.paper.figure import FIGURES, half
from visavis.press.markdown import to_html, to_paragraphs
from visavis.web import words
from visavis.web.languages import choice_words, language_choices, language_name
from visavis.web.pages.frame import Spoken, sides_of, texts_of
from visavis.web.words import refusals, sentences

if TYPE_CHECKING:
    from visavis.node import Node

LANGUAGE_COOKIE = "visavis_language"


class BundleNotBuilt(Unavailable):
    """The browser's part is missing: `make bundle` (or `node client/build.mjs`) builds it."""

    code = "bundle-not-built"


# --- files ------------------------------------------------------------------------------------------


@cache
def _manifest() -> Mapping[str, str]:
    path = files("visavis.web") / "static" / "bundle" / "manifest.json"
    try:
        return msgspec.json.decode(path.read_bytes(), type=dict[str, str])
    except FileNotFoundError as error:
        raise BundleNotBuilt("The browser's part of Visavis is not built: run `make bundle`.") from error


def asset(name: str) -> str:
    """Address of a built file: "page.js" → "/static/bundle/page-ab12cd34.js". Raises `BundleNotBuilt`."""
    try:
        return f"/static/bundle/{_manifest()[name]}"
    except KeyError as error:
        raise BundleNotBuilt(f"The bundle holds no {name!r}: build it again.") from error


@cache
def static(path: str) -> str:
    """Address of a file under `static/`, with a mark of its content, so that it may be kept for ever."""
    try:
        content = (files("visavis.web") / "static" / path).read_bytes()
    except FileNotFoundError as error:
        raise BundleNotBuilt(f"static/{path} is missing: run `make bundle`.") from error
    return f"/static/{path}?v={sha256(content).hexdigest()[:8]}"


def icon(name: str, *classes: str) -> Markup:
    """A picture of the sprite beside a word; it says nothing alone, so it is hidden from screen readers."""
    return Markup('<svg class="{}" aria-hidden="true" focusable="false"><use href="{}#{}"/></svg>').format(
        " ".join(("icon", *classes)), static("icons.svg"), name
    )


# --- times ------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Times:
    """Dates and times as one language writes them. Every time says its zone or its offset."""

    language: str

    def _format(self, when: datetime, pattern: str) -> str:
        return dates.format_datetime(when, pattern, tzinfo=when.tzinfo, locale=words.locale(self.language))

    def day(self, when: datetime, zone: str = "UTC") -> str:
        """Tuesday 7 December 2021, in `zone`."""
        return self._format(when.astimezone(zone_of(zone)), "EEEE d MMMM y")

    def short_day(self, when: datetime, zone: str = "UTC") -> str:
        """7 Dec 2021, in `zone`."""
        return self._format(when.astimezone(zone_of(zone)), "d MMM y")

    def clock(self, when: datetime, zone: str = "UTC") -> str:
        """10:00, in `zone`."""
        return self._format(when.astimezone(zone_of(zone)), "HH:mm")

    def utc(self, when: datetime) -> Markup:
        """7 Dec 2021, 15:00 UTC, as a `<time>`."""
        when = when.astimezone(UTC)
        return Markup('<time datetime="{}">{}{}{} <bdi>UTC</bdi></time>').format(
            when.isoformat(timespec="minutes"), self.short_day(when), self.comma, self.clock(when)
        )

    @property
    def comma(self) -> str:
        """The comma of the language's script, with its space."""
        return "، " if self.language == "ar" else ", "

    def stop(self, mark: str) -> str:
        """A colon or a semicolon as the language sets it, with its spaces."""
        if mark == ";" and self.language == "ar":
            return "؛ "
        space = {":": "\u00a0", ";": "\u202f"}[mark] if self.language == "fr" else ""
        return f"{space}{mark} "

    def city(self, zone: str) -> str:
        """New York, of America/New_York, by CLDR's name; empty where the zone names no place (UTC, Etc/GMT+5)."""
        area, _, place = zone.rpartition("/")
        if not area or area == "Etc":
            return ""
        known = words.locale(self.language).time_zones.get(zone, {})
        return str(known.get("city") or place.replace("_", " "))

    def until(self, when: datetime, now: datetime) -> str:
        """In 23 hours; 3 days ago. Only ever beside the absolute time."""
        return dates.format_timedelta(
            when - now, granularity="minute", add_direction=True, locale=words.locale(self.language)
        )

    def length(self, seconds: float) -> str:
        """1:02:03 or 20:41."""
        total = int(seconds)
        hours, minutes, rest = total // 3600, total // 60 % 60, total % 60
        return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"

    def listed(self, values: list[str]) -> str:
        """a, b and c."""
        return lists.format_list(values, locale=words.locale(self.language)) if values else ""


def zone_of(name: str) -> ZoneInfo:
    """The IANA zone of that name; UTC when it is none, so that a page shows a right time in any case."""
    try:
        return ZoneInfo(name or "UTC")
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return ZoneInfo("UTC")


def offset(when: datetime, zone: str) -> str:
    """The offset at that moment in `zone`, with a true minus: UTC−05:00."""
    delta = when.astimezone(zone_of(zone)).utcoffset() or timedelta()
    minutes = int(delta.total_seconds() // 60)
    sign = "−" if minutes < 0 else "+"
    return f"UTC{sign}{abs(minutes) // 60:02}:{abs(minutes) % 60:02}"


def iso(when: datetime, zone: str = "UTC") -> str:
    """For `datetime=`: 2021-12-07T10:00-05:00."""
    return when.astimezone(zone_of(zone)).isoformat(timespec="minutes")


# --- rendering --------------------------------------------------------------------------------------


@cache
def environment(language: str) -> jinja2.Environment:
    """The templates in one language."""
    env = jinja2.Environment(
        loader=jinja2.PackageLoader("visavis.web", "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.i18n", "jinja2.ext.loopcontrols"],
    )
    env.policies["ext.i18n.trimmed"] = True
    translations = words.translations(language)
    env.install_gettext_callables(  # type: ignore[attr-defined]
        translations.ugettext, translations.ungettext, newstyle=True
    )
    env.globals.update(
        asset=asset,
        static=static,
        icon=icon,
        half=half,
        figures=FIGURES,
        times=Times(language),
        offset=offset,
        iso=iso,
        direction=direction,
        language=language,
        languages=words.LANGUAGES,
        language_name=language_name,
        language_choices=language_choices(language),
        choice_words=partial(choice_words, language=language),
        dict=dict,
        void_words=lambda reason: refusals.void_words(reason, language),
        verdict_words=lambda verdict: sentences.verdict_words(verdict, language),
        act_words=lambda kind: sentences.act_words(kind, language),
        dir=direction(language),
    )
    env.tests["damaged"] = lambda texts: isinstance(texts, Spoken) and bool(texts.damaged)
    env.filters["harmless"] = harmless
    env.filters["one_of"] = lambda texts: _shown(*words.one_of(texts, language))
    env.filters["paragraphs"] = paragraphs
    env.filters["language_name"] = language_name
    env.filters["moment"] = chair.moment
    env.filters["markdown"] = lambda text: Markup(to_html(harmless(text)))  # noqa: S704 - cleaned by nh3
    env.filters["lead_in"] = lead_in
    return env


def lead_in(markdown: str) -> str:
    """The first paragraph of a release in plain words, for a front page and for what is shared."""
    found = to_paragraphs(harmless(markdown))
    if not found:
        return ""
    return found[0] if len(found[0]) <= 300 else found[0][:299].rsplit(" ", 1)[0] + "…"


def _shown(language: str, text: str) -> tuple[str, str]:
    return language, harmless(text)


def paragraphs(text: str) -> list[str]:
    """A text's paragraphs, as they are shown: what blank lines part."""
    return [part.strip() for part in harmless(text).replace("\r\n", "\n").split("\n\n") if part.strip()]


def language_of(request: Request, *, cookies: bool = True) -> str:
    """The reader's language: the address (`?lang=`), then the cookie, then the browser's wish."""
    wanted = [request.query_params.get("lang")]
    if cookies:
        wanted.append(request.cookies.get(LANGUAGE_COOKIE))
    return words.language_for(wanted, request.headers.get("accept-language", ""))


def render(name: str, language: str, **values: Any) -> str:
    """A template's text in one language. Raises `jinja2.UndefinedError` for a value that is missing."""
    return environment(language).get_template(name).render(**values)


@dataclass(frozen=True, slots=True)
class Stopped:
    """Why nothing can be written in a dialogue.

    code: the error's; "log-shown" if only a reader says so. ours: whether our own log is what stops it: our officers
    end that, unless it has moved. held, own: entries of the checkpoint that was shown, and of the log here.
    address: where the log is written now.
    """

    code: str
    ours: bool
    held: int = 0
    own: int = 0
    address: str = ""


def stopped_of(request: Request, view: View) -> Stopped | None:
    """What stops the dialogue, as our side sees it; None: nothing does."""
    node: Node = request.app.state.node
    ledger = node.dialogues.ledger(view.joint.sides[0].dialogue)
    mine, theirs = ledger.sides[view.us], ledger.sides[1 - view.us]
    for us, side in ((view.us, mine), (1 - view.us, theirs)):
        error = ledger.hindrance(us)
        if error is None:
            continue
        shown = ledger.shown.get(mine) or ledger.shown.get(theirs)
        if shown is not None and error.details.get("shown"):
            ours = mine in ledger.shown
            own = ledger.states[view.us if ours else 1 - view.us].size
            return Stopped("log-shown", ours, shown.size, own)
        if ledger.away:
            address = ledger.away.get(side) or next(iter(ledger.away.values()))
            return Stopped(error.code, mine in ledger.away, address=address)
        return Stopped(error.code, mine not in ledger.log_keys)
    return None


def page(
    request: Request, name: str, *, status: int = 200, view: View | None = None, **values: Any
) -> HTMLResponse:
    """A page for the asker, who may be nobody.

    view: what the asker may look at, on the pages of a dialogue; adds `sides`, `texts`, which reads
    [[language, commitment], …], `erased`: who erased their copy of a commitment, and `times_said`: how often our side
    has filled a register. Adds `asker`, `path`, `now`
    always. A language asked for by `?lang=` is remembered in a cookie.
    """
    language = language_of(request)
    given: dict[str, Any] = {
        "asker": asker_of(request),
        "path": request.url.path,
        "now": datetime.now(UTC),
        "sides": None,
        "stopped": None,
        "talk": None,
        "status": status,
    }
    if view is not None:
        given["sides"] = sides_of(view)
        given["stopped"] = stopped_of(request, view)
        given["now"] = view.now
        given["texts"] = lambda pairs: texts_of(view, pairs)
        given["said"] = view.text
        given["times_said"] = lambda *key: len(view.joint.register_history(view.us, key))
        given["erased"] = lambda commitment: erasures(view.joint, view.us, commitment)
    response = HTMLResponse(render(name, language, **(given | values)), status_code=status)
    response.headers["Content-Language"] = language
    response.headers["Vary"] = "Accept-Language, Cookie"
    if request.query_params.get("lang") == language:
        response.set_cookie(LANGUAGE_COOKIE, language, max_age=31_536_000, httponly=True, samesite="lax")
    return response
