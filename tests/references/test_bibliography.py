"""Works in citation styles."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ragline.errors import InvalidInput
from ragline.references.bibliography import bibliography
from ragline.references.reading import read_references

STYLE = "harvard-cite-them-right"
ZOLA = {
    "type": "book",
    "title": "Germinal",
    "author": [{"family": "Zola", "given": "Émile"}],
    "issued": {"date-parts": [[1885]]},
    "publisher": "Charpentier",
    "publisher-place": "Paris",
}
AUSTEN = {
    "type": "article-journal",
    "title": "On <i>letters</i>",
    "author": [{"family": "Austen", "given": "Jane"}, {"family": "Roe", "given": "R."}],
    "container-title": "Journal",
    "issued": {"date-parts": [[1811, 3]]},
    "page": "1-9",
}
# A style of one's own: numbers, titles.
HOUSE = """<?xml version="1.0" encoding="utf-8"?>
<style xmlns="http://purl.org/net/xbiblio/csl" version="1.0" class="in-text">
<info><title>House</title><id>house</id><updated>2020-01-01T00:00:00+00:00</updated></info>
<citation><layout prefix="[" suffix="]"><text variable="citation-number"/></layout></citation>
<bibliography><layout suffix="."><text variable="citation-number" suffix=") "/>
<text variable="title" font-style="italic"/></layout></bibliography>
</style>
"""


def write(items: list[Any], **more: Any) -> Any:
    """Return a bibliography, in the style that comes along unless another is named."""
    return bibliography(items, **({"style": STYLE, "locale": "en-US", "format": "text"} | more))


def test_text() -> None:
    """Entries stand in the style's order, citations in that of the works."""

    written = write([ZOLA, AUSTEN])

    assert ["(Zola, 1885)", "(Austen and Roe, 1811)"] == written.citations
    assert [1, 0] == written.order
    assert (
        "Austen, J. and Roe, R. (1811) “On letters”, Journal, pp. 1–9.\n"
        "Zola, É. (1885) Germinal. Paris: Charpentier."
    ) == written.text


def test_french() -> None:
    """In French, quotes and words are French."""

    written = write([AUSTEN], locale="fr")

    assert "(Austen et Roe, 1811)" == written.citations[0]
    assert "« On letters »" in written.text.replace("\u00a0", " ")
    assert written.text == write([AUSTEN], locale="fr-FR").text


def test_html() -> None:
    """HTML has the style's italics, and those of a title."""

    written = write([ZOLA, AUSTEN], format="html")

    assert "<i>Germinal</i>" in written.text
    assert "“On <i>letters</i>”" in written.text
    assert written.text.startswith('<div class="csl-bib-body">')


ATTACK = "<script>alert(1)</script>\"'&<img src=x onerror=y>\ue100\ue10a"


def test_html_is_escaped() -> None:
    """No field of a work becomes a tag, whichever it is."""

    texts = ["title", "container-title", "publisher", "publisher-place", "DOI", "URL", "genre"]
    texts += ["edition", "volume", "issue", "page", "number", "title-short", "type", "note"]
    item = {field: ATTACK for field in texts} | {
        "author": [{"family": ATTACK, "given": ATTACK}, {"literal": ATTACK}],
        "issued": {"literal": ATTACK},
        "accessed": {"raw": ATTACK},
    }
    for kind in ("book", "article-journal", "webpage", ATTACK):
        written = write([{**item, "type": kind}], format="html")

        for shown in (written.text, *written.entries, *written.citations):
            assert "<script" not in shown.lower()
            assert "<img" not in shown.lower()
            assert shown.count("<i>") == shown.count("</i>")
            assert shown.count("<span") == shown.count("</span>")


def test_a_work_that_cannot_be_written() -> None:
    """A work that a style stumbles over is written plainly and told of; the others as ever."""

    odd = {"type": "book", "title": "Odd", "author": [{"given": "Only"}], "issued": {"raw": "x"}}
    impossible = {**ZOLA, "title": "Late"}

    written = write([ZOLA, odd, AUSTEN])
    stopped = write([impossible], seconds=-1.0)

    assert write([ZOLA]).text == written.entries[0]
    assert "Odd" in written.entries[1]
    assert "Zola, Émile (1885). Late. Charpentier." == stopped.text
    assert ["The style cannot put these wo", "The style cannot write “Late”"] == [
        each[:29] for each in stopped.warnings
    ]


