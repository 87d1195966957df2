"""The HTTP application."""

from __future__ import annotations

from importlib.metadata import version

import sqlalchemy as sa
from fastapi import FastAPI
from starlette.responses import JSONResponse

from ragline.accounts.access import RuntimeParameter
from ragline.api import ROUTERS
from ragline.bootstrap import Runtime
from ragline.http.body_limit import BodyLimit
from ragline.http.problems import add_problem_handlers, problem

DESCRIPTION = "Accepts documents and questions as durable jobs; returns passages and cited answers."


def create_app(runtime: Runtime) -> FastAPI:
    """Return the application over a runtime."""
    app = FastAPI(title="Ragline", version=version("ragline"), description=DESCRIPTION)
    app.state.runtime = runtime
    for router in ROUTERS:
        app.include_router(router)
    app.add_api_route("/livez", livez, tags=["health"])
    app.add_api_route("/readyz", readyz, tags=["health"], response_model=None)
    add_problem_handlers(app)
    settings = runtime.settings
    app.add_middleware(
        BodyLimit, upload_bytes=settings.max_upload_bytes, text_bytes=settings.max_text_bytes
    )
    return app


async def livez() -> dict[str, str]:
    """Say that the process answers."""
    return {"status": "ok"}


def readyz(runtime: RuntimeParameter) -> dict[str, str] | JSONResponse:
    """Say whether the database answers and work is being run."""
    with runtime.database.read() as session:
        session.execute(sa.text("SELECT 1"))
    if not runtime.engine.is_running:
        return problem(503, "not-ready", "Not ready", "Workers are starting.", retryable=True)
    return {"status": "ready"}
