"""What a message cites, as a bibliography, over HTTP."""

from __future__ import annotations

from fastapi import APIRouter

from ragline.accounts.access import CallerParameter, RuntimeParameter
from ragline.conversations import bibliography
from ragline.documents.bibliography import BibliographyView
from ragline.documents.bibliography_routes import WantedParameter

router = APIRouter(prefix="/v1/messages", tags=["bibliographies"])


@router.get("/{message_id}/bibliography")
def of_message(
    message_id: str, wanted: WantedParameter, runtime: RuntimeParameter, caller: CallerParameter
) -> BibliographyView:
    """Write a bibliography of the documents that a message cites, in order of citation."""
    return bibliography.of_message(runtime, caller, message_id, wanted)
