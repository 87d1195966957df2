"""What other packages call of the adapters: a look at a file, and what compute children run.

Importing this loads no parser and no model; only the children that run a task do.
"""

from __future__ import annotations

from ragline.providers.embedders.tasks import embed_passages
from ragline.providers.ocr.tasks import can_be_drawn, draw_pages, read_page_here
from ragline.providers.parsers.detect import TAIL_BYTES, detect_media_type, judged_media_type
from ragline.providers.parsers.tasks import PRELOAD as PARSERS
from ragline.providers.parsers.tasks import outline, read_pages
from ragline.providers.rerankers.tasks import rerank_here

PRELOAD = (*PARSERS, "ragline.ingestion.chunk", "ragline.providers.warm")
"""Modules that compute children find imported already, by name: nothing here imports them."""

__all__ = [
    "PRELOAD",
    "TAIL_BYTES",
    "can_be_drawn",
    "detect_media_type",
    "draw_pages",
    "embed_passages",
    "judged_media_type",
    "outline",
    "read_page_here",
    "read_pages",
    "rerank_here",
]
