"""Indexes of this process: each collection is opened once, when it is first needed."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import sqlalchemy as sa
import structlog
from sqlalchemy.orm import Session

from ragline.bootstrap import Runtime
from ragline.errors import ConfigurationError
from ragline.indexes.recording import default_row, record_default
from ragline.models import Project, VectorIndex
from ragline.providers import registry
from ragline.providers.contracts import Embedder, VectorStore

_KEPT = "indexes"
_PROBE = "Is the model there?"
log = structlog.get_logger()


class Searched(Protocol):
    """What one model's vectors are searched with."""

    @property
    def store(self) -> VectorStore:
        """Where they are."""
        ...

    @property
    def embedder(self) -> Embedder:
        """What made them, and embeds the question."""
        ...


class Index:
    """A collection in a store and the model of its vectors; safe to use from threads.

    Store and model are made ready at first use, each for itself: what is to be removed needs no
    model. `spec` is how the model is asked for, `embedder_name` what it was when the index was
    made.
    """

    def __init__(self, runtime: Runtime, row: VectorIndex) -> None:
        self.id = row.id
        self.spec = row.embedder
        self.embedder_name = row.embedder_name
        self.store_name = row.store
        self.dimensions = row.dimensions
        self.with_words = row.with_words
        self._collection = row.collection
        self._runtime = runtime
        self._lock = threading.Lock()
        self._store: VectorStore | None = None
        self._missing: str | None = None
        self._warming: threading.Thread | None = None
        self._is_warm = False

    @property
    def embedder(self) -> Embedder:
        """The model; raises `ConfigurationError` where it cannot work here."""
        return self._runtime.embedder_for(self.spec)

    @property
    def store(self) -> VectorStore:
        """The collection, opened; raises `ConfigurationError` where that cannot be."""
        with self._lock:
            if self._store is None:
                self._store = self._opened()
            return self._store

    @property
    def unusable(self) -> str | None:
        """Why the model cannot work here, or None; that is found out once."""
        if self._missing is None:
            try:
                _ = self.embedder
            except ConfigurationError as error:
                self._missing = error.message
                log.warning("index.unusable", embedder=self.spec, reason=error.message)
            else:
                self._missing = ""
        return self._missing or None

    @property
    def is_ready(self) -> bool:
        """Whether the model is in memory; the first look begins to load it, in the background."""
        with self._lock:
            if not self._is_warm and self._warming is None:
                self._warming = threading.Thread(target=self._load, name="warming", daemon=True)
                self._warming.start()
            return self._is_warm

    def warm(self) -> None:
        """Have the model in memory before questions come."""
        if not self._is_warm and not self.unusable:
            if self.embedder.provider is None:
                self.embedder.embed_query(_PROBE)
            self._is_warm = True

    def _load(self) -> None:
        try:
            self.warm()
        except Exception as error:  # noqa: BLE001 # searches go on without this model
            log.warning("index.cold", embedder=self.spec, error=str(error)[:200])
            self._missing = "The model could not be loaded; the log says why."

    def close(self) -> None:
        """Release the collection, unless it is the process's own; closing twice is allowed."""
        with self._lock:
            if self._store is not None and not self._is_own:
                self._store.close()
            self._store = None

    @property
    def _is_own(self) -> bool:
        """Whether it is what `Runtime.vector_store` is."""
        return self.store_name == self._runtime.settings.vector_store_name and (
            self._collection == self._runtime.collection
        )

    def _opened(self) -> VectorStore:
        if self._is_own:
            return self._runtime.vector_store
        if not self._runtime.owns_data_dir and not registry.is_shared_store(self.store_name):
            raise ConfigurationError(
                f"Projects are searched in {self.store_name!r}, which has one owner, and other "
                "processes may have it open: move them to another store while `ragline serve` "
                f"runs alone with RAGLINE_VECTOR_STORE={self.store_name}."
            )
        return registry.vector_store(
            self.store_name,
            self._runtime.settings,
            dimensions=self.dimensions,
            collection=self._collection,
            database=self._runtime.database,
        )


