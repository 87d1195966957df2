"""The page of a share, and the files it loads."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, Header, Response
from fastapi.concurrency import run_in_threadpool

from ragline.accounts.access import RuntimeParameter
from ragline.conversations.shares_public import open_share
from ragline.errors import NotFound

router = APIRouter(include_in_schema=False)

_FOLDER = Path(__file__).parent
_PAGE = (_FOLDER / "share.html").read_bytes()
_GONE = (_FOLDER / "gone.html").read_bytes()
HTML = "text/html; charset=utf-8"
_TYPES = {".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8"}
_FILES = {
    path.name: (path.read_bytes(), _TYPES[path.suffix])
    for path in _FOLDER.iterdir()
    if path.suffix in _TYPES
}


@router.get("/c/{token}")
async def page(token: str, runtime: RuntimeParameter) -> Response:
    """Return the page of a share, or one that says that the link opens nothing."""
    try:
        await run_in_threadpool(open_share, runtime, token)
    except NotFound:
        return Response(_GONE, 404, media_type=HTML)
    return Response(_PAGE, media_type=HTML)


@router.get("/web/{name}")
async def file(name: str, if_none_match: Annotated[str | None, Header()] = None) -> Response:
    """Return a file of this release's page, which browsers ask for again each time."""
    if name not in _FILES:
        raise NotFound(f"There is no file {name!r}.")
    content, media_type = _FILES[name]
    tag = f'"{hashlib.sha256(content).hexdigest()[:32]}"'
    headers = {"ETag": tag, "Cache-Control": "no-cache"}
    if if_none_match == tag:
        return Response(status_code=304, headers=headers)
    return Response(content, media_type=media_type, headers=headers)
