"""What a server is told, and what it writes down: each record in one write, so that a kill loses or halves none."""

from __future__ import annotations

import json
import os
import ssl
import time
from pathlib import Path
from typing import Any


class Journal:
    """A server's folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.options: dict[str, Any] = json.loads((folder / "options").read_text())
        self._file = os.open(folder / "journal", os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)

    @property
    def how(self) -> str:
        """What becomes of what comes now."""
        path = self.folder / "behave"
        return path.read_text() if path.exists() else "ok"

    @property
    def slow_s(self) -> float:
        """Seconds that it takes."""
        how = self.how
        return float(how.removeprefix("slow:")) if how.startswith("slow:") else 0.0

    def code(self, of: str = "") -> int | None:
        """Returns the code to refuse with; `of` names a part, as in `login:535`."""
        how = self.how
        text = how.removeprefix(f"{of}:") if of and how.startswith(f"{of}:") else "" if of else how
        return int(text) if text.isdigit() else None

    def write(self, *, taken: bool, message_id: str | None, **more: object) -> None:
        """Writes down what came."""
        record = {"taken": taken, "id": message_id, "at": time.time(), **more}
        os.write(self._file, json.dumps(record).encode() + b"\n")

    def tls(self) -> ssl.SSLContext | None:
        """Returns a context with the server's certificate, None where it speaks no TLS."""
        if self.options["cert"] is None:
            return None
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.options["cert"], self.options["key"])
        return context
