"""Passages that a language model was asked to repair, under the hash of their exact inputs."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from ragline.models.base import Base, Digest, now


class TidiedText(Base):
    """What became of a passage: `text` as repaired where the guard took the model's answer.

    `refusal` says why the guard did not; then the passage stays as it was.
    """

    __tablename__ = "tidied_texts"

    key: Mapped[Digest] = mapped_column(primary_key=True)
    text: Mapped[str | None] = mapped_column(sa.Text)
    refusal: Mapped[str | None] = mapped_column(sa.String(200))
    created_at: Mapped[datetime] = mapped_column(default=now)
