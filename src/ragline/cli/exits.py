"""The codes that commands end with; 0 is success, and 2 a wrong use."""

from __future__ import annotations

FAILED = 1
INTERRUPTED = 130
