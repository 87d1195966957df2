"""RIS."""

from __future__ import annotations

from tests.references.made import format_of, one, read

RECORD = """TY  - JOUR
TI  - A long
 title in two lines
AU  - Élan, Marie
AU  - Roe, Jane, Jr.
A2  - Editor, E.
T2  - Journal of Things
PY  - 2003
DA  - 2003/04/05/
VL  - 7
IS  - 2
SP  - 11
EP  - 19
SN  - 1234-5678
DO  - 10.1000/182
KW  - first
KW  - second; third
N2  - What it is about.
N1  - A note
L1  - internal-pdf://123/a.pdf
L1  - files/7/Élan 2003.pdf
L2  - https://example.org/full
UR  - https://example.org
ER  - 
"""


def test_record() -> None:
    """Fields, repeated tags, pages, dates and files are read."""

    work = one(RECORD)

    assert "A long title in two lines" == work.title
    assert ["Élan, Marie", "Roe, Jane"] == work.metadata()["authors"]
    assert "Jr." == work.csl["author"][1]["suffix"]
    assert {"date-parts": [[2003, 4, 5]]} == work.csl["issued"]
    assert ("11-19", "1234-5678") == (work.csl["page"], work.csl["ISSN"])
    assert ("first", "second", "third") == work.tags
    assert ("What it is about.", ("A note",)) == (work.abstract, work.notes)
    assert ["internal-pdf://123/a.pdf", "files/7/Élan 2003.pdf", None] == [
        file.path for file in work.attachments
    ]


def test_line_ends_and_encodings() -> None:
    """Windows' and old Macs' line ends, and Latin-1, are read."""

    for raw in (
        RECORD.replace("\n", "\r\n").encode(),
        RECORD.replace("\n", "\r").encode(),
        RECORD.encode("utf-8-sig"),
        RECORD.encode("latin-1"),
    ):
        assert "ris" == format_of(raw)
        assert "Élan, Marie" == read(raw).references[0].metadata()["authors"][0]


def test_records_without_an_end() -> None:
    """Each record ends where the next begins; one that holds nothing is told of."""

    text = "TY  - BOOK\nTI  - One\nTY  - BOOK\nXX  - ?\nTY - BOOK\nT1 - Three\nER -\nER  - \njunk"

    library = read(text)

    assert ["One", "Three"] == [work.title for work in library.references]
    assert ["The record in line 3 holds nothing of a work."] == [
        each.message for each in library.warnings
    ]


def test_books() -> None:
    """In a book the start page is the number of pages, and the number is an ISBN."""

    work = one("TY  - BOOK\nTI  - B\nSP  - 320\nSN  - 978-3-16-148410-0\nA2  - S, E\nER  - \n")

    assert ("320", "978-3-16-148410-0") == (work.csl["number-of-pages"], work.csl["ISBN"])
    assert "collection-editor" in work.csl
