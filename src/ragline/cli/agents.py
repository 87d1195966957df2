"""`ragline agents`: who answers, from which projects, and how."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.table import Table

from ragline.cli.connection import connected, find_agent, find_project
from ragline.cli.job_views import print_table
from ragline.cli.output import Json, plain, say, write_json
from ragline.client import Agent

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    help="List agents, make one, look at one or delete them.",
)

Reference = Annotated[str, typer.Argument(metavar="AGENT", help="Name or id of the agent.")]


@app.command("list")
def list_agents(json: Json = False) -> None:
    """List your agents, oldest first."""
    with connected() as client:
        found = list(client.agents())
    if json:
        write_json({"agents": [agent.model_dump(mode="json") for agent in found]})
    elif not found:
        say("No agents.")
    else:
        print_table(_table(found))


@app.command()
def create(
    name: Annotated[str, typer.Argument(help="Name of the agent.")],
    projects: Annotated[
        list[str],
        typer.Option(
            "--project", "-p", help="Name or id of a project it answers from; repeatable."
        ),
    ],
    instructions: Annotated[
        str | None, typer.Option(help="How it should answer, in your words.")
    ] = None,
    description: Annotated[str | None, typer.Option(help="What it is for.")] = None,
    model: Annotated[
        str | None, typer.Option(help="The model that answers; else the server's own.")
    ] = None,
    language: Annotated[
        str | None, typer.Option(help="The language of answers, such as en or fr.")
    ] = None,
    json: Json = False,
) -> None:
    """Make an agent that answers from projects."""
    with connected() as client:
        agent = client.create_agent(
            name,
            [find_project(client, project).id for project in projects],
            instructions=instructions,
            description=description,
            model=model,
            language=language,
        )
    if json:
        write_json(agent.model_dump(mode="json"))
    else:
        say(f"Agent {agent.name!r} is there: `ragline chat {agent.id}` talks with it.")


@app.command()
def show(agent: Reference, json: Json = False) -> None:
    """Show one agent."""
    with connected() as client:
        found = find_agent(client, agent)
    if json:
        write_json(found.model_dump(mode="json"))
    else:
        _show(found)


@app.command()
def delete(
    agent: Reference,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    json: Json = False,
) -> None:
    """Delete an agent with its sessions, messages and stored answers."""
    with connected() as client:
        found = find_agent(client, agent)
        if not yes:
            typer.confirm(f"Delete {found.name!r} with all its conversations?", abort=True)
        removed = client.delete_agent(found.id)
    if json:
        write_json(removed.model_dump(mode="json"))
    else:
        say(f"{found.name!r} is gone, with {removed.sessions} sessions.")


def _table(agents: list[Agent]) -> Table:
    table = Table("id", "name", "projects", "model", box=None)
    table.columns[0].no_wrap = True
    for agent in agents:
        row = agent.id, agent.name, str(len(agent.projects)), agent.model or "-"
        table.add_row(*map(plain, row))
    return table


def _show(agent: Agent) -> None:
    say(f"{agent.name} {agent.id}", "bold")
    facts = (
        ("description", agent.description),
        ("projects", ", ".join(agent.projects)),
        ("model", agent.model),
        ("language", agent.language),
        ("instructions", agent.instructions),
    )
    for name, value in facts:
        if value:
            say(f"  {name}  {value}")
    for group in (agent.retrieval, agent.answering):
        for name, value in group.items():
            if value is not None:
                say(f"  {name.replace('_', ' ')}  {value}")
