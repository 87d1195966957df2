"""A shard in a folder: how it is laid out, created, opened, and replaced by a better one.

The folder `index` holds the shard itself until an index has been built; from then on the file
`current` in it names the folder beside it that holds the shard. That file is replaced whole, so
that a crash at any moment leaves either the old shard or the new one.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from qdrant_edge import (
    Distance,
    EdgeConfig,
    EdgeOptimizersConfig,
    EdgeShard,
    EdgeSparseVectorParams,
    EdgeVectorParams,
    HnswIndexConfig,
    KeywordIndexParams,
    Memory,
    Modifier,
    TurboQuantBitSize,
    TurboQuantQuantizationConfig,
    UpdateOperation,
    VectorStorageDatatype,
)

from ragline.errors import ConfigurationError, PermanentProviderError, TemporaryProviderError

DENSE = "dense"
LEXICAL = "lexical"
SHARD_PARTS = ("segments", "wal", "edge_config.json")
BUILT = "built-"
_CURRENT = "current"

# No graph is built. With one for each project a walk took half the time of a scan, but where a
# metadata filter applied or a project was just too small for a graph it found 4 of 10.
_EDGES = 0


@dataclass(frozen=True, slots=True)
class Place:
    """Where a shard is, and how many chunks the index in it was built over."""

    folder: Path
    built_over: int = 0


def place_of(path: Path) -> Place:
    """Return the place of the shard of an index folder."""
    try:
        said = json.loads((path / _CURRENT).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return Place(path)
    return Place(path / said["folder"], said["chunks"])


def free_place(path: Path) -> Path:
    """Return a folder for another shard; it does not exist yet."""
    return path / f"{BUILT}{secrets.token_hex(4)}"


def make_current(path: Path, place: Place) -> None:
    """Let another shard take the place of the one before; durable when it returns."""
    draft = path / f"{_CURRENT}.draft"
    with draft.open("w", encoding="utf-8") as file:
        json.dump({"folder": place.folder.name, "chunks": place.built_over}, file)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path / _CURRENT)
    sync(path)


def remove_others(path: Path, kept: Path) -> None:
    """Remove every shard of an index folder but one, as far as the system lets."""
    for folder in path.glob(f"{BUILT}*"):
        if folder != kept:
            shutil.rmtree(folder, ignore_errors=True)
    if kept != path:
        _remove_shard(path)


def sync(folder: Path) -> None:
    """Have the entries of a folder on disk."""
    entries = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(entries)
    finally:
        os.close(entries)


def holds_shard(path: Path) -> bool:
    """Return whether there is a shard in an index folder."""
    return place_of(path).folder != path or any(path.glob("segments/*"))


def open_shard(path: Path, dimensions: int) -> tuple[EdgeShard, Place]:
    """Open the shard of an index folder, created first if there is none.

    Raises `ConfigurationError` where another process has it open, or where it was built with
    other dimensions.
    """
    if not holds_shard(path):
        _create(path, dimensions)
    place = place_of(path)
    try:
        shard = load_shard(place.folder, dimensions)
    except Exception as error:
        raise _opening_failed(path, dimensions, error) from error
    remove_others(path, place.folder)
    return shard, place


def load_shard(folder: Path, dimensions: int, *, threads: int = 0) -> EdgeShard:
    """Open the shard in a folder, to be indexed by so many threads (0: one for each core)."""
    return EdgeShard.load(str(folder), _config(dimensions, threads))


def _create(path: Path, dimensions: int) -> None:
    """Create a shard beside `path` and move it there whole, so that a crash leaves no half one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(prefix=f".{path.name}-", dir=path.parent))
    try:
        shard = EdgeShard.create(str(draft), _config(dimensions))
        # Not as tenants: an index sorts chunks by these, and a search for words takes the longer
        # the later its project comes; three times as long for the last of five.
        kind = KeywordIndexParams(enable_hnsw=False)
        for field in ("project_id", "document_id"):
            shard.update(UpdateOperation.create_field_index(field, kind))
        shard.flush()
        shard.close()
        with suppress(FileNotFoundError):
            _remove_shard(path)
        with suppress(OSError):  # another process was faster: its shard is opened instead
            draft.rename(path)
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def _remove_shard(path: Path) -> None:
    """Remove the shard that lies in an index folder itself, or what is left of one."""
    for part in SHARD_PARTS:
        if (path / part).is_dir():
            shutil.rmtree(path / part, ignore_errors=True)
        else:
            (path / part).unlink(missing_ok=True)


def _config(dimensions: int, threads: int = 0) -> EdgeConfig:
    """Return how a shard is laid out, and how an index over it is built.

    16-bit floats halve memory and search time; they change a cosine by less than 0.001. An index
    holds them in 4 bits a dimension beside that, by project, which are scanned with a quarter of
    the memory traffic; the best of them are scored with the floats.
    """
    graph = HnswIndexConfig(
        m=_EDGES,
        payload_m=_EDGES,
        ef_construct=4,
        full_scan_threshold=10_000,
        max_indexing_threads=threads,
    )
    dense = EdgeVectorParams(
        size=dimensions,
        distance=Distance.Cosine,
        datatype=VectorStorageDatatype.Float16,
        hnsw_config=graph,
        quantization_config=TurboQuantQuantizationConfig(
            bits=TurboQuantBitSize.Bits4, memory=Memory.Cached
        ),
    )
    lexical = EdgeSparseVectorParams(modifier=Modifier.Idf)
    # All goes into one segment: each one more has to be searched as well.
    one_segment = EdgeOptimizersConfig(
        indexing_threshold=1, default_segment_number=1, max_segment_size=2**40
    )
    return EdgeConfig(
        vectors={DENSE: dense},
        sparse_vectors={LEXICAL: lexical},
        optimizers=one_segment,
        # Otherwise eight of each shard: with one segment there is nothing to do side by side.
        max_search_threads=1,
    )


def _opening_failed(path: Path, dimensions: int, error: Exception) -> ConfigurationError:
    """Return the error that tells why an index does not open, and what helps."""
    if "WouldBlock" in str(error):
        return ConfigurationError(
            f"The index in {path} is open in another process. Stop that process, or give this "
            "one its own RAGLINE_DATA_DIR; several processes need another RAGLINE_VECTOR_STORE."
        )
    if "expected vector size" in str(error):
        return ConfigurationError(
            f"The index in {path} was built by an embedder of other than {dimensions} dimensions. "
            "Set RAGLINE_EMBEDDER back, or upload the documents into another RAGLINE_DATA_DIR."
        )
    return ConfigurationError(
        f"The index in {path} cannot be opened: {error}. Move the folder away and start again: "
        "it is then built anew from the database."
    )


@contextmanager
def translated() -> Iterator[None]:
    """Turn the engine's errors, which have no type of their own, into ours."""
    try:
        yield
    except ValueError as error:
        raise PermanentProviderError(f"The index does not take this: {error}.") from error
    except Exception as error:
        raise TemporaryProviderError(
            f"The index could not be read or written: {error}. Check the disk of the data "
            "directory; the job will be tried again."
        ) from error
