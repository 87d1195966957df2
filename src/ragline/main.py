"""The HTTP application."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import version

import anyio
import anyio.to_thread
import sqlalchemy as sa
from fastapi import FastAPI, Request
from starlette.responses import JSONResponse

from ragline.accounts.access import RuntimeParameter
from ragline.api import ROUTERS
from ragline.bootstrap import Runtime
from ragline.documents.gathering import Gathering
from ragline.http.body_limit import BodyLimit
from ragline.http.cut_off import CutOff
from ragline.http.problems import add_problem_handlers, problem
from ragline.http.under_way import UnderWay
from ragline.jobs.event_hub import HUB, EventHub
from ragline.mcp import face as mcp
from ragline.openai_api.errors import OpenAIErrors
from ragline.web.headers import PublicHeaders

DESCRIPTION = "Accepts documents and questions as durable jobs; returns passages and cited answers."


def create_app(runtime: Runtime, *, works: bool = True) -> FastAPI:
    """Return the application over a runtime; `works` says that this process runs jobs too."""
    settings = runtime.settings

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        anyio.to_thread.current_default_thread_limiter().total_tokens = settings.http_threads
        yield

    app = FastAPI(
        title="Ragline",
        version=version("ragline"),
        description=DESCRIPTION,
        lifespan=lifespan,
        # A path with one slash more names nothing, like any other unknown one.
        redirect_slashes=False,
    )
    # A slow model must not take the threads that all other requests need.
    app.state.chat_limiter = anyio.CapacityLimiter(settings.chat_threads)
    app.state.runtime = runtime
    app.state.works = works
    app.state.gathering = Gathering(runtime)
    app.state.events = EventHub(runtime.database, most=settings.max_streams)
    runtime.kept[HUB] = app.state.events
    for router in ROUTERS:
        app.include_router(router)
    mcp.mount(app, mcp.Parts(runtime, app.state.gathering, app.state.events))
    app.add_api_route("/livez", livez, tags=["health"])
    app.add_api_route("/readyz", readyz, tags=["health"], response_model=None)
    add_problem_handlers(app)
    if works:
        app.add_middleware(UnderWay, served=runtime.engine.courtesy.served)
    app.add_middleware(
        BodyLimit, upload_bytes=settings.max_upload_bytes, text_bytes=settings.max_text_bytes
    )
    app.add_middleware(CutOff)
    app.add_middleware(PublicHeaders)
    # Outermost, so that whatever refuses a request there is put into OpenAI's words.
    app.add_middleware(OpenAIErrors)
    return app


async def livez() -> dict[str, str]:
    """Say that the process answers."""
    return {"status": "ok"}


def readyz(request: Request, runtime: RuntimeParameter) -> dict[str, str] | JSONResponse:
    """Say whether the database answers and work is being run, if that is done here."""
    with runtime.database.read() as session:
        session.execute(sa.text("SELECT 1"))
    if request.app.state.works and not runtime.engine.is_running:
        return problem(503, "not-ready", "Not ready", "Workers are starting.", retryable=True)
    return {"status": "ready"}
