"""What expired vector stores held is removed by the clean-up."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

import sqlalchemy as sa
from tests.inprocess import InProcessServer, Tenant

from ragline.maintenance.expired import count_expired, remove_expired
from ragline.models import Document, VectorStore, now


def test_expired(server: InProcessServer, tenant: Tenant) -> None:
    """Documents of a store that expired go as if deleted; the store itself stays, and others."""
    runtime, moment = server.runtime, now() + timedelta(days=2)
    gone, kept = tenant.project("gone"), tenant.project("kept")
    for project in (gone, kept):
        tenant.ingest_text(project, f"The pier of Lowick belongs to the {project} register.")
    with runtime.database.write() as session:
        for project, days in ((gone, 1), (kept, 3)):
            session.add(VectorStore(project_id=project, metadata_={}, expires_days=days))
    with runtime.database.read() as session:
        due = count_expired(session, moment)
    removed: Counter[str] = Counter()

    sentences = remove_expired(
        runtime, moment, note=lambda _session, what, rows: removed.update({what: rows.count})
    )

    assert ([], due) == (sentences, removed["documents"])
    assert (0, 1) == (
        runtime.vector_store.count(project_id=gone),
        runtime.vector_store.count(project_id=kept),
    )
    with runtime.database.read() as session:
        left = session.scalars(
            sa.select(Document.project_id).where(Document.tenant_id == tenant.id)
        )
        assert [kept] == list(left)
        assert session.get(VectorStore, gone) is not None
