"""A service for the tests of `doorbus up`: ready at once, writes down what happens to it.

    fake_service.py NAME FOLDER [stubborn]

`FOLDER/NAME.env` holds its environment, `FOLDER/journal` gets a line at its start and at its end; a stubborn one
ignores SIGTERM, and has a child that does so too.
"""

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from types import FrameType

STUBBORN_CHILD = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); signal.pause()"


def main(name: str, folder: Path, stubborn: bool) -> None:
    """Runs until SIGTERM."""

    def note(what: str) -> None:
        with (folder / "journal").open("a") as journal:
            journal.write(f"{name} {what}\n")

    def end(_number: int, _frame: FrameType | None) -> None:
        note("ended")
        os._exit(0)

    signal.signal(signal.SIGTERM, signal.SIG_IGN if stubborn else end)
    child = subprocess.Popen([sys.executable, "-c", STUBBORN_CHILD]) if stubborn else None
    (folder / f"{name}.env").write_text(json.dumps(dict(os.environ)))
    (folder / f"{name}.child").write_text(str(child.pid) if child is not None else "")
    probes = 0
    with socket.create_server(("127.0.0.1", int(os.environ["DOORBUS_HEALTH_PORT"]))) as server:
        note("started")
        while True:
            client, _ = server.accept()
            with client:
                asked = client.recv(1024)
                if b"/healthz" in asked:
                    probes += 1
                    (folder / f"{name}.probes").write_text(str(probes))
                client.sendall(b'HTTP/1.0 200 OK\r\n\r\n{"ready": true, "missing": []}')


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), "stubborn" in sys.argv[3:])
