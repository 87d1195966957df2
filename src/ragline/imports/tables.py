"""Tables of texts: each row of a CSV file becomes a document.

Runs in compute children.
"""

from __future__ import annotations

import codecs
import csv
import hashlib
import io
import json
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass

from charset_normalizer import from_bytes

from ragline.errors import UnreadableFile
from ragline.imports.fitting import clean, fitting, fitting_title, value_of
from ragline.imports.sources import ItemWarning, short_identity

TEXT_NAMES = (
    "text",
    "texte",
    "texteocr",
    "content",
    "contenu",
    "contents",
    "body",
    "full_text",
    "fulltext",
    "description",
    "abstract",
    "texto",
    "inhalt",
)
TITLE_NAMES = ("title", "titre", "name", "nom", "subject", "titel", "titulo")
ID_NAMES = ("external_id", "id", "uuid", "doc_id", "document_id", "identifier", "key")
DELIMITERS = (",", ";", "\t", "|")
_SAMPLE_CHARACTERS = 64 * 1024
_SAMPLE_ROWS = 50
_LARGEST_CELL = 64 * 1024**2
_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
# Where nothing speaks for one of them: the first also has the quotes of word processors.
_WESTERN = ("cp1252", "latin-1")
# Of encodings whose letters lie close together the usual one: a few words do not tell them apart.
_LATIN = ("cp1252", "mac_roman")
_GUESSED = ("cp1251", "cp1253", "gb18030", "shift_jis", "euc_kr", *_LATIN)


@dataclass(frozen=True, slots=True)
class Columns:
    """The columns a table's owner names; None leaves the choice to their names."""

    text: str | None = None
    id: str | None = None
    title: str | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """A row that has a text; `identity` is its id, else the hash of all it holds."""

    identity: str
    number: int
    title: str | None
    text: str
    metadata: dict[str, object]


def has_text_column(content: bytes, columns: Columns) -> bool:
    """Tell whether a table has a column to take documents from."""
    try:
        _Layout.of(_header_of(content[: 4 * _SAMPLE_CHARACTERS]), columns, "")
    except UnreadableFile:
        return False
    return True


def read_table(content: bytes, name: str, columns: Columns) -> Iterator[Row | ItemWarning]:
    """Go through the rows of a table, with a warning for each that is not as it should be.

    Raises `UnreadableFile` where there is no table, or no column with texts.
    """
    text = decoded(content)
    reader = rows_in(text)
    header = next(reader, None)
    if not header:
        raise UnreadableFile(f"The table {name!r} has no first row with the names of its columns.")
    layout = _Layout.of([cell.strip() for cell in header], columns, name)
    seen: set[str] = set()
    for number, cells in enumerate(reader, start=2):
        yield from _taken(layout, name, number, cells, seen)


def decoded(content: bytes) -> str:
    """Return a table's text, whose encoding is told by its mark, by UTF-8's rules, or guessed."""
    for mark, encoding in _BOMS:
        if content.startswith(mark):
            return content.decode(encoding, errors="replace")
    with suppress(UnicodeDecodeError):
        return content.decode()
    if content[:2000].count(0) > len(content[:2000]) // 4:
        return content.decode("utf-16-be" if content[:1] == b"\0" else "utf-16-le", "replace")
    sample = content[:_SAMPLE_CHARACTERS]
    others = sum(byte >= 0x80 for byte in sample)
    latin = others < sum(chr(byte).isalpha() for byte in sample if byte < 0x80)
    guessed = from_bytes(sample, cp_isolation=[*(_LATIN if latin else _GUESSED)]).best()
    for encoding in (*([guessed.encoding] if guessed else []), *_WESTERN):
        with suppress(UnicodeDecodeError):
            return content.decode(encoding)
    return content.decode("latin-1")


def delimiter_of(sample: str) -> str:
    """Return what parts the columns: what gives most rows the same number, and many of them."""
    return max(DELIMITERS, key=lambda each: _regularity(sample, each))


