"""What models made of passages: kept under the hash of their exact inputs before it is used."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypedDict

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ragline.database import insert_missing
from ragline.ingestion.clean import repair_page
from ragline.ingestion.tidying_guard import refusal_of
from ragline.models import Chunk, TidiedText

_PART = 500
LONGEST_REFUSAL = 200


class Counts(TypedDict):
    """How many passages of a version became what: `kept` needed no repair, or got none.

    The answers for those `rejected` did not pass the guard; those `unanswered` got none.
    """

    cleaned: int
    kept: int
    rejected: int
    unanswered: int


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of a passage: its new text, or why the answer was refused, or neither."""

    text: str | None = None
    refusal: str | None = None


def key_of(tenant_id: str, model: str, prompt: str, text: str) -> str:
    """Return the hash of everything that decides a repair, within the tenant."""
    return hashlib.sha256("\n".join((tenant_id, model, prompt, text)).encode()).hexdigest()


def judged(read: str, repaired: str) -> Verdict:
    """Return what a model's answer comes to once the guard has seen it."""
    text = repair_page(repaired)
    refusal = refusal_of(read, text)
    if refusal is not None:
        return Verdict(refusal=refusal[:LONGEST_REFUSAL])
    return Verdict(text=None if text == read else text)


def keep(session: Session, verdicts: Mapping[str, Verdict]) -> None:
    """Keep what became of passages, by their keys; what is there already stays."""
    rows: list[dict[str, Any]] = [
        {"key": key, "text": verdict.text, "refusal": verdict.refusal}
        for key, verdict in verdicts.items()
    ]
    insert_missing(session, TidiedText, rows)


def found(session: Session, keys: Collection[str]) -> dict[str, Verdict]:
    """Return what is kept under these keys."""
    result: dict[str, Verdict] = {}
    for part in _parts(sorted(keys)):
        rows = sa.select(TidiedText.key, TidiedText.text, TidiedText.refusal)
        for key, text, refusal in session.execute(rows.where(TidiedText.key.in_(part))):
            result[key] = Verdict(text, refusal)
    return result


def counts(session: Session, document_id: str, version: int) -> Counts:
    """Return what became of a version's passages."""
    values = {"of_document": document_id, "of_version": version}
    total, cleaned, rejected, unanswered = session.execute(_COUNTS, values).one()
    return Counts(
        cleaned=cleaned,
        kept=total - cleaned - rejected - unanswered,
        rejected=rejected,
        unanswered=unanswered,
    )


def _parts(keys: Sequence[str]) -> list[Sequence[str]]:
    return [keys[start : start + _PART] for start in range(0, len(keys), _PART)]


_COUNTS = (
    sa.select(
        sa.func.count(),
        sa.func.count(TidiedText.text),
        sa.func.count(TidiedText.refusal),
        sa.func.count().filter(Chunk.cleaning_key.is_not(None), TidiedText.key.is_(None)),
    )
    .select_from(Chunk)
    .outerjoin(TidiedText, TidiedText.key == Chunk.cleaning_key)
    .where(
        Chunk.document_id == sa.bindparam("of_document"),
        Chunk.version == sa.bindparam("of_version"),
    )
)
