"""The HTTP server: uvicorn in the service's own event loop, started and stopped by the service."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator
from contextlib import contextmanager

import structlog
import uvicorn
from fastapi import FastAPI

from doorbus_web.settings import WebSettings

STOP_S = 0.4
"""Open requests get so long at the end; live views are closed before."""

BACKLOG = 512
HEAD_LIMIT_BYTES = 16 * 1024
"""Request line and headers; browsers send 1 to 4 KB."""

log = structlog.get_logger()


class _Uvicorn(uvicorn.Server):
    """Leaves the signals to the service."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class Server:
    """Serves an application.

    Args:
        app: what.
        settings: where, and which proxies are believed.
    """

    def __init__(self, app: FastAPI, settings: WebSettings) -> None:
        self._settings = settings
        self._server = _Uvicorn(
            uvicorn.Config(
                app,
                loop="none",
                http="h11",
                ws="none",
                lifespan="off",
                log_config=None,
                access_log=False,
                server_header=False,
                proxy_headers=bool(settings.web_proxies),
                forwarded_allow_ips=",".join(settings.web_proxies) or None,
                ssl_certfile=settings.web_cert,
                ssl_keyfile=settings.web_key,
                backlog=BACKLOG,
                h11_max_incomplete_event_size=HEAD_LIMIT_BYTES,
                timeout_graceful_shutdown=1,
                timeout_keep_alive=30,
            )
        )
        self._socket: socket.socket | None = None
        self._running: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Takes the port; who connects now waits for `run`. Raises OSError when somebody has it."""
        host, port = self._settings.web_host, self._settings.web_port
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        bound = socket.socket(family, socket.SOCK_STREAM)
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind((host, port))
        bound.listen(BACKLOG)
        self._socket = bound
        scheme = "https" if self._settings.web_cert is not None else "http"
        log.info("web", url=f"{scheme}://{host}:{bound.getsockname()[1]}/")

    async def run(self) -> None:
        """Serves until `stop`."""
        if self._socket is None:
            raise RuntimeError("the port is not bound")
        self._running = asyncio.current_task()
        await self._server.serve(sockets=[self._socket])

    async def stop(self) -> None:
        """Ends in order, or at once when that takes longer than `STOP_S`."""
        self._server.should_exit = True
        if self._running is None:
            return
        await asyncio.wait({self._running}, timeout=STOP_S)
        self._server.force_exit = True
