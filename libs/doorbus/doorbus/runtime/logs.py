"""Logs: structlog, one JSON object a line on standard error, with the service, the door and the call where known."""

from __future__ import annotations

import logging
import sys

import structlog

from doorbus.runtime.settings import ServiceSettings


def set_up_logging(service: str, settings: ServiceSettings) -> None:
    """Configures structlog for the process. Secrets never get here: they are `SecretStr` until they are used."""
    renderer: structlog.types.Processor = (
        structlog.processors.JSONRenderer() if settings.log_format == "json" else structlog.dev.ConsoleRenderer()
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(getattr(logging, settings.log_level.upper())),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    structlog.contextvars.bind_contextvars(service=service)
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr, format="%(name)s: %(message)s", force=True)
    logging.getLogger("nats").setLevel(logging.CRITICAL)  # we report the connection's state ourselves, once
