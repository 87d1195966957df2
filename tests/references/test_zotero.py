"""Zotero's own JSON in its forms."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tests.references.made import format_of, one, read

from ragline.errors import UnreadableFile
from ragline.references.reading import read_references
from ragline.references.zotero import reference_of

EXPORTED: dict[str, Any] = {
    "itemKey": "ABCD2345",
    "itemType": "journalArticle",
    "title": "Sur les étoiles",
    "publicationTitle": "Annales",
    "abstractNote": "Un résumé.",
    "date": "12 février 1998",
    "DOI": "10.1000/étoile",
    "url": "https://example.org/1",
    "uri": "http://zotero.org/users/4711/items/ABCD2345",
    "language": "fr",
    "pages": "1-9",
    "creators": [
        {"firstName": "Zoé", "lastName": "Ångström", "creatorType": "author"},
        {"name": "CNRS", "creatorType": "author"},
        {"firstName": "Max", "lastName": "Ed", "creatorType": "editor"},
    ],
    "tags": [{"tag": "ciel"}, {"tag": "nuit", "type": 1}],
    "extra": "Citation Key: angstrom1998\nPMID: 77\ntex.x: y",
    "notes": [{"note": "<p>À lire.</p>"}],
    "attachments": [
        {"title": "PDF", "path": "files/12/Étoiles.pdf", "contentType": "application/pdf"},
        {"title": "Link", "url": "https://example.org/page"},
    ],
}


@pytest.mark.parametrize("wrapped", [False, True], ids=["array", "items"])
def test_export(wrapped: bool) -> None:
    """An array and an object with `items` are read alike, with everything an item holds."""

    work = one({"items": [EXPORTED]} if wrapped else [EXPORTED])

    assert "zotero:users/4711/ABCD2345" == work.identity
    assert {
        "title": "Sur les étoiles",
        "authors": ["Ångström, Zoé", "CNRS"],
        "year": 1998,
        "date": "1998-02-12",
        "doi": "10.1000/étoile",
        "citation_key": "angstrom1998",
        "item_type": "article-journal",
        "container": "Annales",
        "language": "fr",
        "url": "https://example.org/1",
        "tags": ["ciel", "nuit"],
        "item_key": "ABCD2345",
        "library": "users/4711",
    } == {name: value for name, value in work.metadata().items() if name != "csl"}
    assert ("77", "1-9") == (work.csl["PMID"], work.csl["page"])
    assert [{"family": "Ed", "given": "Max"}] == work.csl["editor"]
    assert ("Un résumé.", ("<p>À lire.</p>",)) == (work.abstract, work.notes)
    assert [
        ("files/12/Étoiles.pdf", "PDF", "application/pdf", None),
        (None, "Link", None, "https://example.org/page"),
    ] == [(file.path, file.title, file.media_type, file.url) for file in work.attachments]


def test_api_form() -> None:
    """Items of the web API hold their fields in `data`; their children stand beside them."""

    library = {"type": "group", "id": 99}
    items = [
        {
            "key": "AAAA2222",
            "version": 3,
            "library": library,
            "meta": {"numChildren": 2},
            "data": {"key": "AAAA2222", "itemType": "book", "title": "Whole", "collections": []},
        },
        {
            "key": "BBBB3333",
            "library": library,
            "data": {
                "itemType": "attachment",
                "parentItem": "AAAA2222",
                "linkMode": "imported_file",
                "filename": "Whole.pdf",
                "contentType": "application/pdf",
            },
        },
        {
            "key": "CCCC4444",
            "library": library,
            "data": {"itemType": "note", "parentItem": "AAAA2222", "note": "<b>n</b>"},
        },
    ]

    work = one(items)

    assert "zotero:groups/99/AAAA2222" == work.identity
    assert ["storage:BBBB3333/Whole.pdf"] == [file.path for file in work.attachments]
    assert ("<b>n</b>",) == work.notes


def test_alone() -> None:
    """A file or a note that belongs to no work is a work of its own."""

    items = [
        {"key": "BBBB3333", "itemType": "attachment", "title": "Scan", "path": "files/1/scan.pdf"},
        {"key": "CCCC4444", "itemType": "note", "note": "<p>A thought</p>"},
    ]

    works = read(items).references

    assert ["Scan", "A thought"] == [work.title for work in works]
    assert ["files/1/scan.pdf"] == [file.path for file in works[0].attachments]


def test_collections() -> None:
    """A work lies in collections by their paths, however the export names them."""

    exported = {
        "config": {"label": "BetterBibTeX JSON"},
        "collections": {
            "ROOT0001": {"key": "ROOT0001", "name": "Thesis", "items": [1]},
            "SUBS0002": {"key": "SUBS0002", "name": "Part", "parent": "ROOT0001", "items": [2]},
            "LOOP0003": {"key": "LOOP0003", "name": "Loop", "parent": "LOOP0003", "items": [2]},
        },
        "items": [
            {"itemID": 1, "itemType": "book", "title": "A", "citationKey": "a"},
            {"itemID": 2, "itemType": "book", "title": "B", "citationKey": "b"},
            {"itemID": 3, "itemType": "book", "title": "C", "collections": ["SUBS0002", "Mine"]},
        ],
    }

    works = read(exported).references

    assert [("Thesis",), ("Thesis/Part", "Loop"), ("Thesis/Part", "Mine")] == [
        work.collections for work in works
    ]
    given = reference_of({"collections": ["KEYS0001"]}, collections={"KEYS0001": "X/Y"})
    assert ("X/Y",) == given.collections


def test_better_bibtex() -> None:
    """Better BibTeX's `extra` may be a list; its citation key and other lines are read."""

    item = {
        "itemID": 7,
        "itemType": "book",
        "title": "T",
        "extra": ["Citation Key: knuth84", "DOI: 10.1/2", "Original Date: 1901", "no line"],
    }

    work = one({"config": {"label": "BetterBibTeX JSON"}, "items": [item]})

    assert ("citekey:knuth84", "10.1/2") == (work.identity, work.csl["DOI"])
    assert {"date-parts": [[1901]]} == work.csl["original-date"]


