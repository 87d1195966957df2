"""Limits on calls to providers, kept by all workers together.

Whoever wants to call takes a place in the provider's line, a row with a lease. Calls are
granted under a lock on the provider's row, first come first served, while fewer than the
limits allow are under way or began within the last minute. A process prolongs the leases of
what it waits for and runs; those of one that died run out.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
import structlog
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from ragline.database import Database, insert_missing
from ragline.errors import TemporaryProviderError
from ragline.models import ProviderCall, ProviderLimit, new_id
from ragline.providers.leases import Leases
from ragline.settings import CallLimits, Settings

WINDOW_SECONDS = 60.0
LEASE_SECONDS = 20.0
# A provider that asks for more rest than this is asked once in between.
LONGEST_REST_SECONDS = 3600.0
FIRST_LOOK_SECONDS = 0.05
SLOWEST_LOOK_SECONDS = 1.0
# Who stands further back in the line looks less often.
LOOK_SECONDS_PER_PLACE = 0.2

Clock = Callable[[Session], float]
Pause = Callable[[float], None]

log = structlog.get_logger()


def shared_clock(session: Session) -> float:
    """Return the seconds since 1970 by the clock that all workers share: the database's."""
    if session.get_bind().dialect.name == "sqlite":
        return time.time()  # all its processes are on one machine
    return float(session.execute(_POSTGRESQL_NOW).scalar_one())


class ProviderLimits:
    """Grants calls to providers within `Settings.provider_limits`, over all workers."""

    def __init__(
        self,
        database: Database,
        settings: Settings,
        *,
        clock: Clock = shared_clock,
        lease_seconds: float = LEASE_SECONDS,
    ) -> None:
        """Take the clock as a function of the session in which a call is granted."""
        self._database = database
        self._limits = settings.provider_limits
        self._clock = clock
        self._lease_seconds = lease_seconds
        self._leases = Leases(self._renew, every=lease_seconds / 4)
        self._rests: dict[str, float] = {}

    def call(
        self,
        provider: str | None,
        *,
        job_id: str | None = None,
        on_wait: Callable[[str], None] = lambda _reason: None,
        pause: Pause = time.sleep,
    ) -> AbstractContextManager[None]:
        """Give a block in which one call may be made; it begins once the call is granted.

        `on_wait` is told once, as "provider:<name>", that there is a wait; `pause` sleeps for
        some seconds, and what it raises ends the waiting. A `TemporaryProviderError` with
        `retry_after` that leaves the block keeps all workers from calling for as long.
        Without limits for the provider, or where it is None, the call is granted at once;
        its `retry_after` is then obeyed by this process alone.
        """
        if provider is None:
            return nullcontext()
        limits = self._limits.get(provider)
        if limits is None:
            return self._unlimited(provider, on_wait, pause)
        return self._limited(_Ticket(new_id(), provider, job_id), limits, on_wait, pause)

    @contextmanager
    def _unlimited(
        self, provider: str, on_wait: Callable[[str], None], pause: Pause
    ) -> Iterator[None]:
        left = self._rests.get(provider, 0.0) - time.monotonic()
        if left > 0:
            on_wait(_reason(provider))
            pause(left)
        try:
            yield
        except TemporaryProviderError as error:
            if error.retry_after:
                self._rests[provider] = time.monotonic() + _rest(error)
            raise

    @contextmanager
    def _limited(
        self, ticket: _Ticket, limits: CallLimits, on_wait: Callable[[str], None], pause: Pause
    ) -> Iterator[None]:
        rest = 0.0
        with self._leases.kept(ticket.id, ticket.provider):
            try:
                self._stand_in_line(ticket, limits, on_wait, pause)
                try:
                    yield
                except TemporaryProviderError as error:
                    rest = _rest(error)
                    raise
            finally:
                self._leave(ticket, rest)

    def _stand_in_line(
        self, ticket: _Ticket, limits: CallLimits, on_wait: Callable[[str], None], pause: Pause
    ) -> None:
        wait = self._ask(ticket, limits)
        if wait is None:
            return
        on_wait(_reason(ticket.provider))
        look = FIRST_LOOK_SECONDS
        while wait is not None:
            slowest = min(SLOWEST_LOOK_SECONDS, LOOK_SECONDS_PER_PLACE * (1 + wait.ahead))
            # Where the moment is known at which a call may be granted, that is the next look.
            pause(min(look, slowest) if wait.seconds is None else wait.seconds)
            look *= 1.5
            wait = self._ask(ticket, limits)

    def _ask(self, ticket: _Ticket, limits: CallLimits) -> _Wait | None:
        """Grant the call and return None, or keep its place in the line."""
        with self._database.write() as session:
            blocked_until = _locked(session, ticket.provider).blocked_until
            now = self._clock(session)
            _forget_old(session, ticket.provider, now)
            row = session.get(ProviderCall, ticket.id)
            if row is None:
                ticket.asked = now if ticket.asked is None else ticket.asked
                row = ProviderCall(
                    id=ticket.id,
                    provider=ticket.provider,
                    job_id=ticket.job_id,
                    asked=ticket.asked,
                    expires=now + self._lease_seconds,
                )
                session.add(row)
            wait = _wait(session, ticket, limits, now, blocked_until)
            row.started = now if wait is None else None
            row.expires = now + self._lease_seconds
        return wait

    def _leave(self, ticket: _Ticket, rest: float) -> None:
        """Give the place free; a failure to do so must not cost an answer that was paid for."""
        try:
            with self._database.write() as session:
                now = self._clock(session)
                if rest:
                    session.execute(_BLOCK, {"provider_": ticket.provider, "until": now + rest})
                session.execute(_LEAVE_LINE, {"call_id": ticket.id})
                session.execute(_END, {"call_id": ticket.id, "now": now})
        except SQLAlchemyError as error:
            log.warning("provider.call_left", provider=ticket.provider, error=repr(error))

    def _renew(self, calls: dict[str, str]) -> None:
        """Prolong the leases of these calls, by id with their providers."""
        with self._database.write() as session:
            # The same locks in the same order as whoever removes what ran out.
            for provider in sorted(set(calls.values())):
                _locked(session, provider)
            expires = self._clock(session) + self._lease_seconds
            session.execute(_RENEW, {"call_ids": list(calls), "until": expires})


