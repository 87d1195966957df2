"""Clean-ups and metrics over HTTP."""

from __future__ import annotations

from ipaddress import ip_address
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from fastapi.concurrency import run_in_threadpool
from prometheus_client import CONTENT_TYPE_LATEST

from ragline.accounts.access import OperatorParameter, RuntimeParameter, caller_of
from ragline.errors import InvalidInput
from ragline.maintenance import metrics, service
from ragline.maintenance.schemas import CleanupAccepted, CleanupPreview
from ragline.models import now

router = APIRouter()
# A proxy on this machine connects from loopback for callers from anywhere.
PROXY_HEADERS = ("forwarded", "x-forwarded-for", "x-real-ip")

DryRun = Annotated[bool, Query(description="Only count what a clean-up would remove now.")]


@router.post("/v1/admin/cleanup", status_code=202, tags=["operations"])
def clean_up(
    runtime: RuntimeParameter,
    _caller: OperatorParameter,
    response: Response,
    dry_run: DryRun = False,
) -> CleanupAccepted | CleanupPreview:
    """Remove strays and what is old; with `dry_run` only count them."""
    if dry_run:
        response.status_code = 200
        return service.preview(runtime, now())
    accepted = service.begin_cleanup(runtime)
    response.headers["Location"] = f"/v1/jobs/{accepted.job.id}"
    return accepted


@router.get("/v1/admin/cleanup", tags=["operations"])
def preview(
    runtime: RuntimeParameter, _caller: OperatorParameter, dry_run: DryRun = True
) -> CleanupPreview:
    """Count what a clean-up would remove now."""
    if not dry_run:
        raise InvalidInput("Reading changes nothing: send POST to clean up.")
    return service.preview(runtime, now())


@router.get("/metrics", tags=["health"], response_class=Response)
async def read_metrics(request: Request, runtime: RuntimeParameter) -> Response:
    """Give the figures of all processes in Prometheus' text format; loopback needs no key."""
    if not _is_local(request):
        await caller_of(request, runtime)
    dead_after = runtime.settings.dead_after_seconds
    text = await run_in_threadpool(
        metrics.text, runtime.database, now(), dead_after_seconds=dead_after
    )
    return Response(text, media_type=CONTENT_TYPE_LATEST)


def _is_local(request: Request) -> bool:
    if request.client is None or any(name in request.headers for name in PROXY_HEADERS):
        return False
    try:
        return ip_address(request.client.host).is_loopback
    except ValueError:  # a socket in the file system, or a test's client
        return False
