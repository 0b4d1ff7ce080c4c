"""Free TCP ports on loopback.

They lie below the range that Linux takes outgoing connections from (ip(7)): a client that keeps dialing a dead port in
that range may one day be connected to itself, and the server could not bind its port any more.
"""

from __future__ import annotations

import random
import socket

FIRST, END = 20_000, 32_768
TRIES = 500

_random = random.SystemRandom()


def is_free(port: int) -> bool:
    """Tells whether `port` can be listened on now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # TIME_WAIT is no owner
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def free_port() -> int:
    """Returns a free port. Raises OSError when 500 random ones were taken."""
    for _ in range(TRIES):
        port = _random.randrange(FIRST, END)
        if is_free(port):
            return port
    raise OSError(f"no free port on 127.0.0.1 in {TRIES} tries")
