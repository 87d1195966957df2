"""The bare loop: what the same parser, splitter and embedder take without a server.

Nothing is durable here: no database, no queue, no index. What a server takes beyond this
is the price of durability.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from ragline.compute.limits import Limits
from ragline.compute.pool import ComputePool
from ragline.ingestion.chunk import split_document
from ragline.ingestion.splitting import indexed_text
from ragline.providers import tasks
from ragline.settings import Settings

EMBEDDER = "use"
LIMITS = Limits(
    wall_seconds=3600,
    cpu_seconds=3600,
    memory_bytes=4 * 1024**3,
    open_files=128,
    output_bytes=1024**2,
)


@dataclass(frozen=True, slots=True)
class BareLoop:
    """What the loop did: `cpu_seconds` are those of its child processes."""

    seconds: float
    cpu_seconds: float
    pages: int
    chunks: int


def read_split_embed(path: Path) -> tuple[int, int]:
    """Return a PDF's numbers of pages and chunks, after embedding all chunks; run in a child."""
    media_type = "application/pdf"
    _, count = tasks.outline(path, media_type)
    pages = tasks.read_pages(path, media_type, 1, count)
    pieces = split_document([(page.number, page.text) for page in pages]).pieces
    title = path.stem.replace("_", " ").strip()
    texts = [indexed_text(title, piece.heading, piece.text) for piece in pieces]
    tasks.embed_passages(Settings(), EMBEDDER, texts)
    return count, len(pieces)


def run(paths: Sequence[Path], processes: int, warm_up: Path) -> BareLoop:
    """Run the loop over documents, the largest first so that all processes end together."""
    pool = ComputePool(processes, preload=tasks.PRELOAD)
    try:
        with ThreadPoolExecutor(processes) as threads:
            list(threads.map(lambda path: _in_child(pool, path), [warm_up] * processes))
            before, began = pool.cpu_seconds, time.perf_counter()
            ordered = sorted(paths, key=lambda path: -path.stat().st_size)
            counts = list(threads.map(lambda path: _in_child(pool, path), ordered))
            seconds = time.perf_counter() - began
    finally:
        pool.close()
    return BareLoop(
        seconds,
        pool.cpu_seconds - before,
        sum(pages for pages, _ in counts),
        sum(chunks for _, chunks in counts),
    )


def _in_child(pool: ComputePool, path: Path) -> tuple[int, int]:
    return pool.run(read_split_embed, path, limits=LIMITS)
