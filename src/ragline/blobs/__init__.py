"""Stored files, named by the SHA-256 of their content, in a folder or in a bucket."""

from __future__ import annotations

from ragline.blobs.build import build_store
from ragline.blobs.contract import Blob, BlobStore, Stream

__all__ = ["Blob", "BlobStore", "Stream", "build_store"]
