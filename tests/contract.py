"""What every answer of the HTTP API is held to."""

from __future__ import annotations

from typing import Any

from sqlalchemy import text

from tests.inprocess import InProcessServer

ODD_IDS = {
    "not a uuid": "nope",
    "unknown uuid": "00000000-0000-4000-8000-000000000000",
    "NUL": "%00",
    "very long": "a" * 10_000,
    "unicode": "%C3%A9%F0%9F%98%80",
    "broken UTF-8": "%FF%FE",
    "surrogate in UTF-8": "%ED%A0%80",
    "path-like": "..%2F..%2Fetc%2Fpasswd",
    "dots": "%2E%2E",
    "line end": "%0A",
    "quotes": "%27%20or%201=1--",
    "braces": "{id}",
    "bare percent": "%zz",
}
"""Ids as they stand in a path, by what is odd about them."""


def problem_of(response: Any, status: int, slug: str) -> dict[str, Any]:
    """Hold an error answer to the form of all problems and return it."""
    assert (status, f"/problems/{slug}") == (response.status_code, response.json()["type"])
    assert "application/problem+json" == response.headers["content-type"]
    body = dict(response.json())
    assert {"type", "title", "status", "detail", "retryable"} <= body.keys()
    assert status == body["status"]
    assert isinstance(body["retryable"], bool)
    assert body["title"]
    assert body["detail"]
    assert "Traceback" not in response.text
    return body


def count_rows(server: InProcessServer, table: str, tenant_id: str) -> int:
    """Return how many rows of a table belong to a tenant."""
    with server.runtime.database.read() as session:
        query = text(f"SELECT count(*) FROM {table} WHERE tenant_id = :tenant")
        return int(session.execute(query, {"tenant": tenant_id}).scalar_one())


def stored_files(server: InProcessServer) -> set[str]:
    """Return the names of all stored files, which are their content's hashes."""
    files = server.runtime.settings.files_dir.rglob("*")
    return {path.name for path in files if path.is_file()}
