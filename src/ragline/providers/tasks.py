"""What other packages call of the adapters: a look at a file, and what compute children run.

Importing this loads no parser and no model; only the children that run a task do.
"""

from __future__ import annotations

from ragline.providers.embedders.tasks import embed_passages
from ragline.providers.parsers.detect import detect_media_type
from ragline.providers.parsers.tasks import PRELOAD, outline, read_pages

__all__ = ["PRELOAD", "detect_media_type", "embed_passages", "outline", "read_pages"]
