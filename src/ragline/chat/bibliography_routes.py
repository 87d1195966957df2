"""What an answer rests on, as a bibliography, over HTTP."""

from __future__ import annotations

from fastapi import APIRouter

from ragline.accounts.access import CallerParameter, RuntimeParameter
from ragline.chat import bibliography
from ragline.documents.bibliography import BibliographyView
from ragline.documents.bibliography_routes import WantedParameter

router = APIRouter(prefix="/v1/jobs", tags=["bibliographies"])


@router.get("/{job_id}/bibliography")
def of_job(
    job_id: str, wanted: WantedParameter, runtime: RuntimeParameter, caller: CallerParameter
) -> BibliographyView:
    """Write a bibliography of the documents that a job's answer cites, in order of citation."""
    return bibliography.of_job(runtime, caller, job_id, wanted)
