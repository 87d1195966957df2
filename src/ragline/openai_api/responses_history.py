"""What was said in the responses that one goes on from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ragline.chat.history import estimated_tokens
from ragline.models import Job, StoredResponse
from ragline.openai_api.completions_conversation import Role
from ragline.openai_api.errors import refused
from ragline.openai_api.ids import own, shown
from ragline.openai_api.responses_objects import output_text

MOST_TOKENS = 16_000
"""Of a conversation that is sent as it is: `truncation` tells whether more is cut or refused."""
MOST_RESPONSES = 200
PARAMETER = "previous_response_id"


@dataclass(frozen=True, slots=True)
class Told:
    """A message of an earlier response."""

    role: Role
    text: str


def said_before(
    session: Session, tenant_id: str, response_id: str, *, truncated: bool
) -> list[Told]:
    """Return the messages of a response and of those before it, oldest first.

    With `truncated` the oldest are left out where there are too many.

    Raises:
        RequestValidationError: there is no such response, it has no answer, or what was said
            is too long.
    """
    told: list[Told] = []
    left = MOST_TOKENS
    next_id: str | None = own("resp_", response_id)
    for number in range(MOST_RESPONSES):
        row = _owned(session, tenant_id, next_id)
        if row is None:
            if number == 0:
                raise refused(PARAMETER, f"there is no response with the id {response_id!r}")
            break  # what came before it was deleted
        exchange = _exchange(session, row)
        left -= sum(estimated_tokens(each.text) for each in exchange)
        if left < 0 and not truncated:
            raise refused(
                PARAMETER,
                f"the conversation has more than {MOST_TOKENS} tokens; send truncation: auto to "
                "leave out what is oldest",
            )
        if left < 0:
            break
        told[:0] = exchange
        next_id = row.previous_id
    return told


def _exchange(session: Session, row: StoredResponse) -> list[Told]:
    """Return what was asked in a response, and its answer."""
    asked = [Told(each["role"], _text(each["content"])) for each in row.request["input"]]
    return [*asked, Told("assistant", _answer(session, row))]


def _answer(session: Session, row: StoredResponse) -> str:
    if row.output is not None and row.output["status"] in ("completed", "incomplete"):
        return output_text(row.output["output"])
    job = session.get(Job, row.job_id) if row.job_id else None
    if job is not None and job.outcome == "completed" and job.result is not None:
        return str(job.result["answer"])
    raise refused(
        PARAMETER,
        f"the response {shown('resp_', row.id)!r} has no answer that could be gone on from; "
        "wait for it, or leave it out",
    )


def _text(content: Sequence[dict[str, str]]) -> str:
    return "\n".join(part["text"] for part in content)


def _owned(session: Session, tenant_id: str, response_id: str | None) -> StoredResponse | None:
    if response_id is None:
        return None
    values = {"response_id": response_id, "tenant_id": tenant_id}
    return session.scalar(_OWNED, values)


_OWNED = sa.select(StoredResponse).where(
    StoredResponse.id == sa.bindparam("response_id"),
    StoredResponse.tenant_id == sa.bindparam("tenant_id"),
)
