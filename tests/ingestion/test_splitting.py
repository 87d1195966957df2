"""Chunks keep all words, their order, and a size that can be searched."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ragline.ingestion.splitting import LARGEST, SMALLEST, indexed_text, split_pages
from ragline.ingestion.units import measure

SENTENCE = "The quick brown fox jumps over the lazy dog near the river. "
WORDS = st.text("abcé-#.:1 \n=•日", min_size=1, max_size=12)
TEXTS = st.lists(
    st.one_of(
        WORDS,
        st.just(SENTENCE),
        st.just("\n\n"),
        st.just("\n## Results\n"),
        st.just("\n- item\n"),
        st.just("x" * 5_000),
        st.just("word " * 300),
    ),
    max_size=40,
).map("".join)
PAGES = st.lists(TEXTS, max_size=5).map(lambda texts: list(enumerate(texts, start=1)))


def visible(text: str) -> str:
    return "".join(text.split())


@given(PAGES)
def test_no_word_is_lost_doubled_or_moved(pages: list[tuple[int, str]]) -> None:
    """All chunks together hold every visible character, in order."""
    pieces = split_pages(pages)

    assert visible("".join(text for _, text in pages)) == visible("".join(p.text for p in pieces))


@given(PAGES)
def test_no_chunk_is_too_large_or_empty(pages: list[tuple[int, str]]) -> None:
    """Sizes are bounded, whatever the text is like."""
    sizes = [measure(piece.text) for piece in split_pages(pages)]

    assert all(0 < size <= LARGEST for size in sizes)


def test_endless_heading() -> None:
    """What is marked as a heading and is longer than a chunk is cut like any text."""
    pieces = split_pages([(1, "# " + "x" * 6000)])

    assert len(pieces) > 1
    assert max(measure(piece.text) for piece in pieces) <= LARGEST


@given(PAGES)
def test_pages_rise(pages: list[tuple[int, str]]) -> None:
    """A chunk begins on no earlier page than the one before it ended."""
    bounds = [page for piece in split_pages(pages) for page in (piece.page_start, piece.page_end)]

    assert bounds == sorted(bounds)


@given(PAGES)
def test_splitting_is_deterministic(pages: list[tuple[int, str]]) -> None:
    """The same pages give the same chunks."""
    assert split_pages(pages) == split_pages(pages)


@given(st.integers(min_value=8, max_value=300))
def test_plain_text_gives_chunks_within_bounds(sentences: int) -> None:
    """Text of ordinary sentences is cut into 90 to 160 words, at most one sentence short."""
    sizes = [measure(piece.text) for piece in split_pages([(1, SENTENCE * sentences)])]

    assert all(SMALLEST - measure(SENTENCE) <= size <= LARGEST for size in sizes)


def test_a_short_text_is_one_chunk() -> None:
    """Less than 90 words stay together, over headings and pages."""
    pieces = split_pages([(1, "# One\n\nText."), (2, "# Two\n\nMore text."), (3, "End.")])

    assert [(piece.page_start, piece.page_end) for piece in pieces] == [(1, 3)]


def test_nothing_gives_nothing() -> None:
    """Pages without text have no chunks."""
    assert split_pages([(1, ""), (2, " \n ")]) == []


def test_chunks_end_with_sentences() -> None:
    """No sentence is cut that fits into a chunk."""
    pieces = split_pages([(1, SENTENCE * 40)])

    assert all(piece.text.endswith("river.") for piece in pieces)


def test_a_heading_starts_a_chunk() -> None:
    """A heading stands at the head of what follows, and names it."""
    body = SENTENCE * 9
    text = f"# Method\n\n{body}\n\nResults\n=======\n{body}\n\n3. Conclusion\n{body}"

    pieces = split_pages([(1, text)])

    assert [piece.heading for piece in pieces] == ["Method", "Results", "3. Conclusion"]
    assert [piece.text.split("\n")[0] for piece in pieces] == [
        "# Method",
        "Results",
        "3. Conclusion",
    ]


def test_a_later_chunk_of_a_section_keeps_its_heading() -> None:
    """All chunks of a long section stand under its heading."""
    pieces = split_pages([(1, f"# Method\n\n{SENTENCE * 30}")])

    assert {"Method"} == {piece.heading for piece in pieces}
    assert len(pieces) > 1


def test_pages_are_not_crossed_without_need() -> None:
    """Pages that fill chunks of their own are cut at their ends."""
    pieces = split_pages([(number, SENTENCE * 18) for number in (1, 2, 3)])

    assert all(piece.page_start == piece.page_end for piece in pieces)


def test_a_short_leftover_joins_the_next_page() -> None:
    """A few words alone on a page make one chunk with their neighbours."""
    pieces = split_pages([(1, "Only this."), (2, SENTENCE * 9)])

    assert [(piece.page_start, piece.page_end) for piece in pieces] == [(1, 2)]


def test_a_table_is_cut_between_lines() -> None:
    """Rows without a sentence end stay whole."""
    rows = [f"row {number} alpha beta gamma" for number in range(100)]

    pieces = split_pages([(1, "\n".join(rows))])

    assert rows == [line for piece in pieces for line in piece.text.split("\n")]


def test_one_giant_sentence_is_cut_by_words() -> None:
    """Ten thousand words without a stop make even chunks."""
    sizes = [len(piece.text.split()) for piece in split_pages([(1, "word " * 10_000)])]

    assert sum(sizes) == 10_000
    assert min(sizes) >= SMALLEST
    assert max(sizes) <= LARGEST


def test_a_numbered_list_has_no_headings() -> None:
    """Numbered items next to each other are a list."""
    text = "1. Apples\n2. Pears\n3. Plums\n\n" + SENTENCE * 20

    assert {None} == {piece.heading for piece in split_pages([(1, text)])}


def test_indexed_text_has_title_and_heading_once() -> None:
    """What is embedded stands under its title and its heading, neither of them twice."""
    assert indexed_text("Title", "Method", "Text.") == "Title\nMethod\nText."
    assert indexed_text("Title", "Method", "# Method\n\nText.") == "Title\n# Method\n\nText."
    assert indexed_text("", None, "Text.") == "Text."
