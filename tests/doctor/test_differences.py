"""What is compared for one document, without any index."""

from __future__ import annotations

from ragline.doctor.differences import (
    Difference,
    Place,
    of_document,
    of_embeddings,
    of_missing_file,
)

PLACE = Place("p", "d", "Tides", "i", "the index (use in qdrant_edge)")


def kinds(found: list[Difference]) -> list[tuple[str, int]]:
    """Return kinds and counts."""
    return [(each.kind, each.count) for each in found]


def test_equal_sides_do_not_differ() -> None:
    """A document whose passages are all there, and nothing else, is as it should be."""

    assert [] == of_document(PLACE, published=2, wanted={"a", "b"}, held={"a": 2, "b": 2})


def test_document_that_is_not_published_needs_nothing() -> None:
    """Before its first publishing an index need not hold a document."""

    assert [] == of_document(PLACE, published=None, wanted=set(), held={})


def test_missing_passages_are_counted() -> None:
    """What is published and not in the index is missing."""

    found = of_document(PLACE, published=1, wanted={"a", "b", "c"}, held={"a": 1})

    assert [("missing-vectors", 2)] == kinds(found)
    assert "lacks 2 of 3 passages" in found[0].message


def test_other_versions_are_strays() -> None:
    """Each version that is not published is a difference of its own."""

    found = of_document(PLACE, published=3, wanted={"a"}, held={"a": 3, "x": 1, "y": 2, "z": 2})

    assert [("stray-vectors", 1), ("stray-vectors", 2)] == kinds(found)
    assert [1, 2] == [each.version for each in found]


def test_versions_under_way_are_not_strays() -> None:
    """What an open job has written is published soon."""

    assert [] == of_document(PLACE, published=1, wanted={"a"}, held={"a": 1, "x": 2}, under_way={2})


def test_unknown_passages_of_the_published_version_are_strays() -> None:
    """Vectors of the right version whose passages are gone cannot be removed alone."""

    found = of_document(PLACE, published=1, wanted={"a"}, held={"a": 1, "x": 1})

    assert [("stray-vectors", 1)] == kinds(found)
    assert "writes the known ones again" in found[0].message


def test_published_passage_under_another_version() -> None:
    """A passage that the index holds under another version is written again."""

    found = of_document(PLACE, published=2, wanted={"a"}, held={"a": 1})

    assert [("wrong-version", 1)] == kinds(found)


def test_stored_vectors_are_judged_by_number_and_length() -> None:
    """What is not stored, and what has other dimensions, is told apart."""

    found = of_embeddings(PLACE, missing=1, misfits=2, dimensions=48)

    assert [("missing-embeddings", 1), ("wrong-dimensions", 2)] == kinds(found)
    assert [] == of_embeddings(PLACE, missing=0, misfits=0, dimensions=48)


def test_sentence_of_a_lost_file_says_what_still_works() -> None:
    """A searchable document without its file is still found; another one is not."""

    read = of_missing_file("p", "d", "Tides", "0" * 64, searchable=True)
    unread = of_missing_file("p", "d", "Tides", "0" * 64, searchable=False)

    assert "still found" in read.message
    assert "cannot be read" in unread.message
