"""The Unix socket of a simulated chip: one JSON object a line, in and out.

| request | answer |
|---|---|
| `{"op":"set","line":0,"level":1}` drives an input from outside | `{"ok":true,"line":0,"level":1,"at":12.5}` |
| `{"op":"get","line":8}` reads any requested line | `{"ok":true,"line":8,"level":0,"at":12.5}` |
| `{"op":"watch"}` | `{"ok":true}`, then `{"line":8,"level":1,"at":12.5}` for every change of an output |

`at` is in monotonic seconds of this machine. What cannot be done is answered with `{"ok":false,"error":"…"}`.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import socket
import time
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from doorbus_io.chips import ChipError, LineEdge
from doorbus_io.simulated_chip import LINES, SimulatedChip

LINE_LIMIT_BYTES = 4096
"""A request has some 40 bytes; whoever sends so much without a line break is no client of ours."""

WATCHER_LIMIT_BYTES = 256 * 1024
"""A watcher that leaves so much unread is dropped: it must not cost io its memory."""


class Request(BaseModel):
    """What a client asks."""

    model_config = ConfigDict(strict=True, extra="forbid")

    op: Literal["set", "get", "watch"]
    line: int = Field(default=-1, lt=LINES)
    level: Literal[0, 1] | None = None


class SimulatedSocket:
    """Serves a chip until the chip is closed: `await SimulatedSocket(chip, path).start()`."""

    def __init__(self, chip: SimulatedChip, path: Path) -> None:
        self._chip = chip
        self._path = path
        self._server: asyncio.Server | None = None
        self._clients: set[asyncio.Transport] = set()
        self._watchers: set[asyncio.Transport] = set()

    async def start(self) -> None:
        """Listens, for this user alone (mode 0600). Raises `ChipError` when the path cannot be used."""
        try:
            listening = self._bind()
        except OSError as error:
            raise ChipError(f"{self._path}: {error.strerror or error}") from error
        self._chip.on_output = self._report
        self._chip.on_close = self._close
        self._server = await asyncio.get_running_loop().create_unix_server(lambda: _Client(self), sock=listening)

    def _bind(self) -> socket.socket:
        self._path.unlink(missing_ok=True)  # the chip's lock says that nobody serves it
        listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        before = os.umask(0o177)
        try:
            listening.bind(str(self._path))
        except OSError:
            listening.close()
            raise
        finally:
            os.umask(before)
        return listening

    def _close(self) -> None:
        if self._server is not None:
            self._server.close()
        for client in list(self._clients):
            client.close()
        with contextlib.suppress(OSError):
            self._path.unlink(missing_ok=True)

    def _report(self, edge: LineEdge) -> None:
        message = _encode({"line": edge.line, "level": edge.level, "at": edge.at})
        for watcher in list(self._watchers):
            if watcher.get_write_buffer_size() > WATCHER_LIMIT_BYTES:
                watcher.abort()
            else:
                watcher.write(message)

    def joined(self, client: asyncio.Transport) -> None:
        """Notes a new client."""
        self._clients.add(client)

    def left(self, client: asyncio.Transport) -> None:
        """Forgets a client."""
        self._clients.discard(client)
        self._watchers.discard(client)

    def answer(self, text: bytes, client: asyncio.Transport) -> None:
        """Does what one line asks for, and answers it."""
        try:
            request = Request.model_validate_json(text)
            client.write(_encode({"ok": True, **self._do(request, client)}))
        except ValidationError as error:
            wrong = error.errors(include_url=False, include_context=False, include_input=False)[0]
            where = ".".join(str(part) for part in wrong["loc"])
            client.write(_encode({"ok": False, "error": f"{where}: {wrong['msg']}" if where else str(wrong["msg"])}))
        except ChipError as error:
            client.write(_encode({"ok": False, "error": str(error)}))

    def _do(self, request: Request, client: asyncio.Transport) -> dict[str, int | float]:
        match request:
            case Request(op="watch"):
                self._watchers.add(client)
                return {}
            case Request(op="get", line=line):
                return {"line": line, "level": self._chip.get(line), "at": time.monotonic()}
            case Request(line=line, level=0 | 1 as level):
                return {"line": line, "level": level, "at": self._chip.press(line, level)}
            case _:
                raise ChipError("level: set needs 0 or 1")


class _Client(asyncio.Protocol):
    """One connection."""

    def __init__(self, server: SimulatedSocket) -> None:
        self._server = server
        self._rest = b""
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - a stream's transport is one
        self._transport = transport
        self._server.joined(transport)

    def data_received(self, data: bytes) -> None:
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            if line.strip():
                self._server.answer(line, self._transport)
        if len(self._rest) > LINE_LIMIT_BYTES:
            self._transport.write(_encode({"ok": False, "error": "line too long"}))
            self._transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        self._server.left(self._transport)


def _encode(message: dict[str, object]) -> bytes:
    return json.dumps(message).encode() + b"\n"
