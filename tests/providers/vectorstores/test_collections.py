"""Several indexes of one store lie beside each other and do not meet."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.postgres import Postgres

from ragline.errors import ConfigurationError
from ragline.providers import registry
from ragline.providers.contracts import VectorStore
from ragline.settings import Settings
from ragline.testing.vectorstore import DIMENSIONS, chunk, vector


@pytest.fixture(params=["qdrant_edge", "pgvector"])
def settings(request: pytest.FixtureRequest, tmp_path: Path) -> Settings:
    url = None
    if request.param == "pgvector":
        postgres: Postgres = request.getfixturevalue("postgres")
        url = postgres.new_database()
    return Settings(_env_file=None, data_dir=tmp_path, database_url=url)


def opened(settings: Settings, collection: str | None, dimensions: int = DIMENSIONS) -> VectorStore:
    return registry.vector_store(
        settings.vector_store_name, settings, dimensions=dimensions, collection=collection
    )


def test_a_collection_has_points_of_its_own(settings: Settings) -> None:
    """The same id stands in several collections, of several dimensions, for different things."""
    passages, pictures = opened(settings, None), opened(settings, "images_1", dimensions=4)

    passages.upsert([chunk(1), chunk(2)])
    pictures.upsert([chunk(1, dense=vector(0, 1)[:4])])
    pictures.delete(document_id=chunk(1).document_id)
    pictures.upsert([chunk(3, dense=vector(0, 1)[:4])])

    assert (2, 1) == (passages.count(), pictures.count())
    for store in (passages, pictures):
        store.close()


def test_a_collection_outlives_its_store(settings: Settings) -> None:
    """Opened again, it holds what was written."""
    first = opened(settings, "images_1")
    first.upsert([chunk(1)])
    first.close()

    again, other = opened(settings, "images_1"), opened(settings, "images_2")

    assert (1, 0) == (again.count(), other.count())
    for store in (again, other):
        store.close()


def test_a_collection_keeps_its_dimensions(settings: Settings) -> None:
    """With vectors in it, it is not opened with others."""
    first = opened(settings, "images_1")
    first.upsert([chunk(1)])
    first.close()

    with pytest.raises(ConfigurationError, match="dimensions"):
        opened(settings, "images_1", dimensions=4)
