"""`ragline chat`: a conversation with an agent."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Annotated

import typer

from ragline.cli.answers import NoAnswer, show_sources, write_out
from ragline.cli.connection import connected, find_agent
from ragline.cli.exits import FAILED
from ragline.cli.output import Json, say, write_json
from ragline.client import Client

app = typer.Typer(add_completion=False)


@app.command()
def chat(
    agent: Annotated[str, typer.Argument(help="Name or id of the agent.")],
    session: Annotated[
        str | None, typer.Option(help="Id of a conversation to go on with, instead of a new one.")
    ] = None,
    json: Json = False,
) -> None:
    """Talk with an agent; an empty line or Ctrl-D ends it."""
    with connected() as client:
        found = find_agent(client, agent)
        place = client.session(session) if session else client.create_session(found.id)
        failed = False
        for question in _questions(found.name):
            failed |= not _answer(client, place.id, question, quiet=json)
        if json:
            messages = [one.model_dump(mode="json") for one in client.messages(place.id)]
            write_json({"session_id": place.id, "messages": messages})
    # Who reads a pipe cannot see that one of many answers is missing.
    if failed and not sys.stdin.isatty():
        raise typer.Exit(FAILED)


def _questions(name: str) -> Iterator[str]:
    """Yield what is asked, line by line, by a pipe or by a person, who is told of whom."""
    person = sys.stdin.isatty()
    if person:
        say(f"You talk with {name!r}; an empty line ends it.", "dim")
    while True:
        if person:
            sys.stdout.write("> ")
            sys.stdout.flush()
        line = sys.stdin.readline()
        question = line.strip()
        if not line or (person and not question):
            return
        if question:
            yield question


def _answer(client: Client, session_id: str, question: str, *, quiet: bool) -> bool:
    """Answer one question, and tell whether there was an answer; the next may have one."""
    try:
        if quiet:
            message = client.send_message(session_id, question, wait=60)
            while not message.ended:
                message = client.message(message.message_id, wait=60)
            return message.status == "completed"
        show_sources(write_out(client.stream_message(session_id, question)).citations)
    except NoAnswer as error:
        typer.secho(f"Error: {error.message}", err=True, fg=typer.colors.RED)
        return False
    say("")
    return True
