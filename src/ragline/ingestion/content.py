"""What a search can find in a project, counted by its changes."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ragline.models import Project

_CHANGED = (
    sa.update(Project)
    .where(Project.id == sa.bindparam("of_project"))
    .values(content_version=Project.content_version + 1)
    .execution_options(synchronize_session=False)
)


def content_changed(session: Session, project_id: str) -> None:
    """Count a change, in its transaction: answers kept from before it are not given again."""
    session.execute(_CHANGED, {"of_project": project_id})
