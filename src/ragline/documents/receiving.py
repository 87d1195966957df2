"""Request bodies: JSON within bounds, and multipart files that stream to disk."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import Any, BinaryIO, TypeVar

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ValidationError
from starlette.datastructures import FormData, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser

from ragline.documents.schemas import TextDocument, UploadFields
from ragline.errors import InvalidInput, MalformedRequest, UnsupportedMediaType
from ragline.http.problems import not_json

MOST_FORM_FIELDS = 20
Model = TypeVar("Model", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class ReceivedFile:
    """A file of an upload: an open stream, and the name its sender gave it."""

    filename: str
    stream: BinaryIO


def content_kind(request: Request) -> str:
    """Return 'json' or 'multipart'; nothing else is taken."""
    content_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if content_type == "application/json":
        return "json"
    if content_type == "multipart/form-data":
        return "multipart"
    raise UnsupportedMediaType(
        "Send files as multipart/form-data with fields named 'file', or text as application/json."
    )


async def receive_text(request: Request) -> TextDocument:
    """Read a JSON document."""
    return validated(TextDocument, _parsed(await request.body()))


async def receive_files(
    request: Request, *, most_files: int
) -> tuple[FormData, list[ReceivedFile], UploadFields]:
    """Read a multipart upload of documents; the caller closes the returned form."""
    form, files, fields = await receive_form(request, most_files=most_files)
    try:
        if "metadata" in fields:
            fields["metadata"] = _parsed(str(fields["metadata"]).encode())
        # A form repeats a field where JSON has a list.
        if "tags" in fields:
            fields["tags"] = [str(tag) for tag in form.getlist("tags")]
        return form, files, validated(UploadFields, fields)
    except BaseException:
        await form.close()
        raise


async def receive_form(
    request: Request, *, most_files: int, field: str = "file", needs_file: bool = True
) -> tuple[FormData, list[ReceivedFile], dict[str, Any]]:
    """Read a multipart body; files above a megabyte go through a temporary file on disk.

    Files stand in form fields named `field`. The caller closes the returned form, which removes
    the temporary files.
    """
    parser = _WholeBodyParser(
        request.headers, request.stream(), max_files=most_files, max_fields=MOST_FORM_FIELDS
    )
    try:
        form = await parser.parse()
    except MultiPartException as error:
        raise MalformedRequest(f"The multipart body cannot be read: {error.message}") from None
    try:
        items = form.multi_items()
        files = [_file(name, value, field) for name, value in items if _is_file(value)]
        fields: dict[str, Any] = {name: value for name, value in items if not _is_file(value)}
        if needs_file and not files:
            raise InvalidInput(f"Send at least one file in a form field named {field!r}.")
        return form, files, fields
    except BaseException:
        await form.close()
        raise


class _WholeBodyParser(MultiPartParser):
    """Insists on the last boundary: without it the last file is cut off, and would be left out."""

    _has_ended = False

    async def parse(self) -> FormData:
        """Return the form of a whole body."""
        self.stream = self._whole(self.stream)
        return await super().parse()

    def on_end(self) -> None:
        """Note the last boundary."""
        self._has_ended = True

    async def _whole(self, stream: AsyncGenerator[bytes, None]) -> AsyncGenerator[bytes, None]:
        async for piece in stream:
            yield piece
        if not self._has_ended:
            raise MultiPartException("It was cut off; send it again as a whole.")


def _is_file(value: object) -> bool:
    return isinstance(value, UploadFile)


def _file(name: str, value: Any, field: str) -> ReceivedFile:
    if name != field:
        raise InvalidInput(f"The form field of a file must be named {field!r}, not {name!r}.")
    # Browsers and scripts may send paths; only the last part is a name.
    filename = (value.filename or "").replace("\\", "/").rpartition("/")[2]
    filename = "".join(c for c in filename if c.isprintable()).strip()[:500]
    return ReceivedFile(filename or "unnamed", value.file)


def _parsed(body: bytes) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError) as error:
        raise not_json(error) from None


def validated(model: type[Model], data: Any) -> Model:
    """Return what was received as a request model, or raise what is wrong with its fields."""
    try:
        return model.model_validate(data)
    except ValidationError as error:
        raise RequestValidationError(error.errors()) from None
