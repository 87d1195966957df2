"""Calls to Pinecone over HTTP, and what their failures mean.

Source: the REST reference at docs.pinecone.io, version 2025-10.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import partial
from typing import Any

import httpx2

from ragline.errors import ConfigurationError, PermanentProviderError, TemporaryProviderError
from ragline.providers.vectorstores.patience import Patience, retry_after
from ragline.settings import Settings

API_VERSION = "2025-10"
_PASSING = {408, 425, 429}

Json = dict[str, Any]


class Calls:
    """An HTTP client that bears the key; each call is tried again where it fails for a time."""

    def __init__(self, settings: Settings) -> None:
        key = settings.pinecone_api_key
        if key is None:
            raise ConfigurationError(
                "Pinecone needs a key: set RAGLINE_PINECONE_API_KEY, or RAGLINE_VECTOR_STORE to "
                "another store."
            )
        headers = {
            "Api-Key": key.get_secret_value(),
            "X-Pinecone-API-Version": API_VERSION,
            "Content-Type": "application/json",
        }
        self._http = httpx2.Client(headers=headers, timeout=settings.vector_timeout_seconds)
        self._patience = Patience.of(settings)

    def post(self, url: str, body: Json | bytes) -> httpx2.Response:
        """Send a body, which may be JSON already."""
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        return self._patience.call(partial(self._once, "POST", url, content=content))

    def get(self, url: str, params: Mapping[str, str] | None = None) -> httpx2.Response:
        """Ask for something."""
        return self._patience.call(partial(self._once, "GET", url, params=params))

    def close(self) -> None:
        """Close the connections; closing twice is allowed."""
        self._http.close()

    def _once(self, method: str, url: str, **given: Any) -> httpx2.Response:
        try:
            response = self._http.request(method, url, **given)
        except httpx2.InvalidURL as error:
            raise PermanentProviderError(
                f"Pinecone is not at {url}: correct RAGLINE_PINECONE_URL."
            ) from error
        except httpx2.HTTPError as error:
            raise TemporaryProviderError(
                f"Pinecone does not answer ({error or type(error).__name__}). Check the "
                "connection and RAGLINE_PINECONE_URL; jobs will be tried again."
            ) from error
        if response.status_code >= 400:
            raise _refused(response)
        return response


class Missing(PermanentProviderError):
    """There is no such index or namespace."""


def _refused(response: httpx2.Response) -> TemporaryProviderError | PermanentProviderError:
    status = response.status_code
    reason = " ".join(response.text.split())[:200]
    if status == 401:
        return PermanentProviderError("Pinecone refuses the key. Correct RAGLINE_PINECONE_API_KEY.")
    if status == 403:
        return PermanentProviderError(
            f"Pinecone does not allow this with the key of RAGLINE_PINECONE_API_KEY: {reason}."
        )
    if status == 404:
        return Missing(f"Pinecone does not know this index or namespace: {reason}.")
    if status >= 500 or status in _PASSING:
        return TemporaryProviderError(
            f"Pinecone cannot answer for now ({status}): {reason}.",
            retry_after=retry_after(response.headers.get("retry-after")),
        )
    return PermanentProviderError(f"Pinecone does not take this ({status}): {reason}.")
