"""The baseline of the edge benchmark: reads edges and publishes each with bare nats-py, no more.

`python -m bench.bare_edge "URL PATH"` takes edges from a Unix socket, with the words of io's simulated chip;
`python -m bench.bare_edge "URL DEVICE LINE"` from a line of a kernel's chip with gpiod.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Callable

import gpiod
import nats
from gpiod.line import Bias, Edge

SUBJECT = "bare.edge"

Publish = Callable[[float, int], None]


async def main() -> None:
    """Publishes for ever."""
    url, *where = sys.argv[1].split()
    client = await nats.connect(url)
    running: set[asyncio.Task[None]] = set()

    def publish(at: float, level: int) -> None:
        sending = asyncio.create_task(client.publish(SUBJECT, json.dumps({"at": at, "level": level}).encode()))
        running.add(sending)
        sending.add_done_callback(running.discard)

    if len(where) == 1:
        await asyncio.start_unix_server(lambda reader, writer: _serve(reader, writer, publish), where[0])
    else:
        _watch(where[0], int(where[1]), publish)
    print("ready", flush=True)
    await asyncio.Event().wait()


async def _serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, publish: Publish) -> None:
    while line := await reader.readline():
        asked = json.loads(line)
        at = time.monotonic()
        if asked["op"] == "set":
            publish(at, asked["level"])
        writer.write(json.dumps({"ok": True, "line": asked.get("line"), "level": 0, "at": at}).encode() + b"\n")


def _watch(device: str, line: int, publish: Publish) -> None:
    settings = gpiod.LineSettings(edge_detection=Edge.BOTH, bias=Bias.PULL_UP)
    request = gpiod.request_lines(device, {line: settings}, consumer="bare")

    def read() -> None:
        for event in request.read_edge_events():
            publish(event.timestamp_ns / 1e9, int(event.event_type is gpiod.EdgeEvent.Type.RISING_EDGE))

    asyncio.get_running_loop().add_reader(request.fd, read)


if __name__ == "__main__":
    asyncio.run(main())
