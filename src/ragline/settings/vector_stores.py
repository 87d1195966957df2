"""Where vectors live outside this machine, and how long is waited for them."""

from __future__ import annotations

from pydantic import BaseModel, Field, SecretStr


class VectorStoreSettings(BaseModel):
    """Addresses, keys, batches and patience of the vector stores that are servers."""

    vector_batch: int = Field(
        default=100, ge=1, le=1000, description="Passages sent to a vector server at once."
    )
    vector_timeout_seconds: float = Field(
        default=30, gt=0, description="Time after which a call to a vector server is given up."
    )
    vector_tries: int = Field(
        default=4,
        ge=1,
        le=20,
        description="Times a call to a vector server is tried, with growing pauses, where it "
        "fails for a time; what runs it may try again later.",
    )
    qdrant_url: str = Field(
        default="http://127.0.0.1:6333", description="Address of the Qdrant server (1.19 or newer)."
    )
    qdrant_api_key: SecretStr | None = Field(
        default=None, description="Key sent to the Qdrant server; unset means none."
    )
    qdrant_collection: str = Field(
        default="ragline",
        pattern=r"^[A-Za-z0-9_-]{1,100}$",
        description="Collection of the passages on the Qdrant server; further indexes have its "
        "name in front of theirs.",
    )
    qdrant_search_ef: int = Field(
        default=128,
        ge=16,
        le=4096,
        description="Candidates that Qdrant keeps while it searches a large project; more find "
        "more of what an exact search finds, and take longer.",
    )
    weaviate_url: str = Field(
        default="http://127.0.0.1:8080",
        description="Address of the Weaviate server (1.33 or newer).",
    )
    weaviate_grpc_url: str = Field(
        default="http://127.0.0.1:50051", description="Address of Weaviate's gRPC interface."
    )
    weaviate_api_key: SecretStr | None = Field(
        default=None, description="Key sent to the Weaviate server; unset means none."
    )
    weaviate_collection: str = Field(
        default="Ragline",
        pattern=r"^[A-Z][A-Za-z0-9_]{0,99}$",
        description="Collection of the passages in Weaviate; further indexes have its name in "
        "front of theirs.",
    )
    pinecone_api_key: SecretStr | None = Field(default=None, description="Key sent to Pinecone.")
    pinecone_index: str = Field(
        default="ragline",
        pattern=r"^[a-z0-9][a-z0-9-]{0,29}$",
        description="Name with which the indexes at Pinecone begin; there are two for each "
        "collection, for vectors and for words.",
    )
    pinecone_url: str = Field(
        default="https://api.pinecone.io", description="Address of Pinecone's control plane."
    )
    pinecone_cloud: str = Field(
        default="aws", description="Cloud where Pinecone creates indexes that are missing."
    )
    pinecone_region: str = Field(
        default="us-east-1", description="Region where Pinecone creates indexes that are missing."
    )
    pinecone_visible_seconds: float = Field(
        default=60,
        gt=0,
        description="Time for which a write waits until Pinecone's searches show it.",
    )
