"""The official client for JavaScript, as npm has it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from tests.inprocess import InProcessServer, Tenant

HERE = Path(__file__).parent / "node"
NPM = ("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error")
OLDEST_NODE = 20
SECONDS = 120
TEXTS = {
    "bread.txt": "Bread rises because yeast turns sugar into gas; salt slows it down.",
    "tides.txt": "The tide turns twice a day because the moon pulls at the sea.",
}


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the client, in the version and with the content that the lock file names."""
    node = shutil.which("node")
    if node is None or shutil.which("npm") is None:
        pytest.skip("node and npm are not installed")
    version = subprocess.run([node, "--version"], capture_output=True, text=True, check=True).stdout
    if int(version.strip().lstrip("v").partition(".")[0]) < OLDEST_NODE:
        pytest.skip(f"the client needs node {OLDEST_NODE}, this is {version.strip()}")
    folder = tmp_path_factory.mktemp("node")
    for name in ("package.json", "package-lock.json", "scenario.mjs", "answers.mjs"):
        shutil.copy(HERE / name, folder)
    subprocess.run(NPM, cwd=folder, check=True, capture_output=True, timeout=SECONDS)
    return folder


def ran(
    folder: Path, server: InProcessServer, tenant: Tenant, *given: str, script: str = "scenario.mjs"
) -> dict[str, Any]:
    """Run a scenario and return what it got."""
    command = ["node", script, f"{server.url}/v1", tenant.key, *given]
    environment = {name: value for name, value in os.environ.items() if "OPENAI" not in name}
    run = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, timeout=SECONDS, env=environment
    )
    assert 0 == run.returncode, run.stderr
    return dict(json.loads(run.stdout))


def test_scenario_of_an_application(
    installed: Path, server: InProcessServer, tenant: Tenant, tmp_path: Path
) -> None:
    """A folder is uploaded, searched with filters, listed, embedded and deleted by the client."""
    for name, text in TEXTS.items():
        (tmp_path / name).write_text(text)

    got = ran(installed, server, tenant, str(tmp_path))

    assert {
        "batch": {
            "status": "completed",
            "counts": {"in_progress": 0, "completed": 2, "failed": 0, "cancelled": 0, "total": 2},
        },
        "listed": ["completed", "completed"],
        "found": [["tides.txt", TEXTS["tides.txt"]]],
        "filtered": [{"kind": "first", "year": 2024}],
        "dimensions": [512, 512],
        "named": True,
        "refusal": ["NotFoundError", 404, "not_found"],
        "deleted": True,
    } == got


def test_scenario_of_a_chat(installed: Path, server: InProcessServer, tenant: Tenant) -> None:
    """A question is answered, streamed, and answered in the background and followed."""
    project = tenant.project()
    tenant.ingest_text(project, TEXTS["tides.txt"], title="Tides")

    got = ran(installed, server, tenant, project, script="answers.mjs")

    words = f"{TEXTS['tides.txt']} [1]"
    assert {
        "completion": [words, "file_citation", "stop"],
        "chunks": [words, True],
        "response": ["completed", words],
        "events": ["response.created", "response.completed", words],
        "background": ["queued", "completed", words],
        "resumed": [3, "response.completed"],
        "refusal": ["BadRequestError", 400, "top_p"],
        "gone": "NotFoundError",
    } == got
