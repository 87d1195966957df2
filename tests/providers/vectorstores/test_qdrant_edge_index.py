"""The embedded store's index is built beside it: nothing is lost, and any crash leaves one."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from uuid import UUID

import numpy as np
import pytest
from qdrant_edge import EdgeShard, SearchParams
from structlog.testing import capture_logs

from ragline import failpoints
from ragline.providers.contracts import IndexedChunk, LexicalVector, Vectors
from ragline.providers.vectorstores import qdrant_edge_shards
from ragline.providers.vectorstores.qdrant_edge import QdrantEdgeStore
from ragline.providers.vectorstores.qdrant_edge_index import Growth
from ragline.providers.vectorstores.qdrant_edge_scope import Scope
from ragline.providers.vectorstores.qdrant_edge_shard import place_of
from ragline.testing.vectorstore import PROJECT, VectorStoreConformance, chunk, chunk_id
from ragline.testing.vectorstore_lexical import assert_scores, expected_scores
from ragline.testing.vectorstore_samples import DOCUMENT, OTHER_PROJECT

DIMENSIONS = 8
SOON = Growth(chunks=100, share=0.5, settle_seconds=0, niceness=0)
LATE = "00000000-0000-0000-0000-000000001a7e"
GONE = "00000000-0000-0000-0000-00000000dead"

DYING = """
import sys
from pathlib import Path
from ragline import failpoints
from ragline.providers.vectorstores.qdrant_edge import QdrantEdgeStore
from ragline.providers.vectorstores.qdrant_edge_index import Growth
from tests.providers.vectorstores.test_qdrant_edge_index import DIMENSIONS, SOON, some
failpoints.arm(sys.argv[2] + "=kill", production=False)
store = QdrantEdgeStore(Path(sys.argv[1]), DIMENSIONS, growth=SOON)
store.upsert(some(range(150)))
print("written", flush=True)
store.wait_for_index()
"""


def some(numbers: Sequence[int], document_id: str | None = None) -> list[IndexedChunk]:
    """Return chunks that lie in directions of their own."""
    return [
        chunk(
            n,
            document_id=document_id or DOCUMENT,
            dense=_direction(n),
            terms={n % 20: 1.0},
            metadata={"shelf": n % 4},
        )
        for n in numbers
    ]


def _direction(number: int) -> Vectors:
    drawn = np.random.default_rng(number).standard_normal(DIMENSIONS, dtype=np.float32)
    unit: Vectors = drawn / np.linalg.norm(drawn)
    return unit


def found(store: QdrantEdgeStore, number: int) -> list[str]:
    """Return the nearest chunk to the direction of one."""
    matches = store.search_dense(_direction(number), project_id=PROJECT, filter=None, limit=1)
    return [match.chunk_id for match in matches]


def folders(path: Path) -> list[str]:
    """Return the names of what an index folder holds."""
    return sorted(each.name.partition("-")[0] for each in path.iterdir())


@pytest.fixture(autouse=True)
def one_shard(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have all projects share the shard whose index is built."""
    monkeypatch.setattr(qdrant_edge_shards, "MOST_SHARDS", 1)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[QdrantEdgeStore]:
    opened = QdrantEdgeStore(tmp_path / "index", DIMENSIONS, growth=SOON)
    yield opened
    failpoints.arm(None, production=False)
    opened.close()


class IndexedAtOnce(QdrantEdgeStore):
    """A store that is indexed after every write, so that all it is asked meets an index."""

    def upsert(self, chunks: Sequence[IndexedChunk]) -> None:
        """Write chunks, and build the index here and now."""
        super().upsert(chunks)
        for each in self._shards:
            each.live.read(lambda shard: shard.optimize())


class TestConformance(VectorStoreConformance):
    """With an index, Qdrant Edge passes the suite for all stores."""

    @pytest.fixture
    def store(self, tmp_path: Path) -> Iterator[QdrantEdgeStore]:
        """Give a store whose index is built over and over."""
        opened = IndexedAtOnce(tmp_path / "index", DIMENSIONS)
        yield opened
        opened.close()


def test_an_index_takes_the_place_of_the_scan(store: QdrantEdgeStore, tmp_path: Path) -> None:
    """Once there are enough chunks, one index holds all of them, and the folder nothing else."""
    with capture_logs() as logs:
        store.upsert(some(range(150)))
        store.wait_for_index()

    assert ["edge_index.building", "edge_index.built"] == [each["event"] for each in logs]
    assert 150 == place_of(tmp_path / "index" / "0").built_over == store.count()
    assert ["built", "current"] == folders(tmp_path / "index" / "0")
    assert [chunk_id(77)] == found(store, 77)


