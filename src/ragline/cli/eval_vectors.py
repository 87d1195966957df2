"""Vectors that were made once are read the next time, so that trying ways of searching is quick."""

from __future__ import annotations

import hashlib
import re
import sqlite3
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path

import numpy as np

from ragline.errors import TemporaryProviderError
from ragline.providers.contracts import Embedder, Vectors

BATCH = 64
TRIES = 4
FIRST_WAIT_SECONDS = 2.0

Told = Callable[[int], None]
"""Is told how many texts more have their vectors."""


def embed(
    embedder: Embedder, texts: Sequence[str], *, cache: Path | None, told: Told = lambda _: None
) -> Vectors:
    """Return one row for each text, made or found in the cache; a row is kept once it is made."""
    whole = np.empty((len(texts), embedder.dimensions), dtype=np.float32)
    if cache is None:
        for start in range(0, len(texts), BATCH):
            whole[start : start + BATCH] = _made(embedder, texts[start : start + BATCH])
            told(len(texts[start : start + BATCH]))
        return whole
    cache.mkdir(parents=True, exist_ok=True)
    name = re.sub(r"[^A-Za-z0-9.-]+", "_", embedder.name)
    with closing(sqlite3.connect(cache / f"{name}.sqlite")) as kept:
        kept.execute("CREATE TABLE IF NOT EXISTS vectors (key BLOB PRIMARY KEY, vector BLOB)")
        for start in range(0, len(texts), BATCH):
            batch = texts[start : start + BATCH]
            whole[start : start + BATCH] = _kept(kept, embedder, batch)
            told(len(batch))
    return whole


def _kept(kept: sqlite3.Connection, embedder: Embedder, texts: Sequence[str]) -> Vectors:
    keys = [hashlib.sha256(text.encode()).digest() for text in texts]
    marks = ",".join("?" * len(keys))
    rows = kept.execute(
        f"SELECT key, vector FROM vectors WHERE key IN ({marks})",  # noqa: S608  # only marks
        keys,
    )
    known = {key: np.frombuffer(vector, dtype="<f4") for key, vector in rows}
    missing = {key: text for key, text in zip(keys, texts, strict=True) if key not in known}
    if missing:
        made = _made(embedder, list(missing.values()))
        known |= dict(zip(missing, made, strict=True))
        with kept:
            kept.executemany(
                "INSERT OR IGNORE INTO vectors VALUES (?, ?)",
                [(key, known[key].astype("<f4").tobytes()) for key in missing],
            )
    return np.stack([known[key] for key in keys])


def _made(embedder: Embedder, texts: Sequence[str]) -> Vectors:
    """Return the vectors of texts; a provider that is busy is asked again."""
    wait = FIRST_WAIT_SECONDS
    for _ in range(TRIES - 1):
        try:
            return embedder.embed_passages(texts)
        except TemporaryProviderError as error:
            time.sleep(error.retry_after or wait)
            wait *= 2
    return embedder.embed_passages(texts)
