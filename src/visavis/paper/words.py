"""The fixed words of a paper, in the languages of the interface. Pure.

Lives here: `say`, `moment`, `language_name`.
Not here: the words of the pages (`web.words`), what people wrote.

A paper is set in the languages of its text, which need not be the reader's, both at once; where a text's language is
not here, the fixed words beside it are English. Values stand in isolates, so that a name or a hash cannot turn the
sentence around it.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from babel import Locale, UnknownLocaleError, dates

ENGLISH = "en"

_WORDS: Mapping[str, tuple[str, str, str, str, str]] = {
    # key: English, Russian, French, Indonesian, Arabic
    "copy": (
        "Copy of {side}",
        "Экземпляр стороны: {side}",
        "Exemplaire de la partie : {side}",
        "Salinan {side}",
        "نسخة {side}",
    ),
    "guarantee": ("Guarantee", "Гарантия", "Garantie", "Jaminan", "ضمان"),
    "understanding": ("Understanding", "Договорённость", "Entente", "Kesepahaman", "تفاهم"),
    "and": ("and", "и", "et", "dan", "و"),
    "text": ("Text", "Текст", "Texte", "Naskah", "النص"),
    "authentic": (
        "Texts in each language are equally authentic.",
        "Тексты на всех языках равно аутентичны.",
        "Les textes dans chaque langue font également foi.",
        "Naskah dalam setiap bahasa sama autentiknya.",
        "النصوص بكل اللغات متساوية في الحجية.",
    ),
    "undertakings": (
        "Undertakings: {side}",
        "Обязательства: {side}",
        "Engagements : {side}",
        "Kewajiban: {side}",
        "التعهدات: {side}",
    ),
    "none": (
        "This text asks nothing of this side.",
        "Этот текст ничего не требует от этой стороны.",
        "Ce texte ne demande rien à cette partie.",
        "Naskah ini tidak meminta apa pun dari pihak ini.",
        "لا يطلب هذا النص شيئًا من هذا الجانب.",
    ),
    "absent": (
        "[Not in this record. Committed to as {hash}]",
        "[Отсутствует в этой записи. Обязательство: {hash}]",
        "[Absent de ce registre. Empreinte consignée : {hash}]",
        "[Tidak ada dalam catatan ini. Komitmen: {hash}]",
        "[غير موجود في هذا السجل. بصمته: {hash}]",
    ),
    "erased": (
        "[Erased: {side}, entry {n} of its log, {time} by its node’s clock. Committed to as {hash}]",
        "[Стёрто: {side}, запись {n} её журнала, {time} по часам её узла. Обязательство: {hash}]",
        "[Effacé : {side}, inscription {n} de son journal, le {time} à l’horloge de son nœud. Empreinte "
        "consignée : {hash}]",
        "[Dihapus: {side}, entri {n} dalam lognya, {time} menurut jam simpulnya. Komitmen: {hash}]",
        "[مُحي: {side}، القيد {n} من سجله، {time} بحسب ساعة عقدته. بصمته: {hash}]",
    ),
    "in force": (
        "In force, as of the logs named under Proof.",
        "Действует по состоянию журналов, указанных в разделе «Доказательство».",
        "En vigueur, selon les journaux indiqués sous « Preuve ».",
        "Berlaku, menurut log yang disebut pada bagian Bukti.",
        "ساري المفعول بحسب السجلين المذكورين في قسم الإثبات.",
    ),
    "replaced": (
        "No longer in force: replaced by the text {hash}",
        "Более не действует: заменено текстом {hash}",
        "N’est plus en vigueur : remplacé par le texte {hash}",
        "Tidak lagi berlaku: digantikan oleh naskah {hash}",
        "لم يعد ساريًا: حل محله النص {hash}",
    ),
    "ended": (
        "No longer in force: ended by {side}, entry {n} of its log.",
        "Более не действует: прекращено стороной: {side}, запись {n} её журнала.",
        "N’est plus en vigueur : il y a été mis fin par la partie : {side}, inscription {n} de son journal.",
        "Tidak lagi berlaku: diakhiri oleh {side}, entri {n} dalam lognya.",
        "لم يعد ساريًا: أنهاه {side}، القيد {n} من سجله.",
    ),
    "amends": (
        "Amends the text {hash}",
        "Изменяет текст {hash}",
        "Modifie le texte {hash}",
        "Mengubah naskah {hash}",
        "يعدّل النص {hash}",
    ),
    "corrects": (
        "Corrects, from the beginning, the text {hash}",
        "Исправляет с самого начала текст {hash}",
        "Corrige, depuis l’origine, le texte {hash}",
        "Mengoreksi sejak awal naskah {hash}",
        "يصوّب منذ البداية النص {hash}",
    ),
    "faults": (
        "The record from which this was printed does not hold in every part; checks that fail: {n}. "
        "Read the account of visavis record verify first.",
        "Запись, с которой это напечатано, верна не во всём; проверок не пройдено: {n}. "
        "Сначала прочтите отчёт visavis record verify.",
        "Le registre dont ceci est tiré n’est pas valide en toutes ses parties ; vérifications en échec : {n}. "
        "Lisez d’abord le rapport de visavis record verify.",
        "Catatan yang menjadi sumber cetakan ini tidak sepenuhnya sahih; pemeriksaan yang gagal: {n}. "
        "Bacalah terlebih dahulu laporan visavis record verify.",
        "السجل الذي طُبع منه هذا لا يصح في كل أجزائه؛ عدد الفحوص التي لم تصح: {n}. "
        "اقرأ أولًا تقرير visavis record verify.",
    ),
    "signatures": ("Signatures", "Подписи", "Signatures", "Tanda tangan", "التوقيعات"),
    "for": ("For {side}", "За сторону: {side}", "Pour la partie : {side}", "Untuk {side}", "عن {side}"),
    "unnamed": ("Delegate {id}", "Делегат {id}", "Délégué {id}", "Delegat {id}", "المندوب {id}"),
    "principal": ("Principal", "Руководитель", "Chef de délégation", "Ketua delegasi", "رئيس الوفد"),
    "protocol-officer": (
        "Protocol officer",
        "Сотрудник протокола",
        "Responsable du protocole",
        "Pejabat protokol",
        "مسؤول البروتوكول",
    ),
    "adviser": ("Adviser", "Советник", "Conseiller", "Penasihat", "مستشار"),
    "press-officer": (
        "Press officer",
        "Пресс-секретарь",
        "Responsable de la presse",
        "Pejabat pers",
        "المسؤول الصحفي",
    ),
    "interpreter": ("Interpreter", "Переводчик", "Interprète", "Juru bahasa", "مترجم"),
    "time": (
        "{time}, by its node’s clock",
        "{time}, по часам её узла",
        "{time}, à l’horloge de son nœud",
        "{time}, menurut jam simpulnya",
        "{time}، بحسب ساعة عقدته",
    ),
    "entry": (
        "Entry {n} of its log",
        "Запись {n} её журнала",
        "Inscription {n} de son journal",
        "Entri {n} dalam lognya",
        "القيد {n} من سجله",
    ),
    "since": (
        "Signed by both; known to both since entry {n} of {a} and entry {m} of {b}.",
        "Подписано обеими; известно обеим с записи {n} ({a}) и записи {m} ({b}).",
        "Signé par les deux parties ; connu des deux depuis l’inscription {n} ({a}) et l’inscription {m} ({b}).",
        "Ditandatangani kedua pihak; diketahui keduanya sejak entri {n} dari {a} dan entri {m} dari {b}.",
        "وقّعه الجانبان؛ معلوم لكليهما منذ القيد {n} ({a}) والقيد {m} ({b}).",
    ),
    "unknown": (
        "Signed by both; not yet acknowledged by: {side}.",
        "Подписано обеими; ещё не подтверждено стороной: {side}.",
        "Signé par les deux parties ; réception pas encore accusée par : {side}.",
        "Ditandatangani kedua pihak; belum diakui oleh: {side}.",
        "وقّعه الجانبان؛ لم يُقرّ بالعلم به بعد: {side}.",
    ),
    "both": (
        "Signed by both.",
        "Подписано обеими.",
        "Signé par les deux parties.",
        "Ditandatangani kedua pihak.",
        "وقّعه الجانبان.",
    ),
    "proof": ("Proof", "Доказательство", "Preuve", "Bukti", "الإثبات"),
    "subject": (
        "Hash of the text in all languages, which both sides signed",
        "Хеш текста на всех языках, подписанный обеими сторонами",
        "Empreinte du texte dans toutes les langues, que les deux parties ont signée",
        "Hash naskah dalam semua bahasa, yang ditandatangani kedua pihak",
        "بصمة النص بكل اللغات، وقد وقّعها الجانبان",
    ),
    "dialogue": ("Dialogue", "Диалог", "Dialogue", "Dialog", "الحوار"),
    "log": (
        "Log of {side}",
        "Журнал стороны: {side}",
        "Journal de la partie : {side}",
        "Log {side}",
        "سجل {side}",
    ),
    "checkpoint": (
        "Checkpoint: {n} entries; root",
        "Контрольная точка: записей {n}; корень",
        "Point de contrôle : {n} inscriptions ; racine",
        "Titik periksa: {n} entri; akar",
        "نقطة التحقق: عدد القيود {n}؛ الجذر",
    ),
    "acknowledged": (
        "Acknowledged by the other side: {n} entries",
        "Подтверждено другой стороной: записей {n}",
        "Réception accusée par l’autre partie : {n} inscriptions",
        "Diakui pihak lainnya: {n} entri",
        "أقر به الجانب الآخر: عدد القيود {n}",
    ),
    "cosigned": (
        "Cosigned by the other side: {n} entries, {time} by its clock",
        "Заверено другой стороной: записей {n}, {time} по её часам",
        "Contresigné par l’autre partie : {n} inscriptions, le {time} à son horloge",
        "Ikut ditandatangani pihak lainnya: {n} entri, {time} menurut jamnya",
        "صادق عليه الجانب الآخر: عدد القيود {n}، {time} بحسب ساعته",
    ),
    "not cosigned": (
        "Not cosigned by the other side",
        "Не заверено другой стороной",
        "Non contresigné par l’autre partie",
        "Tidak ikut ditandatangani pihak lainnya",
        "لم يصادق عليه الجانب الآخر",
    ),
    "code": (
        "The code holds this hash and both checkpoints; it is the same on both sides’ copies of the same record. "
        "This page proves nothing alone: the record does, by visavis record verify.",
        "Код содержит этот хеш и обе контрольные точки; он одинаков на экземплярах обеих сторон с одной и той же "
        "записи. Сам этот лист ничего не доказывает: доказывает запись, проверяемая visavis record verify.",
        "Le code contient cette empreinte et les deux points de contrôle ; il est identique sur les exemplaires "
        "des deux parties tirés du même registre. Cette page seule ne prouve rien : le registre le fait, par "
        "visavis record verify.",
        "Kode ini memuat hash tersebut dan kedua titik periksa; kode yang sama terdapat pada salinan kedua pihak "
        "dari catatan yang sama. Halaman ini sendiri tidak membuktikan apa pun: yang membuktikan adalah catatan, "
        "melalui visavis record verify.",
        "يحوي الرمز هذه البصمة ونقطتي التحقق، وهو واحد في نسختي الجانبين من السجل نفسه. "
        "هذه الصفحة وحدها لا تثبت شيئًا، وإنما يثبته السجل بفحص visavis record verify.",
    ),
    "sealed": (
        "The file is sealed by the node of {side}, certificate {hash} (SHA-256). The seal shows that the file is "
        "unchanged; what binds is the record.",
        "Файл скреплён печатью узла стороны: {side}, сертификат {hash} (SHA-256). Печать показывает, что файл не "
        "изменён; обязывает запись.",
        "Le fichier est scellé par le nœud de la partie : {side}, certificat {hash} (SHA-256). Le sceau montre "
        "que le fichier est inchangé ; c’est le registre qui engage.",
        "Berkas ini dibubuhi segel oleh simpul {side}, sertifikat {hash} (SHA-256). Segel menunjukkan bahwa berkas "
        "tidak diubah; yang mengikat adalah catatan.",
        "الملف مختوم بختم عقدة {side}، الشهادة {hash} (SHA-256). يبين الختم أن الملف لم يتغير؛ والمُلزم هو السجل.",
    ),
    "unsealed": (
        "The file bears no seal. What binds is the record.",
        "Файл не скреплён печатью. Обязывает запись.",
        "Le fichier ne porte pas de sceau. C’est le registre qui engage.",
        "Berkas ini tidak bersegel. Yang mengikat adalah catatan.",
        "لا يحمل الملف ختمًا. والمُلزم هو السجل.",
    ),
}
_PLACES = {"en": 0, "ru": 1, "fr": 2, "id": 3, "ar": 4}


def has(language: str) -> bool:
    """Whether the fixed words stand in that language."""
    return _base(language) in _PLACES


def _base(language: str) -> str:
    return language.split("-")[0].lower()


def say(key: str, language: str, **values: object) -> str:
    """A phrase in that language (English where there is none), each value isolated."""
    phrase = _WORDS[key][_PLACES.get(_base(language), 0)]
    return phrase.format_map({name: f"\u2068{value}\u2069" for name, value in values.items()})


def moment(when: datetime | str, language: str) -> str:
    """7 December 2021, 15:00:03 UTC. Words that are no time are given as they are."""
    if isinstance(when, str):
        try:
            when = datetime.fromisoformat(when)
        except ValueError:
            return str(when)
    if when.tzinfo is None:
        return when.isoformat()
    locale = Locale.parse({"en": "en_GB"}.get(_base(language), _base(language)) if has(language) else "en_GB")
    comma = "،" if _base(language) == "ar" else ","
    when = when.astimezone(UTC)
    return f"{dates.format_datetime(when, f'd MMMM y{comma} HH:mm:ss', locale=locale)} UTC"


def language_name(code: str) -> str:
    """A language's own name: "русский" of "ru"; the code where CLDR knows none."""
    if code == "id":  # CLDR's is the country's
        return "bahasa Indonesia"
    try:
        return Locale.parse(code, sep="-").get_display_name() or code
    except (UnknownLocaleError, ValueError):
        return code
