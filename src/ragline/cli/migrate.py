"""`ragline migrate`: bring the database's schema up to date."""

from __future__ import annotations

from contextlib import closing

import typer

from ragline.cli import logs
from ragline.cli.output import Json, say, write_json
from ragline.database import Database
from ragline.engine.engine import Engine
from ragline.migrations import run
from ragline.settings import load_settings

app = typer.Typer(add_completion=False)


@app.command()
def migrate(json: Json = False) -> None:
    """Bring the database's schema up to date."""
    settings = load_settings()
    logs.configure(settings.log_level)
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    with closing(Database(settings.sqlalchemy_url)) as database:
        revision = run.migrate(database)
        with closing(Engine(database, settings)) as engine:
            engine.migrate()
    if json:
        write_json({"revision": revision})
    else:
        say(f"The database is at revision {revision}.")
