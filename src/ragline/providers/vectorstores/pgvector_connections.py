"""Connections to the index in PostgreSQL: a small pool of its own, and its errors as ours."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import psycopg
import sqlalchemy as sa
from pgvector.psycopg import register_vector

from ragline.errors import ConfigurationError, PermanentProviderError, TemporaryProviderError
from ragline.providers.vectorstores.pgvector_schema import SCHEMA, adopt, prepare

CONNECTIONS = 8
CONNECT_SECONDS = 10
POOL_SECONDS = 30

_REFUSALS = (
    psycopg.DataError,
    psycopg.IntegrityError,
    psycopg.NotSupportedError,
    psycopg.ProgrammingError,
)


def open_index(address: str, dimensions: int, schema: str = SCHEMA) -> sa.Engine:
    """Return connections to the index in a schema, created first if it is not there."""
    url = sa.make_url(address)
    if url.get_backend_name() != "postgresql":
        raise ConfigurationError(
            f"The vector store pgvector needs PostgreSQL, and the database is "
            f"{url.get_backend_name()}. Set RAGLINE_DATABASE_URL to postgresql+psycopg://…, or "
            "RAGLINE_VECTOR_STORE to qdrant_edge."
        )
    url = url.set(drivername="postgresql+psycopg")
    with translated():
        _prepare(url, dimensions, schema)
    engine = _engine(
        url, pool_size=CONNECTIONS, max_overflow=0, pool_timeout=POOL_SECONDS, pool_pre_ping=True
    )
    sa.event.listen(engine, "connect", partial(_configure, schema=schema))
    return engine


@contextmanager
def translated() -> Iterator[None]:
    """Turn the errors of driver and pool into ours."""
    try:
        yield
    except (sa.exc.SQLAlchemyError, psycopg.Error) as error:
        cause = error.orig if isinstance(error, sa.exc.DBAPIError) else error
        reason = str(cause).strip().partition("\n")[0]
        if isinstance(cause, _REFUSALS):
            raise PermanentProviderError(f"The index does not take this: {reason}.") from error
        raise TemporaryProviderError(
            f"The index in PostgreSQL could not be read or written: {reason}. Check the database; "
            "the job will be tried again."
        ) from error


def _prepare(url: sa.URL, dimensions: int, schema: str) -> None:
    """Create the index by a connection of its own, as the others know its types."""
    engine = _engine(url, poolclass=sa.NullPool)
    with engine.connect() as connection:
        opened = connection.connection.driver_connection
        assert isinstance(opened, psycopg.Connection)
        prepare(opened, dimensions, schema)


def _engine(url: sa.URL, **pool: Any) -> sa.Engine:
    return sa.create_engine(
        url,
        connect_args={
            "connect_timeout": CONNECT_SECONDS,
            "application_name": "ragline index",
            # A plan fits one project's size, and projects are of all sizes.
            "prepare_threshold": None,
        },
        # Whoever waited for a lock sees what was committed meanwhile.
        isolation_level="READ COMMITTED",
        **pool,
    )


def _configure(connection: psycopg.Connection, _record: object, *, schema: str) -> None:
    adopt(connection, schema)
    register_vector(connection)
    connection.commit()
