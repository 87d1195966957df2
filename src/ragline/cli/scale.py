"""Which shapes of the program this version can run."""

from __future__ import annotations

from ragline.errors import ConfigurationError


def require_embedded(*, workers: int = 1, worker: bool = True) -> None:
    """Refuse what needs several processes over shared stores.

    Raises:
        ConfigurationError: more than one HTTP process, or HTTP and worker apart.
    """
    if workers > 1:
        raise ConfigurationError(
            f"{workers} HTTP processes need PostgreSQL and a shared vector store, which this "
            "version does not support yet: leave out --workers, one process does all the work."
        )
    if not worker:
        raise ConfigurationError(
            "A server without a worker needs PostgreSQL and a shared vector store, which this "
            "version does not support yet: leave out --no-worker, the server works as well."
        )


def refuse_separate_worker() -> None:
    """Refuse a worker of its own.

    Raises:
        ConfigurationError: always, until several processes can share their stores.
    """
    raise ConfigurationError(
        "A worker of its own needs PostgreSQL and a shared vector store, which this version "
        "does not support yet: start `ragline serve`, which serves and works in one process."
    )
