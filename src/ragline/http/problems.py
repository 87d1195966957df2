"""Errors as RFC 9457 problems; what is not ours is logged, never shown."""

from __future__ import annotations

import errno
import re
from collections.abc import Mapping, Sequence
from typing import Any

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from sqlalchemy.exc import DataError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.routing import Match

from ragline.errors import (
    MalformedRequest,
    NotFound,
    Overloaded,
    RaglineError,
    TemporaryProviderError,
)

RETRY_AFTER_SECONDS = 2
MOST_ERRORS = 20
_WORDS = {
    "extra_forbidden": "this field is not known here",
    "string_pattern_mismatch": "must not be blank",
    "dict_type": "must be a JSON object",
    "model_type": "must be a JSON object",
    "model_attributes_type": "must be a JSON object",
}
_PLACES = (("body",), ("query",), ("path",))
_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")
_TOKEN = re.compile(r"^/c/[^/]+")
_SLUGS = {400: "malformed-request", 404: "not-found", 405: "method-not-allowed"}

log = structlog.get_logger()


def problem(
    status: int,
    slug: str,
    title: str,
    detail: str,
    *,
    retryable: bool = False,
    headers: Mapping[str, str] | None = None,
    **more: Any,
) -> JSONResponse:
    """Return a problem as `application/problem+json`."""
    body = {
        "type": f"/problems/{slug}",
        "title": title,
        "status": status,
        "detail": detail,
        "retryable": retryable,
        **more,
    }
    return JSONResponse(
        body, status, headers=dict(headers or {}), media_type="application/problem+json"
    )


def problem_of(error: RaglineError) -> JSONResponse:
    """Return one of our errors as a problem."""
    headers = {}
    if error.status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    if error.retryable:
        wait = getattr(error, "retry_after", None) or RETRY_AFTER_SECONDS
        headers["Retry-After"] = str(max(1, round(wait)))
    return problem(
        error.status,
        error.slug,
        error.title,
        error.message,
        retryable=error.retryable,
        headers=headers,
    )


def not_json(reason: Exception | str) -> MalformedRequest:
    """Return the error for a body that cannot be read as JSON."""
    if isinstance(reason, RecursionError):
        reason = "it is nested too deeply"
    elif isinstance(reason, UnicodeDecodeError):
        reason = f"it is not valid UTF-8 at byte {reason.start}"
    elif "integer string conversion" in str(reason):
        reason = "it holds a number with too many digits"
    return MalformedRequest(f"The body is not valid JSON: {reason}.")


def add_problem_handlers(app: FastAPI) -> None:
    """Answer every kind of error with a problem."""
    app.add_exception_handler(RaglineError, _ours)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(OperationalError, _database)
    app.add_exception_handler(DataError, _unstorable)
    app.add_exception_handler(PoolTimeout, _database)
    app.add_exception_handler(OSError, _system)
    app.add_exception_handler(ClientDisconnect, _left)
    app.add_exception_handler(Exception, _broken)


async def _ours(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RaglineError)
    if error.status >= 500 and not isinstance(error, Overloaded | TemporaryProviderError):
        log.error("request.failed", path=_path(request), error=error.message)
    return problem_of(error)


async def _invalid(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    errors = _located(error.errors())
    detail = "; ".join(f"{e['field']}: {e['message']}" for e in errors[:3]) or "invalid request"
    malformed = [e for e in error.errors() if e["type"] == "json_invalid"]
    if malformed:
        return problem_of(not_json(str(malformed[0]["ctx"]["error"])))
    return problem(422, "invalid-input", "Invalid input", detail, errors=errors)


async def _http(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    if error.status_code == 400 and isinstance(error.__cause__, ValueError | RecursionError):
        return problem_of(not_json(error.__cause__))
    slug = _SLUGS.get(error.status_code, f"http-{error.status_code}")
    title, headers = str(error.detail), dict(error.headers or {})
    if error.status_code == 405:
        headers["Allow"] = ", ".join(_methods(request))
    return problem(error.status_code, slug, title, title, headers=headers)


def _methods(request: Request) -> list[str]:
    """Return what may be done at a path, over all routes that share it."""
    return [
        method
        for method in _METHODS
        if any(
            route.matches({**request.scope, "method": method})[0] is Match.FULL
            for route in request.app.routes
        )
    ]


async def _database(request: Request, error: Exception) -> JSONResponse:
    log.error("database.unavailable", path=_path(request), error=str(error))
    return problem_of(Overloaded("The database cannot answer now; try again shortly."))


async def _unstorable(request: Request, error: Exception) -> JSONResponse:
    """Answer an id that no database row can have; bodies were checked before."""
    if "NUL" not in str(error):
        return await _broken(request, error)
    return problem_of(NotFound("Nothing has an id with a NUL character in it."))


async def _system(request: Request, error: Exception) -> JSONResponse:
    if getattr(error, "errno", None) not in (errno.ENOSPC, errno.EDQUOT):
        return await _broken(request, error)
    log.error("disk.full", path=_path(request))
    return problem(
        507,
        "disk-full",
        "Disk full",
        "There is no room left to store this; nothing of it was kept. Try again later.",
        retryable=True,
    )


async def _left(request: Request, _error: Exception) -> JSONResponse:
    """Answer nobody: the client went before its body was whole, which is no fault here."""
    log.info("request.left", path=_path(request))
    return problem_of(MalformedRequest("The body broke off; send it again as a whole."))


async def _broken(request: Request, error: Exception) -> JSONResponse:
    log.error("request.broken", path=_path(request), exc_info=error)
    return problem(
        500, "internal-error", "Internal error", "Something went wrong here; the log says more."
    )


def _path(request: Request) -> str:
    """Return a request's path as it may be logged: the token of a share is a secret."""
    return _TOKEN.sub("/c/…", request.url.path)


def _located(errors: Sequence[Any]) -> list[dict[str, str]]:
    """Name the field and what is wrong with it; the input itself is not sent back."""
    return [
        {"field": _field(error["loc"]), "message": _message(error)}
        for error in errors[:MOST_ERRORS]
    ]


def _field(location: Sequence[Any]) -> str:
    # The first part says where it was sent; a field may bear the same name.
    parts = [str(part) for part in location[int(location[:1] in _PLACES) :]]
    return ".".join(parts)[:200] or "body"


def _message(error: Mapping[str, Any]) -> str:
    if error["type"] in _WORDS:
        return _WORDS[error["type"]]
    bounds = error.get("ctx", {})
    if error["type"] in ("too_long", "too_short") and bounds.get("field_type") == "Value":
        most = error["type"] == "too_long"
        bound = f"most {bounds['max_length']}" if most else f"least {bounds['min_length']}"
        return f"must have at {bound} characters"
    return str(error["msg"]).removeprefix("Value error, ")
