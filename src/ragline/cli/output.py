"""What all commands share: where their words go, and how they end."""

from __future__ import annotations

FAILED = 1
INTERRUPTED = 130
