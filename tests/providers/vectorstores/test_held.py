"""What stores hold that cannot tell it is counted right, however writers meet."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sa
from tests.postgres import Postgres
from tests.providers.vectorstores.conftest import create_held

from ragline.database import Database
from ragline.models import HeldProject, HeldTerm
from ragline.providers.vectorstores.held import DatabaseHeldChunks
from ragline.testing.vectorstore import (
    DOCUMENT,
    OTHER_DOCUMENT,
    OTHER_PROJECT,
    PROJECT,
    chunk,
    chunk_id,
)


@pytest.fixture(params=["sqlite", "postgresql"])
def anywhere(request: pytest.FixtureRequest) -> Iterator[Database]:
    """A database of each kind."""
    if request.param == "sqlite":
        yield request.getfixturevalue("database")
        return
    postgres: Postgres = request.getfixturevalue("postgres")
    opened = Database(postgres.new_database())
    create_held(opened)
    yield opened
    opened.close()


@pytest.fixture
def held(anywhere: Database) -> DatabaseHeldChunks:
    return DatabaseHeldChunks(anywhere, "weaviate:")


def test_chunks_and_terms_are_counted(held: DatabaseHeldChunks) -> None:
    """A project's chunks, and those that hold a term; noting again changes nothing."""
    chunks = [chunk(1, terms={7: 1.0, 2**32 - 1: 2.0}), chunk(2), chunk(3, terms={8: 1.0})]
    held.note(chunks)
    held.note(chunks)

    counts = held.counts(PROJECT, [7, 8, 9, 2**32 - 1])

    assert 3 == counts.chunks
    assert {7: 2, 8: 1, 2**32 - 1: 1} == counts.holding


def test_where_chunks_lay(held: DatabaseHeldChunks) -> None:
    """Noting tells what was there before under the same ids."""
    assert [] == held.note([chunk(1), chunk(2)])

    before = held.note([chunk(1, project_id=OTHER_PROJECT, version=2), chunk(3)])

    assert [(chunk_id(1), PROJECT, 1)] == [(b.chunk_id, b.project_id, b.version) for b in before]
    assert {chunk_id(1): OTHER_PROJECT, chunk_id(2): PROJECT, chunk_id(3): PROJECT} == {
        each.chunk_id: each.project_id for each in held.of_document(DOCUMENT)
    }
    assert (2, 1) == (held.counts(PROJECT, [7]).holding[7], held.counts(OTHER_PROJECT, []).chunks)


def test_forgetting(held: DatabaseHeldChunks) -> None:
    """What is gone no longer counts; forgetting again changes nothing."""
    held.note([chunk(1), chunk(2, document_id=OTHER_DOCUMENT), chunk(3, terms={8: 1.0})])
    noted = held.of_document(DOCUMENT)

    for _ in range(2):
        held.forget(noted)

    assert [] == held.of_document(DOCUMENT)
    assert [chunk_id(2)] == [each.chunk_id for each in held.of_document(OTHER_DOCUMENT)]
    counts = held.counts(PROJECT, [7, 8])
    assert (1, {7: 1}) == (counts.chunks, counts.holding)


def test_noted_again_meanwhile(held: DatabaseHeldChunks) -> None:
    """A removal forgets what it knew of, not what was written since it looked."""
    held.note([chunk(1), chunk(2)])
    noted = held.of_document(DOCUMENT)
    held.note([chunk(2)])

    held.forget(noted)

    assert [chunk_id(2)] == [each.chunk_id for each in held.of_document(DOCUMENT)]
    assert {7: 1} == held.counts(PROJECT, [7]).holding


def test_forgetting_a_project(held: DatabaseHeldChunks) -> None:
    """All of a project goes, and nothing of another."""
    held.note([chunk(1), chunk(2), chunk(3, project_id=OTHER_PROJECT)])

    assert 2 == held.forget_project(PROJECT)
    assert 0 == held.forget_project(PROJECT)
    assert [OTHER_PROJECT] == held.projects()


def test_indexes_are_apart(held: DatabaseHeldChunks, anywhere: Database) -> None:
    """The same chunk in two indexes is counted in each."""
    other = DatabaseHeldChunks(anywhere, "weaviate:images_1")
    held.note([chunk(1)])
    other.note([chunk(1), chunk(2)])

    held.forget_project(PROJECT)

    assert 2 == other.counts(PROJECT, [7]).holding[7]


def test_writers_that_meet(held: DatabaseHeldChunks, anywhere: Database) -> None:
    """After any mixture of writing and forgetting the counts are those of what is noted."""

    def work(turn: int) -> None:
        numbers = range(turn % 3 * 10, turn % 3 * 10 + 20)
        held.note([chunk(n, terms={7: 1.0, turn: 1.0}) for n in numbers])
        if turn % 4 == 0:
            going = {chunk_id(n) for n in numbers[::2]}
            held.forget([each for each in held.of_document(DOCUMENT) if each.chunk_id in going])

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(work, range(10, 34)))

    noted = held.of_document(DOCUMENT)
    counts = held.counts(PROJECT, range(50))
    assert len(noted) == counts.chunks == counts.holding[7]
    with anywhere.read() as session:
        assert 0 == session.scalar(sa.select(sa.func.count()).where(HeldTerm.holding <= 0))
        assert [len(noted)] == list(session.scalars(sa.select(HeldProject.chunks)))
    assert 2 * len(noted) == Counter(counts.holding).total()
