"""Stored files and documents stay in step while uploads and deletions cross."""

from __future__ import annotations

import io
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest
import sqlalchemy as sa
from tests import postgres

from ragline.blobs import Blob
from ragline.blobs.folder import FolderStore
from ragline.bootstrap import Runtime
from ragline.database import Database
from ragline.ingestion.files import ensure_files, remove_file
from ragline.migrations.run import migrate
from ragline.models import Document, Project, Tenant, new_id

ROUNDS = 40


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[postgres.Postgres]:
    """A PostgreSQL for this file."""
    with postgres.running(tmp_path_factory.mktemp("postgres")) as running:
        yield running


@pytest.fixture(params=["sqlite", "postgresql"])
def runtime(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Runtime]:
    """What the two functions use of a runtime, with a tenant."""
    url = f"sqlite:///{tmp_path / 'ragline.db'}"
    if request.param == "postgresql":
        url = request.getfixturevalue("server").new_database()
    database = Database(url)
    migrate(database)
    blobs = FolderStore(tmp_path / "files")
    blobs.prepare()
    with database.write() as session:
        session.add(Tenant(id="tenant", name="tenant"))
    yield cast(Runtime, SimpleNamespace(database=database, blobs=blobs))
    database.close()


def upload(runtime: Runtime, *contents: bytes) -> None:
    """Store files, then write their documents into a new project, as an upload does."""
    files = [(runtime.blobs.store(io.BytesIO(c)), io.BytesIO(c)) for c in contents]
    with runtime.database.write() as session:
        ensure_files(runtime, session, files)
        project = Project(id=new_id(), tenant_id="tenant", name=new_id())
        session.add(project)
        session.flush()
        for blob, _ in files:
            session.add(_document(project.id, blob))


def delete_all(runtime: Runtime) -> None:
    """Remove the rows of all documents, then their files."""
    with runtime.database.write() as session:
        hashes = set(session.scalars(sa.delete(Document).returning(Document.content_hash)))
    for content_hash in hashes:
        remove_file(runtime, content_hash)


def test_uploads_and_deletions_cross(runtime: Runtime) -> None:
    """However they cross, a document that is there has its file."""

    with ThreadPoolExecutor(4) as threads:
        for _ in range(ROUNDS):
            both = [threads.submit(upload, runtime, b"x") for _ in range(2)]
            both += [threads.submit(delete_all, runtime) for _ in range(2)]
            for one in both:
                one.result()
            with runtime.database.read() as session:
                used = session.scalar(sa.select(Document.content_hash).limit(1))
            assert used is None or runtime.blobs.exists(used)


def test_uploads_in_another_order(runtime: Runtime) -> None:
    """Uploads of the same files in opposite orders do not wait for each other for ever."""

    contents = [bytes([number]) for number in range(20)]
    with ThreadPoolExecutor(8) as threads:
        uploads = [
            threads.submit(upload, runtime, *(contents if number % 2 else reversed(contents)))
            for number in range(ROUNDS)
        ]
        for one in uploads:
            one.result()

    with runtime.database.read() as session:
        written = session.scalar(sa.select(sa.func.count()).select_from(Document))
    assert ROUNDS * len(contents) == written


def _document(project_id: str, blob: Blob) -> Document:
    return Document(
        id=new_id(),
        tenant_id="tenant",
        project_id=project_id,
        title="t",
        filename="f",
        media_type="text/plain",
        content_hash=blob.content_hash,
        size_bytes=blob.size,
        metadata_={},
        latest_version=0,
    )
