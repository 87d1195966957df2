"""Libraries of any content: real ones, and what strategies think of."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ragline.errors import UnreadableFile
from ragline.references.bibliography import bibliography
from ragline.references.reading import Format, detect_format, read_references
from ragline.references.records import ReadLibrary
from ragline.references.zotero_fields import DATES, FIELDS

_NAMES = sorted({name for names in [*FIELDS.values(), *DATES.values()] for name in names})
_MORE = ["key", "itemType", "creators", "tags", "collections", "attachments", "notes", "extra"]
_MORE += ["uri", "library", "data", "relations", "id", "type", "author", "issued", "parentItem"]
anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=30),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from([*_NAMES, *_MORE, "date-parts", "path"]), inner, max_size=6
        )
    ),
    max_leaves=25,
)
items = st.lists(
    st.dictionaries(st.sampled_from([*_NAMES, *_MORE]), anything, max_size=12), max_size=4
)
bib_parts = st.lists(
    st.sampled_from(
        [*"@{}(),=\"#\\~$;:\n\t ", "@article{", "@book(", "@string{", "title", "author", "file",
         "crossref", " and ", "{\\'e}", "\\\"", "2001", "TY  - JOUR\n", "ER  - \n", "AU  - ", "é"]
    ),
    max_size=60,
).map("".join)  # fmt: skip


def read_any(content: bytes, format: Format) -> None:
    """Read content that may be no library, and use all of it."""
    try:
        library = read_references(content, format)
    except UnreadableFile:
        return
    check(library)


def check(library: ReadLibrary) -> None:
    """Check what must hold for all that was read."""
    for work in library.references:
        assert 0 < len(work.identity) <= 400
        metadata = work.metadata()
        json.dumps(metadata, allow_nan=False).encode()
        assert all(_is_flat(metadata[name]) for name in metadata if name != "csl")
    names = [work.identity for work in library.references]
    assert len(set(names)) == len(names)


def _is_flat(value: Any) -> bool:
    if isinstance(value, list):
        return len(value) <= 200 and all(isinstance(each, str) for each in value)
    return isinstance(value, int) or (isinstance(value, str) and 0 < len(value) <= 2000)


@given(items, st.sampled_from(["zotero", "better-bibtex", "csl"]))
@settings(max_examples=150)
def test_any_json(entries: list[Any], format: Format) -> None:
    """Items with anything in any field are read, or told of."""

    read_any(json.dumps(entries).encode(), format)


@given(bib_parts, st.sampled_from(["bibtex", "ris"]))
@settings(max_examples=150)
def test_any_text(text: str, format: Format) -> None:
    """Text of the formats' own signs in any order is read, or told of."""

    read_any(text.encode(), format)


@given(st.binary(max_size=300), st.sampled_from(get_args(Format)))
@settings(max_examples=150)
def test_any_bytes(content: bytes, format: Format) -> None:
    """Any bytes are read, or refused with a sentence; a format is found in none of them."""

    read_any(content, format)
    assert detect_format(content, "a") in (None, *get_args(Format))


@pytest.fixture(scope="module")
def libraries(test_data: Path) -> dict[str, ReadLibrary]:
    """All libraries of the real input."""
    folder = test_data / "zotero" / "better_bibtex_json"
    found = {}
    for path in sorted(folder.glob("*.json")):
        content = path.read_bytes()
        format = detect_format(content[:65_536], path.name)
        assert format == "better-bibtex", path.name
        found[path.name] = read_references(content, format)
    return found


@pytest.mark.data
def test_real_libraries(libraries: dict[str, ReadLibrary]) -> None:
    """Every real library is read, with all works that hold anything."""

    works = [work for library in libraries.values() for work in library.references]
    warnings = [each for library in libraries.values() for each in library.warnings]
    for library in libraries.values():
        check(library)

    assert (496, 7091) == (len(libraries), len(works))
    assert 5 == sum(each.code == "unreadable-reference" for each in warnings)
    assert 23 == sum(bool(file.path) for work in works for file in work.attachments)


@pytest.mark.data
@pytest.mark.parametrize("format", ["csl-json", "bibtex", "ris"])
def test_written_and_read_again(libraries: dict[str, ReadLibrary], format: Any) -> None:
    """Real works that were written in another format are read again, with titles and years."""

    works = [work for library in libraries.values() for work in library.references][::7]
    works = [work for work in works if "title" in work.csl and "{" not in work.csl["title"]]
    items = [dict(work.csl) for work in works]
    text = bibliography(items, style="", locale="", format=format).text
    again: Format = "csl" if format == "csl-json" else format

    assert again == detect_format(text.encode()[:65_536], "x")
    library = read_references(text.encode(), again)

    years = [work.metadata().get("year") for work in works]
    assert years == [work.metadata().get("year") for work in library.references]
    same = [
        work.title == other.title for work, other in zip(works, library.references, strict=True)
    ]
    assert sum(same) > 0.97 * len(works)
