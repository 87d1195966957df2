"""The embedded store keeps the contract, and its own promises about one directory."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from ragline.errors import ConfigurationError, PermanentProviderError
from ragline.providers.contracts import Comparison
from ragline.providers.vectorstores import qdrant_edge_shards
from ragline.providers.vectorstores.qdrant_edge import QdrantEdgeStore
from ragline.testing.vectorstore import (
    DIMENSIONS,
    PROJECT,
    VectorStoreConformance,
    chunk,
    chunk_id,
    vector,
)

WRITER = """
import sys
from pathlib import Path
from ragline.providers.vectorstores.qdrant_edge import QdrantEdgeStore
from ragline.testing.vectorstore import DIMENSIONS, chunk
store = QdrantEdgeStore(Path(sys.argv[1]), DIMENSIONS)
for number in range(int(sys.argv[2]), 1_000_000):
    store.upsert([chunk(number)])
    print(number, flush=True)
"""


@pytest.fixture
def store(tmp_path: Path) -> Iterator[QdrantEdgeStore]:
    opened = QdrantEdgeStore(tmp_path / "index", DIMENSIONS)
    yield opened
    opened.close()


class TestConformance(VectorStoreConformance):
    """Qdrant Edge passes the suite for all stores."""


class TestConformanceInOneShard(VectorStoreConformance):
    """So it does where projects have to share a shard."""

    @pytest.fixture(autouse=True)
    def one_shard(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Leave no room for a second one."""
        monkeypatch.setattr(qdrant_edge_shards, "MOST_SHARDS", 1)


def test_chunks_outlive_the_store(tmp_path: Path) -> None:
    """What was written is there after closing and opening again."""
    first = QdrantEdgeStore(tmp_path / "index", DIMENSIONS)
    first.upsert([chunk(1), chunk(2)])
    first.close()

    second = QdrantEdgeStore(tmp_path / "index", DIMENSIONS)

    assert second.count() == 2
    second.close()


def test_a_second_opener_is_refused(store: QdrantEdgeStore, tmp_path: Path) -> None:
    """Two openers would spoil the index: the second is told what to do."""
    with pytest.raises(ConfigurationError, match="open in another process"):
        QdrantEdgeStore(tmp_path / "index", DIMENSIONS)


def test_an_index_of_other_dimensions_is_refused(store: QdrantEdgeStore, tmp_path: Path) -> None:
    """Changing the embedder without building the index anew is told at start."""
    store.close()

    with pytest.raises(ConfigurationError, match="other than 4 dimensions"):
        QdrantEdgeStore(tmp_path / "index", 4)


@pytest.mark.parametrize("leftover", ["index", "index/segments", "index/wal"])
def test_a_half_created_directory_opens(tmp_path: Path, leftover: str) -> None:
    """A crash during creation leaves nothing that hinders the next start."""
    (tmp_path / leftover).mkdir(parents=True)

    opened = QdrantEdgeStore(tmp_path / "index", DIMENSIONS)
    opened.upsert([chunk(1)])

    assert opened.count() == 1
    assert [path.name for path in tmp_path.iterdir()] == ["index"]
    opened.close()


def test_a_damaged_index_says_how_to_mend_it(store: QdrantEdgeStore, tmp_path: Path) -> None:
    """An index that does not open names its folder and the way out."""
    store.close()
    for state in (tmp_path / "index").glob("0/segments/*/segment.json"):
        state.unlink()

    with pytest.raises(ConfigurationError, match="built anew from the database"):
        QdrantEdgeStore(tmp_path / "index", DIMENSIONS)


def test_many_metadata_keys_do_no_harm(store: QdrantEdgeStore) -> None:
    """Beyond the number of fields that are indexed, filters find the same."""
    store.upsert([chunk(n, metadata={f"key {n}": n}) for n in range(60)])

    last = Comparison("eq", "key 59", 59)
    found = store.search_dense(vector(1), project_id=PROJECT, filter=last, limit=9)

    assert [match.chunk_id for match in found] == [chunk_id(59)]


def test_a_vector_of_other_dimensions_is_refused(store: QdrantEdgeStore) -> None:
    """A chunk from another embedder is an error that no retry mends."""
    with pytest.raises(PermanentProviderError, match="dimensions"):
        store.upsert([chunk(1, dense=vector(1)[:4])])


def test_no_acknowledged_write_is_lost_to_a_kill(tmp_path: Path) -> None:
    """Killed while writing, three times over, it opens and holds all it acknowledged."""
    acknowledged = -1
    for _ in range(3):
        command = [sys.executable, "-c", WRITER, str(tmp_path / "index"), str(acknowledged + 1)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as writer:
            assert writer.stdout is not None
            for _ in range(15):
                acknowledged = int(writer.stdout.readline())
            writer.send_signal(signal.SIGKILL)
            late = writer.stdout.read().split()
            acknowledged = int(late[-1]) if late else acknowledged

    opened = QdrantEdgeStore(tmp_path / "index", DIMENSIONS)

    assert opened.count() >= acknowledged + 1
    opened.close()
