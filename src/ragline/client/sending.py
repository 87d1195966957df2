"""How a request is sent: built from its parts, tried again where that is safe, read as a model."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from itertools import count
from typing import Any, TypeVar
from urllib.parse import quote
from uuid import uuid4

import httpx2
from pydantic import BaseModel, ValidationError

from ragline.client.problems import (
    ClientProblem,
    NotRagline,
    ServerUnreachable,
    problem_of,
    stranger,
)
from ragline.client.steps import Again, Flow, Request

Model = TypeVar("Model", bound=BaseModel)

JSON = {"Content-Type": "application/json"}


def at(*parts: str) -> str:
    """Return the path of these parts; whatever is given as an id stays one part of it."""
    # Dots alone would be taken for a step up.
    safe = (part.replace(".", "%2E") if part in (".", "..") else quote(part, "") for part in parts)
    return "/v1/" + "/".join(safe)


def given(**fields: Any) -> dict[str, Any]:
    """Return the fields that are not None."""
    return {name: value for name, value in fields.items() if value is not None}


def get(path: str, *, patience: float = 0, **parameters: Any) -> Request:
    """Describe a request that only looks; the server may take `patience` seconds longer for it."""
    return Request("GET", path, given(**parameters), repeatable=True, patience=patience)


def delete(path: str) -> Request:
    """Describe a deletion; what is gone already is a 404, also where a lost answer told so."""
    return Request("DELETE", path, repeatable=True)


def patch(path: str, body: Mapping[str, Any]) -> Request:
    """Describe a change, which is the same however often it is made."""
    return Request("PATCH", path, headers=JSON, content=as_json(body), repeatable=True)


def post(
    path: str, body: Mapping[str, Any] | None = None, *, repeatable: bool = False, **parts: Any
) -> Request:
    """Describe a request that does something; `repeatable` where twice is the same as once."""
    content = None if body is None else as_json(body)
    headers = {**({} if body is None else JSON), **parts.pop("headers", {})}
    return Request("POST", path, headers=headers, content=content, repeatable=repeatable, **parts)


def create(
    path: str, body: Mapping[str, Any] | None = None, *, key: str | None, **parts: Any
) -> Request:
    """Describe a request that makes something, once, however often it is sent."""
    headers = {**parts.pop("headers", {}), "Idempotency-Key": key or str(uuid4())}
    return post(path, body, repeatable=True, headers=headers, **parts)


def as_json(body: Mapping[str, Any]) -> bytes:
    """Return a body; plain ASCII carries any text, even one the server will have to refuse."""
    return json.dumps(body).encode()


def send(request: Request) -> Flow[httpx2.Response]:
    """Send a request; again, after a pause, where the server is busy or away and it is safe.

    Raises:
        ClientProblem: the server refused.
        ServerUnreachable: no answer came.
    """
    for tries in count(1):
        reason: ClientProblem | ServerUnreachable
        try:
            response: httpx2.Response = yield request
        except ServerUnreachable as unreachable:
            reason = unreachable
        else:
            if response.is_success:
                return response
            reason = problem_of(response)
        if not may_repeat(request, reason):
            raise reason
        yield Again(tries, reason, most=request.tries and request.tries - 1)
    raise AssertionError("unreachable: the last try returns or raises")


def may_repeat(request: Request, reason: ClientProblem | ServerUnreachable) -> bool:
    """Tell whether another try may help, and cannot do twice what was asked for once."""
    if isinstance(reason, ServerUnreachable):
        # Who waited until the time was over would only wait again.
        broke = request.repeatable and not reason.timed_out
        return not reason.connected or broke
    if isinstance(reason, NotRagline) and reason.status in (502, 504):
        return request.repeatable  # a proxy whose server is away
    return reason.status in (429, 503)


def ask(request: Request, model: type[Model]) -> Flow[Model]:
    """Send a request and return the answer as a model."""
    response = yield from send(request)
    return read(response, model)


def read(response: httpx2.Response, model: type[Model]) -> Model:
    """Return an answer as a model, or raise that it is none of ours."""
    with suppress(ValidationError):
        return model.model_validate_json(response.content)
    raise stranger(response)
