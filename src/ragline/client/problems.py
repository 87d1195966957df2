"""What can go wrong between a client and its server.

RaglineError
├── ClientProblem               the server refused; `detail` says why
│   ├── InvalidInput 422        the request is understood but cannot be accepted
│   │   ├── KeyReused           the idempotency key was used for another request
│   │   ├── MalformedRequest 400
│   │   ├── TooLarge 413
│   │   └── UnsupportedMediaType 415
│   ├── Unauthenticated 401
│   ├── Forbidden 403
│   ├── NotFound 404            unknown and not-yours look the same
│   ├── Conflict 409
│   ├── RateLimited 429         retry later
│   ├── Overloaded 503          retry later
│   ├── ProviderFailed 502, 503 a model or a store behind the server failed
│   ├── ServerFailed 500, 507   the server's log says more
│   └── NotRagline              what answers there is something else
├── ServerUnreachable           no answer came
├── JobFailed                   a job that was waited for did not complete
├── StillRunning                a job did not end in the time that was granted
├── UnreadablePath              a file of this machine cannot be sent
└── InvalidSignature            a webhook that is none of ours, or too old

Those that bear the name of an error in `ragline.errors` are also that error.
"""

from __future__ import annotations

import httpx2
from pydantic import BaseModel, ValidationError

from ragline import errors
from ragline.errors import RaglineError


class ClientProblem(RaglineError):
    """The server refused a request; `detail` says why, `type` is the kind of problem.

    `fields` names what is wrong with which field, where that is known. `retry_after` is in
    seconds, None where the server did not say.
    """

    def __init__(
        self,
        status: int,
        type: str,
        detail: str,
        *,
        retryable: bool | None = None,
        retry_after: float | None = None,
        fields: dict[str, str] | None = None,
    ) -> None:
        """Keep what the server said."""
        super().__init__(detail)
        self.status = status
        self.type = type
        self.detail = detail
        self.retryable = status in (429, 503) if retryable is None else retryable
        self.retry_after = retry_after
        self.fields = fields or {}


class InvalidInput(ClientProblem, errors.InvalidInput):
    """The request is understood but cannot be accepted."""


class KeyReused(InvalidInput):
    """The idempotency key was used for another request."""


class MalformedRequest(InvalidInput, errors.MalformedRequest):
    """The request could not be read."""


class TooLarge(InvalidInput, errors.TooLarge):
    """The body or one of its parts is over its limit."""


class UnsupportedMediaType(InvalidInput, errors.UnsupportedMediaType):
    """No parser reads this kind of content."""


class Unauthenticated(ClientProblem, errors.Unauthenticated):
    """The request carries no valid API key."""


class Forbidden(ClientProblem, errors.Forbidden):
    """The key is valid but its role may not do this."""


class NotFound(ClientProblem, errors.NotFound):
    """Nothing with this id belongs to the caller."""


class Conflict(ClientProblem, errors.Conflict):
    """The request contradicts the present state."""


class RateLimited(ClientProblem):
    """Too many requests; `retry_after` says when to come back."""


class Overloaded(ClientProblem, errors.Overloaded):
    """The server cannot take this now; `retry_after` says when to come back."""


class ProviderFailed(ClientProblem):
    """A model or a store behind the server did not do its part."""


class ServerFailed(ClientProblem):
    """The server could not do it; its log says more."""


class NotRagline(ClientProblem):
    """What answers at this URL is something else."""


class ServerUnreachable(RaglineError):
    """No answer came; what was sent may have arrived, unless `connected` is False."""

    retryable = True

    def __init__(self, url: str, cause: httpx2.RequestError) -> None:
        """Say it in a sentence: nobody there, too slow, or a connection that broke."""
        self.connected = not isinstance(cause, httpx2.ConnectError | httpx2.ConnectTimeout)
        self.timed_out = isinstance(cause, httpx2.TimeoutException)
        if not self.connected:
            message = (
                f"No Ragline server answers at {url}: "
                "start one with `ragline serve`, or set RAGLINE_URL."
            )
        elif self.timed_out:
            message = f"The Ragline server at {url} did not answer in time: try again later."
        else:
            message = f"The connection to {url} broke ({cause}): try again."
        super().__init__(message)


class JobFailed(RaglineError):
    """A job that was waited for failed or was cancelled; the message says why."""

    def __init__(self, job_id: str, status: str, detail: str) -> None:
        """Keep which job it is, and how it ended."""
        super().__init__(detail)
        self.job_id = job_id
        self.job_status = status


class StillRunning(RaglineError):
    """A job did not end in the time that was granted; it goes on."""

    retryable = True

    def __init__(self, job_id: str, status: str, seconds: float) -> None:
        """Keep which job it is, and how it stood at last."""
        super().__init__(f"The job {job_id} is still {status} after {seconds:g} s; it goes on.")
        self.job_id = job_id
        self.job_status = status


class UnreadablePath(errors.InvalidInput):
    """A file of this machine cannot be sent."""


class InvalidSignature(RaglineError):
    """A webhook that is none of ours, was changed on its way, or is too old."""

    status = 400


_BY_SLUG: dict[str, type[ClientProblem]] = {
    "idempotency-key-reused": KeyReused,
    "overloaded": Overloaded,
    "provider-error": ProviderFailed,
    "provider-unavailable": ProviderFailed,
}
_BY_STATUS: dict[int, type[ClientProblem]] = {
    400: MalformedRequest,
    401: Unauthenticated,
    403: Forbidden,
    404: NotFound,
    409: Conflict,
    413: TooLarge,
    415: UnsupportedMediaType,
    422: InvalidInput,
    429: RateLimited,
    503: Overloaded,
}


class _Field(BaseModel):
    """What is wrong with a field of the request."""

    field: str
    message: str


class _Told(BaseModel):
    """A problem as it is sent."""

    type: str
    detail: str
    retryable: bool | None = None
    errors: list[_Field] = []


def problem_of(response: httpx2.Response) -> ClientProblem:
    """Return the problem that a response tells, or says that it is none of ours."""
    try:
        told = _Told.model_validate_json(response.content)
    except ValidationError:
        return stranger(response)
    return _kind(response.status_code, told.type)(
        response.status_code,
        told.type,
        told.detail,
        retryable=told.retryable,
        retry_after=_retry_after(response),
        fields={each.field: each.message for each in told.errors},
    )


def stranger(response: httpx2.Response) -> NotRagline:
    """Return the problem that an answer is not Ragline's."""
    return NotRagline(
        response.status_code,
        "about:blank",
        f"What answers at {response.url.copy_with(path='/', query=None)} with the status "
        f"{response.status_code} does not look like Ragline: check RAGLINE_URL.",
        retry_after=_retry_after(response),
    )


def _kind(status: int, type: str) -> type[ClientProblem]:
    """Return the class for a problem; a newer server's kinds fall back on their status."""
    known = _BY_SLUG.get(type.removeprefix("/problems/")) or _BY_STATUS.get(status)
    if known is not None:
        return known
    return ServerFailed if status >= 500 else ClientProblem


def _retry_after(response: httpx2.Response) -> float | None:
    wait = response.headers.get("retry-after", "")
    return float(wait) if wait.isdecimal() else None
