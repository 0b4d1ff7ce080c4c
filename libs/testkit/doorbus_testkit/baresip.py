"""Debian's baresip 1.0 as a peer that nobody here wrote, in a network namespace: it refuses loopback addresses.

It plays a tone into its calls and records what it hears. Control goes over its `ctrl_tcp` module: JSON objects as
netstrings (LENGTH:JSON,), commands in, their responses and the call's events out. Its audio comes from a wav file at
8 kHz (`aufile`), goes to a bridge without an end (`aubridge`), and is written by its `sndfile` filter.
"""

import asyncio
import itertools
import json
import shutil
import socket
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from doorbus_testkit.netns import Host
from doorbus_testkit.peers import missing, require_program
from doorbus_testkit.polling import eventually
from doorbus_testkit.processes import Process
from doorbus_testkit.tones import write_tone

CONTROL_PORT = 4444
TONE_S = 120
COMMAND_S = 5.0
DIGIT_S = 0.3  # baresip drops a digit that comes while another is being sent
MODULE_FOLDERS = ("/usr/lib/baresip/modules", "/usr/local/lib/baresip/modules")


class BaresipError(RuntimeError):
    """Baresip refused a command, or has ended."""


@dataclass(frozen=True, slots=True)
class BaresipEvent:
    """An event by baresip's name for it, `CALL_ESTABLISHED` for instance.

    Attributes:
        type: of `CALL_INCOMING`, `CALL_RINGING`, `CALL_ESTABLISHED`, `CALL_CLOSED`, `REGISTER_OK`, and others.
        at: the monotonic second at which it was read.
        detail: all that baresip says about it.
    """

    type: str
    at: float
    detail: dict[str, Any]


