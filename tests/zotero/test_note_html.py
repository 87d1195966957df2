"""Notes are safe HTML, and tell later what they were written from and whether they are intact."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragline.zotero.note_html import LONGEST_HTML, mark_in, note_html, plain, with_pages
from ragline.zotero.note_passages import Passage

PASSAGES = [Passage(1, "first"), Passage(12, "second"), Passage(12, "third")]
HASH = "0123456789abcdef" * 4


def note(text: str, language: str = "en") -> str:
    """Return the HTML of a model's words."""
    return note_html(text, PASSAGES, item_key="ABCD2345", written_from=HASH, language=language)


@pytest.mark.parametrize(
    "text",
    [
        "<script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        "![picture](https://example.org/a.png)",
        "[link](javascript:alert(1))",
        "<https://example.org>",
        "[link]\n\n[link]: https://example.org",
        "<div\nonclick=alert(1)>",
        "```html\n<script>alert(1)</script>\n```",
        "    <script>alert(1)</script>",
        "a `<img src=x>` b",
    ],
)
def test_nothing_acts(text: str) -> None:
    """Neither markup of a model's nor an address becomes anything that loads or runs."""
    html = note(text)

    for bad in ("<script", "<img", "<a ", "<div", "href=", "src=x>"):
        assert bad not in html


def test_structure() -> None:
    """Headings, lists and emphasis are kept."""
    html = note("## Question\n\n- **one**\n- *two*\n\n1. three")

    for good in ("<h2>Question</h2>", "<strong>one</strong>", "<em>two</em>", "<ol>"):
        assert good in html


@pytest.mark.parametrize(
    ("language", "text", "shown"),
    [
        ("en", "So it is [2].", "So it is (p. 12)."),
        ("de", "So ist es [1].", "So ist es (S. 1)."),
        ("en", "So it is [2][3].", "So it is (p. 12)."),
        ("en", "So it is [1][2].", "So it is (p. 1) (p. 12)."),
        ("en", "So it is [9].", "So it is."),
        ("en", "So it is [0].", "So it is."),
    ],
)
def test_pages(language: str, text: str, shown: str) -> None:
    """Numbers of passages become their pages; those of none are left out."""
    assert shown == with_pages(text, PASSAGES, language)


def test_mark() -> None:
    """A note says what it was written from."""
    mark = mark_in(note("It *asks* & answers [1]."))

    assert mark is not None
    assert ("ABCD2345", HASH[:16], True) == (mark.item_key, mark.written_from, mark.is_intact)


def test_mark_of_other_markup() -> None:
    """A server may write the same words with other tags."""
    html = note("It asks [1].").replace("<em>", "<i>").replace("</em>", "</i>").replace("\n", " ")
    mark = mark_in(f'<div data-schema-version="9">{html}</div>')

    assert mark is not None
    assert mark.is_intact


@pytest.mark.parametrize("edit", ["<p>mine</p>{note}", "{note}<p>mine</p>"])
def test_edited(edit: str) -> None:
    """Words of somebody else's show, before our mark and behind it."""
    mark = mark_in(edit.format(note=note("It asks [1].")))

    assert mark is not None
    assert not mark.is_intact


def test_no_mark() -> None:
    """A note without a mark is none of ours."""
    assert mark_in("<p>My own note</p>") is None


@given(st.text(max_size=300))
def test_any_words(text: str) -> None:
    """Whatever a model writes, the note knows itself again."""
    mark = mark_in(note(text))

    assert mark is not None
    assert mark.is_intact


def test_long() -> None:
    """A note that Zotero would refuse is cut."""
    html = note("<&> " * 200_000)

    assert len(html) < LONGEST_HTML + 200
    assert plain(html).startswith("Reading note <&>")
