"""What keys and tenants look like over HTTP, and what all requests share."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from ragline.accounts.service import Role


class RequestModel(BaseModel):
    """A request body; a field we do not know is an error, not something to ignore."""

    model_config = ConfigDict(extra="forbid")


def _clean(text: str) -> str:
    if "\x00" in text:
        raise ValueError("must not contain NUL characters")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ValueError("must be valid Unicode, without lone surrogates") from None
    return text


CleanText = Annotated[str, AfterValidator(_clean)]
"""Text that every database can store."""


def kind_of(value: object) -> str | None:
    """Return the JSON kind of a value, by which unions tell their members apart."""
    kinds = ((bool, "boolean"), (int | float, "number"), (str, "text"), (list, "list"))
    return next((kind for type, kind in kinds if isinstance(value, type)), None)


Name = Annotated[str, Field(min_length=1, max_length=200, pattern=r"\S"), AfterValidator(_clean)]


class KeyRequest(RequestModel):
    """A key to be made."""

    name: Name
    role: Role = Role.OWNER


class KeyView(BaseModel):
    """A key without its secret."""

    id: str
    name: str
    role: Role
    created_at: datetime


class Made(BaseModel):
    """What is kept of a request whose answer holds a secret: the id of what it made."""

    id: str


class NewKeyView(KeyView):
    """A key with its secret, shown this once."""

    key: str


class TenantRequest(RequestModel):
    """A tenant to be made."""

    name: Name


class NewTenantView(BaseModel):
    """A tenant with its first owner's key, shown this once."""

    id: str
    name: str
    key: str
