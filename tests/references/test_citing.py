"""What a document's metadata tell of a work."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ragline.references.citing import MOST_AUTHORS, brief, item_of, search_words

CSL = {"type": "book", "title": "Germinal", "author": [{"family": "Zola", "given": "Émile"}]}


def test_brief() -> None:
    """A citation says little of a work: at most ten authors, and nothing that is not known."""

    told = brief({"authors": [f"A{n}, B" for n in range(30)], "year": 1885, "csl": CSL})

    assert told is not None
    assert (MOST_AUTHORS, 1885, {"authors", "year"}) == (
        len(told["authors"]),
        told["year"],
        told.keys(),
    )


def test_no_work() -> None:
    """A document without authors, DOI or citation key is no work."""

    assert brief({"title": "T", "year": 3, "tags": ["x"]}) is None
    assert "" == search_words({"tags": ["x"], "year": 2001})


@pytest.mark.parametrize("odd", [None, 3, True, "x", [], [None, {}], {}, {"a": 1}, "1e999"])
def test_metadata_of_any_type(odd: Any) -> None:
    """Whatever stands under the keys of works, it is read or left out."""

    names = ["authors", "year", "doi", "csl", "citation_key", "tags", "container", "item_type"]
    metadata = dict.fromkeys(names, odd)
    told = brief(metadata)

    assert told is None or isinstance(told.get("year", 1), int)
    assert "T" == item_of(metadata, title="T")["title"]
    assert isinstance(search_words(metadata), str)


@pytest.mark.parametrize("csl", [CSL, json.dumps(CSL)], ids=["object", "text"])
def test_own_description(csl: Any) -> None:
    """A work's whole description stands before its flat values."""

    item = item_of({"csl": csl, "year": 2001, "citation_key": "zola"}, title="other")

    assert {**CSL, "citation-key": "zola"} == item


def test_flat_values() -> None:
    """Flat values make a description too."""

    item = item_of({"authors": ["Zola, Émile"], "year": 1885, "doi": "10.1/2"}, title="Germinal")

    assert {
        "type": "document",
        "title": "Germinal",
        "DOI": "10.1/2",
        "author": [{"family": "Zola", "given": "Émile"}],
        "issued": {"date-parts": [[1885]]},
    } == item


def test_words() -> None:
    """Authors, year, citation key and tags are words of a work."""

    words = search_words({"authors": ["Zola, Émile"], "year": 1885, "tags": ["mine", "grève"]})

    assert "Zola, Émile 1885 mine grève" == words
