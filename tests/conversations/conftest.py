"""A tenant whose agent knows the light of Orrin."""

from __future__ import annotations

from dataclasses import dataclass

import httpx2
import pytest
from tests.conversations.talking import add_agent, begin
from tests.inprocess import Tenant

LIGHT = (
    "The lighthouse of Orrin was kept by Ann Morrow from 1901 to 1933. The lighthouse burned "
    "colza oil. Its lamp could be seen from twenty miles away."
)
LUMIERE = "La tour de Vauban a été construite en 1695. Elle est gardée par Jeanne Kerdrel."


@dataclass(frozen=True)
class Talk:
    """A tenant with a project, an agent over it, and a session with that."""

    tenant: Tenant
    http: httpx2.Client
    project: str
    agent: str
    session: str


@pytest.fixture
def talk(tenant: Tenant) -> Talk:
    """A conversation that has just begun."""
    project = tenant.project("lights")
    tenant.ingest_text(project, LIGHT, title="Orrin", metadata={"country": "uk"})
    tenant.ingest_text(project, LUMIERE, title="Vauban", metadata={"country": "fr"})
    agent = add_agent(tenant.http, project)
    return Talk(tenant, tenant.http, project, agent, begin(tenant.http, agent))
