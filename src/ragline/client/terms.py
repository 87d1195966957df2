"""Where a connection leads, how patient it is, and how it words its requests."""

from __future__ import annotations

from typing import Any, BinaryIO
from urllib.parse import urlsplit

import httpx2

from ragline.client.steps import Request
from ragline.client.uploads import Form
from ragline.errors import ConfigurationError

CONNECT_SECONDS = 10.0
_LOOPBACK = ("127.0.0.1", "::1", "localhost")


class Terms:
    """Where a connection leads, and how patient it is."""

    def __init__(
        self, url: str, api_key: str | None = None, *, timeout: float = 60, retries: int = 5
    ) -> None:
        """Remember the server's URL and the key of a tenant.

        `timeout` is how many seconds to wait for an answer, and `retries` how often to try
        again, with ever longer pauses, where the server is overloaded or away.

        Raises:
            ConfigurationError: the URL is none that this client can call.
        """
        self.url = url.rstrip("/")
        self.retries = retries
        self.timeout = timeout
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
        self._settings: dict[str, Any] = {
            "base_url": self.url,
            "headers": headers,
            # A proxy for the outside world cannot reach this machine's own server.
            "trust_env": parts.hostname not in _LOOPBACK,
        }

    def parts_of(self, request: Request) -> dict[str, Any]:
        """Return a request's parts, without its body, as the HTTP library takes them."""
        timeout = self.timeout if request.timeout is None else request.timeout
        return {
            "method": request.method,
            "url": request.path,
            "params": dict(request.parameters) or None,
            "headers": dict(request.headers),
            "timeout": httpx2.Timeout(
                timeout + request.patience, connect=min(timeout, CONNECT_SECONDS)
            ),
        }


def encoded(form: Form, files: list[tuple[str, BinaryIO]]) -> httpx2.Request:
    """Return a request that holds a form; its body reads the files while it goes out."""
    return httpx2.Request(
        "POST", "http://-", data=dict(form.fields), files=[(form.named, file) for file in files]
    )


def headers_of(body: httpx2.Request) -> dict[str, str]:
    """Return what has to be said of a form beside sending it."""
    names = ("Content-Type", "Content-Length")
    return {name: body.headers[name] for name in names if name in body.headers}
