"""Telling a database that is away for a while from a statement that is wrong."""

from __future__ import annotations

import errno

from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

# PostgreSQL: connection lost, no resources, administrator's doing, deadlock, serialization.
_STATES = ("08", "53", "57P", "40001", "40P01", "55P03")
_WORDS = (
    "database is locked",
    "disk is full",
    "disk i/o error",
    "unable to open database",
    "connection",
)


def is_outage(error: BaseException) -> bool:
    """Tell whether the same work succeeds once the database, or its disk, is well again."""
    if isinstance(error, PoolTimeout):
        return True
    if isinstance(error, DBAPIError):
        state = getattr(error.orig, "sqlstate", None)
        if error.connection_invalidated or (state or "").startswith(_STATES):
            return True
        return state is None and any(word in str(error.orig).lower() for word in _WORDS)
    return isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)
