"""What a type checker knows of both clients."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

SAMPLE = """
import asyncio
from collections.abc import AsyncGenerator, Generator
from pathlib import Path

import ragline
from ragline import AsyncClient, Client, Document, Event, Job, Project, Upload, verify_webhook


def blocking(url: str, key: str) -> float | None:
    with Client(url, key, timeout=30, retries=3) as client:
        project: Project = client.create_project("zoo", language="en")
        upload: Upload = client.upload(project.id, [Path("a.pdf")], tags=["a"])
        jobs: Generator[Job, None, None] = client.jobs(status="failed", limit=3)
        titles: list[str] = [document.title for document in client.documents(project.id)]
        found: Project | None = client.project_named("zoo")
        try:
            client.job("x")
        except ragline.NotFound as error:
            print(error.detail, upload, jobs, titles, found)
        except ragline.Overloaded as error:
            return error.retry_after
    return None


async def awaiting(url: str, key: str) -> Document:
    async with AsyncClient(url, key) as client:
        project: Project = await client.create_project("zoo", language="en")
        events: AsyncGenerator[Event, None] = client.events("x")
        async for event in events:
            print(event.type, event.text)
        return await client.document(project.id)


print(verify_webhook(b"", {}, "whsec_").data, asyncio.run(awaiting("http://a", "b")))
"""
WRONG = """
from ragline import AsyncClient, Client

Client("a").create_project(3)
Client("a").jobs(colour="red")
AsyncClient("a").project("b").name
Client("a").nonsense()
for job in AsyncClient("a").jobs():
    pass
"""


def checked(path: Path, script: str) -> subprocess.CompletedProcess[str]:
    """Check a script as strictly as our own code."""
    path.write_text(script)
    command = [sys.executable, "-m", "mypy", "--strict", "--cache-dir", str(path.parent / "cache")]
    return subprocess.run([*command, str(path)], capture_output=True, text=True)


def test_both_clients_are_typed(tmp_path: Path) -> None:
    """A script that uses both is understood, and its mistakes are found."""
    right = checked(tmp_path / "right.py", SAMPLE)
    wrong = checked(tmp_path / "wrong.py", WRONG)

    assert "Success" in right.stdout, right.stdout + right.stderr
    assert [4, 5, 6, 7, 8] == sorted(
        int(line.split(":")[1]) for line in wrong.stdout.splitlines() if ": error:" in line
    ), wrong.stdout
