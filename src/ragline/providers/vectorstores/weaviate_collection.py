"""A collection in Weaviate: how it is reached, laid out, created and checked."""

from __future__ import annotations

import math
import re
from urllib.parse import urlsplit

import weaviate
from weaviate.classes.config import (
    Configure,
    DataType,
    Property,
    Tokenization,
    VectorDistances,
)
from weaviate.classes.init import AdditionalConfig, Auth, Timeout
from weaviate.exceptions import UnexpectedStatusCodeError

from ragline.errors import ConfigurationError
from ragline.settings import Settings

DENSE = "dense"
PARTS = 256
"""Chunks are dealt out to so many parts by their ids, so that long lists can be read in pieces."""
OLDEST = (1, 33)
"""The first release that filters by the absence of values."""
CANDIDATES = 256
_DIMENSIONS = re.compile(r"(\d+) dimensions")


def connect(settings: Settings) -> weaviate.WeaviateClient:
    """Connect to the server that the settings name."""
    http = _address(settings.weaviate_url, "RAGLINE_WEAVIATE_URL", 8080)
    grpc = _address(settings.weaviate_grpc_url, "RAGLINE_WEAVIATE_GRPC_URL", 50051)
    key = settings.weaviate_api_key
    seconds = math.ceil(settings.vector_timeout_seconds)
    return weaviate.connect_to_custom(
        http_host=http[0],
        http_port=http[1],
        http_secure=http[2],
        grpc_host=grpc[0],
        grpc_port=grpc[1],
        grpc_secure=grpc[2],
        auth_credentials=Auth.api_key(key.get_secret_value()) if key else None,
        additional_config=AdditionalConfig(
            timeout=Timeout(init=seconds, query=seconds, insert=seconds)
        ),
        skip_init_checks=True,  # one of them asks PyPI for newer releases
    )


def prepare(client: weaviate.WeaviateClient, name: str, dimensions: int) -> None:
    """Create the collection where it is missing; several may do so at once.

    Raises `ConfigurationError` for a server that is too old, or a collection of other dimensions.
    """
    _check_release(str(client.get_meta()["version"]))
    if not client.collections.exists(name):
        _create(client, name, dimensions)
    told = client.collections.use(name).config.get(simple=True).description or ""
    held = _DIMENSIONS.search(told)
    if held is None:
        raise ConfigurationError(
            f"The collection {name} in Weaviate is none of Ragline's. Set "
            "RAGLINE_WEAVIATE_COLLECTION to another name."
        )
    if int(held[1]) != dimensions:
        raise ConfigurationError(
            f"The collection {name} in Weaviate was built by an embedder of {held[1]} dimensions, "
            f"and this one has {dimensions}. Set RAGLINE_EMBEDDER back, or "
            "RAGLINE_WEAVIATE_COLLECTION to another name."
        )


def _create(client: weaviate.WeaviateClient, name: str, dimensions: int) -> None:
    """Create a collection with a tenant for each project, which the first write makes."""
    try:
        client.collections.create(
            name,
            # Weaviate learns dimensions with the first vector; ours are known before.
            description=f"Passages of Ragline, {dimensions} dimensions",
            vector_config=Configure.Vectors.self_provided(
                name=DENSE,
                vector_index_config=Configure.VectorIndex.hnsw(
                    distance_metric=VectorDistances.COSINE,
                    ef=CANDIDATES,
                    quantizer=Configure.VectorIndex.Quantizer.none(),
                ),
            ),
            multi_tenancy_config=Configure.multi_tenancy(
                enabled=True, auto_tenant_creation=True, auto_tenant_activation=True
            ),
            properties=[
                _text("document_id"),
                Property(
                    name="version",
                    data_type=DataType.INT,
                    index_filterable=True,
                    index_range_filters=True,
                ),
                Property(name="part", data_type=DataType.INT, index_filterable=True),
                Property(name="terms", data_type=DataType.INT_ARRAY, index_filterable=True),
                _text("facts", data_type=DataType.TEXT_ARRAY),
                _text("lexical", index_filterable=False),
            ],
        )
    except UnexpectedStatusCodeError:
        if not client.collections.exists(name):  # else another process was faster
            raise


def _text(
    name: str, *, data_type: DataType = DataType.TEXT, index_filterable: bool = True
) -> Property:
    """Return a property whose values are compared whole."""
    return Property(
        name=name,
        data_type=data_type,
        tokenization=Tokenization.FIELD,
        index_filterable=index_filterable,
        index_searchable=False,
    )


def _check_release(version: str) -> None:
    release = tuple(int(part) for part in version.split(".")[:2] if part.isdigit())
    if release < OLDEST:
        raise ConfigurationError(
            f"The Weaviate server is version {version}, and {'.'.join(map(str, OLDEST))} or newer "
            "is needed, which filters by what is not there. Upgrade it, or set "
            "RAGLINE_VECTOR_STORE to another store."
        )


def _address(url: str, setting: str, port: int) -> tuple[str, int, bool]:
    """Return host, port and whether the connection is encrypted."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ConfigurationError(f"{setting} is no address: write http://host:{port}.")
    is_secure = parts.scheme == "https"
    return parts.hostname, parts.port or (443 if is_secure else port), is_secure
