"""What a `model` of OpenAI's interface stands for here: an agent, a project, vector stores."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ragline.accounts.ownership import owned_project
from ragline.accounts.service import Caller
from ragline.bootstrap import Runtime
from ragline.chat.question import Question
from ragline.chat.sessions import question_of
from ragline.errors import NotFound, ProviderError
from ragline.models import Agent
from ragline.openai_api.catalog import unknown_model
from ragline.openai_api.errors import refused
from ragline.openai_api.ids import own, shown, unknown

SECONDS_REMEMBERED = 60.0


def question_for(
    runtime: Runtime, caller: Caller, name: str, text: str, *, stores: Sequence[str] = ()
) -> Question:
    """Return a question to what answers under a name, in its own way of answering.

    `stores` are the vector stores to search instead of its projects; with some the name may
    also be one of a model of the server's.

    Raises:
        ModelNotFound: nothing of the caller's has this name.
        NotFound: there is no such vector store.
        RequestValidationError: the name alone does not say what to answer from.
    """
    projects = tuple(dict.fromkeys(own("vs_", each) for each in stores))
    with runtime.database.read() as session:
        for project_id in projects:
            _require_project(session, caller, project_id, unknown("vs_", shown("vs_", project_id)))
        question = _named(session, caller, name, text)
    if question is not None:
        return replace(question, projects=projects) if projects else question
    if not _is_model(runtime, name):
        raise unknown_model(name)
    if not projects:
        raise refused(
            "model",
            f"{name!r} answers from nothing alone: here answers rest on documents. Name an "
            "agent or a project ('project:<id>'), or send /v1/responses the tool file_search "
            "with vector_store_ids",
        )
    return Question(text, projects, model=name)


def _named(session: Session, caller: Caller, name: str, text: str) -> Question | None:
    """Return the question to the agent or the project of this name, if there is one."""
    if name.startswith("project:"):
        project_id = name.removeprefix("project:")
        _require_project(session, caller, project_id, unknown_model(name))
        return Question(text, (project_id,))
    wanted = {"tenant_id": caller.tenant_id, "name": name, "agent_id": name.removeprefix("agent:")}
    agents = session.scalars(_BY_ID if name.startswith("agent:") else _BY_NAME, wanted).all()
    if len(agents) > 1:
        ids = ", ".join(f"agent:{agent.id}" for agent in agents)
        raise refused("model", f"is the name of several agents; choose one of {ids}")
    if agents:
        return question_of(agents[0], text)
    if name.startswith("agent:"):
        raise unknown_model(name)
    return None


def _require_project(
    session: Session, caller: Caller, project_id: str, otherwise: NotFound
) -> None:
    try:
        owned_project(session, caller.tenant_id, project_id)
    except NotFound:
        raise otherwise from None


def _is_model(runtime: Runtime, name: str) -> bool:
    """Tell whether the server's chain has a model of this name; its list is asked for seldom."""
    names, until = runtime.kept.get("llm_models", ((), 0.0))
    if time.monotonic() > until:
        try:
            names = tuple(runtime.llm.models())
        except ProviderError:
            return False
        runtime.kept["llm_models"] = names, time.monotonic() + SECONDS_REMEMBERED
    return name in names


_MINE = sa.select(Agent).where(
    Agent.tenant_id == sa.bindparam("tenant_id"), Agent.deleted_at.is_(None)
)
_BY_ID = _MINE.where(Agent.id == sa.bindparam("agent_id"))
_BY_NAME = _MINE.where(Agent.name == sa.bindparam("name")).order_by(Agent.created_at).limit(5)
