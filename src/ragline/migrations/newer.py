"""Whether this release can work on a schema that another one made.

Migrations only add, so that the release before goes on working beside a new one and can be put
back in its place. What they added must be no hindrance: nothing here goes by a revision's name.
"""

from __future__ import annotations

from collections.abc import Iterator

import sqlalchemy as sa

from ragline.errors import ConfigurationError
from ragline.models import Base


def require_usable(connection: sa.Connection, revision: str) -> None:
    """Accept a schema of an unknown revision if it has all that this release reads and writes.

    Raises:
        ConfigurationError: it lacks something, or wants something that is not known here.
    """
    hindrances = list(_hindrances(sa.inspect(connection)))
    if hindrances:
        raise ConfigurationError(
            f"The database's schema (revision {revision}) was not made by this release, which "
            f"cannot work on it: {', '.join(hindrances[:5])}. Start the release that made it, "
            "or restore a backup of the time before."
        )


def _hindrances(schema: sa.Inspector) -> Iterator[str]:
    tables = schema.get_table_names()
    for table in Base.metadata.sorted_tables:
        if table.name not in tables:
            yield f"there is no table {table.name}"
            continue
        there = {column["name"]: column for column in schema.get_columns(table.name)}
        for name in table.columns.keys() - there.keys():
            yield f"there is no column {table.name}.{name}"
        for name in there.keys() - table.columns.keys():
            if not there[name]["nullable"] and there[name]["default"] is None:
                yield f"{table.name}.{name} must be filled and is not known here"
