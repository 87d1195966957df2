"""What all tables share: the declarative base, identifiers and points in time."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from typing import Annotated, Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase, mapped_column


class UtcDateTime(sa.types.TypeDecorator[datetime]):
    """A point in time, always with its zone; SQLite keeps none, so it is put back."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:
        """Store UTC."""
        return value.astimezone(UTC) if value is not None else None

    def process_result_value(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:
        """Read UTC."""
        if value is not None and value.tzinfo is None:
            return value.replace(tzinfo=UTC)
        return value


# None is no value, not the JSON word "null".
DOCUMENT = sa.JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql")


class Base(DeclarativeBase):
    """Base of all tables."""

    type_annotation_map = {  # noqa: RUF012  # SQLAlchemy reads it as a class attribute
        datetime: UtcDateTime(),
        dict[str, Any]: DOCUMENT,
        list[Any]: DOCUMENT,
    }


def new_id() -> str:
    """Return a fresh identifier, a random UUID in text form."""
    return str(uuid.uuid4())


def now() -> datetime:
    """Return the present moment in UTC."""
    return datetime.now(UTC)


Id = Annotated[str, mapped_column(sa.String(36), primary_key=True, default=new_id)]
Reference = Annotated[str, mapped_column(sa.String(36))]
Digest = Annotated[str, mapped_column(sa.String(64))]