class Baresip:
    """A baresip phone: `async with Baresip(host, "b", auto_answer=True, hz=1000) as phone: …`.

    Args:
        host: the namespace it lives in.
        name: user part of its address.
        auto_answer: answers at once; without, `accept` does.
        hz: the tone it plays, for at most 120 s a call.
        codecs: of `PCMU` and `PCMA` (both by module g711), `G722`.
        registrar: a SIP URI's host part to register at, with `user` and `password`.
        user: authentication user, default `name`.
        password: for the registrar.

    Attributes:
        events: what happened, with monotonic times.
    """

    def __init__(
        self,
        host: Host,
        name: str,
        *,
        auto_answer: bool = False,
        hz: int = 400,
        codecs: tuple[str, ...] = ("PCMU", "PCMA"),
        registrar: str | None = None,
        user: str | None = None,
        password: str = "",
    ) -> None:
        self.host = host
        self.name = name
        self.events: list[BaresipEvent] = []
        self._auto_answer = auto_answer
        self._hz = hz
        self._codecs = codecs
        self._registrar = registrar
        self._auth = f";auth_user={user or name};auth_pass={password}" if registrar else ""
        self._folder = Path()
        self._process: Process | None = None
        self._writer: asyncio.StreamWriter | None = None
        self._reader: asyncio.Task[None] | None = None
        self._responses: dict[str, asyncio.Future[dict[str, Any]]] = {}
        self._tokens = itertools.count(1)

    @property
    def uri(self) -> str:
        """Its address without a registrar, `sip:NAME@ADDRESS`."""
        return f"sip:{self.name}@{self.host.address}"

    @property
    def process(self) -> Process:
        """Its process; raises BaresipError before the start."""
        if self._process is None:
            raise BaresipError("baresip has not been started")
        return self._process

    @property
    def recordings(self) -> list[Path]:
        """What it heard, a wav file a call that had audio, in order."""
        return sorted(self._folder.glob("dump-*-dec.wav"))

    @property
    def heard(self) -> Path:
        """The newest recording; raises BaresipError when there is none."""
        if not self.recordings:
            raise BaresipError(f"{self.uri} has heard nothing")
        return self.recordings[-1]

    def log_text(self) -> str:
        """Returns baresip's log, with each SIP message it sent and received."""
        return self.process.log_text()

    def of(self, kind: str) -> list[BaresipEvent]:
        """Returns the events of a type, in order."""
        return [event for event in self.events if event.type == kind]

    async def wait_for(self, kind: str, within_s: float = 10.0, count: int = 1) -> BaresipEvent:
        """Waits for the `count`-th event of a type and returns it.

        Raises:
            AssertionError: after `within_s` seconds; tells what happened in its place.
        """
        try:
            await eventually(lambda: len(self.of(kind)) >= count, within_s, 0.005)
        except AssertionError:
            seen = ", ".join(event.type for event in self.events)
            raise AssertionError(f"{self.uri}: no {kind} ({count}) within {within_s:g} s; seen: {seen}") from None
        return self.of(kind)[count - 1]

    async def dial(self, uri: str) -> None:
        """Calls an address."""
        await self.command("dial", uri)

    async def accept(self) -> None:
        """Answers the incoming call."""
        await self.command("accept")

    async def hangup(self) -> None:
        """Ends the call, whatever its state."""
        await self.command("hangup")

    async def hold(self) -> None:
        """Holds the call."""
        await self.command("hold")

    async def resume(self) -> None:
        """Takes the held call back."""
        await self.command("resume")

    async def send_digits(self, digits: str) -> None:
        """Sends DTMF digits as RFC 4733 events."""
        for digit in digits:
            await self.command("sndcode", digit)
            await asyncio.sleep(DIGIT_S)

    async def command(self, name: str, parameters: str = "") -> str:
        """Runs a command of baresip's menu and returns what it printed; raises BaresipError when it is refused."""
        if self._writer is None or not self.process.running:
            raise BaresipError(f"{self.uri} has ended: {self.log_text()[-2000:]}")
        token = str(next(self._tokens))
        response = self._responses[token] = asyncio.get_running_loop().create_future()
        message = json.dumps({"command": name, "params": parameters, "token": token}).encode()
        self._writer.write(f"{len(message)}:".encode() + message + b",")
        try:
            result = await asyncio.wait_for(response, COMMAND_S)
        finally:
            del self._responses[token]
        if not result["ok"]:
            raise BaresipError(f"{self.uri} {name} {parameters}: {result['data']}")
        return str(result["data"])

    async def __aenter__(self) -> Self:
        program = require_program("baresip")
        self._folder = Path(tempfile.mkdtemp(prefix=f"doorbus-baresip-{self.name}-"))
        try:
            self._write_configuration()
            self._process = Process(
                [*self.host.prefix, program, "-4", "-s", "-v", "-f", self._folder], log=self._folder / "baresip.log"
            )
            connection = await eventually(self._connect, what=f"{self.uri} takes commands")
            reader, self._writer = await asyncio.open_connection(sock=connection)
            self._reader = asyncio.create_task(self._read(reader), name=f"baresip-{self.name}")
        except BaseException:
            await self.__aexit__(None, None, None)
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._reader is not None:
            self._reader.cancel()
        if self._writer is not None:
            self._writer.close()
        if self._process is not None:
            self._process.terminate()
            try:
                await self._process.wait_exit(5.0)
            except AssertionError:
                self._process.kill9()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _connect(self) -> socket.socket:
        with self.host.entered():
            connection = socket.create_connection((self.host.address, CONTROL_PORT), timeout=1)
        connection.setblocking(False)
        return connection

    def _write_configuration(self) -> None:
        modules = next((folder for folder in MODULE_FOLDERS if Path(folder).exists()), None) or _debian_modules()
        rate = 16_000 if "G722" in self._codecs else 8000
        tone = self._folder / "tone.wav"
        write_tone(tone, self._hz, TONE_S, rate)
        codec_modules = dict.fromkeys("g722.so" if codec == "G722" else "g711.so" for codec in self._codecs)
        lines = [
            "poll_method epoll",
            f"sip_listen {self.host.address}:5060",
            "net_interface eth0",
            f"audio_source aufile,{tone}",
            "audio_player aubridge,nowhere",
            "audio_alert aubridge,nowhere",
            f"ausrc_srate {rate}",
            f"auplay_srate {rate}",
            "ausrc_channels 1",
            "auplay_channels 1",
            "rtp_ports 10000-10100",
            f"module_path {modules}",
            *(f"module {name}" for name in codec_modules),
            *(f"module {name}.so" for name in ("aufile", "aubridge", "sndfile")),
            "module_tmp account.so",
            "module_app menu.so",
            "module_app ctrl_tcp.so",
            f"ctrl_tcp_listen {self.host.address}:{CONTROL_PORT}",
            f"snd_path {self._folder}",
        ]
        (self._folder / "config").write_text("\n".join(lines) + "\n")
        (self._folder / "contacts").write_text("")
        rates = {"G722": "G722/16000/1", "PCMU": "PCMU/8000/1", "PCMA": "PCMA/8000/1"}
        (self._folder / "accounts").write_text(
            f"<sip:{self.name}@{self._registrar or self.host.address}>;regint={60 if self._registrar else 0}"
            f";answermode={'auto' if self._auto_answer else 'manual'}"
            f";audio_codecs={','.join(rates[codec] for codec in self._codecs)}{self._auth}\n"
        )

    async def _read(self, reader: asyncio.StreamReader) -> None:
        while True:
            try:
                length = int((await reader.readuntil(b":"))[:-1])
                message = json.loads((await reader.readexactly(length + 1))[:-1])
            except (asyncio.IncompleteReadError, ConnectionError):
                return
            if message.get("response"):
                response = self._responses.get(message.get("token", ""))
                if response is not None and not response.done():
                    response.set_result(message)
            else:
                self.events.append(BaresipEvent(message["type"], time.monotonic(), message))


def _debian_modules() -> str:
    found = next(Path("/usr/lib").glob("*/baresip/modules"), None)
    if found is None:
        missing("baresip's modules are not installed: as root, make system-deps")
    return str(found)
