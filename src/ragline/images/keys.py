"""Under which keys the vectors of products are stored: the hash of all that decides them."""

from __future__ import annotations

import hashlib

import numpy as np

from ragline.providers.contracts import Vectors

# Raised where pictures would be decoded in another way.
DECODING_VERSION = 1


def picture_key(tenant_id: str, model: str, content_hash: str) -> str:
    """Return the key of a picture's vector.

    Within the tenant: shared, the time that embedding takes would tell what others hold.
    """
    return _key("picture", tenant_id, model, content_hash, str(DECODING_VERSION))


def words_key(tenant_id: str, embedder: str, text: str) -> str:
    """Return the key of the vector of a name and description."""
    return _key("words", tenant_id, embedder, text)


def words_of(name: str, description: str) -> str:
    """Return the text by which a product is found."""
    return f"{name}\n{description}".strip()


def _key(*parts: str) -> str:
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def digest_of(content: bytes) -> str:
    """Return the hash under which the file store names a content."""
    return hashlib.sha256(content).hexdigest()


def vector_of(stored: bytes) -> Vectors:
    """Return a stored vector."""
    vector: Vectors = np.frombuffer(stored, dtype="<f4")
    return vector
