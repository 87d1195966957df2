"""How much was looked at."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class Looked:
    """Counts of what was compared; they grow while it is."""

    projects: int = 0
    documents: int = 0
    chunks: int = 0
    vectors: int = 0
    files: int = 0
    products: int = 0
