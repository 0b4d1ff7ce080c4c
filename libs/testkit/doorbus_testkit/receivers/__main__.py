"""Runs a server: `python -m doorbus_testkit.receivers KIND PORT FOLDER`; `receivers.Receiver` starts it so."""

from __future__ import annotations

import sys
from pathlib import Path

from doorbus_testkit.receivers.journal import Journal


def main(kind: str, port: int, folder: Path) -> None:
    """Serves until it is killed."""
    journal = Journal(folder)
    match kind:
        case "http":
            from doorbus_testkit.receivers import http_server

            http_server.serve(port, journal)
        case "smtp":
            from doorbus_testkit.receivers import smtp_server

            smtp_server.serve(port, journal)
        case "ftp":
            from doorbus_testkit.receivers import ftp_server

            ftp_server.serve(port, journal)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), Path(sys.argv[3]))
