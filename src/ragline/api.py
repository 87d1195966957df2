"""The list of routers."""

from __future__ import annotations

from ragline.accounts.routes import router as accounts
from ragline.chat.bibliography_routes import router as answer_bibliographies
from ragline.chat.routes import router as chat
from ragline.conversations.agent_routes import router as agents
from ragline.conversations.bibliography_routes import router as message_bibliographies
from ragline.conversations.session_routes import router as sessions
from ragline.conversations.shares_routes import owned as shares
from ragline.conversations.shares_routes import public as shared
from ragline.doctor.routes import router as doctor
from ragline.documents.bibliography_routes import router as bibliographies
from ragline.documents.routes import router as documents
from ragline.images.routes import router as images
from ragline.imports.routes import router as imports
from ragline.jobs.queue_routes import router as queues
from ragline.jobs.routes import router as jobs
from ragline.jobs.stream_routes import router as streams
from ragline.maintenance.routes import router as maintenance
from ragline.openai_api.completions_routes import router as completions
from ragline.openai_api.embeddings import router as embeddings
from ragline.openai_api.file_routes import router as files
from ragline.openai_api.model_routes import router as models
from ragline.openai_api.responses_routes import router as responses
from ragline.openai_api.store_file_routes import router as store_files
from ragline.openai_api.store_routes import router as stores
from ragline.projects.routes import router as projects
from ragline.reembedding.routes import router as reembedding
from ragline.search.routes import router as search
from ragline.web.routes import router as pages
from ragline.webhooks.routes import router as webhooks
from ragline.zotero.note_routes import router as notes
from ragline.zotero.routes import router as zotero

ROUTERS = (
    projects,
    reembedding,
    documents,
    imports,
    images,
    search,
    chat,
    bibliographies,
    answer_bibliographies,
    message_bibliographies,
    agents,
    sessions,
    shares,
    shared,
    pages,
    jobs,
    accounts,
    streams,
    queues,
    webhooks,
    zotero,
    notes,
    maintenance,
    doctor,
    completions,
    responses,
    models,
    embeddings,
    files,
    stores,
    store_files,
)
