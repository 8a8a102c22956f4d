"""What the controller says about itself: structured lines on stderr, of libraries too."""

from __future__ import annotations

import logging
import sys

import structlog

from controller.config.machinery import Log

OURS = ("controller", "hardware")


class _Forwarding(logging.Handler):
    """Brings what is told to Python's own logging into the same form: else a collector of JSON meets a bare line."""

    def emit(self, record: logging.LogRecord) -> None:
        try:
            told = structlog.get_logger(record.name)
            told.log(record.levelno, record.getMessage(), logger=record.name, exc_info=record.exc_info or None)
        except Exception:
            self.handleError(record)


def set_up(settings: Log) -> None:
    """Readable lines, or one JSON object a line for collectors. Of libraries only warnings and what is worse."""
    level = getattr(logging, settings.level.upper())
    renderer = (
        structlog.processors.JSONRenderer() if settings.json_lines else structlog.dev.ConsoleRenderer(colors=False)
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    root = logging.getLogger()
    root.handlers[:] = [_Forwarding()]
    root.setLevel(max(level, logging.WARNING))
    for name in OURS:
        logging.getLogger(name).setLevel(level)
