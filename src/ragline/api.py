"""The list of routers."""

from __future__ import annotations

from ragline.accounts.routes import router as accounts
from ragline.chat.routes import router as chat
from ragline.documents.routes import router as documents
from ragline.jobs.queue_routes import router as queues
from ragline.jobs.routes import router as jobs
from ragline.jobs.stream_routes import router as streams
from ragline.maintenance.routes import router as maintenance
from ragline.projects.routes import router as projects
from ragline.search.routes import router as search
from ragline.webhooks.routes import router as webhooks

ROUTERS = (
    projects,
    documents,
    search,
    chat,
    jobs,
    accounts,
    streams,
    queues,
    webhooks,
    maintenance,
)
