"""No error of the vendor's is left without a meaning."""

from __future__ import annotations

import email.utils
import time

import httpx2
import openai
import pytest

from ragline.errors import PermanentProviderError, TemporaryProviderError
from ragline.providers.llms.openai_errors import BROKEN, TIMED_OUT, retry_after, translated

# Classes of other interfaces: typed parsing, sockets, web hooks, other ways to sign in.
ELSEWHERE = {
    "LengthFinishReasonError",
    "ContentFilterFinishReasonError",
    "WebSocketConnectionClosedError",
    "WebSocketQueueFullError",
    "InvalidWebhookSignatureError",
    "SubjectTokenProviderError",
}
# Classes that only others derive from.
BASES = {"OpenAIError", "APIError"}


def exported_errors() -> list[type[Exception]]:
    """Return every exception class that the SDK exports."""
    exported = [getattr(openai, name) for name in openai.__all__]
    return [each for each in exported if isinstance(each, type) and issubclass(each, Exception)]


def status_error(kind: type[openai.APIStatusError], status: int) -> openai.APIStatusError:
    request = httpx2.Request("POST", "http://models/v1/chat/completions")
    return kind("no", response=httpx2.Response(status, request=request), body=None)


def test_every_class_is_mapped() -> None:
    """Each class that the SDK exports is mapped by kind or status, or belongs elsewhere."""
    unmapped = {
        each.__name__
        for each in exported_errors()
        if not issubclass(each, (*TIMED_OUT, *BROKEN, openai.APIStatusError))
    }

    assert unmapped - ELSEWHERE - BASES == set()


@pytest.mark.parametrize(
    ("kind", "status", "expected"),
    [
        (openai.BadRequestError, 400, PermanentProviderError),
        (openai.AuthenticationError, 401, PermanentProviderError),
        (openai.PermissionDeniedError, 403, PermanentProviderError),
        (openai.NotFoundError, 404, PermanentProviderError),
        (openai.ConflictError, 409, TemporaryProviderError),
        (openai.UnprocessableEntityError, 422, PermanentProviderError),
        (openai.RateLimitError, 429, TemporaryProviderError),
        (openai.InternalServerError, 500, TemporaryProviderError),
        (openai.APIStatusError, 304, PermanentProviderError),
    ],
)
def test_by_status(
    kind: type[openai.APIStatusError], status: int, expected: type[Exception]
) -> None:
    """Each status has its meaning."""
    error = translated(status_error(kind, status), key="k", model="m", timeout=1)

    assert type(error) is expected


def test_unknown_error() -> None:
    """An error of a release to come is permanent, so that no retry repeats it blindly."""
    error = translated(openai.OpenAIError("new"), key="k", model="m", timeout=1)

    assert type(error) is PermanentProviderError


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({}, None),
        ({"retry-after": "2.5"}, 2.5),
        ({"retry-after": "-4"}, 0),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "9", "retry-after-ms": "1500"}, 1.5),
        ({"retry-after": "Fri, 01 Jan 2021 00:00:00 GMT"}, 0),
    ],
)
def test_retry_after(headers: dict[str, str], expected: float | None) -> None:
    """The header gives seconds or a date; what is neither counts as absent."""
    assert retry_after(headers) == expected


def test_retry_after_date() -> None:
    """A date to come gives the seconds until then."""
    date = email.utils.formatdate(time.time() + 60, usegmt=True)

    assert retry_after({"retry-after": date}) == pytest.approx(60, abs=2)
