"""CSL-JSON."""

from __future__ import annotations

from tests.references.made import one, read

ITEM = {
    "id": "http://zotero.org/groups/55/items/QRST2345",
    "type": "chapter",
    "title": "In a book",
    "container-title": "The book",
    "author": [{"family": "Gogh", "given": "Vincent", "non-dropping-particle": "van"}],
    "issued": {"date-parts": [["2011", 5]]},
    "abstract": "Short.",
    "keyword": "one; two",
    "note": "Citation Key: gogh2011\nmore",
    "DOI": "10.1/x",
}


def test_item() -> None:
    """An item's id, key, names, dates and keywords are read."""

    work = one([ITEM])

    assert "zotero:groups/55/QRST2345" == work.identity
    assert ("gogh2011", ("one", "two"), "Short.") == (work.citation_key, work.tags, work.abstract)
    assert (["van Gogh, Vincent"], 2011) == (
        work.metadata()["authors"],
        work.metadata()["year"],
    )
    assert {"date-parts": [[2011, 5]]} == work.csl["issued"]


def test_citation_key_as_id() -> None:
    """A plain `id` is the citation key."""

    work = one([{"id": "knuth84", "type": "book", "title": "TAOCP"}])

    assert ("knuth84", "citekey:knuth84") == (work.citation_key, work.identity)


def test_crossref() -> None:
    """Crossref's lists of one, and its dates with nothing in them, are read."""

    item = {
        "type": "article-journal",
        "title": ["A title"],
        "container-title": ["Nature"],
        "issued": {"date-parts": [[None]]},
        "DOI": "10.1000/ABC",
    }

    work = one({"items": [item]})

    assert ("A title", "Nature") == (work.title, work.csl["container-title"])
    assert "doi:10.1000/abc" == work.identity


def test_bad_items() -> None:
    """Items that hold nothing are told of."""

    library = read([{"type": "book", "title": "T", "author": [None, 3, {"family": 2}]}, {}, 5])

    assert ["T"] == [work.title for work in library.references]
    assert [{"literal": "3"}, {"family": "2"}] == library.references[0].csl["author"]
    assert 2 == len(library.warnings)
