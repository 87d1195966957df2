"""Models through the official client: agents, projects, language models and the embedder."""

from __future__ import annotations

import openai
import pytest
from tests.inprocess import InProcessServer, Tenant

from ragline.models import Agent, now
from ragline.openai_api.catalog import embedding_models


def agent_of(server: InProcessServer, tenant: Tenant, name: str, *, deleted: bool = False) -> str:
    """Make an agent and return its id."""
    with server.runtime.database.write() as session:
        agent = Agent(
            tenant_id=tenant.id, name=name, projects=[], deleted_at=now() if deleted else None
        )
        session.add(agent)
        session.flush()
        return agent.id


def test_everything_that_answers_is_listed(
    client: openai.OpenAI, server: InProcessServer, tenant: Tenant
) -> None:
    """Agents, projects, language models and embedders are models."""
    agent, project = agent_of(server, tenant, "Helper"), tenant.project()
    agent_of(server, tenant, "Gone", deleted=True)
    models = client.models.list().data

    assert [
        f"agent:{agent}",
        f"project:{project}",
        *server.runtime.llm.models(),
        *embedding_models(server.runtime),
    ] == [model.id for model in models]
    assert {"model"} == {model.object for model in models}


def test_model_by_its_id(client: openai.OpenAI, server: InProcessServer, tenant: Tenant) -> None:
    """Each model that is listed can be asked for, also one with a slash in its name."""
    agent_of(server, tenant, "Helper")
    tenant.project()

    for model in client.models.list():
        assert model == client.models.retrieve(model.id)


def test_agent_by_its_name(client: openai.OpenAI, server: InProcessServer, tenant: Tenant) -> None:
    """An agent's name stands for it."""
    agent_of(server, tenant, "Helper")

    assert "Helper" == client.models.retrieve("Helper").id


@pytest.mark.parametrize("model", ["nothing", "agent:nothing", "project:nothing"])
def test_unknown_model(client: openai.OpenAI, model: str) -> None:
    """What is not there is not found, in their word for it."""
    with pytest.raises(openai.NotFoundError) as caught:
        client.models.retrieve(model)

    assert "model_not_found" == caught.value.code
