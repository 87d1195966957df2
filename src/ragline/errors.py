"""Every error a user can meet, in one tree.

RaglineError
├── InvalidInput 422        the request is understood but cannot be accepted
│   ├── MalformedRequest 400
│   ├── TooLarge 413
│   └── UnsupportedMediaType 415
├── Unauthenticated 401
├── Forbidden 403
├── NotFound 404            unknown and not-yours look the same
├── Conflict 409
├── Overloaded 503          retry later
├── ConfigurationError      the process cannot start like this
│   └── MissingPackage      an optional package is not installed
├── UnreadableFile          this file will never be read: the job fails, the next one runs
│   └── LimitExceeded       it was cut at a limit on time, memory or output
└── ProviderError
    ├── TemporaryProviderError   worth a retry
    └── PermanentProviderError   a retry gives the same answer
        └── RefusedTexts         others than those that were sent may be taken

Stopping (a BaseException)  this process ends; the work is resumed by another
"""

from __future__ import annotations


class RaglineError(Exception):
    """Base of all errors; `message` says what happened and what to do next.

    `status` is the HTTP status, `slug` the last part of the problem type, `retryable`
    whether the same request may succeed later.
    """

    status = 500
    slug = "internal-error"
    title = "Internal error"
    retryable = False

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class InvalidInput(RaglineError):
    """The request is understood but cannot be accepted."""

    status = 422
    slug = "invalid-input"
    title = "Invalid input"


class MalformedRequest(InvalidInput):
    """The request cannot be read at all."""

    status = 400
    slug = "malformed-request"
    title = "Malformed request"


class TooLarge(InvalidInput):
    """The body or one of its parts is over its limit."""

    status = 413
    slug = "too-large"
    title = "Too large"


class UnsupportedMediaType(InvalidInput):
    """No parser reads this kind of content."""

    status = 415
    slug = "unsupported-media-type"
    title = "Unsupported media type"


class Unauthenticated(RaglineError):
    """The request carries no valid API key."""

    status = 401
    slug = "unauthenticated"
    title = "API key missing or unknown"


class Forbidden(RaglineError):
    """The key is valid but its role may not do this."""

    status = 403
    slug = "forbidden"
    title = "Not allowed"


class NotFound(RaglineError):
    """Nothing with this id belongs to the caller."""

    status = 404
    slug = "not-found"
    title = "Not found"


class Conflict(RaglineError):
    """The request contradicts the present state."""

    status = 409
    slug = "conflict"
    title = "Conflict"


class Overloaded(RaglineError):
    """The server cannot take this now; the client should come back."""

    status = 503
    slug = "overloaded"
    title = "Overloaded"
    retryable = True

    def __init__(self, message: str, *, retry_after: float | None = None) -> None:
        """Keep the seconds after which it is worth coming back."""
        super().__init__(message)
        self.retry_after = retry_after


class ConfigurationError(RaglineError):
    """The settings name a combination that cannot work."""

    slug = "configuration"
    title = "Configuration error"


class MissingPackage(ConfigurationError):
    """An optional package is needed; the message holds the exact install line."""


class UnreadableFile(RaglineError):
    """A file that no attempt will read; the message says what its owner can do."""

    status = 422
    slug = "unreadable-file"
    title = "Unreadable file"


class LimitExceeded(UnreadableFile):
    """Reading was stopped at a limit on time, memory, open files or output."""

    slug = "limit-exceeded"
    title = "Limit exceeded"


class ProviderError(RaglineError):
    """A provider did not give what was asked of it."""

    status = 502
    slug = "provider-error"
    title = "Provider error"


class TemporaryProviderError(ProviderError):
    """The provider may answer later: time-outs, overload, limits."""

    status = 503
    slug = "provider-unavailable"
    title = "Provider unavailable"
    retryable = True

    def __init__(self, message: str, *, retry_after: float | None = None) -> None:
        """Keep the seconds after which the provider asked to be called again."""
        super().__init__(message)
        self.retry_after = retry_after


class PermanentProviderError(ProviderError):
    """The provider will refuse this request every time."""


class RefusedTexts(PermanentProviderError):
    """The provider refuses one of the texts that were sent together; the others may pass."""


class Stopping(BaseException):
    """This process is ending: its work stays unfinished and is resumed by another one.

    Not an `Exception`, so that nothing on the way takes it for a failure of the work.
    """
