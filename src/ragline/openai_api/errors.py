"""Errors as OpenAI's clients expect them, on the paths of this interface only.

Whatever goes wrong becomes a problem first, as on every path of ours, also where it goes wrong
before a route is reached; here its answer is put into OpenAI's words.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from fastapi.exceptions import RequestValidationError
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ragline.errors import RaglineError

PATHS = re.compile(
    r"/v1/(models|embeddings|files|vector_stores|responses|chat/completions)(/.*)?", re.DOTALL
)
PROBLEM = "application/problem+json"
_TYPES = {403: "permission_error", 429: "rate_limit_error"}
_CODES = {"unauthenticated": "invalid_api_key"}
_BROKEN = {
    "status": 500,
    "type": "/problems/internal-error",
    "detail": "Something went wrong here; the log says more.",
}


def refused(parameter: str, why: str) -> RequestValidationError:
    """Return the error for a parameter that cannot be honoured: 400, and `param` names it.

    `why` follows the parameter's name: "is not supported here; leave it out".
    """
    return RequestValidationError(
        [{"type": "value_error", "loc": ("body", *parameter.split(".")), "msg": why, "input": None}]
    )


def error_of(error: RaglineError) -> dict[str, Any]:
    """Return one of our errors as the body that OpenAI's clients read."""
    slug = f"/problems/{error.slug}"
    return _body({"status": error.status, "type": slug, "detail": error.message})


class OpenAIErrors:
    """Rewrites problems on the paths of this interface; all other answers pass as they are."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on."""
        if scope["type"] != "http" or not PATHS.fullmatch(scope["path"]):
            await self._app(scope, receive, send)
            return
        answer = _Answer(send)
        try:
            await self._app(scope, receive, answer)
        except Exception:
            # What is outside of us logs it, and answers only where nothing was answered.
            if not answer.has_begun:
                await _send_problem(send, _BROKEN, {"type": "http.response.start", "headers": []})
            raise


class _Answer:
    """Sends an answer on; the start of a problem is held back until its body is there."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._held: Message | None = None
        self.has_begun = False

    async def __call__(self, message: Message) -> None:
        """Take the next part of the answer."""
        if message["type"] == "http.response.start":
            self.has_begun = True
            if Headers(raw=message["headers"]).get("content-type") == PROBLEM:
                self._held = message
                return
        elif self._held is not None:
            # A problem's text is one piece; a refused upload's answer may end later.
            start, self._held = self._held, None
            more = message.get("more_body", False)
            await _send_problem(self._send, json.loads(message["body"]), start, more=more)
            return
        await self._send(message)


async def _send_problem(
    send: Send, problem: Mapping[str, Any], start: Message, *, more: bool = False
) -> None:
    body = json.dumps(_body(problem)).encode()
    # OpenAI knows one word for what cannot be accepted.
    status = 400 if problem["status"] in (415, 422) else problem["status"]
    headers = MutableHeaders(raw=list(start["headers"]))
    headers["content-type"], headers["content-length"] = "application/json", str(len(body))
    await send({**start, "status": status, "headers": headers.raw})
    await send({"type": "http.response.body", "body": body, "more_body": more})


def _body(problem: Mapping[str, Any]) -> dict[str, Any]:
    """Return a problem in OpenAI's words; `param` is the first field that is wrong."""
    slug = problem["type"].rpartition("/")[2]
    status, fields = problem["status"], problem.get("errors", [])
    return {
        "error": {
            "message": problem["detail"],
            "type": _TYPES.get(status, "invalid_request_error" if status < 500 else "server_error"),
            "param": fields[0]["field"] if fields else None,
            "code": _CODES.get(slug, slug.replace("-", "_")),
        }
    }