def test_one_bad_item_loses_no_other() -> None:
    """What is no item is told of, with its place; the others are read."""

    good = {"key": "GOOD2222", "itemType": "book", "title": "Good"}
    bad: list[Any] = [None, 3, "x", [], {}, {"itemType": 5, "title": ["x"], "creators": "y"}]

    library = read([*bad, good])

    assert ["Good"] == [work.title for work in library.references]
    assert ["unreadable-reference"] * len(bad) == [each.code for each in library.warnings]
    assert "Entry 1 is no item." == library.warnings[0].message


def test_wrong_types_in_fields() -> None:
    """A field of a wrong type is left out, and the item is read."""

    wrong: list[Any] = [None, 7, 1e400, True, [], {}, "\0\ud800", [[[]]], {"a": {"b": 1}}]
    for value in wrong:
        item = {name: value for name in EXPORTED} | {"itemType": "book", "title": "Stands"}
        items = [item, {"itemType": "book", "title": "Second", "key": "OTHR2222"}]

        read_items = read_references(_json(items), "zotero")

        assert "Stands" == read_items.references[0].title


def test_two_of_one_name() -> None:
    """Two items of one key are told apart and told of."""

    library = read([{**EXPORTED, "title": "First"}, {**EXPORTED, "title": "Second"}])

    name = "zotero:users/4711/ABCD2345"
    assert [name, f"{name}#2"] == [work.identity for work in library.references]
    assert ["duplicate-reference"] == [each.code for each in library.warnings]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b" \n",
        b"\xef\xbb\xbf",
        b"{",
        b'[{"itemType": "book", "ti',
        b"[" * 100_000,
        b'{"a": 1}',
        b"3",
    ],
    ids=["empty", "blank", "mark", "open", "truncated", "deep", "other", "number"],
)
def test_no_library(content: bytes) -> None:
    """What holds no library is refused with a sentence."""

    with pytest.raises(UnreadableFile, match=r"\."):
        read_references(content, "zotero")


def test_odd_numbers() -> None:
    """NaN, infinities and endless numbers are nothing, and harm no other field."""

    text = b'[{"itemType": "book", "title": "T", "volume": NaN, "numPages": 1%s}]' % (b"0" * 9000)

    work = read_references(text, "zotero").references[0]

    assert ("T", False) == (work.title, "volume" in work.csl)


def test_encodings() -> None:
    """JSON is read in UTF-16 and behind a byte order mark."""

    text = '[{"itemType": "book", "title": "Été"}]'
    for encoding in ("utf-8-sig", "utf-16", "utf-32"):
        assert "zotero" == format_of(text.encode(encoding))
        assert "Été" == read_references(text.encode(encoding), "zotero").references[0].title


def _json(items: list[Any]) -> bytes:
    return json.dumps(items).encode("utf-8", "replace")
