"""What is public says how it may be used, and nothing else."""

from __future__ import annotations

import pytest
from tests.inprocess import InProcessServer

UNKNOWN = "/c/" + "A" * 43


@pytest.mark.parametrize(
    "path", [UNKNOWN, f"{UNKNOWN}/agent", "/web/share.js", "/web/share.css", "/web/nothing"]
)
def test_all_answers_are_closed(server: InProcessServer, path: str) -> None:
    """Refusals and files too: nothing foreign is loaded, framed, listed or told."""
    with server.client() as http:
        answer = http.get(path)
        headers = answer.headers

    policy = headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self'")
    assert "frame-ancestors 'none'" in policy
    assert ("no-referrer", "nosniff") == (
        headers["referrer-policy"],
        headers["x-content-type-options"],
    )
    assert "noindex" in headers["x-robots-tag"]
    assert "set-cookie" not in headers
    assert headers["cache-control"] == ("no-cache" if answer.status_code == 200 else "no-store")


def test_the_rest_of_the_server_has_its_own_headers(server: InProcessServer) -> None:
    """The interactive description of the API is not closed by them."""
    with server.client() as http:
        assert "content-security-policy" not in http.get("/docs").headers


def test_files_are_sent_once(server: InProcessServer) -> None:
    """A browser that has this release's file is told so."""
    with server.client() as http:
        first = http.get("/web/share.js")
        again = http.get("/web/share.js", headers={"If-None-Match": first.headers["etag"]})

    assert (200, 304, b"") == (first.status_code, again.status_code, again.content)
    assert first.headers["content-type"].startswith("text/javascript")


def test_files_of_the_program_are_not_served(server: InProcessServer) -> None:
    """Only those that the page loads."""
    with server.client() as http:
        paths = ("routes.py", "share.html", "..%2Fapi.py", "%00")
        assert [404] * 4 == [http.get(f"/web/{path}").status_code for path in paths]
