"""Settings in, Runtime out: the one place that builds things."""

from __future__ import annotations

import fcntl
import os
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, TextIO

import sqlalchemy as sa
from sqlalchemy.exc import OperationalError

from ragline import failpoints
from ragline.blobs import BlobStore, build_store
from ragline.compute.pool import ComputePool
from ragline.database import Database
from ragline.engine.engine import Engine
from ragline.errors import ConfigurationError
from ragline.migrations.run import migrate
from ragline.models import VectorIndex, collection_of
from ragline.providers import registry, tasks
from ragline.providers.best_effort import BestEffortCache
from ragline.providers.chain import Chain
from ragline.providers.contracts import OCR, Embedder, Reranker, VectorStore
from ragline.providers.limits import ProviderLimits
from ragline.providers.remembering_embedder import RememberingEmbedder
from ragline.settings import Settings


@dataclass
class Runtime:
    """Everything a service or a step needs; heavy parts are built at first use."""

    settings: Settings
    database: Database
    blobs: BlobStore
    engine: Engine
    compute: ComputePool
    _lock: TextIO | None
    callers: dict[str, Any] = field(default_factory=dict)
    """Callers by the digest of their key; kept by `accounts`."""
    kept: dict[str, Any] = field(default_factory=dict)
    """What features keep between requests, by their names."""
    _built: list[str] = field(default_factory=list)
    _closers: list[Callable[[], None]] = field(default_factory=list)
    _embedders: dict[str, Embedder] = field(default_factory=dict)
    _building: threading.RLock = field(default_factory=threading.RLock)

    @cached_property
    def embedder(self) -> Embedder:
        """The embedder of every project that has no other, for questions."""
        return self.embedder_for(self.settings.own_embedder)

    def embedder_for(self, spec: str) -> Embedder:
        """Return the embedder of a spec for questions: one per process, which remembers them.

        Passages are embedded in child processes or call by call, by `indexes/embedding.py`.
        """
        with self._building:
            if spec not in self._embedders:
                self._embedders[spec] = RememberingEmbedder(
                    registry.embedder(spec, self.settings),
                    self.database,
                    self.limits,
                    remembered=self.settings.embedder_query_memory,
                    wait_seconds=self.settings.embedder_wait_seconds,
                )
            return self._embedders[spec]

    @cached_property
    def vector_store(self) -> VectorStore:
        """The index of projects that have no other."""
        self._built.append("vector_store")
        return registry.vector_store(
            self.settings.vector_store_name,
            self.settings,
            dimensions=self.embedder.dimensions,
            collection=self.collection,
            database=self.database,
        )

    @cached_property
    def collection(self) -> str | None:
        """The collection of that index: the store's first, unless it is another model's."""
        first = sa.select(VectorIndex.embedder_name).where(
            VectorIndex.store == self.settings.vector_store_name, VectorIndex.collection.is_(None)
        )
        with self.database.read() as session:
            holders = session.scalars(first).all()
        name = self.embedder.name
        return None if not holders or name in holders else collection_of(name, with_words=True)

    @property
    def owns_data_dir(self) -> bool:
        """Whether no other process has what is in the data directory open."""
        return self._lock is not None

    @cached_property
    def llm(self) -> Chain:
        """The models that answer questions, asked in turn."""
        self._built.append("llm")
        return registry.llm_chain(self.settings)

    @cached_property
    def answer_cache(self) -> BestEffortCache:
        """Where answers are kept to be given again."""
        self._built.append("answer_cache")
        name = self.settings.answer_cache_name
        return BestEffortCache(registry.answer_cache(name, self.settings, self.database))

    @cached_property
    def ocr(self) -> tuple[OCR, ...]:
        """What reads pages without good text of their own, in the order of asking."""
        self._built.append("ocr")
        return registry.ocr_engines(self.settings)

    @cached_property
    def reranker(self) -> Reranker | None:
        """What reads the best passages again; one that computes here does so in a child."""
        made = registry.reranker(self.settings)
        self._built.append("reranker")
        return made

    @cached_property
    def limits(self) -> ProviderLimits:
        """What grants calls to providers."""
        return ProviderLimits(self.database, self.settings)

    def open(self) -> None:
        """Build what workflows and requests will need, so that a fault in it stops the start."""
        _ = self.vector_store, self.llm, self.answer_cache
        _ = self.reranker
        if self.settings.ocr is not None:
            _ = self.ocr

    def on_close(self, closer: Callable[[], None]) -> None:
        """Have something stopped before anything it may use is released."""
        self._closers.append(closer)

    def close(self) -> None:
        """Stop working and release everything; unfinished work is resumed at the next start."""
        # Steps under way are given time to end, then those that wait for a child end at once.
        self.engine.drain()
        for closer in reversed(self._closers):
            closer()
        self.compute.close()
        self.engine.stop()
        if "vector_store" in self._built:
            self.vector_store.close()
        for embedder in self._embedders.values():
            embedder.close()
        if "ocr" in self._built:
            for engine in self.ocr:
                engine.close()
        if "reranker" in self._built and self.reranker is not None:
            self.reranker.close()
        if "llm" in self._built:
            self.llm.close()
        if "answer_cache" in self._built:
            self.answer_cache.close()
        self.engine.close()
        self.database.close()
        if self._lock is not None:
            self._lock.close()