def test_a_built_index_is_opened_again(store: QdrantEdgeStore, tmp_path: Path) -> None:
    """The next start reads what was built, and what was written afterwards."""
    store.upsert(some(range(150)))
    store.wait_for_index()
    store.upsert(some(range(150, 160)))
    store.close()

    again = QdrantEdgeStore(tmp_path / "index", DIMENSIONS)

    assert 160 == again.count()
    assert [chunk_id(155)] == found(again, 155)
    again.close()


def test_a_grown_index_is_built_again(store: QdrantEdgeStore, tmp_path: Path) -> None:
    """When half as many have come again, the next index takes the place of the one before."""
    store.upsert(some(range(150)))
    store.wait_for_index()
    first = place_of(tmp_path / "index" / "0").folder
    store.upsert(some(range(150, 300)))
    store.wait_for_index()

    assert 300 == place_of(tmp_path / "index" / "0").built_over == store.count()
    assert not first.exists()


def test_few_chunks_are_scanned(store: QdrantEdgeStore, tmp_path: Path) -> None:
    """Below the number set, nothing is built."""
    store.upsert(some(range(50)))
    store.wait_for_index()

    assert not (tmp_path / "index" / "0" / "current").exists()


def test_writes_during_building_are_kept(store: QdrantEdgeStore, tmp_path: Path) -> None:
    """What is written, replaced, removed and written again meanwhile is so afterwards."""
    failpoints.arm("edge_index.built=hold", production=False)
    store.upsert(some(range(40), GONE))
    store.upsert(some(range(40, 150)))
    _wait_for_copy(tmp_path / "index" / "0")

    store.upsert(some(range(150, 900)))
    store.delete(document_id=GONE)
    store.upsert(some(range(10)))
    store.upsert([chunk(140, dense=_direction(9_999))])
    store.upsert(some(range(900, 910), GONE))
    store.delete(document_id=GONE)
    failpoints.arm(None, production=False)
    store.wait_for_index()

    held = set(store.chunk_ids(DOCUMENT))
    assert {chunk_id(n) for n in (*range(10), *range(40, 900))} == held
    assert {} == store.chunk_ids(GONE)
    assert [chunk_id(140)] == found(store, 9_999)
    assert ["built", "current"] == folders(tmp_path / "index" / "0")


def test_searches_go_on_while_it_is_replaced(store: QdrantEdgeStore) -> None:
    """A search that meets the moment of the change gets its answer."""
    store.upsert(some(range(90)))
    ended, wrong = threading.Event(), []

    def search() -> None:
        while not ended.wait(0.001):
            wrong.append(found(store, 7) != [chunk_id(7)])

    searching = threading.Thread(target=search)
    searching.start()
    store.upsert(some(range(90, 180)))
    store.wait_for_index()
    ended.set()
    searching.join()

    assert wrong
    assert not any(wrong)


@pytest.mark.parametrize(
    "point",
    [
        "edge_index.copied",
        "edge_index.built",
        "edge_index.replayed",
        "edge_index.current",
        "edge_index.replaced",
    ],
)
def test_a_kill_leaves_a_usable_index(tmp_path: Path, point: str) -> None:
    """Killed at any step, the store opens with all that was written, and nothing else is left."""
    path = tmp_path / "index"
    _killed_at(point, path)

    opened = QdrantEdgeStore(path, DIMENSIONS)

    assert 150 == opened.count()
    assert [chunk_id(77)] == found(opened, 77)
    assert len(folders(path / "0")) == (2 if place_of(path / "0").built_over else 3)
    opened.close()


def test_an_index_that_a_kill_prevented_is_built_later(tmp_path: Path) -> None:
    """The next start finds that it is due."""
    _killed_at("edge_index.copied", tmp_path / "index")

    opened = QdrantEdgeStore(tmp_path / "index", DIMENSIONS, growth=SOON)
    opened.wait_for_index()

    assert 150 == opened.count() == place_of(tmp_path / "index" / "0").built_over
    opened.close()


def test_closing_gives_up_building(store: QdrantEdgeStore, tmp_path: Path) -> None:
    """The process can end at once, and the next one starts afresh."""
    store.upsert(some(range(150)))
    _wait_for_copy(tmp_path / "index" / "0")
    store.close()

    assert (
        not list((tmp_path / "index" / "0").glob("built-*"))
        or place_of(tmp_path / "index" / "0").built_over
    )


