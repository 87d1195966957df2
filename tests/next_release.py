"""The release after this one: a copy of the program, changed as a next release would be.

It has a later version number, a migration with a table and columns, a step in the middle of
ingestion with an event of its own, and a kind of job and a workflow that are not known today.
"""

from __future__ import annotations

import shutil
from importlib.metadata import distribution
from pathlib import Path

from alembic.script import ScriptDirectory

import ragline

VERSION = "999.0"
EVENT = "document.summarized"
NEW_KIND = "reembed"
"""The kind of its deletions, which today's workers have no workflow for."""

_MIGRATION = '''
"""Summaries of documents."""

import sqlalchemy as sa
from alembic import op

revision = "{revision}"
down_revision = "{head}"


def upgrade() -> None:
    op.create_table(
        "summaries",
        sa.Column(
            "document_id",
            sa.String(36),
            sa.ForeignKey("documents.id", ondelete="CASCADE"),
            primary_key=True,
        ),
        sa.Column("text", sa.Text, nullable=False),
    )
    op.add_column("jobs", sa.Column("origin", sa.String(40)))
    op.create_index("ix_jobs_origin", "jobs", ["origin"])
    op.add_column("documents", sa.Column("summary", sa.Text))
'''

_STEP = f'''
"""Keep a document's first words as its summary."""

import sqlalchemy as sa

from ragline.failpoints import failpoint
from ragline.jobs import service as jobs
from ragline.jobs.events import record
from ragline.models import Chunk, Document

ADD = sa.text("INSERT INTO summaries VALUES (:document, :text) ON CONFLICT DO NOTHING")


def summarize(runtime, job_id):
    with runtime.database.write() as session:
        job = jobs.open_job(session, job_id, runtime.engine.workflow_id())
        document = session.get_one(Document, job.document_id)
        first = sa.select(Chunk.text).where(Chunk.document_id == document.id, Chunk.ordinal == 0)
        if document.summary is None:
            document.summary, job.origin = session.scalars(first).first()[:40], "{VERSION}"
            session.execute(ADD, {{"document": document.id, "text": document.summary}})
            record(session, job, "{EVENT}")
    failpoint("ingest.summarized")
    return 1
'''

# File, a line in it, and what the next release has in its place.
_CHANGES = [
    (
        "models/document.py",
        "    published_version: Mapped[int | None]\n",
        "    published_version: Mapped[int | None]\n"
        "    summary: Mapped[str | None] = mapped_column(sa.Text)\n",
    ),
    (
        "models/job.py",
        "    dismissed_at: Mapped[datetime | None]\n",
        "    dismissed_at: Mapped[datetime | None]\n"
        "    origin: Mapped[str | None] = mapped_column(sa.String(40))\n",
    ),
    (
        "engine/engine.py",
        "    def workflow_id(self) -> str:\n",
        "    def patched(self, name: str) -> bool:\n"
        '        """Tell whether a workflow may take a step that older releases did not know."""\n'
        "        return DBOS.patch(name)\n\n"
        "    def workflow_id(self) -> str:\n",
    ),
    (
        "ingestion/workflow.py",
        "        engine.step(embed.embed_chunks, ",
        '        if engine.patched("summary"):\n'
        "            engine.step(summary.summarize, LOCAL, runtime, job_id)\n"
        "        engine.step(embed.embed_chunks, ",
    ),
    (
        "ingestion/workflow.py",
        "from ragline.ingestion.carry_over import",
        "from ragline.ingestion import summary\nfrom ragline.ingestion.carry_over import",
    ),
    ("projects/deletion.py", '= "delete_project"', '= "remove_project"'),
    ("projects/deletion.py", 'kind="delete"', f'kind="{NEW_KIND}"'),
    (
        "projects/deletion.py",
        "    runtime.engine.register(DELETE_PROJECT, ",
        '    runtime.engine.register("delete_project", lambda job: delete_project(runtime, job))\n'
        "    runtime.engine.register(DELETE_PROJECT, ",
    ),
    (
        "worker.py",
        '    "delete": deletion.UNDOING,\n',
        f'    "delete": deletion.UNDOING,\n    "{NEW_KIND}": deletion.UNDOING,\n',
    ),
]


def make_next_release(folder: Path) -> Path:
    """Write the next release and return what has to be the first of `PYTHONPATH` to run it."""
    package = folder / "ragline"
    present = Path(ragline.__file__).parent
    shutil.copytree(present, package, ignore=shutil.ignore_patterns("__pycache__"))
    for name, before, after in _CHANGES:
        _change(package / name, before, after)
    (package / "ingestion" / "summary.py").write_text(_STEP.lstrip())
    _add_migration(package / "migrations")
    _write_metadata(folder / f"ragline-{VERSION}.dist-info")
    return folder


def _change(path: Path, before: str, after: str) -> None:
    text = path.read_text()
    assert 1 == text.count(before), f"{path.name} has changed: let the next release change it anew"
    path.write_text(text.replace(before, after))


def _add_migration(migrations: Path) -> None:
    head = ScriptDirectory(str(migrations)).get_current_head()
    assert head is not None
    revision = f"{int(head) + 1:04}"
    text = _MIGRATION.lstrip().format(head=head, revision=revision)
    (migrations / "versions" / f"{revision}_summaries.py").write_text(text)


def _write_metadata(folder: Path) -> None:
    """Say the version, and where the adapters are."""
    present = distribution("ragline")
    folder.mkdir()
    metadata = (present.read_text("METADATA") or "").replace(
        f"\nVersion: {present.version}\n", f"\nVersion: {VERSION}\n"
    )
    (folder / "METADATA").write_text(metadata)
    (folder / "entry_points.txt").write_text(present.read_text("entry_points.txt") or "")
