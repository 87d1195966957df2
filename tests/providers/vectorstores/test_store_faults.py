"""What the stores on servers do when servers and connections fail."""

from __future__ import annotations

import pytest
from tests.fakes.store_faults import Fault
from tests.providers.vectorstores.conftest import Remote

from ragline.errors import (
    ConfigurationError,
    PermanentProviderError,
    ProviderError,
    TemporaryProviderError,
)
from ragline.providers.contracts import LexicalVector
from ragline.testing.vectorstore import DOCUMENT, OTHER_DOCUMENT, PROJECT, chunk, chunk_id, vector
from ragline.testing.vectorstore_lexical import SEVEN, idf


def test_a_passing_fault_is_ridden_out(remote: Remote) -> None:
    """A server that is busy for a moment is asked again, and everything is written once."""
    store = remote.open()
    remote.faults.left += [Fault("status", remote.write, 429), Fault("status", remote.write, 429)]

    store.upsert([chunk(1), chunk(2)])

    assert 3 == remote.faults.count(remote.write)
    assert 2 == store.count(project_id=PROJECT)


def test_a_search_is_tried_again(remote: Remote) -> None:
    """A failed search is repeated, and finds what it should."""
    store = remote.open()
    store.upsert([chunk(1)])
    remote.faults.left.append(Fault("status", remote.search, 429))

    found = store.search_dense(vector(1), project_id=PROJECT, filter=None, limit=3)

    assert [chunk_id(1)] == [match.chunk_id for match in found]


def test_there_is_a_limit(remote: Remote) -> None:
    """A fault that stays is told as one that may pass, after as many tries as are set."""
    store = remote.open(vector_tries=2)
    remote.faults.left += [Fault("status", remote.write, 429)] * 9

    with pytest.raises(TemporaryProviderError):
        store.upsert([chunk(1)])

    assert 2 == remote.faults.count(remote.write)


def test_a_connection_lost_within_a_batch(remote: Remote) -> None:
    """A lost answer leaves nothing out and nothing twice, and scores as they should be."""
    store = remote.open(vector_batch=10)
    remote.faults.left += [Fault("cut_after", remote.write), Fault("cut_before", remote.write)]

    store.upsert([chunk(n) for n in range(25)])

    assert 25 == store.count(project_id=PROJECT)
    found = store.search_lexical(SEVEN, project_id=PROJECT, filter=None, limit=30)
    assert [idf(25, 25)] * 25 == pytest.approx([match.score for match in found], abs=0.002)


def test_a_write_that_failed_half_way_is_repeated(remote: Remote) -> None:
    """After a failure in the second of three batches the same write makes all of it right."""
    store = remote.open(vector_batch=10, vector_tries=1)
    chunks = [chunk(n, terms={7: 1.0, 100 + n: 1.0}) for n in range(25)]
    store.upsert(chunks[:10])
    remote.faults.left.append(Fault("status", remote.write, 429))
    with pytest.raises(TemporaryProviderError):
        store.upsert(chunks)

    store.upsert(chunks)

    assert 25 == store.count(project_id=PROJECT)
    asked = LexicalVector((103,), (1.0,))
    found = store.search_lexical(asked, project_id=PROJECT, filter=None, limit=5)
    assert [chunk_id(3)] == [match.chunk_id for match in found]
    assert idf(25, 1) == pytest.approx(found[0].score, abs=0.002)


def test_a_removal_that_failed_is_repeated(remote: Remote) -> None:
    """A removal without answer may be asked for again, and nothing is left."""
    store = remote.open(vector_tries=1)
    store.upsert([chunk(1), chunk(2, document_id=OTHER_DOCUMENT)])
    word = {"qdrant": "/points/delete", "weaviate": "BatchDelete", "pinecone": "/vectors/delete"}
    remote.faults.left.append(Fault("status", word[remote.name], 429))
    with pytest.raises(TemporaryProviderError):
        store.delete(document_id=DOCUMENT)

    store.delete(document_id=DOCUMENT)

    assert {} == store.chunk_ids(DOCUMENT)
    assert 1 == store.count(project_id=PROJECT)
    found = store.search_lexical(SEVEN, project_id=PROJECT, filter=None, limit=5)
    assert [idf(1, 1)] == pytest.approx([match.score for match in found], abs=0.002)


def test_silence_ends(remote: Remote) -> None:
    """A server that never answers is given up after the time that is set."""
    store = remote.open(vector_timeout_seconds=0.5, vector_tries=1)
    remote.faults.left.append(Fault("silent", remote.write))

    with pytest.raises(TemporaryProviderError):
        store.upsert([chunk(1)])


def test_a_wrong_key(remote: Remote) -> None:
    """The start stops with the name of the setting."""
    setting = f"{remote.name}_api_key"

    with pytest.raises(ConfigurationError, match=f"RAGLINE_{setting.upper()}"):
        remote.open(**{setting: "wrong"})


def test_a_server_that_is_away(remote: Remote) -> None:
    """Nobody at the address is a fault that may pass, told with the setting to look at."""
    remote.stop()

    with pytest.raises(TemporaryProviderError, match=f"RAGLINE_{remote.name.upper()}_URL"):
        remote.open(vector_tries=1)


def test_other_dimensions(remote: Remote) -> None:
    """An index that another embedder filled is not opened."""
    remote.open().upsert([chunk(1)])

    with pytest.raises(ConfigurationError, match="8 dimensions, and this one has 4"):
        remote.open(dimensions=4)


def test_a_vector_of_other_dimensions(remote: Remote) -> None:
    """A chunk from another embedder is an error that no retry mends."""
    with pytest.raises(PermanentProviderError, match="dimensions"):
        remote.open().upsert([chunk(1, dense=vector(1)[:4])])


def test_batches(remote: Remote) -> None:
    """So many chunks go at once as are set."""
    remote.open(vector_batch=10).upsert([chunk(n) for n in range(25)])

    assert 3 == remote.faults.count(remote.write)


def test_collections_lie_side_by_side(remote: Remote) -> None:
    """The same ids stand in several collections, of several dimensions, for different things."""
    passages, pictures = remote.open(), remote.open(collection="images_1", dimensions=4)

    passages.upsert([chunk(1), chunk(2)])
    pictures.upsert([chunk(1, dense=vector(0, 1)[:4])])
    pictures.delete(document_id=DOCUMENT)
    pictures.upsert([chunk(3, dense=vector(0, 1)[:4])])

    assert (2, 1) == (passages.count(), pictures.count())


def test_what_a_server_does_not_take(remote: Remote) -> None:
    """An error of the adapter's own is one of ours."""
    store = remote.open(vector_tries=1)
    remote.faults.left.append(Fault("status", remote.write, 400))

    with pytest.raises(ProviderError):
        store.upsert([chunk(1)])
