"""Dates as people write them in their libraries."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from typing import Any

from ragline.references.values import line_of, list_of, mapping_of

_MONTHS = (
    ("jan", "january", "janvier", "janv", "januar", "enero", "gennaio"),
    ("feb", "february", "fevrier", "fevr", "fev", "februar", "febrero", "febbraio"),
    ("mar", "march", "mars", "marz", "maerz", "marzo"),
    ("apr", "april", "avril", "avr", "abril", "aprile"),
    ("may", "mai", "mayo", "maggio"),
    ("jun", "june", "juin", "juni", "junio", "giugno"),
    ("jul", "july", "juillet", "juil", "juli", "julio", "luglio"),
    ("aug", "august", "aout", "agosto"),
    ("sep", "sept", "september", "septembre", "septiembre", "settembre"),
    ("oct", "october", "octobre", "okt", "oktober", "octubre", "ottobre"),
    ("nov", "november", "novembre", "noviembre"),
    ("dec", "december", "decembre", "dez", "dezember", "diciembre", "dicembre"),
)
_MONTH_OF = {name: number for number, names in enumerate(_MONTHS, 1) for name in names}
_ISO = re.compile(
    r"(?<![\d-])(-?\d{4})(?:[-/](\d{1,2})(?:[-/](\d{1,2}))?)?(?=[T\s/,.;:()\[\]?~Z]|$)"
)
_YEAR = re.compile(r"(?<!\d)([12]\d{3})(?!\d)")
_SHORT_YEAR = re.compile(r"(?<!\d)(\d{3,4})(?!\d)")
_DAY_FIRST = re.compile(r"(?<!\d)(\d{1,2})[./-](\d{1,2})[./-](\d{4})(?!\d)")
_WORD = re.compile(r"[^\W\d_]+")
_DAY = re.compile(r"(?<!\d)(\d{1,2})(?!\d)")


def csl_date(value: object) -> dict[str, Any] | None:
    """Return a date in the form of CSL-JSON; text without a year in it becomes `literal`."""
    written = line_of(value, limit=200)
    if not written:
        return None
    parts = _iso_parts(written) or _numeric_parts(written) or _word_parts(written)
    if parts is None:
        return {"literal": written}
    return {"date-parts": [parts]}


def year_of(date: object) -> int | None:
    """Return the year of a date in the form of CSL-JSON."""
    fields = mapping_of(date)
    first = list_of(next(iter(list_of(fields.get("date-parts"))), None))
    for written in (first[0] if first else None, fields.get("raw"), fields.get("literal")):
        year = _whole(written)
        if year is None:
            found = _YEAR.search(line_of(written, limit=200))
            year = int(found[1]) if found else None
        if year is not None and -9999 <= year <= 9999:
            return year
    return None


def written_of(date: object) -> str:
    """Return a CSL date as text: `2020-05-01`, or as it was written."""
    fields = mapping_of(date)
    first = [_whole(part) for part in list_of(next(iter(list_of(fields.get("date-parts"))), None))]
    if first and first[0] is not None:
        return "-".join(f"{part:02d}" for part in first[:3] if part is not None)
    return line_of(fields.get("literal")) or line_of(fields.get("raw"))


def clean_date(value: object) -> dict[str, Any] | None:
    """Return a date of CSL-JSON with whole numbers for its parts; None where nothing is left."""
    if isinstance(value, str | int):
        return csl_date(value)
    fields: Mapping[str, Any] = mapping_of(value)
    dates = [_clean_parts(parts) for parts in list_of(fields.get("date-parts"))[:2]]
    parts = [each for each in dates if each]
    if parts:
        return {"date-parts": parts}
    return csl_date(fields.get("raw") or fields.get("literal"))


def _clean_parts(parts: object) -> list[int]:
    numbers: list[int] = []
    for part in list_of(parts)[:3]:
        number = _whole(part)
        limits = (9999, 12, 31)[len(numbers)]
        # A month or day of 0 is how some formats say that it is unknown.
        if number is None or abs(number) > limits or (numbers and number < 1):
            break
        numbers.append(number)
    return numbers


def _whole(value: object) -> int | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value if abs(value) < 10**6 else None
    if isinstance(value, str) and re.fullmatch(r"\s*-?\d{1,4}\s*", value):
        return int(value)
    return None


def _iso_parts(written: str) -> list[int] | None:
    found = _ISO.match(written)
    return _clean_parts([int(part) for part in found.groups() if part]) if found else None


def _numeric_parts(written: str) -> list[int] | None:
    """Return the parts of 31/12/2020 or 12/31/2020; where both would do, the day comes first."""
    found = _DAY_FIRST.search(written)
    if not found:
        return None
    day, month, year = (int(part) for part in found.groups())
    if month > 12:
        day, month = month, day
    return _clean_parts([year, month, day])


def _word_parts(written: str) -> list[int] | None:
    """Return the parts of a date in words: a year, and a month and a day if they are named."""
    year = _YEAR.search(written) or _SHORT_YEAR.search(written)
    if not year:
        return None
    months = [_MONTH_OF[word] for word in _plain_words(written) if word in _MONTH_OF]
    if not months:
        return [int(year[1])]
    rest = written[: year.start()] + " " + written[year.end() :]
    day = _DAY.search(rest)
    return _clean_parts([int(year[1]), months[0], *([int(day[1])] if day else [])])


def _plain_words(written: str) -> list[str]:
    plain = unicodedata.normalize("NFKD", written).encode("ascii", "ignore").decode().lower()
    return _WORD.findall(plain)
