"""Requests that work gives way to."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from fastapi import FastAPI, Request
from starlette.testclient import TestClient

from ragline.http.under_way import UnderWay, waits_for_work


def test_waiting_for_work() -> None:
    """A request that waits for work is counted no longer, and none is counted twice."""

    log: list[str] = []

    @contextmanager
    def served() -> Iterator[None]:
        log.append("begun")
        yield
        log.append("ended")

    app = FastAPI()

    @app.post("/")
    async def wait(request: Request) -> None:
        waits_for_work(request.scope)
        log.append("waits")

    app.add_middleware(UnderWay, served=served)
    TestClient(app).post("/")

    assert ["begun", "ended", "waits"] == log
