"""Languages by their names, for people who choose one. Pure.

Lives here: `language_name`, `language_choices`, `choice_words`, `name_in`.
Not here: the languages of the interface (`words`), which tags an act may carry (`dialogue.texts.Language`).
Source: CLDR, by Babel.
"""

from __future__ import annotations

import unicodedata
from functools import cache

from babel import Locale, UnknownLocaleError

from visavis.web import words

Choice = tuple[str, str]
"""A tag of BCP 47, and its names: the reader's and its own, "French · Français"."""


def language_name(code: str) -> str:
    """A language's own name: "Русский" of "ru"; the code where CLDR knows none."""
    return words.LANGUAGES.get(code) or OWN.get(code) or name_in(code, code) or code


def name_in(tag: str, language: str) -> str:
    """A language's name in another, with a capital; "" where CLDR has none."""
    try:
        name = Locale.parse(tag, sep="-").get_display_name(Locale.parse(language, sep="-")) or ""
    except (UnknownLocaleError, ValueError):
        return ""
    return name[:1].title() + name[1:]


@cache
def language_choices(language: str) -> tuple[Choice, ...]:
    """The languages that people choose from, by their names in `language`."""
    return tuple(
        sorted(((tag, choice_words(tag, language)) for tag in OWN), key=lambda each: _order(each[1]))
    )


def choice_words(tag: str, language: str) -> str:
    """What a list says of a language: both its names; one where they are the same."""
    theirs, own = name_in(tag, language) or tag, language_name(tag)
    return theirs if theirs.casefold() == own.casefold() else f"{theirs} · {own}"


def _order(name: str) -> str:
    """Accents and capitals put nobody at the end."""
    return "".join(c for c in unicodedata.normalize("NFD", name.casefold()) if not unicodedata.combining(c))


OWN = dict(
    line.split(" ", 1)
    for line in """\
am አማርኛ
ar العربية
az Azərbaycan
az-Cyrl Азәрбајҹан (Кирил)
be Беларуская
bg Български
bn বাংলা
bs Bosanski
bs-Cyrl Босански (ћирилица)
ca Català
cs Čeština
da Dansk
de Deutsch
dv ދިވެހިބަސް
dz རྫོང་ཁ
el Ελληνικά
en English
es Español
et Eesti
fa فارسی
fi Suomi
fil Filipino
fo Føroyskt
fr Français
ga Gaeilge
gn Avañe’ẽ
gsw Schwiizertüütsch
gv Gaelg
he עברית
hi हिन्दी
hr Hrvatski
ht Kreyòl Ayisyen
hu Magyar
hy Հայերեն
id Bahasa Indonesia
is Íslenska
it Italiano
ja 日本語
ka ქართული
kk Қазақ тілі
kl Kalaallisut
km ខ្មែរ
ko 한국어
ky Кыргызча
lb Lëtzebuergesch
lo ລາວ
lt Lietuvių
lv Latviešu
mg Malagasy
mi Māori
mk Македонски
mn Монгол
ms Melayu
ms-Arab بهاس ملايو (عرب)
mt Malti
my မြန်မာ
nb Norsk bokmål
nd IsiNdebele
ne नेपाली
nl Nederlands
nn Norsk nynorsk
no Norsk
ny Nyanja
pap Papiamentu
pl Polski
ps پښتو
pt Português
qu Runasimi
rn Ikirundi
ro Română
ru Русский
rw Ikinyarwanda
sg Sängö
si සිංහල
sk Slovenčina
sl Slovenščina
sn ChiShona
so Soomaali
sq Shqip
sr Српски
sr-Latn Srpski (latinica)
ss SiSwati
st Sesotho
sv Svenska
sw Kiswahili
ta தமிழ்
tg Тоҷикӣ
th ไทย
ti ትግርኛ
tk Türkmen dili
tn Setswana
to Lea fakatonga
tpi Tok Pisin
tr Türkçe
tzm Tamaziɣt n laṭlaṣ
uk Українська
ur اردو
uz O‘zbek
uz-Cyrl Ўзбекча (Кирил)
vi Tiếng Việt
wo Wolof
yo Èdè Yorùbá
yue 粵語
zh 中文
zh-Hant 中文 (繁體)
""".splitlines()
)
"""Tag → own name, of what some country has made its official language and CLDR can name. Written out, since CLDR has
each own name in a file of its own: to read them all takes a second, and memory that a node has better uses for."""