def test_without_names() -> None:
    """A work without names begins with its title, which is not written twice."""

    items = [{"type": "document", "title": "Tigers"}, {"type": "book", "title": "On (all) lions"}]

    for locale in ("en-US", "fr-FR"):
        for format in ("text", "html"):
            for entry in write(items, locale=locale, format=format).entries:
                assert 1 == entry.count("Tigers") + entry.count("On (all) lions")
    assert "“Tigers” (no date)." == write(items).entries[0]


def test_anything_as_an_item() -> None:
    """Items that hold nothing, or the wrong things, still have an entry each."""

    items: list[Any] = [{}, {"type": 3, "title": None}, {"author": "x", "issued": 4, "title": "T"}]
    for format in ("text", "html", "csl-json", "bibtex", "ris"):
        written = write(items, format=format)

        assert (3, 3, [0, 1, 2]) == (
            len(written.entries),
            len(written.citations),
            sorted(written.order),
        )


@pytest.mark.parametrize("format", ["csl-json", "bibtex", "ris"])
def test_other_formats(format: Any) -> None:
    """Works written for other programs are read again as they were; keys are never twice."""

    items = [ZOLA, {**ZOLA, "title": "L'Œuvre & 50 %_#", "citation-key": "zola 86"}, ZOLA]
    written = write(items, format=format)
    again = read_references(written.text.encode(), "csl" if format == "csl-json" else format)

    assert ["zola1885germinal", "zola86", "zola1885germinal-2"] == written.citations
    assert ["Germinal", "L'Œuvre & 50 %_#", "Germinal"] == [work.title for work in again.references]
    assert [("Zola, Émile", 1885)] * 3 == [
        (work.metadata()["authors"][0], work.metadata()["year"]) for work in again.references
    ]
    assert ["book"] * 3 == [work.csl["type"] for work in again.references]


def test_own_style(tmp_path: Path) -> None:
    """A file in the operator's folder is a style by its name; numbers count the works."""

    (tmp_path / "house.csl").write_text(HOUSE)

    written = write([ZOLA, AUSTEN], style="house", folder=tmp_path, format="html")

    assert ["[1]", "[2]"] == written.citations
    assert ["1) <i>Germinal</i>.", "2) <i>On <i>letters</i></i>."] == written.entries


def test_dependent_style(tmp_path: Path) -> None:
    """A style that is only another name is found."""

    (tmp_path / "house.csl").write_text(HOUSE)
    (tmp_path / "other.csl").write_text(
        '<style xmlns="http://purl.org/net/xbiblio/csl"><info><link rel="independent-parent" '
        'href="http://www.zotero.org/styles/house"/></info></style>'
    )

    assert "[1]" == write([ZOLA], style="other", folder=tmp_path).citations[0]


@pytest.mark.parametrize(
    "name",
    ["../house", "/etc/passwd", "http://x.y/z.csl", "house.csl", "", "a b", "no-such-style"],
)
def test_style_is_a_name(name: str, tmp_path: Path) -> None:
    """A path, an address or an unknown name is refused."""

    (tmp_path / "house.csl").write_text(HOUSE)
    (tmp_path / "in").mkdir()

    with pytest.raises(InvalidInput, match="style"):
        write([ZOLA], style=name, folder=tmp_path / "in")


def test_broken_styles_and_locales(tmp_path: Path) -> None:
    """A file that is no style, and a language nobody has, are refused with a sentence."""

    (tmp_path / "bad.csl").write_text("no XML")
    (tmp_path / "empty.csl").write_text("<style/>")

    for name in ("bad", "empty"):
        with pytest.raises(InvalidInput, match="no CSL file"):
            write([ZOLA], style=name, folder=tmp_path)
    with pytest.raises(InvalidInput, match="locale"):
        write([ZOLA], locale="../../x")


@pytest.mark.data
@pytest.mark.parametrize("locale", ["en-US", "fr-FR"])
def test_real_works(test_data: Path, locale: str) -> None:
    """Real works of all kinds are written, each with its title; what is not is told of."""

    folder = test_data / "zotero" / "better_bibtex_json"
    works = [
        dict(work.csl)
        for path in sorted(folder.glob("*.json"))
        for work in read_references(path.read_bytes(), "better-bibtex").references
    ][::80]

    written = write(works, locale=locale, seconds=600.0)

    assert [] == written.warnings
    assert all(written.entries)
    named = [
        entry
        for entry, work in zip(written.entries, works, strict=True)
        if str(work.get("title", ""))[:12].lower() in entry.lower()
    ]
    assert len(named) > 0.9 * len(works)
    assert json.dumps(written.citations)
