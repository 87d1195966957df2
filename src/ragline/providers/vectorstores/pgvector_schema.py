"""How the index lies in PostgreSQL, and its creation.

It is derived, so it is no part of the migrations and has a schema of its own.
"""

from __future__ import annotations

import re

import psycopg
from psycopg import Connection, errors

from ragline.errors import ConfigurationError

SCHEMA = "ragline_index"
"""Where the passages' index lies; that of a collection has its name behind this."""
LARGEST_TERM_INDEX = 1_000_000_000
"""The dimensions of a sparse vector: the most that pgvector takes."""
_COLLECTION = re.compile(r"[a-z0-9_]{1,40}")
OLDEST = (0, 7)
# Those who open the index for the first time at once queue on this advisory lock.
LOCK_NUMBER = 7_262_832
# A row holds its dense vector and about this many bytes of the rest before `terms`, which
# only the index reads, is moved out of the row.
ROW_BYTES_BESIDE_DENSE = 1_024
LEAST_ROW_TARGET, MOST_ROW_TARGET = 2_040, 8_160

_TABLE = """
CREATE TABLE {schema}.vector_chunks (
    chunk_id uuid PRIMARY KEY,
    project_id text COLLATE "C" NOT NULL,
    document_id text COLLATE "C" NOT NULL,
    version bigint NOT NULL,
    dense {types}.halfvec({dimensions}) NOT NULL,
    terms bigint[] NOT NULL,
    lexical {types}.sparsevec({largest_term_index}) NOT NULL,
    metadata jsonb NOT NULL
) WITH (toast_tuple_target = {row_target})
"""
# Exact scans read every vector of a project, so these stay in the row where they fit. Without
# a list of pending entries the term index writes slower, but a search never reads that list.
_BESIDE = (
    "CREATE TABLE {schema}.vector_projects "
    '(project_id text COLLATE "C" PRIMARY KEY, chunks bigint NOT NULL)',
    'CREATE TABLE {schema}.vector_terms (project_id text COLLATE "C", key bigint, '
    "holding bigint NOT NULL, PRIMARY KEY (project_id, key)) WITH (fillfactor = 70)",
    "ALTER TABLE {schema}.vector_chunks ALTER dense SET STORAGE MAIN",
    "ALTER TABLE {schema}.vector_chunks ALTER lexical SET STORAGE MAIN",
    "CREATE INDEX vector_chunks_project ON {schema}.vector_chunks (project_id)",
    "CREATE INDEX vector_chunks_document ON {schema}.vector_chunks (document_id)",
    "CREATE INDEX vector_chunks_terms ON {schema}.vector_chunks USING gin (terms) "
    "WITH (fastupdate = off)",
    "CREATE INDEX vector_chunks_metadata ON {schema}.vector_chunks "
    "USING gin (metadata jsonb_path_ops)",
)
_HELD_DIMENSIONS = (
    "SELECT atttypmod FROM pg_attribute WHERE attname = 'dense' "
    "AND attrelid = to_regclass('{schema}.vector_chunks')"
)
_ANY_HELD = "SELECT 1 FROM {schema}.vector_chunks LIMIT 1"
_EXTENSION = (
    "SELECT quote_ident(nspname), extversion FROM pg_extension "
    "JOIN pg_namespace ON pg_namespace.oid = extnamespace WHERE extname = 'vector'"
)


def schema_of(collection: str | None) -> str:
    """Return the schema of a collection, or of the passages."""
    if collection is None:
        return SCHEMA
    assert _COLLECTION.fullmatch(collection), "collections are named by the program"
    return f"{SCHEMA}_{collection}"


def prepare(connection: Connection, dimensions: int, schema: str = SCHEMA) -> None:
    """Create what is missing; a second run, or one at the same time, changes nothing.

    Raises `ConfigurationError` where the extension is missing or too old, where the user may
    not create it, or where there are vectors of other dimensions.
    """
    with connection.transaction():
        connection.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK_NUMBER])
        types = _extension(connection)
        held = _scalar(connection, _HELD_DIMENSIONS.format(schema=schema))
        if held == dimensions:
            return
        if held is not None:
            _drop_empty(connection, held, dimensions, schema)
        _create(connection, types, dimensions, schema)


