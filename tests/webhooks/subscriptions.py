"""A database with a tenant, its subscriptions and the events of its jobs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ragline.accounts import service as accounts
from ragline.accounts.service import Caller, Role
from ragline.bootstrap import Runtime
from ragline.jobs.events import first_event, record
from ragline.models import Job, Project, WebhookDelivery, WebhookEndpoint, new_id
from ragline.webhooks import service
from ragline.webhooks.messages import DEFAULT_EVENTS


@dataclass
class Clock:
    """A clock that goes on only when it is told to."""

    at: datetime = field(default_factory=lambda: datetime.now(UTC))

    def __call__(self) -> datetime:
        return self.at

    def advance(self, by: timedelta) -> None:
        """Let time pass."""
        self.at += by


@dataclass
class Owner:
    """A tenant of a runtime, with what its webhooks are about."""

    runtime: Runtime
    caller: Caller

    def subscribe(
        self,
        url: str = "http://127.0.0.1:9/hook",
        *,
        events: Sequence[str] = DEFAULT_EVENTS,
        project_id: str | None = None,
    ) -> WebhookEndpoint:
        """Make a subscription."""
        return service.subscribe(
            self.runtime, self.caller, url=url, events=events, project_id=project_id
        )

    def project(self) -> str:
        """Make a project and return its id."""
        project = Project(tenant_id=self.caller.tenant_id, name=new_id())
        with self.runtime.database.write() as session:
            session.add(project)
        return project.id

    def job(self, *events: str, project_id: str | None = None, **details: Any) -> Job:
        """Keep a job with `job.queued` and these events, in one transaction."""
        with self.runtime.database.write() as session:
            return self.job_in(session, *events, project_id=project_id, **details)

    def job_in(
        self, session: Session, *events: str, project_id: str | None = None, **details: Any
    ) -> Job:
        """Keep a job with its events in a transaction that is open."""
        job = Job(
            id=new_id(), tenant_id=self.caller.tenant_id, project_id=project_id, kind="ingest"
        )
        session.add(job)
        session.flush()
        session.add(first_event(job))
        session.flush()
        for event in events:
            record(session, job, event, **details)
            session.flush()
        return job

    def deliveries(self, endpoint: WebhookEndpoint) -> list[WebhookDelivery]:
        """Return the deliveries to an endpoint in the order of their events."""
        query = (
            sa.select(WebhookDelivery)
            .where(WebhookDelivery.endpoint_id == endpoint.id)
            .order_by(WebhookDelivery.event_cursor)
        )
        with self.runtime.database.read() as session:
            return list(session.scalars(query))


def owner_of(runtime: Runtime) -> Owner:
    """Make a tenant."""
    tenant, _ = accounts.create_tenant(runtime, new_id())
    return Owner(runtime, Caller(tenant.id, "key", Role.OWNER))
