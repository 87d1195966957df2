"""Stored files in an S3-compatible bucket."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import SpooledTemporaryFile
from typing import BinaryIO, cast
from urllib.parse import urlsplit

import obstore
from obstore.exceptions import BaseError
from obstore.store import S3Store

from ragline.blobs.contract import Blob, Stream, copy_hashed, gone, name_of, unavailable
from ragline.blobs.copies import LocalCopies
from ragline.blobs.s3_errors import at_start, translated
from ragline.errors import ConfigurationError

PIECE_BYTES = 8 * 1024**2
PARTS_AT_ONCE = 4
LISTED_AT_ONCE = 1000
_ENDPOINTS = ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_ENDPOINT")
_BUCKET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{1,62}")
_PREFIX = re.compile(r"([\w.=-]+(/[\w.=-]+)*)?", re.ASCII)


class BucketStore:
    """A bucket, or a part of one; credentials, region and endpoint are the AWS_* variables."""

    def __init__(self, bucket: str, prefix: str, copies: LocalCopies) -> None:
        """Keep objects below a prefix, which may be empty; nothing is asked of the bucket yet."""
        if not _BUCKET.fullmatch(bucket):
            # Not repeated in the message, for some put their keys in front of the name.
            raise ConfigurationError(
                "RAGLINE_FILES_URL holds no possible name of a bucket: write it as "
                "s3://bucket/prefix, and the credentials in AWS_ACCESS_KEY_ID and "
                "AWS_SECRET_ACCESS_KEY."
            )
        if not _PREFIX.fullmatch(prefix) or {".", ".."} & set(prefix.split("/")):
            raise ConfigurationError(
                f"The prefix {prefix!r} in RAGLINE_FILES_URL cannot be used: give it letters, "
                "digits and - _ . = only, with single slashes between them."
            )
        self._bucket = bucket
        self._prefix = prefix
        self._copies = copies
        # A transaction may wait for a look at an object, so a look is given up soon.
        self._looking = _client(bucket, seconds=5)
        self._moving = _client(bucket, seconds=60)

    def prepare(self) -> None:
        """Look into the bucket once, so that a fault in the settings stops the start."""
        try:
            next(iter(obstore.list(self._looking, self._prefix or None, chunk_size=1)), None)
        except BaseError as error:
            raise at_start(self._bucket, error) from error
        self._copies.prepare()

    def store(self, source: BinaryIO) -> Blob:
        """Spool to the local disk first: the name is known only when all has been read.

        A put shows the whole object or none, so it goes straight under its final name. It
        replaces an object of that name, which mends one that was damaged.
        """
        with SpooledTemporaryFile(max_size=PIECE_BYTES) as spool:
            blob = copy_hashed(source, cast(BinaryIO, spool))
            spool.seek(0)
            with translated():
                obstore.put(
                    self._moving,
                    self._key(blob.content_hash),
                    cast(BinaryIO, spool),
                    chunk_size=PIECE_BYTES,
                    max_concurrency=PARTS_AT_ONCE,
                )
        return blob

    def exists(self, content_hash: str) -> bool:
        """Tell whether the object is there, by one HEAD."""
        return self._size(content_hash) is not None

    def delete(self, content_hash: str) -> bool:
        """Remove the object, and the copy on this machine unless it is in use."""
        self._copies.drop(content_hash)
        if not self.exists(content_hash):
            return False
        with translated():
            obstore.delete(self._looking, self._key(content_hash))
        return True

    def open(self, content_hash: str) -> Stream:
        """Return the content in pieces that are fetched as they are taken."""
        size = self._size(content_hash)
        if size is None:
            raise gone()
        return Stream(size, self._pieces(content_hash, size))

    @contextmanager
    def local(self, content_hash: str) -> Iterator[Path]:
        """Give a copy on this machine, whose content was checked against its hash."""
        with self._copies.hold(content_hash, lambda: self.open(content_hash).pieces) as path:
            yield path

    def hashes(self, *, older_than: datetime) -> Iterator[str]:
        """Go through the objects stored before a moment, by the bucket's clock."""
        with translated():
            listing = obstore.list(self._moving, self._prefix or None, chunk_size=LISTED_AT_ONCE)
            for group in listing:
                for item in group:
                    content_hash = item["path"].rpartition("/")[2]
                    if self._is_ours(item["path"]) and item["last_modified"] < older_than:
                        yield content_hash

    def _key(self, content_hash: str) -> str:
        name = name_of(content_hash)
        return f"{self._prefix}/{name}" if self._prefix else name

    def _is_ours(self, key: str) -> bool:
        below = key.removeprefix(f"{self._prefix}/") if self._prefix else key
        return bool(_NAME.fullmatch(below))

    def _size(self, content_hash: str) -> int | None:
        key = self._key(content_hash)
        with translated():
            try:
                return obstore.head(self._looking, key)["size"]
            except FileNotFoundError:
                return None

    def _pieces(self, content_hash: str, size: int) -> Iterator[bytes]:
        """Ask for one range at a time: a slow taker holds neither a connection nor memory."""
        for start in range(0, size, PIECE_BYTES):
            end = min(start + PIECE_BYTES, size)
            with translated():
                try:
                    piece = obstore.get_range(
                        self._moving, self._key(content_hash), start=start, end=end
                    )
                except FileNotFoundError:
                    raise gone() from None
            if len(piece) != end - start:
                raise unavailable()
            yield bytes(piece)


_NAME = re.compile(r"([0-9a-f]{2})/\1[0-9a-f]{62}")


def _client(bucket: str, *, seconds: float) -> S3Store:
    """Return a client whose requests take so long at most, and are tried again as long."""
    plain = _endpoint_scheme() == "http"
    try:
        return S3Store(
            bucket,
            client_options={
                "allow_http": plain,
                "connect_timeout": "3s",
                "timeout": timedelta(seconds=seconds),
            },
            retry_config={"max_retries": 3, "retry_timeout": timedelta(seconds=seconds)},
        )
    except BaseError as error:
        raise at_start(bucket, error) from error


def _endpoint_scheme() -> str:
    """Return the scheme of the endpoint that the environment names, or nothing without one."""
    name = next((name for name in _ENDPOINTS if os.environ.get(name)), None)
    if name is None:
        return ""
    try:
        parts = urlsplit(os.environ[name])
        usable = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        usable = False
    if not usable:
        raise ConfigurationError(
            f"{name} is no address of a server for RAGLINE_FILES_URL: "
            "write it as https://host or http://host:port."
        )
    return parts.scheme
