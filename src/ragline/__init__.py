"""Ragline: a self-hosted asynchronous RAG server, and the client library that speaks to one."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

# ruff: noqa: F405 # type checkers find the names where they are defined
if TYPE_CHECKING:
    from ragline.client import *  # noqa: F403 # the names below

__all__ = [
    "KEPT",
    "Agent",
    "Answer",
    "AsyncClient",
    "Attempt",
    "Batch",
    "BegunNotes",
    "BetterVectors",
    "Bibliography",
    "BibliographyEntry",
    "Chunk",
    "Citation",
    "CleanupPreview",
    "Client",
    "ClientProblem",
    "ConfigurationError",
    "Conflict",
    "Delivery",
    "DeliveryTry",
    "Diagnosis",
    "Difference",
    "Document",
    "DocumentPage",
    "Event",
    "Forbidden",
    "Health",
    "Hit",
    "HitList",
    "ImportPreview",
    "InvalidInput",
    "InvalidSignature",
    "Job",
    "JobFailed",
    "Key",
    "KeyReused",
    "MalformedRequest",
    "Message",
    "NamedContent",
    "NotFound",
    "NotRagline",
    "NotesPreview",
    "Overloaded",
    "Pair",
    "PreviousRemoved",
    "Problem",
    "Product",
    "ProductHit",
    "ProductReceipt",
    "ProductScores",
    "Progress",
    "Project",
    "ProjectHit",
    "ProjectIndex",
    "ProjectIndexes",
    "ProjectScore",
    "ProviderFailed",
    "Queue",
    "QueueList",
    "RaglineError",
    "RateLimited",
    "Receipt",
    "Rejected",
    "Removed",
    "Retried",
    "Routed",
    "SearchSetup",
    "SentProduct",
    "ServerFailed",
    "ServerUnreachable",
    "Session",
    "Share",
    "SkippedNote",
    "Statistics",
    "StillRunning",
    "Tenant",
    "TooLarge",
    "Unauthenticated",
    "UnreadablePath",
    "UnsupportedMediaType",
    "Upload",
    "Usage",
    "Webhook",
    "WebhookMessage",
    "Work",
    "ZoteroLibrary",
    "ZoteroNote",
    "batches",
    "files_in",
    "verify_webhook",
]


def __getattr__(name: str) -> Any:
    """Load the client library when one of its names is asked for.

    Every process of the server imports this package, and most of them need none of it.
    """
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module("ragline.client"), name)
