"""A conversation that is deleted leaves no kept question behind."""

from __future__ import annotations

import sqlalchemy as sa
from tests.conversations.talking import add_agent, begin, talk
from tests.inprocess import InProcessServer, Tenant

from ragline.models import CachedAnswer

TEXT = "The bell of Tarrow was cast by Ines Holt in the year of the great frost."
QUESTION = "Who cast the bell of Tarrow?"


def _kept(server: InProcessServer, tenant: Tenant) -> list[str]:
    query = sa.select(CachedAnswer.question).where(CachedAnswer.tenant_id == tenant.id)
    with server.runtime.database.read() as session:
        return list(session.scalars(query))


def test_deleted_session(server: InProcessServer, tenant: Tenant) -> None:
    """The answer kept for the deleted session goes, unless another one asked for the same."""
    project = tenant.project()
    tenant.ingest_text(project, TEXT, title="Tarrow")
    agent = add_agent(tenant.http, project)
    first, second = begin(tenant.http, agent), begin(tenant.http, agent)
    for session in (first, second):
        assert "completed" == talk(tenant.http, session, QUESTION)["status"]
    assert 1 == len(_kept(server, tenant))

    tenant.http.delete(f"/v1/sessions/{first}").raise_for_status()
    assert 1 == len(_kept(server, tenant))

    tenant.http.delete(f"/v1/sessions/{second}").raise_for_status()
    assert [] == _kept(server, tenant)
