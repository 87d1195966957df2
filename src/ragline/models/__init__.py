"""The tables, one file each."""

from ragline.models.api_key import ApiKey
from ragline.models.attempt import Attempt
from ragline.models.base import Base, new_id, now
from ragline.models.chunk import Chunk, chunk_id
from ragline.models.document import Document
from ragline.models.embedding import Embedding
from ragline.models.event import Event
from ragline.models.executor import Executor
from ragline.models.job import Job
from ragline.models.page import Page, PageText
from ragline.models.project import Project
from ragline.models.tenant import Tenant

__all__ = [
    "ApiKey",
    "Attempt",
    "Base",
    "Chunk",
    "Document",
    "Embedding",
    "Event",
    "Executor",
    "Job",
    "Page",
    "PageText",
    "Project",
    "Tenant",
    "chunk_id",
    "new_id",
    "now",
]
