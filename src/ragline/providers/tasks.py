"""What other packages call of the adapters: a look at a file, and what compute children run.

Importing this loads no parser and no model; only the children that run a task do.
"""

from __future__ import annotations

from ragline.providers.embedders.tasks import embed_passages
from ragline.providers.parsers.detect import detect_media_type
from ragline.providers.parsers.tasks import PRELOAD as PARSERS
from ragline.providers.parsers.tasks import outline, read_pages

PRELOAD = (*PARSERS, "ragline.ingestion.chunk", "ragline.providers.warm")
"""Modules that compute children find imported already, by name: nothing here imports them."""

__all__ = ["PRELOAD", "detect_media_type", "embed_passages", "outline", "read_pages"]
