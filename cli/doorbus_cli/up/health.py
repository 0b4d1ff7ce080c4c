"""Asks a service how it is: /readyz while a door comes up, /healthz for as long as it lives."""

from __future__ import annotations

import asyncio
import json

PROBE_S = 2.0

LIVENESS_EVERY_S = 1.0
HANGS_AFTER_PROBES = 5
"""A service that was live and then fails so many probes in a row hangs: after 5 s to 15 s, as it refuses or is silent.

Counted in probes, not in seconds, so that a pause of our own (a suspended box) is nobody's fault. A shorter time would
kill services on a box that is merely busy; a relay that a hanging io holds is what makes it as short as this.
"""


async def missing(port: int) -> list[str] | None:
    """Returns what a service still waits for: nothing when it is ready, None when it does not answer."""
    answer = await _get(port, "/readyz")
    if answer is None:
        return None
    ok, body = answer
    if ok:
        return []
    try:
        return [str(name) for name in json.loads(body).get("missing", [])] or ["itself"]
    except (ValueError, AttributeError):
        return ["itself"]


async def until_it_hangs(port: int) -> None:
    """Returns when a service that was live hangs: it is there, and does not say that it is live."""
    was_live = False
    failed = 0
    while failed < HANGS_AFTER_PROBES:
        await asyncio.sleep(LIVENESS_EVERY_S)
        answer = await _get(port, "/healthz")
        live = answer is not None and answer[0]
        was_live = was_live or live
        failed = 0 if live or not was_live else failed + 1


async def _get(port: int, path: str) -> tuple[bool, bytes] | None:
    """Returns whether the status is 200, and the body; None without an answer."""
    try:
        async with asyncio.timeout(PROBE_S):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            try:
                writer.write(f"GET {path} HTTP/1.0\r\n\r\n".encode())
                answer = await reader.read(64 * 1024)
                answer += await reader.read()
            finally:
                writer.close()
    except (OSError, TimeoutError):
        return None
    head, _, body = answer.partition(b"\r\n\r\n")
    return b" 200 " in head.split(b"\r\n", 1)[0], body
