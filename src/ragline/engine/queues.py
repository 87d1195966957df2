"""The queues, how many workflows run on them at once, and how often they are looked at."""

from __future__ import annotations

from collections.abc import Callable

import sqlalchemy as sa

from ragline.database import Database
from ragline.engine.rows import workflows
from ragline.settings import Settings

CHAT = "chat"
INGEST = "ingest"
PAGES = "pages"
DEFAULT = "default"
NAMES = (CHAT, INGEST, PAGES, DEFAULT)


def concurrency(settings: Settings) -> dict[str, int]:
    """Return how many workflows of each queue one worker runs at once.

    A worker without such a limit would claim the whole backlog. Parents and their
    children never share a queue, since a parent holds its place while it waits.
    """
    return {
        CHAT: settings.chat_concurrency,
        INGEST: settings.ingest_concurrency,
        PAGES: settings.pages_concurrency,
        DEFAULT: settings.default_concurrency,
    }


class Poller:
    """Looks often at queues that hold work and seldom at empty ones.

    Each look costs about a millisecond of the interpreter, so looking often at idle
    queues would cost a laptop several percent of a core for nothing.
    """

    def __init__(
        self,
        database: Database,
        settings: Settings,
        register: Callable[[str, int, float], None],
    ) -> None:
        self._database = database
        self._settings = settings
        self._register = register
        self._intervals: dict[str, float] = {}

    def tune(self) -> None:
        """Set each queue's interval by whether work is open on it."""
        query = (
            sa.select(workflows.c.queue_name)
            .where(workflows.c.status.in_(("ENQUEUED", "PENDING")))
            .distinct()
        )
        with self._database.read() as session:
            busy = set(session.scalars(query))
        for name, limit in concurrency(self._settings).items():
            settings = self._settings
            interval = settings.poll_seconds if name in busy else settings.idle_poll_seconds
            if self._intervals.get(name) != interval:
                self._register(name, limit, interval)
                self._intervals[name] = interval
