"""Work that another release began, with steps that are not known here."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import structlog
from dbos import DBOS
from dbos._error import DBOSUnexpectedStepError

from ragline.errors import Stopping

log = structlog.get_logger()


@contextmanager
def left_to_its_release() -> Iterator[None]:
    """Let a workflow rest where its recorded steps are not those of this release.

    It neither fails nor goes on: it is taken up by another worker once this process has ended,
    as what a stopping process leaves is. Until then its time limit holds.
    """
    try:
        yield
    except DBOSUnexpectedStepError as error:
        log.warning("work.of_another_release", workflow_id=DBOS.workflow_id, reason=str(error))
        raise Stopping from None
