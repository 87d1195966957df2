"""Neighbours become one passage with its exact pages."""

from __future__ import annotations

from ragline.search.passages import MOST_JOINED, Placed, joined
from ragline.search.schemas import Hit


def placed(ordinal: int, *, document: str = "d", score: float = 0.5, **pages: int) -> Placed:
    hit = Hit(
        score=score,
        text=f"text {ordinal}.",
        document_id=document,
        chunk_id=f"{document}{ordinal}",
        title="Title",
        page_start=pages.get("start", 1),
        page_end=pages.get("end", pages.get("start", 1)),
        metadata={},
        chunk_ids=[f"{document}{ordinal}"],
    )
    return Placed(hit, ordinal)


def ids(found: list[Hit]) -> list[list[str]]:
    return [hit.chunk_ids for hit in found]


def test_neighbours_become_one() -> None:
    """Text, pages and ids are in reading order; score and id are the best chunk's."""
    [hit] = joined(
        [placed(4, score=0.9, start=2, end=3), placed(3, score=0.4, start=1, end=2)], limit=5
    )

    assert "text 3.\n\ntext 4." == hit.text
    assert (1, 3) == (hit.page_start, hit.page_end)
    assert (["d3", "d4"], "d4", 0.9) == (hit.chunk_ids, hit.chunk_id, hit.score)


def test_headings_stand_where_they_stood() -> None:
    """A heading is the beginning of its chunk's text, and stays above it."""
    first, second = placed(0), placed(1)
    second.hit.text = "II. The weir\n\nThe otter sleeps."

    [hit] = joined([second, first], limit=1)

    assert "text 0.\n\nII. The weir\n\nThe otter sleeps." == hit.text


def test_others_stay_apart() -> None:
    """Chunks with one between them, or of two documents, are no neighbours."""
    found = joined([placed(1), placed(3), placed(2, document="e")], limit=5)

    assert [["d1"], ["d3"], ["e2"]] == ids(found)


def test_a_gap_that_is_filled_makes_one() -> None:
    """What stands between two passages joins them, in the better one's place."""
    found = joined([placed(1), placed(9), placed(3), placed(2)], limit=5)

    assert [["d1", "d2", "d3"], ["d9"]] == ids(found)


def test_a_passage_stays_readable() -> None:
    """More neighbours than fit begin a passage of their own."""
    found = joined([placed(ordinal) for ordinal in range(MOST_JOINED + 2)], limit=5)

    assert [MOST_JOINED, 2] == [len(each) for each in ids(found)]


def test_two_long_ones_are_not_joined() -> None:
    """What stands between two that are too long together belongs to the better one."""
    found = joined([placed(n) for n in (1, 2, 3, 5, 6, 4)], limit=5)

    assert [["d1", "d2", "d3", "d4"], ["d5", "d6"]] == ids(found)


def test_the_limit_counts_passages() -> None:
    """Neighbours take no place of others; behind the last place only they are taken."""
    found = joined([placed(1), placed(2), placed(7), placed(0, document="e"), placed(8)], limit=2)

    assert [["d1", "d2"], ["d7", "d8"]] == ids(found)


def test_nothing_gives_nothing() -> None:
    """Where nothing was found, nothing is put together."""
    assert [] == joined([], limit=3)
