"""What an answer rests on, as a bibliography."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ragline.accounts.service import Caller
from ragline.bootstrap import Runtime
from ragline.documents.bibliography import BibliographyView, Wanted, of_documents
from ragline.errors import Conflict
from ragline.jobs.reading import get_job


def of_job(runtime: Runtime, caller: Caller, job_id: str, wanted: Wanted) -> BibliographyView:
    """Return the bibliography of a job's answer; `Conflict` where it has none (yet)."""
    job = get_job(runtime, caller.tenant_id, job_id)
    citations = (job.result or {}).get("citations")
    if not isinstance(citations, list):
        raise Conflict(
            f"The job {job_id!r} has no answer to write a bibliography of: wait until a question "
            "is answered."
        )
    return of_documents(runtime, caller, cited(citations), wanted)


def cited(citations: Iterable[Any]) -> list[str]:
    """Return the ids of the documents that citations name, in their order."""
    found = (each.get("document_id") for each in citations if isinstance(each, dict))
    return [document_id for document_id in found if isinstance(document_id, str)]
