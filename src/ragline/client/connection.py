"""How requests reach a server: one connection pool, tries, and answers as models."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from contextlib import suppress
from types import TracebackType
from typing import Any, Self, TypeVar
from urllib.parse import urlsplit

import httpx2
from pydantic import BaseModel, ValidationError

from ragline.client.problems import ServerUnreachable, problem_of, stranger
from ragline.errors import ConfigurationError

TRIES = 6
SHORTEST_PAUSE, LONGEST_PAUSE = 0.5, 30.0
_LOOPBACK = ("127.0.0.1", "::1", "localhost")

Model = TypeVar("Model", bound=BaseModel)


class Connection:
    """A connection to a server, with the key of one tenant; use it as a context manager."""

    def __init__(self, url: str, api_key: str | None = None, *, timeout: float = 60) -> None:
        """Remember the server's URL, the key and the seconds to wait for an answer.

        Raises:
            ConfigurationError: the URL is none that this client can call.
        """
        self.url = url.rstrip("/")
        try:
            parts = urlsplit(self.url)
        except ValueError:
            parts = urlsplit("")
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ConfigurationError(
                f"{url!r} is not the URL of a server: set RAGLINE_URL to something like "
                "http://127.0.0.1:8080."
            )
        headers = {b"Authorization": f"Bearer {api_key}".encode()} if api_key else {}
        self._http = httpx2.Client(
            base_url=self.url,
            headers=headers,
            timeout=httpx2.Timeout(timeout, connect=min(timeout, 10)),
            # A proxy for the outside world cannot reach this machine's own server.
            trust_env=parts.hostname not in _LOOPBACK,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def ready(self) -> bool:
        """Tell whether the server answers and takes work."""
        try:
            return self._http.get("/readyz").status_code == 200
        except httpx2.TransportError:
            return False

    def _get(self, path: str, model: type[Model], **parameters: Any) -> Model:
        return read(self._send("GET", path, params=parameters), model)

    def _post(self, path: str, body: Mapping[str, Any], model: type[Model]) -> Model:
        # Plain ASCII can carry any text, even one the server will have to refuse.
        content = json.dumps(body).encode()
        headers = {"Content-Type": "application/json"}
        return read(self._send("POST", path, content=content, headers=headers), model)

    def _send(self, method: str, path: str, **parts: Any) -> httpx2.Response:
        """Send a request; again, after a pause, where the server is overloaded."""
        for tries in range(1, TRIES + 1):
            try:
                response = self._http.request(method, path, **parts)
            except httpx2.TransportError as error:
                raise ServerUnreachable(self.url, error) from None
            if response.is_success:
                return response
            problem = problem_of(response)
            if not problem.retryable or tries == TRIES:
                raise problem
            time.sleep(pause(tries, problem.retry_after))
        raise AssertionError("unreachable: the last try returns or raises")


def pause(tries: int, asked: float | None) -> float:
    """Return the seconds until the next try: what the server asks for, or ever more."""
    return min(SHORTEST_PAUSE * 2 ** (tries - 1) if asked is None else asked, LONGEST_PAUSE)


def read(response: httpx2.Response, model: type[Model]) -> Model:
    """Return an answer as a model, or raise that it is none of ours."""
    with suppress(ValidationError):
        return model.model_validate_json(response.content)
    raise stranger(response)


def given(**fields: Any) -> dict[str, Any]:
    """Return the fields that are not None."""
    return {name: value for name, value in fields.items() if value is not None}
