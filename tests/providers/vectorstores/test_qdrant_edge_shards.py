"""Projects have shards of their own, as long as there are few; together they are one store."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from uuid import UUID

import pytest

from ragline.errors import ConfigurationError
from ragline.providers.contracts import LexicalVector
from ragline.providers.vectorstores import qdrant_edge_shards
from ragline.providers.vectorstores.qdrant_edge import QdrantEdgeStore
from ragline.providers.vectorstores.qdrant_edge_shards import MOST_SHARDS
from ragline.testing.vectorstore import DIMENSIONS, chunk, chunk_id, vector

PROJECTS = [str(UUID(int=100 + n)) for n in range(MOST_SHARDS + 2)]
RARE = LexicalVector((900,), (1.0,))


@pytest.fixture
def store(tmp_path: Path) -> Iterator[QdrantEdgeStore]:
    opened = QdrantEdgeStore(tmp_path / "index", DIMENSIONS)
    yield opened
    opened.close()


def shards(path: Path) -> list[str]:
    """Return the names of the shards of an index folder."""
    return sorted(each.name for each in path.iterdir() if each.name.isdigit())


def found(store: QdrantEdgeStore, project_id: str) -> list[str]:
    """Return what is near to every chunk here, and within a project."""
    matches = store.search_dense(vector(1), project_id=project_id, filter=None, limit=99)
    return sorted(match.chunk_id for match in matches)


def test_first_projects_are_alone(store: QdrantEdgeStore, tmp_path: Path) -> None:
    """The first projects get a shard each, the others the ones that hold least."""
    for number, project_id in enumerate(PROJECTS):
        store.upsert([chunk(number, project_id=project_id)])
        few = number + 1 if number < MOST_SHARDS else MOST_SHARDS
        assert few == len(shards(tmp_path / "index"))

    together = sorted(len(each.live.projects) for each in store._shards)
    assert [1] * (MOST_SHARDS - 2) + [2, 2] == together
    assert [[chunk_id(n)] for n in range(len(PROJECTS))] == [found(store, p) for p in PROJECTS]


def test_a_large_project_is_left_alone(store: QdrantEdgeStore) -> None:
    """Who comes when there are no more shards goes where least is."""
    for number, project_id in enumerate(PROJECTS[:MOST_SHARDS]):
        held = range(number * 10, number * 10 + (9 if number != 3 else 2))
        store.upsert([chunk(n, project_id=project_id) for n in held])

    store.upsert([chunk(900, project_id=PROJECTS[-1])])

    assert store._shards.holding(PROJECTS[-1]) is store._shards.holding(PROJECTS[3])


def test_projects_are_at_home_again(store: QdrantEdgeStore, tmp_path: Path) -> None:
    """The next start finds every project where it was, and writes its chunks there."""
    for number, project_id in enumerate(PROJECTS):
        store.upsert([chunk(number, project_id=project_id)])
    store.close()

    again = QdrantEdgeStore(tmp_path / "index", DIMENSIONS)
    for number, project_id in enumerate(PROJECTS):
        again.upsert(
            [chunk(number, project_id=project_id), chunk(50 + number, project_id=project_id)]
        )

    assert 2 * len(PROJECTS) == again.count()
    for number, project_id in enumerate(PROJECTS):
        assert sorted([chunk_id(number), chunk_id(50 + number)]) == found(again, project_id)
    again.close()


def test_all_shards_are_one_store(store: QdrantEdgeStore) -> None:
    """One call writes to several projects; what names none of them reaches all."""
    document = str(UUID(int=77))
    store.upsert(
        [chunk(n, project_id=each, document_id=document) for n, each in enumerate(PROJECTS[:3])]
    )
    ids = [chunk_id(n) for n in range(3)]

    assert dict.fromkeys(ids, 1) == store.chunk_ids(document)
    assert (3, 3, 1) == (
        store.count(),
        store.count(document_id=document),
        store.count(project_id=PROJECTS[1], document_id=document),
    )
    assert 1 == store.delete_project(PROJECTS[0])
    assert 2 == store.delete(document_id=document)
    assert 0 == store.count()


def test_a_project_without_chunks_has_no_shard(store: QdrantEdgeStore, tmp_path: Path) -> None:
    """Asking for a project makes nothing."""
    assert [] == found(store, PROJECTS[0])
    assert [] == store.search_lexical(RARE, project_id=PROJECTS[0], filter=None, limit=9)
    assert (0, 0) == (store.count(project_id=PROJECTS[0]), store.delete_project(PROJECTS[0]))
    assert ["0"] == shards(tmp_path / "index")


def test_a_project_has_one_home(store: QdrantEdgeStore, tmp_path: Path) -> None:
    """Threads that begin a project together write into one shard."""
    with ThreadPoolExecutor(8) as threads:
        list(
            threads.map(
                lambda n: store.upsert([chunk(n, project_id=PROJECTS[n % 2])]),
                range(40),
            )
        )

    assert ["0", "1"] == shards(tmp_path / "index")
    assert [20, 20] == [store.count(project_id=each) for each in PROJECTS[:2]]


def test_one_shard_for_all_is_still_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An index of the time when a folder was one shard keeps its projects; new ones get theirs."""
    path = tmp_path / "index"
    monkeypatch.setattr(qdrant_edge_shards, "_folders", lambda folder: [folder])
    before = QdrantEdgeStore(path, DIMENSIONS)
    before.upsert([chunk(1, project_id=PROJECTS[0])])
    before.close()
    assert (path / "segments").is_dir()
    monkeypatch.undo()

    for number in (2, 3):
        opened = QdrantEdgeStore(path, DIMENSIONS)
        opened.upsert([chunk(number, project_id=PROJECTS[0])])
        opened.upsert([chunk(10 + number, project_id=PROJECTS[1])])
        opened.close()

    opened = QdrantEdgeStore(path, DIMENSIONS)
    assert [chunk_id(1), chunk_id(2), chunk_id(3)] == found(opened, PROJECTS[0])
    assert [chunk_id(12), chunk_id(13)] == found(opened, PROJECTS[1])
    assert ["0"] == shards(path)
    opened.close()


def test_a_shard_that_does_not_open_holds_no_other(store: QdrantEdgeStore, tmp_path: Path) -> None:
    """Without the damaged shard the same process opens the rest."""
    for number, project_id in enumerate(PROJECTS[:3]):
        store.upsert([chunk(number, project_id=project_id)])
    store.close()
    for state in (tmp_path / "index").glob("1/segments/*/segment.json"):
        state.unlink()

    with pytest.raises(ConfigurationError, match="index/1 cannot be opened"):
        QdrantEdgeStore(tmp_path / "index", DIMENSIONS)

    (tmp_path / "index" / "1").rename(tmp_path / "away")
    rest = QdrantEdgeStore(tmp_path / "index", DIMENSIONS)
    assert 2 == rest.count()
    assert [] == found(rest, PROJECTS[1])
    rest.close()