def adopt(connection: Connection, schema: str = SCHEMA) -> None:
    """Set a connection up for the index: its names, its plans and its patience."""
    found = connection.execute(_EXTENSION).fetchone()
    names = [schema, *([found[0]] if found else [])]
    connection.execute("SELECT set_config('search_path', %s, false)", [", ".join(names)])
    # Compiling a scan of many vectors takes longer than it saves.
    connection.execute("SET jit = off")
    # A process that stands still while it writes lets go of what others wait for.
    connection.execute("SET idle_in_transaction_session_timeout = '60s'")


def _extension(connection: Connection) -> str:
    """Return the schema that holds the extension's types, created first if it is missing."""
    found = connection.execute(_EXTENSION).fetchone()
    if found is None:
        _create_extension(connection)
        found = connection.execute(_EXTENSION).fetchone()
    assert found is not None, "it was there or has been created"
    types, version = found
    if tuple(int(part) for part in version.split(".")[:2]) < OLDEST:
        raise ConfigurationError(
            f"The extension `vector` of this database is version {version}, and the index needs "
            f"{'.'.join(map(str, OLDEST))} or newer. Install a newer pgvector on the server and "
            "run ALTER EXTENSION vector UPDATE."
        )
    return str(types)


def _create_extension(connection: Connection) -> None:
    try:
        connection.execute("CREATE EXTENSION vector WITH SCHEMA public")
    except errors.InsufficientPrivilege as error:
        raise ConfigurationError(
            "The database lacks the extension `vector`, and this user may not create it. Run "
            "CREATE EXTENSION vector in it as superuser, or set RAGLINE_VECTOR_STORE to another "
            "store."
        ) from error
    except (psycopg.NotSupportedError, errors.UndefinedFile) as error:
        raise ConfigurationError(
            "The PostgreSQL server does not have pgvector. Install it there and run CREATE "
            "EXTENSION vector as superuser, or set RAGLINE_VECTOR_STORE to another store."
        ) from error


def _drop_empty(connection: Connection, held: int, dimensions: int, schema: str) -> None:
    """Make room for vectors of other dimensions, if there are none yet."""
    if _scalar(connection, _ANY_HELD.format(schema=schema)) is not None:
        raise ConfigurationError(
            f"The index in PostgreSQL was built by an embedder of {held} dimensions, and this one "
            f"has {dimensions}. Set RAGLINE_EMBEDDER back, or upload the documents into another "
            "RAGLINE_DATABASE_URL."
        )
    tables = ", ".join(f"{schema}.vector_{name}" for name in ("chunks", "projects", "terms"))
    connection.execute(f"DROP TABLE {tables}".encode())


def _create(connection: Connection, types: str, dimensions: int, schema: str) -> None:
    target = 2 * dimensions + ROW_BYTES_BESIDE_DENSE
    table = _TABLE.format(
        schema=schema,
        types=types,
        dimensions=int(dimensions),
        largest_term_index=LARGEST_TERM_INDEX,
        row_target=min(max(target, LEAST_ROW_TARGET), MOST_ROW_TARGET),
    )
    try:
        connection.execute(f"CREATE SCHEMA IF NOT EXISTS {schema}".encode())
        for statement in (table, *(each.format(schema=schema) for each in _BESIDE)):
            connection.execute(statement.encode())
    except errors.InsufficientPrivilege as error:
        raise ConfigurationError(
            f"This user may not create the schema {schema}, which holds the index. Run GRANT "
            "CREATE ON DATABASE for this database and user as its owner."
        ) from error


def _scalar(connection: Connection, query: str) -> int | None:
    """Return the one number a query gives, or None."""
    found = connection.execute(query.encode()).fetchone()
    return None if found is None else int(found[0])
