"""Settings in, Runtime out: the one place that builds things."""

from __future__ import annotations

import fcntl
import os
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, TextIO

from ragline.blobs import BlobStore
from ragline.compute.pool import ComputePool
from ragline.database import Database
from ragline.engine.engine import Engine
from ragline.errors import ConfigurationError
from ragline.migrations.run import migrate
from ragline.providers import registry, tasks
from ragline.providers.contracts import LLM, Embedder, VectorStore
from ragline.settings import Settings


@dataclass
class Runtime:
    """Everything a service or a step needs; heavy parts are built at first use."""

    settings: Settings
    database: Database
    blobs: BlobStore
    engine: Engine
    compute: ComputePool
    _lock: TextIO
    callers: dict[str, Any] = field(default_factory=dict)
    """Callers by the digest of their key; kept by `accounts`."""
    _built: list[str] = field(default_factory=list)

    @cached_property
    def embedder(self) -> Embedder:
        """The embedder for questions; passages are embedded in child processes."""
        return registry.embedder(self.settings.embedder)

    @cached_property
    def vector_store(self) -> VectorStore:
        """The index that search reads."""
        self._built.append("vector_store")
        return registry.vector_store(
            self.settings.vector_store, self.settings, dimensions=self.embedder.dimensions
        )

    @cached_property
    def llm(self) -> LLM:
        """The model that answers questions."""
        return registry.llm(self.settings.llm, self.settings)

    def open(self) -> None:
        """Build what workflows and requests will need, so that a fault in it stops the start."""
        _ = self.vector_store, self.llm

    def close(self) -> None:
        """Stop working and release everything; unfinished work is resumed at the next start."""
        # Steps under way end first, those that wait for a child at once: what they use stays open.
        self.engine.refuse_steps()
        self.compute.close()
        self.engine.stop()
        if "vector_store" in self._built:
            self.vector_store.close()
        self.engine.close()
        self.database.close()
        self._lock.close()


def build(settings: Settings) -> Runtime:
    """Build the runtime of the embedded mode, with its schema up to date."""
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    lock = _own_data_dir(settings)
    database = Database(settings.sqlalchemy_url)
    migrate(database)
    engine = Engine(database, settings)
    engine.migrate()
    blobs = BlobStore(settings.files_dir)
    blobs.prepare()
    compute = ComputePool(settings.compute_workers, preload=tasks.PRELOAD)
    return Runtime(settings, database, blobs, engine, compute, lock)


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
