"""The deliverer: looks for events and due deliveries, and tries them side by side."""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta

import structlog

from ragline.bootstrap import Runtime
from ragline.failpoints import failpoint
from ragline.models import now as present
from ragline.webhooks.outbox import Position, dispatch, is_behind
from ragline.webhooks.sending import Answer, Sender
from ragline.webhooks.signing import signed_headers
from ragline.webhooks.tries import Claim, claim, conclude, is_due

BUSY_SECONDS = 0.5
IDLE_SECONDS = 1.5
LEASE_MARGIN = timedelta(seconds=30)
"""How much longer than a try its lease is: time to write down what came of it."""

log = structlog.get_logger()


class Deliverer:
    """Sends the webhooks of a database; any number of processes may do so at once.

    `now` is the clock of schedules, leases and signatures.
    """

    def __init__(
        self,
        runtime: Runtime,
        *,
        sender: Sender | None = None,
        now: Callable[[], datetime] = present,
    ) -> None:
        self._database = runtime.database
        self._settings = runtime.settings
        self._sender = sender or Sender(runtime.settings)
        self._now = now
        self._random = random.Random()  # noqa: S311 # jitter is no secret
        self._position = Position()
        self._lease = timedelta(seconds=runtime.settings.webhook_seconds) + LEASE_MARGIN
        # No endpoint, however slow, may take all places.
        self._places_per_endpoint = max(1, runtime.settings.webhook_concurrency // 4)
        self._running: dict[threading.Thread, str] = {}
        self._guard = threading.Lock()
        self._wake = threading.Event()
        self._stopping = threading.Event()
        self._abandoned = threading.Event()
        self._thread: threading.Thread | None = None

    @property
    def is_alive(self) -> bool:
        """Whether the thread runs."""
        return self._thread is not None and self._thread.is_alive()

    def start(self) -> None:
        """Look and deliver in threads of its own."""
        self._thread = threading.Thread(target=self._run, name="webhooks", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End; tries under way are given the settings' time to finish.

        What is still not done then is tried again, here or elsewhere, when its lease is over.
        """
        self._stopping.set()
        self._wake.set()
        if self._thread is not None:
            self._thread.join()
        deadline = time.monotonic() + self._settings.grace_seconds
        for thread in self._under_way():
            thread.join(max(0.0, deadline - time.monotonic()))
        self._abandoned.set()

    def deliver_due(self) -> int:
        """Deliver, in this thread, all that is due now; return the number of tries."""
        self._position = dispatch(self._database, self._position, now=self._now)
        count = 0
        while (claimed := self._claim()) is not None:
            self._try(claimed)
            count += 1
        return count

    def _run(self) -> None:
        while not self._stopping.is_set():
            # What fails now is tried again at the next look: this thread outlives the
            # database's absence.
            try:
                pause = BUSY_SECONDS if self._look() else IDLE_SECONDS
            except Exception as error:  # noqa: BLE001 # see above
                log.warning("webhooks.look_failed", error=repr(error))
                pause = IDLE_SECONDS
            self._wake.wait(pause)
            self._wake.clear()

    def _look(self) -> bool:
        """Make deliveries and begin tries; tell whether there was anything to do."""
        busy = self._busy_endpoints()
        with self._database.read() as session:
            behind = is_behind(session, self._position)
            due = is_due(session, at=self._now(), busy=busy)
        if behind:
            self._position = dispatch(self._database, self._position, now=self._now)
        if behind or due:
            self._begin_tries()
        return behind or due or bool(self._running)

    def _begin_tries(self) -> None:
        while len(self._under_way()) < self._settings.webhook_concurrency:
            claimed = None if self._stopping.is_set() else self._claim()
            if claimed is None:
                return
            thread = threading.Thread(
                target=self._try_apart, args=(claimed,), name="webhook-try", daemon=True
            )
            with self._guard:
                self._running[thread] = claimed.endpoint_id
            thread.start()

    def _try_apart(self, claimed: Claim) -> None:
        try:
            self._try(claimed)
        except Exception as error:  # noqa: BLE001 # the lease runs out, then it is tried again
            log.warning("webhook.try_lost", delivery_id=claimed.id, error=repr(error))
        finally:
            with self._guard:
                del self._running[threading.current_thread()]
            # There is a place again for what waits.
            self._wake.set()

    def _claim(self) -> Claim | None:
        at = self._now()
        return claim(self._database, at=at, until=at + self._lease, busy=self._busy_endpoints())

    def _try(self, claimed: Claim) -> None:
        began = self._now()
        try:
            failpoint("webhook.claimed")
            headers = signed_headers(claimed.id, claimed.body, claimed.keys, at=began)
            answer = self._sender.send(claimed.url, headers, claimed.body.encode())
        except Exception as error:  # counted as a try, or it would go on for ever
            log.error("webhook.broken", delivery_id=claimed.id, exc_info=error)
            answer = Answer(None, "It could not be sent; the server's log says more.", 0.0)
        failpoint("webhook.sent")
        if self._abandoned.is_set():
            return
        conclude(
            self._database,
            claimed,
            answer,
            began=began,
            at=self._now(),
            most=self._settings.webhook_tries,
            draw=self._random.random(),
        )
        log.info(
            "webhook.tried",
            delivery_id=claimed.id,
            status_code=answer.status_code,
            error=answer.error,
        )

    def _under_way(self) -> list[threading.Thread]:
        with self._guard:
            return list(self._running)

    def _busy_endpoints(self) -> list[str]:
        with self._guard:
            counts = Counter(self._running.values())
        return [
            endpoint for endpoint, count in counts.items() if count >= self._places_per_endpoint
        ]
