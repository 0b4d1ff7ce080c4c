"""Asks a service's /readyz."""

from __future__ import annotations

import asyncio
import json

PROBE_S = 2.0


async def missing(port: int) -> list[str] | None:
    """Returns what a service still waits for: nothing when it is ready, None when it does not answer."""
    try:
        async with asyncio.timeout(PROBE_S):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            try:
                writer.write(b"GET /readyz HTTP/1.0\r\n\r\n")
                answer = await reader.read(64 * 1024)
                answer += await reader.read()
            finally:
                writer.close()
    except (OSError, TimeoutError):
        return None
    head, _, body = answer.partition(b"\r\n\r\n")
    if b" 200 " in head.split(b"\r\n", 1)[0]:
        return []
    try:
        return [str(name) for name in json.loads(body).get("missing", [])] or ["itself"]
    except (ValueError, AttributeError):
        return ["itself"]
