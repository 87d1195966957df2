"""What can go wrong between a client and its server."""

from __future__ import annotations

import httpx2
from pydantic import BaseModel, ValidationError

from ragline.errors import RaglineError


class ClientProblem(RaglineError):
    """The server refused a request; `detail` says why, `type` is the kind of problem."""

    def __init__(
        self, status: int, type: str, detail: str, *, retry_after: float | None = None
    ) -> None:
        """Keep the HTTP status, the problem type and the seconds to wait before a retry."""
        super().__init__(detail)
        self.status = status
        self.type = type
        self.detail = detail
        self.retryable = status in (429, 503)
        self.retry_after = retry_after


class ServerUnreachable(RaglineError):
    """No answer came; what was sent may have arrived."""

    retryable = True

    def __init__(self, url: str, cause: httpx2.TransportError) -> None:
        """Say it in a sentence: nobody there, too slow, or a connection that broke."""
        if isinstance(cause, httpx2.ConnectError | httpx2.ConnectTimeout):
            message = (
                f"No Ragline server answers at {url}: "
                "start one with `ragline serve`, or set RAGLINE_URL."
            )
        elif isinstance(cause, httpx2.TimeoutException):
            message = f"The Ragline server at {url} did not answer in time: try again later."
        else:
            message = f"The connection to {url} broke ({cause}): try again."
        super().__init__(message)


class _Told(BaseModel):
    """A problem as it is sent."""

    type: str
    detail: str


def problem_of(response: httpx2.Response) -> ClientProblem:
    """Return the problem that a response tells, or says that it is none of ours."""
    try:
        told = _Told.model_validate_json(response.content)
    except ValidationError:
        return stranger(response)
    wait = response.headers.get("retry-after", "")
    return ClientProblem(
        response.status_code,
        told.type,
        told.detail,
        retry_after=float(wait) if wait.isdecimal() else None,
    )


def stranger(response: httpx2.Response) -> ClientProblem:
    """Return the problem that an answer is not Ragline's."""
    return ClientProblem(
        response.status_code,
        "about:blank",
        f"What answers at {response.url.copy_with(path='/', query=None)} with the status "
        f"{response.status_code} does not look like Ragline: check RAGLINE_URL.",
    )
