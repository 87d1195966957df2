"""Errors as sentences for a model; what is not ours is logged, never shown."""

from __future__ import annotations

import errno

import structlog
from pydantic import ValidationError
from sqlalchemy.exc import DataError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from ragline.errors import Overloaded, RaglineError, TemporaryProviderError

MOST_ERRORS = 5

log = structlog.get_logger()


def sentence_of(error: Exception, *, doing: str) -> str:
    """Say what went wrong and what to do next; `doing` names the request in the log."""
    if isinstance(error, RaglineError):
        if error.status >= 500 and not isinstance(error, Overloaded | TemporaryProviderError):
            log.error("mcp.failed", doing=doing, error=error.message)
        return error.message
    if isinstance(error, ValidationError):
        return _invalid(error)
    if isinstance(error, OperationalError | PoolTimeout):
        log.error("database.unavailable", doing=doing, error=str(error))
        return "The database cannot answer now; try again shortly."
    if isinstance(error, DataError) and "NUL" in str(error):
        return "Nothing has an id with a NUL character in it."
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        log.error("disk.full", doing=doing)
        return "There is no room left to store this; nothing of it was kept. Try again later."
    log.error("mcp.broken", doing=doing, exc_info=error)
    return "Something went wrong here; the server's log says more."


def _invalid(error: ValidationError) -> str:
    wrong = [
        f"{'.'.join(map(str, each['loc']))[:200] or 'arguments'}: "
        f"{each['msg'].removeprefix('Value error, ')}"
        for each in error.errors(include_input=False)[:MOST_ERRORS]
    ]
    return f"The arguments are not valid: {'; '.join(wrong)}."
