"""/healthz, /readyz and /metrics, served by a thread of its own so that they tell the truth when the loop hangs.

Live means that the event loop still turns; ready, that every named condition holds (the bus is connected, a document is
there, …), with the names of those that do not in the body.
"""

from __future__ import annotations

import asyncio
import json
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

from prometheus_client import REGISTRY
from prometheus_client.exposition import choose_encoder

LOOP_HANGS_AFTER_S = 5.0
"""A loop that was not seen for so long hangs; the longest legitimate step has milliseconds."""

HEARTBEAT_S = 0.5


class _Server(ThreadingHTTPServer):
    def handle_error(self, request: object, client_address: object) -> None:
        """Says nothing: a probe that gave up waiting is no error of ours."""


class Health:
    """What is known of this process's health. Conditions are set from the loop, read from the thread."""

    def __init__(self) -> None:
        self._conditions: dict[str, bool] = {}
        self._beat = time.monotonic()
        self._server: ThreadingHTTPServer | None = None

    def set(self, condition: str, holds: bool) -> None:
        """Says whether a named condition of readiness holds."""
        self._conditions[condition] = holds

    @property
    def live(self) -> bool:
        """Whether the event loop still turns."""
        return time.monotonic() - self._beat < LOOP_HANGS_AFTER_S

    @property
    def missing(self) -> list[str]:
        """The conditions of readiness that do not hold."""
        return sorted(name for name, holds in self._conditions.items() if not holds)

    async def beat(self) -> None:
        """Runs for ever in the loop, proving that it turns."""
        while True:
            self._beat = time.monotonic()
            await asyncio.sleep(HEARTBEAT_S)

    def serve(self, host: str, port: int) -> int:
        """Starts the thread and returns the port it listens on (`port` 0 = any free one)."""
        health = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:  # the name is http.server's
                match self.path:
                    case "/healthz":
                        self._answer(200 if health.live else 503, json.dumps({"live": health.live}))
                    case "/readyz":
                        ready = health.live and not health.missing
                        self._answer(200 if ready else 503, json.dumps({"ready": ready, "missing": health.missing}))
                    case "/metrics":
                        encode, content_type = choose_encoder(self.headers.get("Accept", ""))
                        self._answer(200, encode(REGISTRY).decode(), content_type)
                    case _:
                        self._answer(404, json.dumps({"paths": ["/healthz", "/readyz", "/metrics"]}))

            def _answer(self, status: int, body: str, content_type: str = "application/json") -> None:
                data = body.encode()
                self.send_response(status)
                self.send_header("Content-Type", content_type)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the name is http.server's
                """Says nothing: probes come every few seconds."""

        self._server = _Server((host, port), Handler)
        self._server.daemon_threads = True
        Thread(target=self._server.serve_forever, name="health", daemon=True).start()
        return self._server.server_address[1]

    def close(self) -> None:
        """Stops serving."""
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None
