"""Products: send and change them, search by picture and words, delete."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from ragline.client.calls.uploads import MOST_WAIT_SECONDS
from ragline.client.calls.wishes import wishes
from ragline.client.listing import listing
from ragline.client.models import (
    Job,
    JobAnswer,
    Page,
    Product,
    ProductHit,
    ProductHits,
    ProductReceipt,
    SentProduct,
)
from ragline.client.sending import ask, at, create, delete, get, given, post, send
from ragline.client.steps import Flow, Series, Work
from ragline.client.uploads import Form, Source


def send_product(
    project_id: str,
    product_id: str,
    image: Source | None = None,
    *,
    name: str | None = None,
    description: str | None = None,
    metadata: Mapping[str, Any] | None = None,
    priority: int | None = None,
    not_before: datetime | None = None,
    tags: Sequence[str] = (),
    wait: int | None = None,
    idempotency_key: str | None = None,
) -> Flow[SentProduct]:
    """Send a product with its picture, a file or content in memory, or change one.

    A new product needs a picture and a name; of one that is known, what is None stays as it is.
    With `wait` the answer comes with the end of the job, or after so many seconds (60 at most).
    """
    fields = given(product_id=product_id, name=name, description=description, metadata=metadata)
    fields |= wishes(priority, not_before, tags)
    path, parts = at("projects", project_id, "images"), _waiting(wait)
    if image is None:
        request = create(path, fields, key=idempotency_key, **parts)
    else:
        form = Form({key: _plain(value) for key, value in fields.items()}, [image], named="image")
        request = create(path, key=idempotency_key, form=form, **parts)
    return (yield from ask(request, SentProduct))


def products(
    project_id: str, *, limit: int | None = None, after: str | None = None
) -> Series[Product]:
    """Yield a project's products, oldest first; behind the id `after`, and at most `limit`."""
    path = at("projects", project_id, "images")
    yield from listing(
        path, Page[Product], limit=limit, after=after, place=lambda each: each.product_id
    )


def product(project_id: str, product_id: str) -> Flow[Product]:
    """Return a product."""
    return (yield from ask(get(at("projects", project_id, "images", product_id)), Product))


def product_picture(project_id: str, product_id: str) -> Flow[bytes]:
    """Return a product's picture as it was sent."""
    response = yield from send(get(at("projects", project_id, "images", product_id, "file")))
    return response.content


def product_thumbnail(project_id: str, product_id: str) -> Flow[bytes]:
    """Return a product's thumbnail, a small JPEG."""
    response = yield from send(get(at("projects", project_id, "images", product_id, "thumbnail")))
    return response.content


def search_products(
    project_id: str,
    query: str | None = None,
    *,
    image: Source | None = None,
    weights: Mapping[str, float] | None = None,
    limit: int = 10,
    filter: Mapping[str, Any] | None = None,
) -> Flow[list[ProductHit]]:
    """Find products by words, by a picture, or by both, best first.

    `weights` say how much `image`, `text` and `keywords` count. `filter` is a condition on
    metadata, such as `{"type": "lt", "key": "price", "value": 20}`.
    """
    content = None if image is None else (yield Work(lambda: _content(image)))
    encoded = None if content is None else base64.b64encode(content).decode()
    body = given(query=query, image=encoded, weights=weights, limit=limit, filter=filter)
    request = post(at("projects", project_id, "images", "search"), body, repeatable=True)
    return (yield from ask(request, ProductHits)).hits


def reindex_products(project_id: str, *, idempotency_key: str | None = None) -> Flow[Job]:
    """Build products again whose vectors are an earlier model's; return the job."""
    request = create(at("projects", project_id, "images", "reindex"), key=idempotency_key)
    return (yield from ask(request, JobAnswer)).job


def delete_product(project_id: str, product_id: str) -> Flow[ProductReceipt]:
    """Delete a product everywhere, and return what was removed and what is left of it."""
    path = at("projects", project_id, "images", product_id)
    return (yield from ask(delete(path), ProductReceipt))


def _content(image: Source) -> bytes:
    return image.read_bytes() if isinstance(image, Path) else image.content


def _plain(value: Any) -> Any:
    """Return a field as forms carry it: a text, several of them, or JSON."""
    if isinstance(value, Mapping):
        return json.dumps(value)
    return value if isinstance(value, list) else str(value)


def _waiting(seconds: int | None) -> dict[str, Any]:
    """Return the parts of a request whose answer may take so long."""
    if seconds is None:
        return {}
    seconds = min(seconds, MOST_WAIT_SECONDS)
    return {"headers": {"Prefer": f"wait={seconds}"}, "patience": seconds}
