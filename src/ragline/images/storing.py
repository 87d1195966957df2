"""Receiving products: the fields of a form, and a picture judged by its first bytes and kept."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO

from fastapi import Request
from starlette.datastructures import FormData

from ragline.blobs import Blob
from ragline.bootstrap import Runtime
from ragline.documents.receiving import ReceivedFile, content_kind, receive_form, validated
from ragline.errors import InvalidInput, TooLarge, UnsupportedMediaType
from ragline.http.problems import not_json
from ragline.images.pictures import HEAD_BYTES, READABLE, detect_media_type
from ragline.images.schemas import ProductBody, ProductFields, from_base64


@dataclass(frozen=True, slots=True)
class StoredPicture:
    """A picture whose content is safe in the file store."""

    stream: BinaryIO
    blob: Blob
    media_type: str


async def receive_product(
    request: Request,
) -> tuple[FormData | None, ReceivedFile | None, ProductFields]:
    """Read a product, sent as JSON or as a form, which the caller closes."""
    if content_kind(request) == "json":
        body = validated(ProductBody, from_json(await request.body()))
        if body.image is None:
            return None, None, body.fields
        stream = io.BytesIO(from_base64(body.image))
        return None, ReceivedFile("image", stream), body.fields
    form, files, given = await receive_form(request, most_files=1, field="image", needs_file=False)
    try:
        if "metadata" in given:
            given["metadata"] = from_json(given["metadata"])
        if "tags" in given:
            given["tags"] = [str(tag) for tag in form.getlist("tags")]
        return form, _one(files), validated(ProductFields, given)
    except BaseException:
        await form.close()
        raise


def from_json(text: str | bytes) -> Any:
    """Return what JSON says."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise not_json(error) from None


def media_type_of(head: bytes, size: int, *, most_bytes: int) -> str:
    """Judge a picture by its first bytes and its size; raise what is wrong with it."""
    if not head:
        raise InvalidInput("The picture is empty; send one with content.")
    if size > most_bytes:
        raise TooLarge(
            f"The picture has {size} bytes, more than the {most_bytes} allowed; send a smaller "
            "one, or raise RAGLINE_IMAGE_MAX_BYTES."
        )
    media_type = detect_media_type(head)
    if media_type is None:
        raise UnsupportedMediaType(
            f"This is no picture that is read here, whatever its name says; send {READABLE}. "
            "SVG and files that a browser could take for a page are refused."
        )
    return media_type


def store(runtime: Runtime, file: ReceivedFile) -> StoredPicture:
    """Judge a picture, then keep it; nothing is kept of one that is refused."""
    stream = file.stream
    size = stream.seek(0, 2)
    stream.seek(0)
    head = stream.read(HEAD_BYTES)
    media_type = media_type_of(head, size, most_bytes=runtime.settings.image_max_bytes)
    stream.seek(0)
    return StoredPicture(stream, runtime.blobs.store(stream), media_type)


def _one(files: Sequence[ReceivedFile]) -> ReceivedFile | None:
    return files[0] if files else None
