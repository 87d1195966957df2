"""A removal that meets a write leaves nothing that the next removal does not find."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest
from tests.fakes.pinecone_server import FakePinecone
from tests.fakes.weaviate_server import FakeWeaviate
from tests.providers.vectorstores import test_pinecone, test_weaviate

from ragline.database import Database
from ragline.providers.vectorstores.pinecone import PineconeStore
from ragline.providers.vectorstores.weaviate import WeaviateStore
from ragline.testing.vectorstore import DOCUMENT, PROJECT, chunk, chunk_id

Store = PineconeStore | WeaviateStore


@pytest.fixture(params=["pinecone", "weaviate"])
def openers(request: pytest.FixtureRequest, database: Database) -> Iterator[tuple[Store, Store]]:
    """Two openers of one index, in a store that cannot tell what it holds."""
    fake: Any = FakePinecone() if request.param == "pinecone" else FakeWeaviate()
    opened = {"pinecone": test_pinecone, "weaviate": test_weaviate}[request.param].opened
    with fake.running():
        both = opened(fake, database), opened(fake, database)
        yield both
        for store in both:
            store.close()


def run_once(
    monkeypatch: pytest.MonkeyPatch,
    store: Store,
    name: str,
    *,
    before: Any = None,
    after: Any = None,
) -> None:
    """Have something done before or after the first call of what a store notes."""
    call: Callable[..., Any] = getattr(store._held, name)

    def once(given: Sequence[Any]) -> Any:
        monkeypatch.undo()
        if before is not None:
            before()
        answer = call(given)
        if after is not None:
            after()
        return answer

    monkeypatch.setattr(store._held, name, once)


def test_a_removal_before_the_write(
    openers: tuple[Store, Store], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is written after a removal that began later is known, and goes with the next one."""
    writing, removing = openers
    run_once(monkeypatch, writing, "note", after=lambda: removing.delete(document_id=DOCUMENT))

    writing.upsert([chunk(1), chunk(2)])

    assert 2 == writing.count(document_id=DOCUMENT)
    removing.delete(document_id=DOCUMENT)
    assert 0 == writing.count(project_id=PROJECT)


def test_a_write_during_the_removal(
    openers: tuple[Store, Store], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is written between removing and forgetting is not forgotten."""
    writing, removing = openers
    writing.upsert([chunk(1), chunk(2)])
    run_once(monkeypatch, removing, "forget", before=lambda: writing.upsert([chunk(2), chunk(3)]))

    removing.delete(document_id=DOCUMENT)

    assert {chunk_id(2), chunk_id(3)} == set(writing.chunk_ids(DOCUMENT))
    removing.delete(document_id=DOCUMENT)
    assert 0 == writing.count(project_id=PROJECT)
