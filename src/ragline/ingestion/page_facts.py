"""What is known of pages: as they were read, as they stand, and under which keys; pure."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ragline.ingestion.subject import Subject

OCR = "ocr"
Failure = dict[str, Any]
"""An engine's name, the reason why it has no text for a page, and how often it was asked.

`answered` is set where it looked and found none: it is not asked again for that page.
"""


@dataclass(frozen=True, slots=True)
class ReadPage:
    """A page's own text as it was read just now, or the reason why there is none."""

    number: int
    text: str | None
    seconds: float
    reason: str | None = None
    needs_ocr: str | None = None
    is_hopeless: bool = False
    """Whether it took more than it may: its picture would, too."""


@dataclass(frozen=True, slots=True)
class Wanting:
    """A page that an engine is to read, why, and the engines that are not to be asked again."""

    number: int
    why: str
    failed: tuple[Failure, ...] = ()


@dataclass(frozen=True, slots=True)
class Seen:
    """What an engine read on a page; `failed` are those that were asked before it."""

    number: int
    text: str
    engine: str
    why: str
    confidence: float | None
    seconds: float
    failed: tuple[Failure, ...]


@dataclass(frozen=True, slots=True)
class Keys:
    """Under which keys a page's own text, and the one that OCR gave, are stored."""

    own: str
    ocr: str


@dataclass(frozen=True, slots=True)
class Standing:
    """Which pages of a batch are listed already, can be, want OCR, or have not been read at all."""

    listed: frozenset[int]
    ready: tuple[int, ...]
    wanting: tuple[Wanting, ...]
    missing: tuple[int, ...]


def page_key(subject: Subject, reader: str, number: int) -> str:
    """Return the hash of everything that decides a page's text, within the tenant.

    Shared between tenants, the time that reading takes would tell what others hold.
    """
    parts = (subject.tenant_id, subject.content_hash, subject.media_type, reader, str(number))
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def runs(numbers: Sequence[int]) -> list[tuple[int, int]]:
    """Group rising numbers into runs without gaps, each as its first and last."""
    found: list[tuple[int, int]] = []
    for number in numbers:
        if found and found[-1][1] == number - 1:
            found[-1] = found[-1][0], number
        else:
            found.append((number, number))
    return found
