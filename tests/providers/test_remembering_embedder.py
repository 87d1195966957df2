"""A question is embedded once by a process, and paid for once by all of them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from tests.fakes.openai_server import failure
from tests.fakes.text_embeddings import DIMENSIONS, FakeTextEmbeddings

from ragline.database import Database
from ragline.errors import Overloaded, TemporaryProviderError
from ragline.migrations.run import migrate
from ragline.providers import registry
from ragline.providers.limits import ProviderLimits
from ragline.providers.remembering_embedder import RememberingEmbedder
from ragline.settings import Settings


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    made = Database(f"sqlite:///{tmp_path_factory.mktemp('remembering') / 'ragline.db'}")
    migrate(made)
    yield made
    made.close()


@pytest.fixture
def fake() -> Iterator[FakeTextEmbeddings]:
    with FakeTextEmbeddings().running() as server:
        assert isinstance(server, FakeTextEmbeddings)
        yield server


def remembering(
    fake: FakeTextEmbeddings, database: Database, *, remembered: int = 10, **changes: Any
) -> RememberingEmbedder:
    described = {"base_url": fake.url, "model": "fake", "dimensions": DIMENSIONS}
    settings = Settings(_env_file=None, embedder_endpoints={"fake": described}, **changes)
    return RememberingEmbedder(
        registry.embedder("fake", settings),
        database,
        ProviderLimits(database, settings),
        remembered=remembered,
        wait_seconds=0.5,
    )


def test_a_process_asks_once(fake: FakeTextEmbeddings, database: Database) -> None:
    """The same question has the same vector, without another call."""
    embedder = remembering(fake, database)
    first, second = (embedder.embed_query("asked once by a process") for _ in range(2))

    assert first is second
    assert 1 == len(fake.requests)


def test_all_processes_pay_once(fake: FakeTextEmbeddings, database: Database) -> None:
    """What one has stored, another finds."""
    first = remembering(fake, database).embed_query("asked once by all")
    second = remembering(fake, database).embed_query("asked once by all")

    assert np.array_equal(first, second)
    assert 1 == len(fake.requests)


def test_the_oldest_question_is_forgotten(fake: FakeTextEmbeddings, database: Database) -> None:
    """Only so many are kept in memory; those asked for lately stay."""
    embedder = remembering(fake, database, remembered=2)
    kept = embedder.embed_query("question one")
    forgotten = embedder.embed_query("question two")
    embedder.embed_query("question one")
    embedder.embed_query("question three")

    assert kept is embedder.embed_query("question one")
    assert forgotten is not embedder.embed_query("question two")
    assert 3 == len(fake.requests)


def test_nobody_changes_what_is_remembered(fake: FakeTextEmbeddings, database: Database) -> None:
    """A vector that others are given too cannot be written to."""
    vector = remembering(fake, database).embed_query("a question that nobody changes")

    with pytest.raises(ValueError, match="read-only"):
        vector[0] = 1.0


def test_limits_hold_for_questions(fake: FakeTextEmbeddings, database: Database) -> None:
    """Whoever would wait too long is told when to come back."""
    limits = {"embed_fake": {"per_minute": 1}}
    embedder = remembering(fake, database, provider_limits=limits)
    embedder.embed_query("the first question of the minute")

    with pytest.raises(Overloaded) as raised:
        embedder.embed_query("the second question of the minute")

    assert raised.value.retry_after is not None


def test_a_failure_is_not_remembered(fake: FakeTextEmbeddings, database: Database) -> None:
    """The next one asks again."""
    embedder = remembering(fake, database)
    fake.replies = [failure(500)]
    with pytest.raises(TemporaryProviderError):
        embedder.embed_query("a question that fails at first")

    assert (DIMENSIONS,) == embedder.embed_query("a question that fails at first").shape