@dataclass(slots=True)
class _Ticket:
    """A place in a provider's line; `asked` is set when it is taken and stays."""

    id: str
    provider: str
    job_id: str | None
    asked: float | None = None


@dataclass(frozen=True, slots=True)
class _Wait:
    """How many are ahead, and the seconds until the next look where these are known."""

    ahead: int
    seconds: float | None


def _reason(provider: str) -> str:
    return f"provider:{provider}"


def _rest(error: TemporaryProviderError) -> float:
    return min(max(error.retry_after or 0.0, 0.0), LONGEST_REST_SECONDS)


def _locked(session: Session, provider: str) -> ProviderLimit:
    """Return the provider's row, locked until the session ends."""
    found = session.scalar(_LOCK, {"provider_": provider})
    if found is None:
        insert_missing(session, ProviderLimit, [{"provider": provider, "blocked_until": 0.0}])
        found = session.scalars(_LOCK, {"provider_": provider}).one()
    return found


def _forget_old(session: Session, provider: str, now: float) -> None:
    """Remove calls that no limit counts any more, and the places of those who died waiting."""
    session.execute(_FORGET, {"provider_": provider, "now": now, "window": now - WINDOW_SECONDS})


def _wait(
    session: Session, ticket: _Ticket, limits: CallLimits, now: float, blocked_until: float
) -> _Wait | None:
    """Return what a call has to wait for; None if it is granted."""
    values: dict[str, Any] = {
        "provider_": ticket.provider,
        "now": now,
        "window": now - WINDOW_SECONDS,
        "asked_": ticket.asked,
        "call_id": ticket.id,
    }
    under_way, recent, ahead = session.execute(_COUNTS, values).one()
    known = [blocked_until - now] if blocked_until > now else []
    if limits.per_minute is not None and recent + ahead >= limits.per_minute:
        values["place"] = min(recent + ahead - limits.per_minute, max(recent - 1, 0))
        oldest = session.scalar(_NTH_START, values)
        known += [oldest + WINDOW_SECONDS - now] if oldest is not None else []
        return _Wait(ahead, max(known, default=None))
    if limits.concurrent is not None and under_way + ahead >= limits.concurrent:
        return _Wait(ahead, max(known, default=None))
    return _Wait(ahead, max(known)) if known else None


# Built once: putting a query together costs as much as running it.
_POSTGRESQL_NOW = sa.text("SELECT CAST(extract(epoch FROM clock_timestamp()) AS double precision)")
_provider = sa.bindparam("provider_", type_=sa.String)
_now = sa.bindparam("now", type_=sa.Double)
_window = sa.bindparam("window", type_=sa.Double)
_waits = ProviderCall.started.is_(None)
_LOCK = (
    sa.select(ProviderLimit)
    .where(ProviderLimit.provider == _provider)
    .with_for_update()
    .execution_options(populate_existing=True)
)
_FORGET = sa.delete(ProviderCall).where(
    ProviderCall.provider == _provider,
    sa.or_(_waits, ProviderCall.started <= _window),
    sa.or_(ProviderCall.ended.is_not(None), ProviderCall.expires <= _now),
)
_COUNTS = sa.select(
    sa.func.count().filter(
        ProviderCall.started.is_not(None),
        ProviderCall.ended.is_(None),
        ProviderCall.expires > _now,
    ),
    sa.func.count().filter(ProviderCall.started > _window),
    sa.func.count().filter(
        _waits,
        sa.tuple_(ProviderCall.asked, ProviderCall.id)
        < sa.tuple_(sa.bindparam("asked_", type_=sa.Double), sa.bindparam("call_id")),
    ),
).where(ProviderCall.provider == _provider)
_NTH_START = (
    sa.select(ProviderCall.started)
    .where(ProviderCall.provider == _provider, ProviderCall.started > _window)
    .order_by(ProviderCall.started)
    .limit(1)
    .offset(sa.bindparam("place"))
)
_BLOCK = (
    sa.update(ProviderLimit)
    .where(
        ProviderLimit.provider == _provider,
        ProviderLimit.blocked_until < sa.bindparam("until", type_=sa.Double),
    )
    .values(blocked_until=sa.bindparam("until", type_=sa.Double))
)
_LEAVE_LINE = sa.delete(ProviderCall).where(ProviderCall.id == sa.bindparam("call_id"), _waits)
_END = sa.update(ProviderCall).where(ProviderCall.id == sa.bindparam("call_id")).values(ended=_now)
_RENEW = (
    sa.update(ProviderCall)
    .where(
        ProviderCall.id.in_(sa.bindparam("call_ids", expanding=True)), ProviderCall.ended.is_(None)
    )
    .values(expires=sa.bindparam("until", type_=sa.Double))
)
