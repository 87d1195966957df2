"""The typed client library, which our own command line uses."""

from ragline.client.client import Client
from ragline.client.models import (
    Answer,
    Attempt,
    Citation,
    Document,
    Event,
    Hit,
    Job,
    Problem,
    Progress,
    Project,
    Queue,
    QueueList,
    Rejected,
    Retried,
    Upload,
    Usage,
)
from ragline.client.problems import ClientProblem, ServerUnreachable
from ragline.client.uploads import Batch, batches

__all__ = [
    "Answer",
    "Attempt",
    "Batch",
    "Citation",
    "Client",
    "ClientProblem",
    "Document",
    "Event",
    "Hit",
    "Job",
    "Problem",
    "Progress",
    "Project",
    "Queue",
    "QueueList",
    "Rejected",
    "Retried",
    "ServerUnreachable",
    "Upload",
    "Usage",
    "batches",
]
