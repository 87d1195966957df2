"""Repair takes away what typesetting put in, and nothing else."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ragline.ingestion.clean import repair_page, repair_pages


def test_accents_are_composed_and_ligatures_spelled_out() -> None:
    """Text is in NFC, and f-ligatures are letters."""
    assert repair_page("e\u0301te\u0301 ﬁnal oﬃce") == "été final office"


def test_words_divided_at_line_ends_are_joined() -> None:
    """The rest of the second line stays a line of its own."""
    assert repair_page("an exam-\nple, of this") == "an example,\nof this"
    assert repair_page("an exam\u00ad\nple of this") == "an example\nof this"


def test_true_hyphens_stay() -> None:
    """A hyphen stays where the text writes the word with one, or grammar wants it."""
    assert repair_page("well-known: a well-\nknown thing") == "well-known: a well-known\nthing"
    assert repair_page("dit-\nil alors") == "dit-il\nalors"
    assert repair_page("Jean-\nPierre") == "Jean-Pierre"
    assert repair_page("pages 12-\n13") == "pages 12-\n13"


def test_control_characters_are_dropped() -> None:
    """What databases refuse and readers cannot see goes."""
    assert repair_page("a\x00b\x07c\u200bd\ufeff\ud800 so\u00adft") == "abcd soft"


def test_white_space_is_evened_out() -> None:
    """Lines and paragraphs stay, runs of blanks and empty lines do not."""
    assert repair_page("a \t b\u00a0c\r\n\r\n\r\n\r\n  d\fe") == "a b c\n\nd\ne"


def test_running_lines_and_page_numbers_go() -> None:
    """Headers, footers and numbers that count with the pages recur on most pages."""
    pages = [
        (n, f"Journal of Tests\nVol. 4\n\nUnique text {n * n + 50} here.\n\nPage {n + 10} of 30")
        for n in range(1, 8)
    ]

    assert [(n, f"Unique text {n * n + 50} here.") for n in range(1, 8)] == repair_pages(pages)


def test_alternating_headers_go() -> None:
    """Even and odd pages may have headers of their own."""
    pages = [(n, f"{('Author', 'Title')[n % 2]}\nText {n * n + 50}.") for n in range(1, 10)]

    assert [(n, f"Text {n * n + 50}.") for n in range(1, 10)] == repair_pages(pages)


def test_numbers_that_do_not_count_with_pages_stay() -> None:
    """A total at the foot of each page is text."""
    pages = [(n, f"Invoice text {n * n + 50}\nTotal: {n * 13 + 7}") for n in range(1, 8)]

    assert pages == repair_pages(pages)


def test_few_pages_keep_all_lines() -> None:
    """With three pages nothing is known to recur."""
    pages = [(n, f"Header\nText {n}.") for n in range(1, 4)]

    assert pages == repair_pages(pages)


def test_a_page_is_never_emptied() -> None:
    """Pages that are all alike keep their text."""
    pages = [(n, "The same line.") for n in range(1, 9)]

    assert pages == repair_pages(pages)


@given(st.text())
def test_repairing_twice_changes_no_letter(text: str) -> None:
    """Repaired text needs no repair of its letters."""
    repaired = repair_page(text)

    assert "".join(repaired.split()) == "".join(repair_page(repaired).split())
