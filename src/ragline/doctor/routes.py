"""The doctor over HTTP."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Response

from ragline.accounts.access import OperatorParameter, RuntimeParameter
from ragline.doctor import service
from ragline.doctor.schemas import Diagnosis, RepairAccepted, RepairRequest

router = APIRouter(prefix="/v1/doctor", tags=["operations"])

ProjectId = Annotated[str | None, Query(description="Look at the indexes of this project only.")]


@router.get("")
def diagnose(
    runtime: RuntimeParameter, _caller: OperatorParameter, project_id: ProjectId = None
) -> Diagnosis:
    """Compare rows, files and vectors, and explain each difference; nothing is changed."""
    return service.diagnose(runtime, project_id=project_id)


@router.post("/repair", status_code=202)
def repair(
    runtime: RuntimeParameter,
    _caller: OperatorParameter,
    response: Response,
    body: RepairRequest | None = None,
) -> RepairAccepted:
    """Repair what differs; what was done and what is left is the job's result."""
    project_id = body.project_id if body else None
    accepted = service.begin_repair(runtime, project_id=project_id)
    response.headers["Location"] = f"/v1/jobs/{accepted.job.id}"
    return accepted
