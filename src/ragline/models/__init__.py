"""The tables, one file each."""

from ragline.models.agent import Agent, AnswerPair, Share, ShareUse
from ragline.models.answer_source import AnswerSource
from ragline.models.api_key import ApiKey
from ragline.models.attempt import Attempt
from ragline.models.base import Base, new_id, now
from ragline.models.cached_answer import CachedAnswer, CachedAnswerJob, CachedAnswerProject
from ragline.models.chunk import Chunk, chunk_id
from ragline.models.chunk_vector import ChunkVector
from ragline.models.conversation import ChatSession, Message
from ragline.models.document import Document
from ragline.models.document_version import DocumentVersion
from ragline.models.embedding import Embedding
from ragline.models.event import Event
from ragline.models.executor import Executor
from ragline.models.held_chunk import HeldChunk, HeldProject, HeldTerm
from ragline.models.idempotency_key import IdempotencyKey
from ragline.models.image import (
    ImageCollection,
    ImageEmbedding,
    ProductImage,
    ProductImageVersion,
)
from ragline.models.imports import Import, ImportFile
from ragline.models.job import Job, JobTag
from ragline.models.left_result import LeftResult
from ragline.models.openai_object import StoredResponse, StoreFile, UploadedFile, VectorStore
from ragline.models.page import Page, PageText
from ragline.models.paid_call import PaidCall
from ragline.models.project import Project
from ragline.models.provider_call import PaidAnswer, ProviderCall, ProviderLimit
from ragline.models.queue_state import QueueState
from ragline.models.tenant import Tenant
from ragline.models.tidied_text import TidiedText
from ragline.models.total import Total
from ragline.models.vector_index import VectorIndex, collection_of
from ragline.models.webhook import WebhookDelivery, WebhookEndpoint, WebhookPosition
from ragline.models.zotero import ZoteroItem, ZoteroLibrary, ZoteroNote

__all__ = [
    "Agent",
    "AnswerPair",
    "AnswerSource",
    "ApiKey",
    "Attempt",
    "Base",
    "CachedAnswer",
    "CachedAnswerJob",
    "CachedAnswerProject",
    "ChatSession",
    "Chunk",
    "ChunkVector",
    "Document",
    "DocumentVersion",
    "Embedding",
    "Event",
    "Executor",
    "HeldChunk",
    "HeldProject",
    "HeldTerm",
    "IdempotencyKey",
    "ImageCollection",
    "ImageEmbedding",
    "Import",
    "ImportFile",
    "Job",
    "JobTag",
    "LeftResult",
    "Message",
    "Page",
    "PageText",
    "PaidAnswer",
    "PaidCall",
    "ProductImage",
    "ProductImageVersion",
    "Project",
    "ProviderCall",
    "ProviderLimit",
    "QueueState",
    "Share",
    "ShareUse",
    "StoreFile",
    "StoredResponse",
    "Tenant",
    "TidiedText",
    "Total",
    "UploadedFile",
    "VectorIndex",
    "VectorStore",
    "WebhookDelivery",
    "WebhookEndpoint",
    "WebhookPosition",
    "ZoteroItem",
    "ZoteroLibrary",
    "ZoteroNote",
    "chunk_id",
    "collection_of",
    "new_id",
    "now",
]
