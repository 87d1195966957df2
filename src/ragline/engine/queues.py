"""The queues, how many workflows run on them at once, and how often they are looked at."""

from __future__ import annotations

import time
from collections.abc import Callable

import sqlalchemy as sa

from ragline.database import Database
from ragline.engine.rows import workflows
from ragline.models import QueueState
from ragline.settings import Settings

CHAT = "chat"
INGEST = "ingest"
PAGES = "pages"
IMAGES = "images"
DEFAULT = "default"
REEMBED = "reembed"
NAMES = (CHAT, INGEST, PAGES, IMAGES, DEFAULT, REEMBED)
RECENT_SECONDS = 60.0
QUIET_CHAT_SECONDS = 0.75
"""Time between two looks at the queue of questions when nobody asked for a minute."""


def concurrency(settings: Settings) -> dict[str, int]:
    """Return how many workflows of one tenant a worker runs at once, by queue.

    A worker without such a limit would claim the whole backlog. Parents and their
    children never share a queue, since a parent holds its place while it waits.
    """
    return {
        CHAT: settings.chat_concurrency,
        INGEST: settings.ingest_concurrency,
        PAGES: settings.pages_concurrency,
        IMAGES: settings.image_concurrency,
        DEFAULT: settings.default_concurrency,
        REEMBED: settings.reembed_concurrency,
    }


class Poller:
    """Looks often at queues that hold work and seldom at empty ones; not at paused ones.

    Each look costs about a millisecond of the interpreter, so looking often at idle
    queues would cost a laptop several percent of a core for nothing.
    """

    def __init__(
        self,
        database: Database,
        settings: Settings,
        register: Callable[[str, int, int, float], None],
    ) -> None:
        """`register` takes a queue's name, its places, those of one tenant, and the interval."""
        self._database = database
        self._settings = settings
        self._register = register
        self._known: dict[str, tuple[int, int, float]] = {}

    def tune(self) -> None:
        """Set each queue's places and interval by what is paused and where work is open."""
        with self._database.read() as session:
            recent = int((time.time() - RECENT_SECONDS) * 1000)
            busy = set(session.scalars(_BUSY, {"recent": recent}))
            paused = set(session.scalars(_PAUSED))
        for name, share in concurrency(self._settings).items():
            places = 0 if name in paused else share * self._settings.tenants_at_once
            known = places, share, self._interval(name, busy)
            if self._known.get(name) != known:
                self._register(name, *known)
                self._known[name] = known

    def _interval(self, name: str, busy: set[str]) -> float:
        if name != CHAT:
            return self._settings.poll_seconds if name in busy else self._settings.idle_poll_seconds
        # Somebody waits for the answer: who has just asked will probably ask again.
        quiet = min(self._settings.idle_poll_seconds, QUIET_CHAT_SECONDS)
        return self._settings.chat_poll_seconds if name in busy else quiet


_ASKED_RECENTLY = sa.select(sa.literal(CHAT)).where(
    sa.exists().where(
        workflows.c.created_at > sa.bindparam("recent"), workflows.c.queue_name == CHAT
    )
)
_BUSY = sa.union_all(
    _ASKED_RECENTLY,
    *(
        sa.select(sa.literal(name)).where(
            sa.exists().where(
                workflows.c.queue_name == name, workflows.c.status.in_(("ENQUEUED", "PENDING"))
            )
        )
        for name in NAMES
    ),
)
_PAUSED = sa.select(QueueState.name).where(QueueState.paused_at.is_not(None))
