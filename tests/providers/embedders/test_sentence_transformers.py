"""sentence-transformers brings PyTorch, which tests do without: only what is said without it."""

from __future__ import annotations

from importlib.util import find_spec

import pytest

from ragline.errors import MissingPackage
from ragline.providers import registry
from ragline.settings import Settings


@pytest.mark.skipif(find_spec("sentence_transformers") is not None, reason="it is installed")
def test_the_missing_package_is_named() -> None:
    """With the line that installs it."""
    with pytest.raises(MissingPackage, match="sentence_transformers"):
        registry.embedder("sentence-transformers:all-MiniLM-L6-v2", Settings(_env_file=None))
