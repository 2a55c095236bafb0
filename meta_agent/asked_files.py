"""Reads from a request's own words which files it wants, and what it asks apart from them.

"Export the NOI of all properties to Excel" asks for the NOI of all properties; Excel, sheets and
directories are nothing that a database could be searched for. Words decide, no model: the
same request always gives the same files.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from meta_agent.contracts import AskedFiles, ChartKind, DatabaseSchema, FileFormat, UserRequest
from meta_agent.glossary import normalise

MOST_SHEETS = 12
_LONGEST_NAME = 60

_FORMATS: tuple[tuple[FileFormat, str], ...] = (
    ("xlsx", r"excel|xlsx?|spreadsheets?|workbooks?"),
    ("csv", r"csvs?|comma[- ]separated"),
    ("pdf", r"pdfs?"),
    ("png", r"pngs?"),
    ("svg", r"svgs?"),
)
_KINDS: tuple[tuple[ChartKind, str], ...] = (
    ("pie", r"pie|donut|doughnut"),
    ("histogram", r"histograms?"),
    ("scatter", r"scatter"),
    ("line", r"line|trend|time[- ]series"),
    ("bar", r"bars?|column"),
)
_DRAWING = r"(?:charts?(?! of accounts)|graphs?|plots?|diagrams?)"
_STYLE = (
    r"(?:(?:simple|native|horizontal|vertical|stacked|grouped|pie|donut|doughnut|scatter|line|trend"
    r"|time[- ]series|bar|column) ?-?)"
)
_CHART = rf"{_STYLE}*{_DRAWING}|histograms?"
_CHART_SURELY = (
    rf"{_STYLE}+{_DRAWING}|charts?(?! of accounts)|graphs?|diagrams?|histograms?|(?:as|in) an? plot"
    r"|an? plot (?:of|showing|with)"
)
"""Plots may be land."""
_PLOTS = re.compile(r"(?:^|[.!?\n]\s*|\b(?:and|then|please|to|you)\s+)(?:plot|visuali[sz]e)\s", re.IGNORECASE)
_FILE = (
    r"(?:(?:microsoft|ms|multi-sheet|formatted|well-formatted) )*"
    r"(?:excel|xlsx?|spreadsheet|workbook|csv|comma[- ]separated|pdf|png|svg)s?"
    r"(?:[- ](?:spreadsheet|workbook|file|sheet|document|report|format|export|image|picture)s?)*"
)
_WORD = rf"(?:{_FILE}|(?:{_CHART})(?: images?)?)"
_ONE = rf"(?:an? |the |one )?{_WORD}(?:(?:,| and| or|, and) (?:an? |the )?{_WORD})*"
_IT = (
    r"(?: (?:it|them|this|that|these|everything|the (?:results?|answer|data|table|list|output|whole thing)))?"
)
_VERB = (
    r"(?:save|store|write|put|export|download|output|send|give|provide|present|return|deliver|draw|show"
    r"|display)"
)
_MAKE = rf"(?:{_VERB}|create|make|generate|produce|build|prepare|add|include)"
_LEAD = (
    r"(?:(?:please|can you|could you|i (?:need|want|would like) you to|i (?:need|want|would like)"
    r"(?: to have)?|then|also|and)[, ]+)*"
)
_FILE_NAME = re.compile(
    r"(?:\b(?:to|as|in|into|at)\s+)?(?:(?:an?|the)\s+)?(?:file\s+)?(?:(?:named|called)\s+)?[\"'“]?(?:\w+/)*"
    r"(?P<name>[\w-]{1,60})\.(?:xlsx|csv|pdf|png|svg)\b[\"'”]?",
    re.IGNORECASE,
)
_FOLDER = re.compile(r"\bexports?/(?P<folder>reports|data)\b", re.IGNORECASE)
_PLACE = re.compile(
    r"[ ,]*\b(?:to|in|into|under|below)\s+(?:the\s+)?(?:[\w./-]*\bexports?\b[\w./-]*|\w+/\w+[\w/]*)"
    r"(?:\s+(?:directory|folder))?",
    re.IGNORECASE,
)
_SHEETS = re.compile(
    r"(?:,?\s*\b(?:with|including|include|having)\s+)?(?:separate\s+|different\s+)?\b(?:work)?(?:sheets|tabs)\s+"
    r"(?:for|with|of|named|called|on)\s*:?\s+(?P<names>[^.;\n]+)",
    re.IGNORECASE,
)
_EXPORTS = re.compile(r"\b(?:export|save|download)\b", re.IGNORECASE)
_NO_NAME = re.compile(r"^(?:each|every|all|both|any|the following)\b", re.IGNORECASE)
_COLOURS = re.compile(
    r"\bconditional(?:ly)?[- ]format|\bcolou?r[- ]?(?:cod|scale)|\bhighlight|\bcolou?red?\b", re.IGNORECASE
)
_COLOURING = re.compile(
    r",?(?: (?:and|with|using|apply|applying))* (?:conditional(?:ly)? format(?:ting|ted)?"
    r"|colou?r[- ]?cod(?:ing|ed)|colou?r[- ]?code(?: (?:it|them|the results?))?"
    r"(?:\s*:[^.!?\n]*(?:\.\d[^.!?\n]*)*)?)"
    r"(?: (?:on|for|of|to|in) (?:the )?[\w ]{1,40}?columns?)?",
    re.IGNORECASE,
)
_SENDING = re.compile(
    r",? and (?:send|e-?mail|share) (?:it|them|this)(?: to (?:me|us))?(?=$|[.!?])", re.IGNORECASE
)
_SENTENCE = re.compile(r"(?<=[.!?])\s+|\n+")
_BEHIND = re.compile(
    rf",?(?: (?:and|then|also|please))*(?: {_VERB}(?: me)?{_IT})? (?:to|as|in|into|with|using|via|on) {_ONE}"
    r"(?! (?:of|for|with|showing|that) )(?![- ]?(?:spreadsheet|workbook|file|sheet|chart|graph|plot))(?!\w)",
    re.IGNORECASE,
)
"""``…, and save it as a CSV file``."""
_FILE_BEHIND = re.compile(
    rf",?(?: (?:and|then|also|please))* {_VERB}(?: me)?{_IT}(?: (?:to|as|in|into))*(?=$|[.!?])", re.IGNORECASE
)
"""What is left of it where the file was named."""
_AND_ALSO = re.compile(
    rf",?(?: (?:and|then|also|plus))+(?: (?:{_MAKE}|attach)(?: me)?)? {_ONE}(?=$|[.!?])",
    re.IGNORECASE,
)
"""``… plus a bar chart.``"""
_BEFORE = re.compile(
    rf"^{_LEAD}(?:{_MAKE}(?: me)? )?{_ONE}(?: file)?(?:(?<=\w) | ?(?=:))"
    r"(?:of|with|for|showing|that shows?|which shows?|containing|about|on|from|over|:) ",
    re.IGNORECASE,
)
"""``Create a PDF report of …``"""
_VERBS = re.compile(
    rf"^{_LEAD}(?:export|chart|plot|graph|draw|visuali[sz]e|download|print out)(?: me)? (?=\w)", re.IGNORECASE
)
_ABOUT_FILES = re.compile(
    rf"^{_LEAD}(?:(?:save|store|write|put|export|download|attach|format|name|call|send|include|add|use|draw|show"
    rf"|create|make|give me|colou?r|highlight)\b.*)$",
    re.IGNORECASE,
)
_NOTHING_LEFT = re.compile(
    rf"^{_LEAD}(?:(?:then|also|and|please)\b|(?:{_MAKE}|use|plot|chart|graph)(?: me)?)?{_IT}"
    rf"(?: ?(?:please|too|as well|also|to|as|in|an?|the|file|results?))*[\s.,!?]*$",
    re.IGNORECASE,
)


def files_asked_for(
    request: str, schema: DatabaseSchema | None = None, *, has_page: bool = False
) -> AskedFiles:
    """The files that a request wants, and its question without them.

    ``schema``: a word that stands in its names means what is stored, as a table ``charts`` does.
    ``has_page``: a web page is asked for, and charts belong to it.
    """
    stored = _names_of(schema)
    formats = [kind for kind, words in _FORMATS if _speaks_of(words, request, stored)]
    has_chart = not has_page and (
        _speaks_of(_CHART_SURELY, request, stored)
        or ("plot" not in stored and _PLOTS.search(request) is not None)
    )
    is_workbook = "xlsx" in formats or ("csv" not in formats and _EXPORTS.search(request) is not None)
    sheets = tuple(_sheets(request)) if is_workbook and not stored & {"sheet", "tab"} else ()
    if sheets and "xlsx" not in formats:
        formats.insert(0, "xlsx")
    if has_chart and not set(formats) & {"xlsx", "pdf", "png", "svg"}:
        formats.append("png")
    if not formats:
        return AskedFiles()
    sentences = [part.strip() for part in _SENTENCE.split(request) if part.strip()]
    named, folder = _FILE_NAME.search(request), _FOLDER.search(request)
    return AskedFiles(
        formats=tuple(formats),
        question=_question(sentences) or request,
        chart=(chart_kind(request) or "fitting") if has_chart or set(formats) & {"png", "svg"} else None,
        sheets=sheets,
        name=_file_name(named["name"]) if named else None,
        folder="data" if folder and folder["folder"].lower() == "data" else "reports" if folder else None,
        coloured=" ".join(s for s in sentences if _COLOURS.search(s)),
        charted=" ".join(s for s in sentences if re.search(rf"\b(?:{_CHART})\b", s, re.IGNORECASE)),
    )


def without_files(request: UserRequest, files: AskedFiles) -> UserRequest:
    """What is to be analysed: the question, and what the sheets are about."""
    if not files.formats:
        return request
    sheets = f"\n{', '.join(files.sheets)}." if files.sheets else ""
    return request.model_copy(update={"text": files.question + sheets})


def packages_for(files: AskedFiles) -> tuple[str, ...]:
    """PyPI names of what a script needs to write these files."""
    needs = {"xlsx": ("xlsxwriter",), "csv": (), "pdf": ("reportlab", "matplotlib")}
    return tuple(dict.fromkeys(p for kind in files.formats for p in needs.get(kind, ("matplotlib",))))


def _speaks_of(words: str, request: str, stored: frozenset[str]) -> bool:
    found = re.findall(rf"(?<![\w-])(?:{words})(?![\w-])", request, re.IGNORECASE)
    return any(not set(normalise(word).split()) & stored for word in found)


def _names_of(schema: DatabaseSchema | None) -> frozenset[str]:
    """The words in the names of tables and columns."""
    tables = schema.tables if schema else ()
    names = (name for table in tables for name in (table.name, *(c.name for c in table.columns)))
    return frozenset(word for name in names for word in normalise(name).split())


def chart_kind(text: str) -> ChartKind | None:
    """The kind of chart that a text names beside the word itself."""
    for kind, words in _KINDS:
        if re.search(rf"(?<!\w)(?:{words})[ -]*(?:\w+[ -]+)?{_DRAWING}\b", text, re.IGNORECASE):
            return kind
    return "histogram" if re.search(r"\bhistograms?\b", text, re.IGNORECASE) else None


def _sheets(request: str) -> Iterator[str]:
    """What each sheet is to hold, in the request's words."""
    found = _SHEETS.search(request)
    if found is None or _NO_NAME.match(found["names"]):
        return
    parts = re.split(r"\s*,\s*(?:and\s+)?|\s*;\s*", found["names"])
    if len(parts) == 1:
        parts = re.split(r"\s+and\s+", parts[0])
    else:
        parts[-1:] = re.split(r"\s+and\s+", parts[-1]) if len(parts) == 2 else parts[-1:]
    for part in parts[:MOST_SHEETS]:
        name = re.sub(r"^(?:the|our|an?)\s+", "", part.strip(" \"'“”"), flags=re.IGNORECASE)
        if name:
            yield name[:_LONGEST_NAME]


def _file_name(written: str) -> str:
    return re.sub(r"[^A-Za-z0-9_-]", "_", written)


# --- what is left -------------------------------------------------------------------


def _question(sentences: list[str]) -> str:
    """The request without what it says about files; empty where nothing else is said."""
    left = [_without_files(sentence) for sentence in sentences]
    return " ".join(sentence for sentence in left if sentence)


def _without_files(sentence: str) -> str:
    """A sentence without what it says about files; empty where that was all."""
    text = _FILE_NAME.sub("", sentence)
    if text != sentence:
        text = _FILE_BEHIND.sub("", " ".join(text.split()))
    for phrase in (_SHEETS, _SENDING, _PLACE, _COLOURING):
        text = phrase.sub("", text)
    text = _BEFORE.sub("Show ", text)
    text = _VERBS.sub("Show ", _AND_ALSO.sub("", _BEHIND.sub("", text)))
    changed = text != sentence
    text = re.sub(r"\s+([.,!?])", r"\1", " ".join(text.split())).strip(" ,")
    if changed and _NOTHING_LEFT.match(text):
        return ""
    return "" if _COLOURS.search(sentence) and _ABOUT_FILES.match(text) else text