def _regularity(sample: str, delimiter: str) -> tuple[float, int]:
    rows = csv.reader(io.StringIO(sample, newline=""), delimiter=delimiter)
    widths = Counter(len(row) for _, row in zip(range(_SAMPLE_ROWS), rows, strict=False) if row)
    width, count = max(widths.items(), key=lambda pair: pair[1], default=(0, 0))
    return (count / widths.total() if width > 1 else 0.0), width


def rows_in(text: str) -> Iterator[list[str]]:
    """Go through a table's rows, the first one with the names of its columns."""
    csv.field_size_limit(_LARGEST_CELL)
    delimiter = delimiter_of(text[:_SAMPLE_CHARACTERS])
    try:
        yield from csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    except csv.Error as error:
        raise UnreadableFile(f"The table cannot be read any further: {error}.") from None


def _header_of(content: bytes) -> list[str]:
    return [cell.strip() for cell in next(rows_in(decoded(content)), [])]


@dataclass(frozen=True, slots=True)
class _Layout:
    """Which column holds what; all columns but the text and the title become metadata."""

    header: Sequence[str]
    text: int
    title: int | None
    id: int | None

    @classmethod
    def of(cls, header: Sequence[str], columns: Columns, table: str) -> _Layout:
        """Return the layout of a table; raise `UnreadableFile` where a column is missing."""
        names = [cell.casefold() for cell in header]
        text = column_of(names, columns.text, TEXT_NAMES, table)
        if text is None:
            known = ", ".join(header) or "none"
            raise UnreadableFile(
                f"No column of the table {table!r} is named like a text ({known}): say which "
                "one it is with text_column."
            )
        title = column_of(names, columns.title, TITLE_NAMES, table)
        return cls(header, text, title, column_of(names, columns.id, ID_NAMES, table))


def column_of(
    names: Sequence[str], asked: str | None, usual: Sequence[str], table: str
) -> int | None:
    """Return the column that is asked for, else the first that is called as usual.

    `names` are in small letters. Raises `UnreadableFile` where the one asked for is missing.
    """
    if asked is None:
        return next((names.index(name) for name in usual if name in names), None)
    if asked.strip().casefold() not in names:
        raise UnreadableFile(
            f"The table {table!r} has no column {asked!r}, but these: {', '.join(names)}."
        )
    return names.index(asked.strip().casefold())


def _taken(
    layout: _Layout, table: str, number: int, cells: list[str], seen: set[str]
) -> Iterator[Row | ItemWarning]:
    """Give a row as a document, or the reason why it is none."""
    where, width = f"{table}, row {number}", len(layout.header)
    if not any(cell.strip() for cell in cells):
        return
    if len(cells) != width:
        message = f"The row has {len(cells)} cells where the table has {width} columns."
        yield ItemWarning("ragged-row", message, where)
        cells = (cells + [""] * width)[:width]
    text = clean(cells[layout.text])
    if not text.strip():
        yield ItemWarning("empty-row", "The row has no text; it was left out.", where)
        return
    row_id = cells[layout.id].strip() if layout.id is not None else ""
    whole = f"row:{hashlib.sha256(json.dumps(cells).encode()).hexdigest()}"
    identity = clean(short_identity(row_id)) or whole
    if identity in seen:
        yield ItemWarning("duplicate", f"An earlier row is {identity!r} as well.", where)
        if whole in seen or identity == whole:
            return
        identity = whole
    seen |= {identity, whole}
    title = fitting_title(cells[layout.title]) if layout.title is not None else None
    metadata, cut = fitting(_metadata(layout, cells))
    if cut:
        yield ItemWarning("metadata-cut", f"Cut or left out: {', '.join(cut)}.", where)
    yield Row(identity, number, title or f"{table}, {number}", text, metadata)


def _metadata(layout: _Layout, cells: Sequence[str]) -> dict[str, object]:
    used = (layout.text, layout.title)
    return {
        name or f"column {number + 1}": value_of(cell.strip())
        for number, (name, cell) in enumerate(zip(layout.header, cells, strict=True))
        if number not in used and cell.strip()
    }
