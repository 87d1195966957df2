"""Weaviate's errors as ours."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import grpc  # type: ignore[import-untyped]  # it has no types of its own
import httpx
from weaviate.exceptions import (
    AuthenticationFailedError,
    InsufficientPermissionsError,
    UnexpectedStatusCodeError,
    WeaviateBaseError,
    WeaviateConnectionError,
    WeaviateGRPCUnavailableError,
    WeaviateRetryError,
    WeaviateStartUpError,
    WeaviateTimeoutError,
)

from ragline.errors import PermanentProviderError, TemporaryProviderError

# The client tries again by itself, for half a minute, where the server is not reached.
AFTER_RETRIES_SECONDS = 10.0
_Code = grpc.StatusCode
_PASSING_CODES = {
    _Code.UNAVAILABLE,
    _Code.DEADLINE_EXCEEDED,
    _Code.RESOURCE_EXHAUSTED,
    _Code.ABORTED,
    _Code.CANCELLED,
}
_REFUSING_CODES = {_Code.UNAUTHENTICATED, _Code.PERMISSION_DENIED}
_AWAY = (
    WeaviateConnectionError,
    WeaviateGRPCUnavailableError,
    WeaviateStartUpError,
    WeaviateTimeoutError,
    WeaviateRetryError,
    httpx.HTTPError,
)
_PASSING_STATUSES = {408, 425, 429}
# What a server says under any code while it has too much to do, or a node of it is away.
_PASSING_WORDS = ("read-only", "overload", "too many", "timeout", "deadline", "not enough memory")


@contextmanager
def translated() -> Iterator[None]:
    """Turn the errors of the client and of its transports into ours."""
    try:
        yield
    except (AuthenticationFailedError, InsufficientPermissionsError) as error:
        raise _wrong_key() from error
    except _AWAY as error:
        raise _away(error, tried=isinstance(error, WeaviateRetryError)) from error
    except UnexpectedStatusCodeError as error:
        raise _of_status(error) from error
    except (WeaviateBaseError, grpc.RpcError) as error:
        raise _of_code(error) from error


def told(reason: str) -> TemporaryProviderError | PermanentProviderError:
    """Return the error for what the server said of an object in a batch."""
    if any(words in reason.lower() for words in _PASSING_WORDS):
        return TemporaryProviderError(f"Weaviate cannot take this for now: {reason[:200]}.")
    return PermanentProviderError(f"Weaviate does not take this: {reason[:200]}.")


def is_without_tenant(error: PermanentProviderError) -> bool:
    """Tell whether there is nothing of a project yet, or any more."""
    return "tenant not found" in error.message.lower()


def _of_status(error: UnexpectedStatusCodeError) -> TemporaryProviderError | PermanentProviderError:
    status = error.status_code
    if status in (401, 403):
        return _wrong_key()
    if status >= 500 or status in _PASSING_STATUSES:
        return TemporaryProviderError(f"Weaviate cannot answer for now ({status}).")
    return told(str(error.error or error))


def _of_code(error: Exception) -> TemporaryProviderError | PermanentProviderError:
    """Return the error for a call by gRPC, whose code only the cause knows."""
    cause = error
    while not isinstance(cause, grpc.Call) and cause.__context__ is not None:
        cause = cause.__context__  # type: ignore[assignment]  # no exit passes through here
    if not isinstance(cause, grpc.Call):
        return told(str(error))
    code = cause.code()
    if code in _REFUSING_CODES:
        return _wrong_key()
    if code in _PASSING_CODES:
        return _away(error, tried=code is _Code.UNAVAILABLE)
    return told(str(cause.details()))


def _away(error: Exception, *, tried: bool) -> TemporaryProviderError:
    return TemporaryProviderError(
        f"Weaviate does not answer ({str(error)[:200]}). Start it, or correct "
        "RAGLINE_WEAVIATE_URL and RAGLINE_WEAVIATE_GRPC_URL; jobs will be tried again.",
        retry_after=AFTER_RETRIES_SECONDS if tried else None,
    )


def _wrong_key() -> PermanentProviderError:
    return PermanentProviderError(
        "Weaviate refuses the key. Correct RAGLINE_WEAVIATE_API_KEY, and the rights it has there."
    )
