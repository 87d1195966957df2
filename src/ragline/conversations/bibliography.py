"""What a message cites, as a bibliography."""

from __future__ import annotations

from ragline.accounts.service import Caller
from ragline.bootstrap import Runtime
from ragline.chat.bibliography import cited
from ragline.conversations.messages import owned_message
from ragline.documents.bibliography import BibliographyView, Wanted, of_documents
from ragline.errors import Conflict


def of_message(
    runtime: Runtime, caller: Caller, message_id: str, wanted: Wanted
) -> BibliographyView:
    """Return the bibliography of an answered message; `Conflict` where it is no answer (yet)."""
    with runtime.database.read() as session:
        message = owned_message(session, caller.tenant_id, message_id)
        citations = message.citations
    if citations is None:
        raise Conflict("This message is no answer, or not one yet: wait until it is completed.")
    return of_documents(runtime, caller, cited(citations), wanted)
