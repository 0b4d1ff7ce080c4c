"""An FTP server: pyftpdlib, with FTPS where it has a certificate: then TLS is required on both connections."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from pyftpdlib.authorizers import DummyAuthorizer
from pyftpdlib.handlers import FTPHandler, TLS_FTPHandler
from pyftpdlib.servers import FTPServer

from doorbus_testkit.receivers.journal import Journal


def serve(port: int, journal: Journal) -> None:
    """Serves until the process is killed."""
    files, options = str(journal.folder / "files"), journal.options
    authorizer = DummyAuthorizer()
    if options["username"] is None:
        authorizer.add_anonymous(files, perm="elradfmw")
    else:
        authorizer.add_user(options["username"], options["password"], files, perm="elradfmw")
    base: Any = FTPHandler if options["cert"] is None else TLS_FTPHandler

    class Handler(base):  # type: ignore[misc]  # one of two classes of a library without types
        def handle(self) -> None:
            if options["implicit"]:
                self.secure_connection(self.ssl_context)
            super().handle()

        def ftp_PASS(self, line: str) -> None:  # noqa: N802  # the name is pyftpdlib's
            code = journal.code("login")
            if code is not None:
                self.respond(f"{code} not you")
                return
            super().ftp_PASS(line)

        def ftp_STOR(self, file: str, mode: str = "w") -> Any:  # noqa: N802  # the name is pyftpdlib's
            how, code = journal.how, journal.code()
            if code is not None:
                self.respond(f"{code} not so")
            elif how == "close":
                self.close()
            elif how != "never":
                time.sleep(journal.slow_s)
                return super().ftp_STOR(file, mode)
            return None

        def ftp_RNTO(self, path: str) -> Any:  # noqa: N802  # the name is pyftpdlib's
            if journal.how == "no_overwrite" and Path(path).exists():
                self._rnfr = None
                self.respond("550 it is there already")
                return None
            done = super().ftp_RNTO(path)
            if Path(path).exists():
                journal.write(taken=True, message_id=Path(path).name, path=path, tls=hasattr(self, "ssl_context"))
            return done

    Handler.authorizer = authorizer
    Handler.banner = "ready"
    Handler.use_sendfile = False
    if options["cert"] is not None:
        Handler.certfile, Handler.keyfile = options["cert"], options["key"]
        Handler.tls_control_required = Handler.tls_data_required = True
    FTPServer(("127.0.0.1", port), Handler).serve_forever()