@dataclass(frozen=True, slots=True)
class ProjectIndexes:
    """The indexes of a project.

    It is searched in `main`, with `better` beside it where there is one; `filling` is to take the
    place of `main`, and `previous` had it before.
    """

    main: Index
    better: Index | None = None
    filling: Index | None = None
    previous: Index | None = None

    @property
    def others(self) -> list[Index]:
        """All but the main one, each once."""
        given = [each for each in (self.better, self.filling, self.previous) if each is not None]
        unique = {each.id: each for each in given if each.id != self.main.id}
        return list(unique.values())

    @property
    def all(self) -> list[Index]:
        """All of them, each once, the main one first."""
        return [self.main, *self.others]


class _Indexes:
    """The indexes that this process has looked at."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._lock = threading.Lock()
        self._known: dict[str, Index] = {}
        self._default: str | None = None
        runtime.on_close(self.close)

    def get(self, index_id: str, session: Session | None) -> Index:
        found = self._known.get(index_id)
        if found is not None:
            return found
        if session is not None:
            return self.of(session.get_one(VectorIndex, index_id))
        with self._runtime.database.read() as reading:
            return self.of(reading.get_one(VectorIndex, index_id))

    def of(self, row: VectorIndex) -> Index:
        with self._lock:
            return self._known.setdefault(row.id, Index(self._runtime, row))

    def default(self) -> Index:
        if self._default is None:
            with self._runtime.database.read() as session:
                row = default_row(self._runtime, session)
            if row is None:
                # What an outer transaction may yet take back is not remembered as the default.
                return self.of(record_default(self._runtime))
            self._default = self.of(row).id
        return self._known[self._default]

    def close(self) -> None:
        with self._lock:
            for index in self._known.values():
                index.close()


def open_index(runtime: Runtime, index_id: str | None, *, session: Session | None = None) -> Index:
    """Return an index; None means the deployment's.

    `session` is that in which its row was written, if that has not ended yet.
    """
    indexes = _of(runtime)
    return indexes.default() if index_id is None else indexes.get(index_id, session)


def indexes_of(runtime: Runtime, project: Project) -> ProjectIndexes:
    """Return the indexes of a project."""

    def one(index_id: str | None) -> Index | None:
        return None if index_id is None else open_index(runtime, index_id)

    return ProjectIndexes(
        main=open_index(runtime, project.index_id),
        better=one(project.better_index_id),
        filling=one(project.filling_index_id),
        previous=one(project.previous_index_id),
    )


def indexes_by_project(runtime: Runtime, project_id: str) -> ProjectIndexes | None:
    """Return the indexes of a project, hidden ones included; None where it is gone."""
    with runtime.database.read() as session:
        project = session.get(Project, project_id)
    return None if project is None else indexes_of(runtime, project)


def better_of(runtime: Runtime, indexes: ProjectIndexes) -> Index | None:
    """Return the better index where the settings want it searched and its model works here.

    A model takes seconds to load: until then nobody waits for it.
    """
    better = indexes.better
    if better is None or runtime.settings.better_vectors == "off" or better.unusable:
        return None
    return better if better.is_ready else None


def searched(runtime: Runtime, project: Project) -> list[Index]:
    """Return the indexes that a project is searched in: its own, then a better one if it has it."""
    indexes = indexes_of(runtime, project)
    better = better_of(runtime, indexes)
    return [indexes.main] if better is None else [indexes.main, better]


def every_index(runtime: Runtime) -> list[Index]:
    """Return all indexes that may hold something, the deployment's included."""
    with runtime.database.read() as session:
        rows = session.scalars(sa.select(VectorIndex).order_by(VectorIndex.created_at)).all()
    indexes = _of(runtime)
    found = {each.id: each for each in (indexes.of(row) for row in rows)}
    default = indexes.default()
    return list({**found, default.id: default}.values())


def of_project(runtime: Runtime, project_id: str) -> Iterator[Index]:
    """Go through all indexes that may hold vectors of a project, one after the other."""
    indexes = indexes_by_project(runtime, project_id)
    yield from every_index(runtime) if indexes is None else indexes.all


def _of(runtime: Runtime) -> _Indexes:
    found = runtime.kept.get(_KEPT)
    if found is None:
        # Of two made at once one is kept; neither has opened anything yet.
        found = runtime.kept.setdefault(_KEPT, _Indexes(runtime))
    assert isinstance(found, _Indexes)
    return found
