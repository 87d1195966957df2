"""The list of routers."""

from __future__ import annotations

from ragline.accounts.routes import router as accounts
from ragline.chat.routes import router as chat
from ragline.documents.routes import router as documents
from ragline.jobs.routes import router as jobs
from ragline.projects.routes import router as projects
from ragline.search.routes import router as search

ROUTERS = (projects, documents, search, chat, jobs, accounts)
