"""Logs: structlog, one JSON object a line on standard error, with the service, the door and the call where known.

Whoever takes something up that is about a call (an order, a question, a fact, an effect) does so within `about(it)`:
every line that is logged meanwhile has the call's id under `call`, also those of tasks that are begun there. What
outlives the call is begun in a context of its own (`detached`).
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import Context, copy_context

import structlog

from doorbus.contract.identity import call_of
from doorbus.runtime.settings import ServiceSettings

CALL = "call"
"""The key of a call's id, in log lines and in exemplars."""


@contextmanager
def about(*things: object) -> Iterator[None]:
    """Names in every log line of the body the call that `things` are about: that of the first that is about one.

    Where none is, the lines name no call, whatever they named outside.
    """
    call = next((call for call in map(call_of, things) if call is not None), None)
    outside = structlog.contextvars.bind_contextvars(**{CALL: call})
    if call is None:
        structlog.contextvars.unbind_contextvars(CALL)
    try:
        yield
    finally:
        structlog.contextvars.reset_contextvars(**outside)


def name_call(thing: object) -> None:
    """Names the call that `thing` is about in every further log line of this task, where it is about one."""
    call = call_of(thing)
    if call is not None:
        structlog.contextvars.bind_contextvars(**{CALL: call})


def detached() -> Context:
    """Returns a context like this one that names no call: for tasks, readers and timers that outlive the call."""
    context = copy_context()
    context.run(structlog.contextvars.unbind_contextvars, CALL)
    return context


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
