"""Projects over HTTP."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

from fastapi import APIRouter, Query, Response

from ragline.accounts.access import CallerParameter, EditorParameter, RuntimeParameter
from ragline.http.idempotency import KeyHeader, Once, once
from ragline.models import Project
from ragline.projects import deletion, service
from ragline.projects.schemas import (
    ProjectChange,
    ProjectList,
    ProjectRequest,
    ProjectView,
    SearchView,
    StatsView,
)
from ragline.projects.searching import search_view

router = APIRouter(prefix="/v1/projects", tags=["projects"])


@router.post("", status_code=201)
def create(
    body: ProjectRequest,
    runtime: RuntimeParameter,
    caller: EditorParameter,
    idempotency_key: KeyHeader = None,
) -> ProjectView:
    """Make a project."""
    fields = body.model_dump()
    # Only where it was said, so that keys from before it could be are known again.
    asked = {name: value for name, value in fields.items() if not _is_unsaid(name, value)}
    return once(
        runtime.database,
        Once(caller.tenant_id, idempotency_key, ("project", asked)),
        ProjectView,
        lambda: _view(service.create_project(runtime, caller, **fields)),
    )


@router.get("")
def projects(
    runtime: RuntimeParameter,
    caller: CallerParameter,
    name: str | None = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    after: str | None = None,
) -> ProjectList:
    """List your projects, oldest first, or find one by its name."""
    found, more = service.list_projects(runtime, caller, name=name, limit=limit, after=after)
    return ProjectList(projects=[_view(project) for project in found], has_more=more)


@router.get("/{project_id}")
def project(project_id: str, runtime: RuntimeParameter, caller: CallerParameter) -> ProjectView:
    """Return a project, with what it is searched with."""
    found = service.get_project(runtime, caller, project_id)
    return _view(found, search_view(runtime, found))


@router.patch("/{project_id}")
def change(
    project_id: str, body: ProjectChange, runtime: RuntimeParameter, caller: EditorParameter
) -> ProjectView:
    """Change a project's name, description or language."""
    changes = body.model_dump(exclude_unset=True)
    return _view(service.change_project(runtime, caller, project_id, changes))


@router.get("/{project_id}/stats")
def stats(project_id: str, runtime: RuntimeParameter, caller: CallerParameter) -> StatsView:
    """Count what a project holds."""
    return StatsView(**asdict(service.project_stats(runtime, caller, project_id)))


@router.delete("/{project_id}", status_code=202)
def delete(
    project_id: str, response: Response, runtime: RuntimeParameter, caller: EditorParameter
) -> deletion.DeletionAccepted:
    """Delete a project with all it holds; the receipt is the job's result."""
    accepted = deletion.accept_deletion(runtime, caller, project_id)
    response.headers["Location"] = f"/v1/jobs/{accepted.job.id}"
    return accepted


def _is_unsaid(name: str, value: object) -> bool:
    return value is None and name in ("clean", "clean_prompt")


def _view(project: Project, search: SearchView | None = None) -> ProjectView:
    return ProjectView(
        id=project.id,
        name=project.name,
        description=project.description,
        language=project.language,
        clean=project.clean,
        clean_prompt=project.clean_prompt,
        created_at=project.created_at,
        search=search,
    )
