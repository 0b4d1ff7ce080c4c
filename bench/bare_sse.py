"""The baseline of the viewers' benchmark: bare asyncio, one NATS subscription, each message written to every socket.

`python -m bench.bare_sse NATS-URL` serves server-sent events on a free port, which it prints, until it is ended.
"""

from __future__ import annotations

import asyncio
import sys

import nats
from nats.aio.msg import Msg

SUBJECT = "bare.event"
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\nevent: state\ndata: {}\n\n"


async def main() -> None:
    """Serves for ever."""
    url, user, password = sys.argv[1:4]
    client = await nats.connect(url, user=user, password=password, inbox_prefix=f"_INBOX.{user}")
    viewers: set[asyncio.StreamWriter] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(HEAD)
        viewers.add(writer)
        await reader.read()
        viewers.discard(writer)

    async def on_message(message: Msg) -> None:
        event = b"event: change\ndata: " + message.data + b"\n\n"
        for writer in viewers:
            writer.write(event)

    await client.subscribe(sys.argv[4], cb=on_message)
    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    await client.flush()
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
