"""The errors of Qdrant's client as ours."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from pydantic import ValidationError
from qdrant_client.common.client_exceptions import ResourceExhaustedResponse
from qdrant_client.http.exceptions import ResponseHandlingException, UnexpectedResponse

from ragline.errors import PermanentProviderError, TemporaryProviderError
from ragline.providers.vectorstores.patience import retry_after

_PASSING = {408, 425, 429}


@contextmanager
def translated() -> Iterator[None]:
    """Turn the client's errors into ours."""
    try:
        yield
    except ResourceExhaustedResponse as error:
        raise TemporaryProviderError(
            "The Qdrant server takes no more calls for now.", retry_after=error.retry_after_s
        ) from error
    except UnexpectedResponse as error:
        raise _refused(error) from error
    except ResponseHandlingException as error:
        reason = error.source
        if isinstance(reason, ValidationError):
            raise PermanentProviderError(
                "The Qdrant server answers in a form that is not known. Check that "
                "RAGLINE_QDRANT_URL is its address, and use a release that fits qdrant-client."
            ) from error
        raise TemporaryProviderError(
            f"The Qdrant server does not answer ({reason or type(reason).__name__}). Start it, or "
            "correct RAGLINE_QDRANT_URL; jobs will be tried again."
        ) from error


def _refused(error: UnexpectedResponse) -> TemporaryProviderError | PermanentProviderError:
    """Return what a status says: come again, or change something."""
    status = error.status_code or 500
    reason = error.content.decode("utf-8", "replace")[:200]
    if status in (401, 403):
        return PermanentProviderError(
            f"The Qdrant server refuses the key ({status}). Correct RAGLINE_QDRANT_API_KEY."
        )
    if status >= 500 or status in _PASSING:
        return TemporaryProviderError(
            f"The Qdrant server cannot answer for now ({status}): {reason}.",
            retry_after=retry_after(error.headers.get("retry-after")),
        )
    if status == 404:
        return PermanentProviderError(
            f"The Qdrant server does not know this: {reason}. Start Ragline again, which creates "
            "a collection that is missing and fills it."
        )
    return PermanentProviderError(f"The Qdrant server does not take this ({status}): {reason}.")
