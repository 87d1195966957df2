"""`/mcp`: who may pass, and the way to the protocol's package, which is an extra."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from typing import Any
from urllib.parse import urlsplit

from fastapi import FastAPI, Request
from fastapi.concurrency import run_in_threadpool
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from ragline.accounts.access import caller_of
from ragline.bootstrap import Runtime
from ragline.documents.gathering import Gathering
from ragline.errors import Forbidden
from ragline.http.problems import problem
from ragline.jobs.event_hub import EventHub

PATH = "/mcp"
PACKAGE = "mcp"
INSTALL = (
    "The Model Context Protocol needs the package 'mcp'. Install it: pip install 'ragline[mcp]'"
)


@dataclass(frozen=True, slots=True)
class Parts:
    """What the application has and its tools need."""

    runtime: Runtime
    gathering: Gathering
    events: EventHub


def mount(app: FastAPI, parts: Parts) -> None:
    """Serve the protocol beside the application's other routes."""
    app.router.routes.append(Route(PATH, endpoint=Face(parts), include_in_schema=False))


class Face:
    """Lets requests with a key through to the protocol's server.

    The package is loaded at the first request: it takes a second, and most never ask.
    """

    def __init__(self, parts: Parts, *, package: str = PACKAGE) -> None:
        self._parts = parts
        self._package = package
        self._serving: Any = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request; no session outlives it, so any process can answer the next."""
        request = Request(scope, receive)
        _refuse_foreign(request.headers.get("origin"))
        caller = await caller_of(request, self._parts.runtime)
        if request.method != "POST":
            # A stream without a request would tell nothing here: sessions are not kept.
            refusal = problem(
                405,
                "method-not-allowed",
                "Method Not Allowed",
                "Send messages of the Model Context Protocol with POST.",
                headers={"Allow": "POST"},
            )
            await refusal(scope, receive, send)
            return
        if self._serving is None:
            if find_spec(self._package) is None:
                await problem(501, "not-installed", "Not installed", INSTALL)(scope, receive, send)
                return
            serving = await run_in_threadpool(import_module, "ragline.mcp.serving")
            self._serving = serving.Serving(self._parts)
        await self._serving.answer(caller, scope, receive, send)


def _refuse_foreign(origin: str | None) -> None:
    """Refuse what a page of another site has a browser send; other clients name no origin."""
    if origin is not None and not _is_this_machine(origin):
        raise Forbidden(
            "Pages of other sites may not use the Model Context Protocol here: only those of "
            "this machine may, and clients that are no browsers."
        )


def _is_this_machine(origin: str) -> bool:
    try:
        host = urlsplit(origin).hostname or ""
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
