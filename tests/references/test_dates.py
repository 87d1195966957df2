"""Dates as people write them."""

from __future__ import annotations

import pytest

from ragline.references.dates import clean_date, csl_date, written_of, year_of


@pytest.mark.parametrize(
    ("written", "date"),
    [
        ("2020-03-05", "2020-03-05"),
        ("2020-03-05T12:00:00Z", "2020-03-05"),
        ("2020-00-00 2020", "2020"),
        ("2020/7", "2020-07"),
        ("12 février 1998", "1998-02-12"),
        ("1er août 2001", "2001-08-01"),
        ("déc. 1999", "1999-12"),
        ("Juillet 2004", "2004-07"),
        ("March 3, 1987", "1987-03-03"),
        ("Sept 2010", "2010-09"),
        ("31/12/2015", "2015-12-31"),
        ("12/31/2015", "2015-12-31"),
        ("c1995", "1995"),
        ("[1880?]", "1880"),
        ("Spring 2012", "2012"),
        ("2001-2003", "2001"),
    ],
)
def test_read(written: str, date: str) -> None:
    """Days, months in several languages and years are found."""

    found = csl_date(written)

    assert date == written_of(found)
    assert int(date[:4]) == year_of(found)


def test_no_year() -> None:
    """What holds no year is kept as it was written."""

    assert {"literal": "forthcoming"} == csl_date("forthcoming")
    assert year_of({"literal": "forthcoming"}) is None
    assert csl_date("") is None


def test_clean() -> None:
    """Parts that cannot be are left out, ranges kept."""

    assert {"date-parts": [[2001, 2]]} == clean_date({"date-parts": [["2001", "2", "77"]]})
    assert {"date-parts": [[2001], [2003]]} == clean_date({"date-parts": [[2001], [2003]]})
    for nothing in (None, [], {}, {"date-parts": "x"}, {"date-parts": [[None]]}, True):
        assert clean_date(nothing) is None
