"""Workbooks and CSV tables."""

import datetime

import pytest
from tests.providers.parsers import made_office as office

from ragline.providers.parsers.spreadsheet import SpreadsheetParser


@pytest.fixture
def read():
    return SpreadsheetParser().pages_of


def test_sheets(read):
    """Each sheet is a page under its name; an empty one is an empty page."""
    data = office.workbook(Ventes=[["Mois", "R&D"], ["Mai", 2]], Vide=[], Stock=[["Vis"], [3.5]])

    assert [
        "# Ventes\n\n| Mois | R&D |\n| --- | --- |\n| Mai | 2 |",
        "",
        "# Stock\n\n| Vis |\n| --- |\n| 3.5 |",
    ] == read(data)


def test_dates(read):
    """A day is written without the midnight that it has inside."""
    data = office.workbook(A=[["day", "b"], [datetime.date(2024, 1, 5), "x"]])

    assert "| 2024-01-05 | x |" in read(data)[0]


def test_titles_and_gaps(read):
    """Lone lines above a table are text, and an empty row ends a table."""
    rows = [["Figures of May"], [None], ["a", "b"], [1, 2], [None], ["c", "d"], [3, 4]]

    assert (
        "# A\n\nFigures of May\n\n| a | b |\n| --- | --- |\n| 1 | 2 |\n\n"
        "| c | d |\n| --- | --- |\n| 3 | 4 |"
    ) == read(office.workbook(A=rows))[0]


def test_ods(read):
    """OpenDocument sheets are read alike."""
    data = office.ods(Un=[["a", "b"], ["1", "R&D"]], Deux=[["c"], ["d"]])

    assert [
        "# Un\n\n| a | b |\n| --- | --- |\n| 1 | R&D |",
        "# Deux\n\n| c |\n| --- |\n| d |",
    ] == read(data)


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_csv(read, delimiter, encoding):
    """A CSV file is one table, whatever divides its cells and encodes them."""
    rows = ["nom", "prix"], ["été", '"deux\nlignes"'], ["vis", "3"]
    data = "\r\n".join(delimiter.join(row) for row in rows).encode(encoding)

    assert ["| nom | prix |\n| --- | --- |\n| été | deux lignes |\n| vis | 3 |"] == read(data)


def test_long_table_repeats_its_header(read):
    """Each part of a long table stands under the header, so that a passage tells what it means."""
    rows = [["name", "value"], *([f"name{n}", str(n)] for n in range(100))]
    text = read(office.workbook(A=rows))[0]
    tables = text.split("\n\n")[1:]

    assert len(tables) > 5
    assert {"| name | value |"} == {table.split("\n")[0] for table in tables}
    assert 100 == sum(len(table.split("\n")) - 2 for table in tables)
