"""Where log lines go: the one place that configures logging."""

from __future__ import annotations

import logging
import sys

import structlog

_SHARED: list[structlog.typing.Processor] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    structlog.processors.StackInfoRenderer(),
]


def configure(level: str) -> None:
    """Write log lines from `level` on to stderr: JSON, or readable text on a terminal.

    The libraries' lines take the same way. Each line is flushed, so that the last one
    before a kill -9 can be read.
    """
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *_SHARED,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)  # it flushes after each line
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                *_renderers(readable=sys.stderr.isatty()),
            ],
            foreign_pre_chain=_SHARED,
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level.upper())
    # Their notes on ordinary starts and steps say nothing that our own events do not.
    for library in ("uvicorn", "alembic", "httpx2", "httpcore2", "asyncio", "mcp"):
        logging.getLogger(library).setLevel(logging.WARNING)


def _renderers(*, readable: bool) -> list[structlog.typing.Processor]:
    if readable:
        # Drawings of all local variables would hold up the server for seconds.
        plain = structlog.dev.plain_traceback
        return [structlog.dev.ConsoleRenderer(exception_formatter=plain)]
    return [structlog.processors.format_exc_info, structlog.processors.JSONRenderer(default=str)]
