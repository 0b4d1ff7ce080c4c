"""An HTTP server that takes whatever comes."""

from __future__ import annotations

import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from doorbus_testkit.receivers.journal import Journal

NEVER_S = 3600.0


def serve(port: int, journal: Journal) -> None:
    """Serves until the process is killed."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:  # the name is http.server's
            self._take()

        def do_POST(self) -> None:  # the name is http.server's
            self._take()

        def _take(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
            how, status = journal.how, journal.code() or 200
            if how.startswith("to:"):
                status = 302
            taken = status == 200 and how not in ("close", "never")
            time.sleep(journal.slow_s)
            journal.write(
                taken=taken,
                message_id=self.headers.get("Idempotency-Key"),
                method=self.command,
                target=self.path,
                headers=dict(self.headers),
                body=body,
            )
            if how == "never":
                time.sleep(NEVER_S)
            if how == "close":
                self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Le")
                self.close_connection = True
                return
            self.send_response(status)
            if how.startswith("to:"):
                self.send_header("Location", how.removeprefix("to:"))
            self.send_header("Content-Length", "3")
            self.end_headers()
            self.wfile.write(b"ok\n")

    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    server.daemon_threads = True
    context = journal.tls()
    if context is not None:
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    server.serve_forever()
