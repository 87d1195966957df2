"""A collection on the Qdrant server: how it is laid out, created and checked."""

from __future__ import annotations

from qdrant_client import QdrantClient, models
from qdrant_client.http.exceptions import UnexpectedResponse

from ragline.errors import ConfigurationError

DENSE, LEXICAL = "dense", "lexical"
OLDEST = (1, 19)
"""The first release that takes the frequencies of terms within a project."""
NEIGHBOURS = 16


def prepare(client: QdrantClient, name: str, dimensions: int) -> set[str]:
    """Create the collection where it is missing; return the fields that have an index.

    Several may do so at once. Raises `ConfigurationError` for a server that is too old, or a
    collection of other dimensions.
    """
    _check_release(client.info().version)
    if not client.collection_exists(name):
        _create(client, name, dimensions)
    found = client.get_collection(name)
    _check_layout(found.config.params, name, dimensions)
    for field in {"project_id", "document_id", "version"} - set(found.payload_schema):
        client.create_payload_index(name, field, field_schema=_schema(field), wait=True)
    return set(found.payload_schema)


def _create(client: QdrantClient, name: str, dimensions: int) -> None:
    """Create a collection whose searches stay within a project.

    Each project has a graph of its own in it, and there is none over all. 16-bit floats halve
    memory; they change a cosine by less than 0.001.
    """
    dense = models.VectorParams(
        size=dimensions, distance=models.Distance.COSINE, datatype=models.Datatype.FLOAT16
    )
    try:
        client.create_collection(
            name,
            vectors_config={DENSE: dense},
            sparse_vectors_config={
                LEXICAL: models.SparseVectorParams(modifier=models.Modifier.IDF)
            },
            hnsw_config=models.HnswConfigDiff(m=0, payload_m=NEIGHBOURS),
        )
    except UnexpectedResponse as error:
        if error.status_code != 409:
            raise
        # Another process was faster: its collection is taken.


def _schema(field: str) -> models.PayloadSchemaType | models.KeywordIndexParams:
    if field == "version":
        return models.PayloadSchemaType.INTEGER
    is_tenant = field == "project_id"
    return models.KeywordIndexParams(type=models.KeywordIndexType.KEYWORD, is_tenant=is_tenant)


def _check_release(version: str) -> None:
    release = tuple(int(part) for part in version.split(".")[:2] if part.isdigit())
    if release < OLDEST:
        raise ConfigurationError(
            f"The Qdrant server is version {version}, and "
            f"{'.'.join(map(str, OLDEST))} or newer is needed, which weighs words within a "
            "project. Upgrade it, or set RAGLINE_VECTOR_STORE to another store."
        )


def _check_layout(params: models.CollectionParams, name: str, dimensions: int) -> None:
    vectors = params.vectors if isinstance(params.vectors, dict) else {}
    if DENSE not in vectors or LEXICAL not in (params.sparse_vectors or {}):
        raise ConfigurationError(
            f"The collection {name} on the Qdrant server is none of Ragline's. Set "
            "RAGLINE_QDRANT_COLLECTION to another name."
        )
    if vectors[DENSE].size != dimensions:
        raise ConfigurationError(
            f"The collection {name} on the Qdrant server was built by an embedder of "
            f"{vectors[DENSE].size} dimensions, and this one has {dimensions}. Set "
            "RAGLINE_EMBEDDER back, or RAGLINE_QDRANT_COLLECTION to another name."
        )
