"""The tables, one file each."""

from ragline.models.api_key import ApiKey
from ragline.models.attempt import Attempt
from ragline.models.base import Base, new_id, now
from ragline.models.chunk import Chunk, chunk_id
from ragline.models.document import Document
from ragline.models.embedding import Embedding
from ragline.models.event import Event
from ragline.models.executor import Executor
from ragline.models.idempotency_key import IdempotencyKey
from ragline.models.job import Job, JobTag
from ragline.models.page import Page, PageText
from ragline.models.project import Project
from ragline.models.provider_call import PaidAnswer, ProviderCall, ProviderLimit
from ragline.models.queue_state import QueueState
from ragline.models.tenant import Tenant
from ragline.models.total import Total
from ragline.models.webhook import WebhookDelivery, WebhookEndpoint, WebhookPosition

__all__ = [
    "ApiKey",
    "Attempt",
    "Base",
    "Chunk",
    "Document",
    "Embedding",
    "Event",
    "Executor",
    "IdempotencyKey",
    "Job",
    "JobTag",
    "Page",
    "PageText",
    "PaidAnswer",
    "Project",
    "ProviderCall",
    "ProviderLimit",
    "QueueState",
    "Tenant",
    "Total",
    "WebhookDelivery",
    "WebhookEndpoint",
    "WebhookPosition",
    "chunk_id",
    "new_id",
    "now",
]
