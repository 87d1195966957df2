"""The models that clients can name: agents, projects, language models and the embedder."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import sqlalchemy as sa
import structlog
from pydantic import BaseModel

from ragline.accounts.service import Caller
from ragline.bootstrap import Runtime
from ragline.errors import ConfigurationError, NotFound, ProviderError
from ragline.models import Agent, Project
from ragline.openai_api.ids import shown
from ragline.openai_api.schemas import unix
from ragline.providers import registry

OWNED_BY = "ragline"
# Language models and embedders have no date here; clients want one all the same.
UNKNOWN_DATE = 0

log = structlog.get_logger()


class Model(BaseModel):
    """Something that answers or embeds, by the id that `model` takes."""

    id: str
    object: Literal["model"] = "model"
    created: int
    owned_by: str = OWNED_BY


class ModelList(BaseModel):
    """All models."""

    object: Literal["list"] = "list"
    data: list[Model]


class ModelNotFound(NotFound):
    """No model has this id."""

    slug = "model-not-found"
    title = "Model not found"


def list_models(runtime: Runtime, caller: Caller) -> list[Model]:
    """Return what the caller can name: agents and projects, oldest first, then what is shared."""
    agents = sa.select(Agent.id, Agent.created_at).where(
        Agent.tenant_id == caller.tenant_id, Agent.deleted_at.is_(None)
    )
    projects = sa.select(Project.id, Project.created_at).where(
        Project.tenant_id == caller.tenant_id, Project.deleted_at.is_(None)
    )
    with runtime.database.read() as session:
        found_agents = session.execute(agents.order_by(Agent.created_at, Agent.id)).all()
        found_projects = session.execute(projects.order_by(Project.created_at, Project.id)).all()
    return [
        *(_model(shown("agent:", row.id), row.created_at) for row in found_agents),
        *(_model(shown("project:", row.id), row.created_at) for row in found_projects),
        *(_model(name) for name in _language_models(runtime)),
        *(_model(name) for name in embedding_models(runtime)),
    ]


def get_model(runtime: Runtime, caller: Caller, model_id: str) -> Model:
    """Return a model by its id; an agent also by its name."""
    for word, table in (("agent:", Agent), ("project:", Project)):
        if model_id.startswith(word):
            created = _created(runtime, caller, table, table.id, model_id.removeprefix(word))
            if created is not None:
                return _model(model_id, created)
    created = _created(runtime, caller, Agent, Agent.name, model_id)
    if created is not None:
        return _model(model_id, created)
    if model_id in (*_language_models(runtime), *embedding_models(runtime)):
        return _model(model_id)
    raise unknown_model(model_id)


def embedding_models(runtime: Runtime) -> dict[str, str]:
    """Return the specs of the models that embed texts here, by their names.

    They are the deployment's own, the better ones that are installed, and the servers that the
    settings describe: no client has others fetched or paid for.
    """
    settings = runtime.settings
    better = [*registry.better_specs(), *settings.better_embedders.values()]
    specs = [settings.own_embedder, *better, *settings.embedder_endpoints]
    found: dict[str, str] = {}
    for spec in specs:
        try:
            found.setdefault(runtime.embedder_for(spec).name, spec)
        except ConfigurationError as error:
            log.debug("embedder.not_listed", spec=spec, error=error.message)
    return found


def unknown_model(model_id: str) -> ModelNotFound:
    """Return the error for a model that nobody here knows."""
    return ModelNotFound(
        f"There is no model with the id {model_id!r}; GET /v1/models lists those there are."
    )


def _language_models(runtime: Runtime) -> list[str]:
    """Return the models of the chain; what is stored here is listed without them too."""
    try:
        return runtime.llm.models()
    except ProviderError as error:
        log.warning("llm.not_listed", adapter=runtime.llm.name, error=error.message)
        return []


def _created(
    runtime: Runtime,
    caller: Caller,
    table: type[Agent] | type[Project],
    column: sa.orm.InstrumentedAttribute[str],
    value: str,
) -> datetime | None:
    query = sa.select(table.created_at).where(
        column == value, table.tenant_id == caller.tenant_id, table.deleted_at.is_(None)
    )
    with runtime.database.read() as session:
        return session.scalar(query.order_by(table.created_at).limit(1))


def _model(model_id: str, created: datetime | None = None) -> Model:
    return Model(id=model_id, created=unix(created) if created else UNKNOWN_DATE)