def test_a_child_that_fails_does_no_harm(tmp_path: Path) -> None:
    """Where the index cannot be built, that is told and the shard is scanned as before."""
    store = QdrantEdgeStore(tmp_path / "index", DIMENSIONS, growth=SOON)
    (shard,) = store._shards
    shard.building._dimensions = 4  # what the child is told, so that it refuses
    with capture_logs() as logs:
        store.upsert(some(range(150)))
        store.wait_for_index()
        store.upsert(some(range(150, 160)))
        store.wait_for_index()

    assert ["edge_index.building", "edge_index.failed"] == [each["event"] for each in logs]
    assert [chunk_id(155)] == found(store, 155)
    assert not list((tmp_path / "index" / "0").glob("built-*"))
    store.close()


def test_an_index_cut_off_while_it_is_named_is_not_used(tmp_path: Path) -> None:
    """A folder that nothing names is removed at the next start."""
    store = QdrantEdgeStore(tmp_path / "index", DIMENSIONS)
    store.upsert(some(range(5)))
    store.close()
    (tmp_path / "index" / "0" / "built-1234" / "segments").mkdir(parents=True)

    again = QdrantEdgeStore(tmp_path / "index", DIMENSIONS)

    assert 5 == again.count()
    assert not (tmp_path / "index" / "0" / "built-1234").exists()
    again.close()


def _killed_at(point: str, path: Path) -> None:
    """Have a process killed while it builds an index over 150 chunks that it has written."""
    command = [sys.executable, "-c", DYING, str(path), point]
    killed = subprocess.run(command, capture_output=True, text=True, check=False)
    assert -signal.SIGKILL == killed.returncode, killed.stderr
    assert "written" in killed.stdout


def _wait_for_copy(path: Path) -> None:
    """Return when a copy of the shard has been made."""
    deadline = threading.Event()
    for _ in range(1_000):
        if any(path.glob("built-*/segments/*")):
            return
        deadline.wait(0.01)
    raise AssertionError("no index is being built")


def test_words_are_counted_among_what_is_left(store: QdrantEdgeStore, tmp_path: Path) -> None:
    """Scores are those of the formula: with an index, beside it, after removals and elsewhere's."""
    asked = LexicalVector((3, 7, 12), (1.0, 1.0, 1.0))
    held = {each.chunk_id: each for each in some(range(150))}

    def agree(searched: QdrantEdgeStore) -> None:
        assert_scores(expected_scores(held.values(), asked), searched, asked)

    store.upsert(list(held.values()))
    agree(store)
    store.wait_for_index()
    agree(store)
    late = [chunk(n, document_id=LATE, terms={7: 1.0, n: 1.0}) for n in range(150, 170)]
    store.upsert(late)
    held |= {each.chunk_id: each for each in late}
    agree(store)
    again = [chunk(n, terms={12: 2.0}) for n in range(3, 60, 20)]
    store.upsert(again)
    held |= {each.chunk_id: each for each in again}
    agree(store)
    store.delete(document_id=LATE)
    held = {name: each for name, each in held.items() if each.document_id != LATE}
    agree(store)
    store.close()
    opened = QdrantEdgeStore(tmp_path / "index", DIMENSIONS)
    agree(opened)
    opened.upsert([chunk(n, project_id=OTHER_PROJECT, terms={7: 1.0}) for n in range(500, 530)])
    agree(opened)
    opened.close()


def test_a_project_that_comes_meanwhile(store: QdrantEdgeStore, tmp_path: Path) -> None:
    """Who was alone in the shard finds nothing of the next one, nor does one that opens it."""
    store.upsert(some(range(150)))
    store.wait_for_index()
    foreign = chunk(900, project_id=OTHER_PROJECT, dense=_direction(900), terms={900: 1.0})

    store.upsert([foreign])

    rare = LexicalVector((900,), (1.0,))
    assert [chunk_id(900)] != found(store, 900)
    assert [] == store.search_lexical(rare, project_id=PROJECT, filter=None, limit=9)
    store.close()
    opened = QdrantEdgeStore(tmp_path / "index", DIMENSIONS)
    assert [chunk_id(900)] != found(opened, 900)
    assert [] == opened.search_lexical(rare, project_id=PROJECT, filter=None, limit=9)
    assert [] == opened.search_lexical(rare, project_id=str(UUID(int=77)), filter=None, limit=9)
    opened.close()


def test_a_project_that_comes_during_a_search(
    store: QdrantEdgeStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is written between looking and searching is searched again, with the condition."""
    store.upsert(some(range(40)))
    foreign = chunk(900, project_id=OTHER_PROJECT, dense=_direction(900))
    statistics = Scope._statistics

    def written_meanwhile(scope: Scope, shard: EdgeShard) -> SearchParams:
        store.upsert([foreign])
        return statistics(scope, shard)

    monkeypatch.setattr(Scope, "_statistics", written_meanwhile)

    assert [chunk_id(900)] != found(store, 900)
    assert store.count(project_id=OTHER_PROJECT) == 1
