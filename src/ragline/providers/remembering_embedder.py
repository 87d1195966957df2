"""Questions are embedded once: remembered in the process, and stored where a call is paid for."""

from __future__ import annotations

import hashlib
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import cast

import numpy as np
import sqlalchemy as sa

from ragline.database import Database, insert_missing
from ragline.errors import Overloaded
from ragline.models import Embedding as StoredEmbedding
from ragline.providers.contracts import (
    Calibration,
    Embedded,
    Embedder,
    RemoteEmbedder,
    Vectors,
)
from ragline.providers.limits import ProviderLimits

_FORM = np.dtype("<f4")


class RememberingEmbedder:
    """An embedder for a process that answers questions; safe to use from threads.

    One search, its chat and their caches ask for the same question's vector; only the first of
    them waits for it. A service is asked within its provider's limits, and what it gave is
    stored under the hash of model and text. Contracts `Embedder` and `RemoteEmbedder`.
    """

    def __init__(
        self,
        embedder: Embedder,
        database: Database,
        limits: ProviderLimits,
        *,
        remembered: int,
        wait_seconds: float,
    ) -> None:
        """Remember so many questions; wait so long for the provider's limits."""
        self._embedder = embedder
        self._database = database
        self._limits = limits
        self._most = remembered
        self._wait_seconds = wait_seconds
        self._lock = threading.Lock()
        self._known: OrderedDict[str, Vectors] = OrderedDict()

    @property
    def name(self) -> str:
        """The model with its version."""
        return self._embedder.name

    @property
    def provider(self) -> str | None:
        """Whose limits its calls keep to; None for a model that computes here."""
        return self._embedder.provider

    @cached_property
    def dimensions(self) -> int:
        """The length of its vectors."""
        return self._embedder.dimensions

    @cached_property
    def calibration(self) -> Calibration:
        """What its cosines mean."""
        return self._embedder.calibration

    def prepare(self) -> None:
        """Load what is slow to load."""
        self._embedder.prepare()

    def embed_passages(self, texts: Sequence[str]) -> Vectors:
        """Return one row of length 1 for each text; nothing of it is remembered."""
        return self._embedder.embed_passages(texts)

    def embed_query(self, text: str) -> Vectors:
        """Return one vector of length 1, which must not be written to.

        Raises `Overloaded` where the provider's limits would make it wait too long.
        """
        known = self._remembered(text)
        if known is not None:
            return known
        vector = self._embedder.embed_query(text) if self.provider is None else self._paid(text)
        vector.flags.writeable = False
        with self._lock:
            self._known[text] = vector
            while len(self._known) > self._most:
                self._known.popitem(last=False)
        return vector

    def in_calls(self, texts: Sequence[str]) -> list[slice]:
        """Divide texts into groups of which each fits one call."""
        return self._remote.in_calls(texts)

    def call(self, texts: Sequence[str], *, for_query: bool = False) -> Embedded:
        """Return the vectors of such a group, and what the call took."""
        return self._remote.call(texts, for_query=for_query)

    def close(self) -> None:
        """Close the embedder."""
        self._embedder.close()

    @property
    def _remote(self) -> RemoteEmbedder:
        assert self.provider is not None, "asked where a service embeds"
        return cast(RemoteEmbedder, self._embedder)

    def _remembered(self, text: str) -> Vectors | None:
        with self._lock:
            found = self._known.get(text)
            if found is not None:
                self._known.move_to_end(text)
            return found

    def _paid(self, text: str) -> Vectors:
        """Return a question's vector from the database, or have it made and store it."""
        key = hashlib.sha256(f"question\n{self.name}\n{text}".encode()).hexdigest()
        with self._database.read() as session:
            stored = session.scalar(_STORED, {"of_key": key})
        if stored is not None and len(stored) == self.dimensions * _FORM.itemsize:
            return np.frombuffer(stored, _FORM).astype(np.float32)
        pause = _bounded(self._wait_seconds)
        with self._limits.call(self.provider, pause=pause):
            vector: Vectors = self._remote.call([text], for_query=True).vectors[0]
        with self._database.write() as session:
            row = {"key": key, "vector": vector.astype(_FORM).tobytes()}
            insert_missing(session, StoredEmbedding, [row])
        return vector


def _bounded(seconds: float) -> Callable[[float], None]:
    """Return a pause that raises `Overloaded` beyond so long in all."""
    deadline = time.monotonic() + seconds

    def pause(wanted: float) -> None:
        if time.monotonic() + wanted > deadline:
            raise Overloaded(
                "The provider of embeddings is called as often as its limits allow. Ask again "
                "later, or search with `mode` set to `lexical`.",
                retry_after=wanted,
            )
        time.sleep(wanted)

    return pause


_STORED = sa.select(StoredEmbedding.vector).where(StoredEmbedding.key == sa.bindparam("of_key"))