def build(settings: Settings, *, alone: bool = True) -> Runtime:
    """Build the runtime of a process, with the schema up to date.

    `alone` says that this process both serves and works; otherwise others share its stores.

    Raises:
        ConfigurationError: the settings name what cannot work, and what to change.
    """
    failpoints.arm(settings.failpoints, production=settings.production)
    if not alone:
        _require_shared(settings)
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    lock = None if _is_shared(settings) else _own_data_dir(settings)
    database = Database(settings.sqlalchemy_url, connections=settings.database_connections)
    engine = Engine(database, settings)
    _migrate(database, engine)
    blobs = build_store(settings)
    blobs.prepare()
    compute = ComputePool(settings.compute_workers, preload=tasks.PRELOAD)
    return Runtime(settings, database, blobs, engine, compute, lock)


def _migrate(database: Database, engine: Engine) -> None:
    try:
        migrate(database)
        engine.migrate()
    except OperationalError as error:
        if database.is_sqlite:
            raise
        raise ConfigurationError(
            f"The database on {database.url.host} does not answer or refuses: "
            f"{str(error.orig).strip()}. Start it, or correct RAGLINE_DATABASE_URL."
        ) from None


def _is_shared(settings: Settings) -> bool:
    """Tell whether several processes can use these stores at once."""
    if settings.sqlalchemy_url.startswith("sqlite"):
        return False
    return registry.is_shared_store(settings.vector_store_name)


def _require_shared(settings: Settings) -> None:
    if settings.sqlalchemy_url.startswith("sqlite"):
        raise ConfigurationError(
            "Several processes need PostgreSQL: set RAGLINE_DATABASE_URL to "
            "postgresql+psycopg://user@host/database, or run `ragline serve` alone."
        )
    if not registry.is_shared_store(settings.vector_store_name):
        raise ConfigurationError(
            f"Several processes need a shared vector store, and {settings.vector_store_name!r} "
            "has one owner: set RAGLINE_VECTOR_STORE to pgvector, or run `ragline serve` alone."
        )


def _own_data_dir(settings: Settings) -> TextIO:
    """Hold the data directory: the embedded index and its files have one owner."""
    lock = (settings.data_dir / "lock").open("a+")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.seek(0)
        owner = lock.read().strip() or "unknown"
        lock.close()
        raise ConfigurationError(
            f"Another Ragline process ({owner}) uses {settings.data_dir}: "
            "stop it, or set RAGLINE_DATA_DIR to another folder."
        ) from None
    lock.truncate(0)
    lock.write(f"pid {os.getpid()}")
    lock.flush()
    return lock
