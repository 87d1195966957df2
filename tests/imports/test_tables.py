"""Tables of texts, in whatever form they are written."""

from __future__ import annotations

from pathlib import Path

import pytest

from ragline.errors import UnreadableFile
from ragline.imports.sources import ItemWarning
from ragline.imports.tables import Columns, Row, decoded, delimiter_of, read_table

FRENCH = "Titre;Texte;année\nÉté;Les hérons guettent, là où l'eau dort.;1999\n"


def rows(content: bytes, columns: Columns = Columns()) -> list[Row]:  # noqa: B008  # frozen
    """Return the rows of a table."""
    return [each for each in read_table(content, "t.csv", columns) if isinstance(each, Row)]


def warnings(content: bytes) -> list[tuple[str, str | None]]:
    """Return the warnings of a table."""
    found = read_table(content, "t.csv", Columns())
    return [(each.code, each.item) for each in found if isinstance(each, ItemWarning)]


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "latin-1", "cp1252", "utf-16", "utf-16-le", "utf-16-be"]
)
def test_encodings_are_detected(encoding: str) -> None:
    """Accents survive every usual encoding, with a mark at its beginning or without."""
    (row,) = rows(FRENCH.encode(encoding))

    assert ("Été", "Les hérons guettent, là où l'eau dort.") == (row.title, row.text)
    assert {"année": 1999} == row.metadata


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_delimiters_are_detected(delimiter: str) -> None:
    """What parts the columns is what parts them in most rows."""
    table = "a,b;c|d\n".replace(",", " ")  # a line that says little
    sample = "".join(delimiter.join(("title", "text", "year")) + "\n" for _ in range(5)) + table

    assert delimiter == delimiter_of(sample)


def test_quoted_lines_belong_to_their_row() -> None:
    """A line break, a delimiter and a quote within quotes are part of a text."""
    (row,) = rows(b'title,text\r\none,"first; line\nsecond, ""quoted"" line"\r\n')

    assert 'first; line\nsecond, "quoted" line' == row.text


def test_ragged_rows_are_named() -> None:
    """A row with too few or too many cells is taken, with a warning that names it."""
    table = b"title,text,year\none,words\ntwo,words too,1999,more\n"

    assert [("ragged-row", "t.csv, row 2"), ("ragged-row", "t.csv, row 3")] == warnings(table)
    assert ["words", "words too"] == [row.text for row in rows(table)]


def test_rows_without_text_are_named() -> None:
    """A row without a text becomes no document; an empty line is nothing at all."""
    assert [("empty-row", "t.csv, row 2")] == warnings(b"title,text\none,\n\n")


def test_row_without_an_id_is_known_by_its_content() -> None:
    """The same row has the same identity wherever it stands; another one has another."""
    first = rows(b"text,year\nHerons.,1999\nOtters.,2000\n")
    second = rows(b"text,year\nOtters.,2000\nVoles.,2001\n")

    assert first[1].identity == second[0].identity
    assert first[0].identity != second[1].identity


def test_same_row_twice_is_taken_once() -> None:
    """A row that stands there twice is named as a duplicate."""
    table = b"text\nHerons.\nHerons.\n"

    assert 1 == len(rows(table))
    assert [("duplicate", "t.csv, row 3")] == warnings(table)


def test_two_rows_of_an_id_are_both_taken() -> None:
    """Rows that share an id are told of, and neither is lost."""
    assert ["Herons.", "Otters."] == [row.text for row in rows(b"id,text\n1,Herons.\n1,Otters.\n")]


def test_numbers_are_numbers() -> None:
    """What is written as a number can be searched by ranges; a code with zeros stays a text."""
    (row,) = rows(b"text,year,price,code\nHerons.,1999,2.50,007\n")

    assert {"year": 1999, "price": 2.5, "code": "007"} == row.metadata


def test_table_without_texts_is_refused_with_its_columns() -> None:
    """The sentence names the columns there are."""
    with pytest.raises(UnreadableFile, match=r"\(a, b\)"):
        rows(b"a,b\n1,2\n")


def test_column_that_is_not_there_is_refused() -> None:
    """A named column has to exist."""
    with pytest.raises(UnreadableFile, match="no column 'body'"):
        rows(b"text,b\n1,2\n", Columns(text="body"))


def test_empty_table_is_refused() -> None:
    """Without a first row there is no table."""
    with pytest.raises(UnreadableFile):
        rows(b"")


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("заголовок;текст\nПривет;Это длинный текст на русском языке", "cp1251"),
        ("标题,文本\n你好,这是一个很长的中文文本用于测试编码检测", "gb18030"),
    ],
)
def test_other_scripts_are_guessed(text: str, encoding: str) -> None:
    """Where most bytes are no Latin letters, encodings of other scripts are tried."""
    assert text == decoded(text.encode(encoding))


@pytest.mark.data
def test_real_table(test_data: Path) -> None:
    """A table of a former system is read as it is."""
    found = rows((test_data / "zotero/ragpy/test_documents.csv").read_bytes())

    assert "Introduction to NLP" == found[0].title
    assert {"category", "priority", "date", "author", "tags", "status", "custom_field"} == set(
        found[0].metadata
    )
