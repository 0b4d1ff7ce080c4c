"""What each client of a server needs: limits, trust, secrets, and words for what went wrong."""

from __future__ import annotations

import socket
import ssl
from dataclasses import dataclass, field
from pathlib import Path

from doorbus.contract.document.secrets import SecretRef
from doorbus.runtime.secrets import resolve
from doorbus_actions.delivery import End, Result


@dataclass
class Tools:
    """What is the same for all sends of the process.

    Attributes:
        connect_s: for a connection to stand.
        try_s: for a whole try.
        secrets_dir: where `{file: NAME}` is looked up.
        ca: certificates to trust beside the system's.
    """

    connect_s: float
    try_s: float
    secrets_dir: Path
    ca: Path | None = None
    _tls: ssl.SSLContext | None = field(default=None, repr=False)

    @property
    def tls(self) -> ssl.SSLContext:
        """The context that verifies servers; made when the first one is met, as the system's certificates take MBs."""
        if self._tls is None:
            self._tls = ssl.create_default_context()
            if self.ca is not None:
                self._tls.load_verify_locations(self.ca)
        return self._tls

    def password(self, ref: SecretRef | None) -> str:
        """Returns a password, empty where there is none. Raises `doorbus.runtime.secrets.SecretError`."""
        return "" if ref is None else resolve(ref, self.secrets_dir).get_secret_value()


def unreached(host: str, error: BaseException) -> End:
    """Returns the end of a try that `error` ended; says why without what the server or the library wrote."""
    match error:
        case ssl.SSLCertVerificationError():
            why = f"its certificate is not trusted: {error.verify_message}"
        case ssl.SSLError():
            why = f"TLS failed: {error.reason or 'closed'}"
        case socket.gaierror():
            why = "its name is not known"
        case TimeoutError():
            why = "no answer in time"
        case ConnectionRefusedError():
            why = "nobody listens there"
        case ConnectionResetError() | BrokenPipeError() | EOFError():
            why = "it closed the connection"
        case OSError() if error.strerror:
            why = error.strerror.lower()
        case _:
            why = type(error).__name__
    return End(Result.UNREACHED, f"{host}: {why}")
