"""The shared server with a reranker of a test's own."""

from __future__ import annotations

import copy
from typing import Any

from ragline.bootstrap import Runtime
from tests.inprocess import InProcessServer


def with_reranker(server: InProcessServer, **settings: Any) -> Runtime:
    """Return the server's runtime as it is with a reranker of its own."""
    runtime = copy.copy(server.runtime)
    runtime.__dict__.pop("reranker", None)
    runtime.kept = {}
    runtime.settings = server.runtime.settings.model_copy(update=settings)
    return runtime
