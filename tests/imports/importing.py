"""Imports through the public interface."""

from __future__ import annotations

from typing import Any

from tests.inprocess import Tenant


def send(tenant: Tenant, project_id: str, *files: tuple[str, bytes], **fields: Any) -> Any:
    """Send files to be imported and return the response."""
    headers = fields.pop("headers", {})
    parts = [("file", file) for file in files]
    return tenant.http.post(
        f"/v1/projects/{project_id}/imports", files=parts, data=fields, headers=headers
    )


def imported(
    tenant: Tenant, project_id: str, *files: tuple[str, bytes], **fields: Any
) -> dict[str, Any]:
    """Import files and return the job once it has ended."""
    answer = send(tenant, project_id, *files, **fields)
    assert answer.status_code == 202, answer.text
    return tenant.ended(answer.json()["job"]["id"])


def documents(tenant: Tenant, project_id: str) -> dict[str, dict[str, Any]]:
    """Return a project's documents by their external ids."""
    answer = tenant.http.get(f"/v1/projects/{project_id}/documents", params={"limit": 200})
    return {each["external_id"]: each for each in answer.json()["documents"]}
