"""Filters choose works as they choose passages in a search."""

from __future__ import annotations

import pytest

from ragline.providers.contracts import Comparison, Compound, Filter
from ragline.zotero.note_filters import fits

WORK = {"year": 1843, "tags": ["a", "b"], "open": True, "title": "On Engines"}


@pytest.mark.parametrize(
    ("filter", "expected"),
    [
        (Comparison("eq", "year", 1843), True),
        (Comparison("eq", "year", "1843"), False),
        (Comparison("eq", "open", 1), False),
        (Comparison("ne", "year", 1900), True),
        (Comparison("ne", "missing", 1), True),
        (Comparison("eq", "missing", 1), False),
        (Comparison("gt", "year", 1843), False),
        (Comparison("gte", "year", 1843), True),
        (Comparison("lt", "year", 1900.5), True),
        (Comparison("lte", "title", 5), False),
        (Comparison("in", "tags", ("x", "b")), True),
        (Comparison("nin", "tags", ("x", "b")), False),
        (Comparison("eq", "tags", "a"), True),
        (Compound("and", (Comparison("eq", "tags", "a"), Comparison("eq", "tags", "b"))), True),
        (Compound("or", (Comparison("eq", "tags", "x"), Comparison("eq", "year", 1843))), True),
        (Compound("and", (Comparison("eq", "tags", "x"), Comparison("eq", "year", 1843))), False),
    ],
)
def test_fits(filter: Filter, expected: bool) -> None:
    """Values of a type are compared; of a list any may fit."""
    assert expected == fits(filter, WORK)
