"""How often the cache had an answer, counted in the database for all processes together."""

from __future__ import annotations

import threading
from collections import Counter
from typing import Literal

import sqlalchemy as sa
import structlog

from ragline.database import Database, insert_missing
from ragline.models import Total

LOOKUPS = "cache/"
"""How the names of these totals begin."""
# A transaction for each look would cost more than the look.
FLUSH_SECONDS = 1.0
Result = Literal["exact", "semantic", "miss", "bypass"]
RESULTS: tuple[Result, ...] = ("exact", "semantic", "miss", "bypass")

log = structlog.get_logger()


class Lookups:
    """Counts looks, and writes the counts a second later; a crash loses those of that second."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._counts: Counter[str] = Counter()
        self._lock = threading.Lock()
        self._timer: threading.Timer | None = None

    def count(self, result: Result) -> None:
        """Count a look."""
        with self._lock:
            self._counts[result] += 1
            if self._timer is None:
                self._timer = threading.Timer(FLUSH_SECONDS, self.flush)
                self._timer.daemon = True
                self._timer.start()

    def flush(self) -> None:
        """Write what was counted; where the database is away it is tried with the next look."""
        with self._lock:
            if self._timer is not None:
                self._timer.cancel()
            counts, self._counts, self._timer = self._counts, Counter(), None
        if not counts:
            return
        try:
            self._write(counts)
        except (sa.exc.OperationalError, sa.exc.TimeoutError) as error:
            log.warning("cache.not_counted", error=str(error).splitlines()[0])
            with self._lock:
                self._counts.update(counts)

    def close(self) -> None:
        """Write what was counted, and wait for a write that is under way."""
        timer = self._timer
        self.flush()
        if timer is not None:
            timer.join()

    def _write(self, counts: Counter[str]) -> None:
        # In one order for all, so that two processes do not wait for each other in a ring.
        names = sorted(counts)
        with self._database.write() as session:
            insert_missing(session, Total, [{"name": LOOKUPS + name, "count": 0} for name in names])
            for name in names:
                session.execute(_ADD, {"of_name": LOOKUPS + name, "more": counts[name]})


_ADD = (
    sa.update(Total)
    .where(Total.name == sa.bindparam("of_name"))
    .values(count=Total.count + sa.bindparam("more", type_=sa.BigInteger))
    .execution_options(synchronize_session=False)
)
