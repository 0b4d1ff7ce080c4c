"""Debian's baresip 1.0 as a peer that nobody here wrote, in a network namespace: it refuses loopback addresses.

It plays a tone into its calls and records what it hears. Control goes over its `ctrl_tcp` module: JSON objects as
netstrings (LENGTH:JSON,), commands in, their responses and the call's events out. Its audio comes from a wav file at
8 kHz (`aufile`), goes to a bridge without an end (`aubridge`), and is written by its `sndfile` filter.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import socket
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from doorbus_testkit.foreign import TONE_S, ForeignPhone, Moment
from doorbus_testkit.netns import Host
from doorbus_testkit.peers import missing
from doorbus_testkit.polling import eventually
from doorbus_testkit.program import ProgramError
from doorbus_testkit.tones import write_tone

CONTROL_PORT = 4444
COMMAND_S = 5.0
DIGIT_S = 0.3  # baresip drops a digit that comes while another is being sent
MODULE_FOLDERS = ("/usr/lib/baresip/modules", "/usr/local/lib/baresip/modules")
MOMENTS: dict[str, Moment] = {
    "CALL_INCOMING": "incoming",
    "CALL_RINGING": "ringing",
    "CALL_PROGRESS": "ringing",
    "CALL_ESTABLISHED": "answered",
    "CALL_CLOSED": "ended",
}


class Baresip(ForeignPhone):
    """A baresip phone: `async with Baresip(host, "b", auto_answer=True, hz=1000) as phone: …`.

    Args:
        host: the namespace it lives in.
        name: user part of its address, and for authentication.
        auto_answer: answers at once; without, `accept` does.
        hz: the tone it plays, for at most 120 s a call.
        codecs: of `PCMU` and `PCMA` (both by module g711), `G722`.
        srtp: speech is encrypted with keys in the SDP (RFC 4568), or there is no call.
        registrar: a SIP URI's host part to register at.
        password: for the registrar.
    """

    def __init__(
        self,
        host: Host,
        name: str,
        *,
        auto_answer: bool = False,
        hz: int = 400,
        codecs: tuple[str, ...] = ("PCMU", "PCMA"),
        srtp: bool = False,
        registrar: str | None = None,
        password: str = "",
    ) -> None:
        super().__init__("baresip", host, name, registrar)
        self._auto_answer = auto_answer
        self._hz = hz
        self._codecs = codecs
        self._srtp = srtp
        self._auth = f";auth_user={name};auth_pass={password}" if registrar else ""
        self._writer: asyncio.StreamWriter | None = None
        self._reader: asyncio.Task[None] | None = None
        self._responses: dict[str, asyncio.Future[dict[str, Any]]] = {}
        self._tokens = itertools.count(1)

    @property
    def recordings(self) -> list[Path]:
        """What it heard, a wav file a call that had audio, in order."""
        return sorted(self.folder.glob("dump-*-dec.wav"))

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
        """Runs a command of baresip's menu and returns what it printed; raises ProgramError when it is refused."""
        self.require_running()
        if self._writer is None:
            raise ProgramError(f"{self.uri} takes no commands yet")
        token = str(next(self._tokens))
        response = self._responses[token] = asyncio.get_running_loop().create_future()
        message = json.dumps({"command": name, "params": parameters, "token": token}).encode()
        self._writer.write(f"{len(message)}:".encode() + message + b",")
        try:
            result = await asyncio.wait_for(response, COMMAND_S)
        finally:
            del self._responses[token]
        if not result["ok"]:
            raise ProgramError(f"{self.uri} {name} {parameters}: {result['data']}")
        return str(result["data"])

    def sip_text(self) -> str:
        """Returns its log, with each SIP message it sent and received."""
        return self.log_text()

    def _arguments(self) -> Sequence[str | Path]:
        self._write_configuration()
        return ["-4", "-s", "-v", "-f", self.folder]

    async def _ready(self) -> None:
        connection = await eventually(self._connect, what=f"{self.uri} takes commands")
        reader, self._writer = await asyncio.open_connection(sock=connection)
        self._reader = asyncio.create_task(self._read(reader), name=f"baresip-{self.name}")
        if self.registrar is not None:
            await eventually(self._is_registered, what=f"{self.uri} is registered")

    async def _close(self) -> None:
        if self._reader is not None:
            self._reader.cancel()
        if self._writer is not None:
            self._writer.close()

    def _connect(self) -> socket.socket:
        with self.host.entered():
            connection = socket.create_connection((self.host.address, CONTROL_PORT), timeout=1)
        connection.setblocking(False)
        return connection

    async def _is_registered(self) -> bool:
        return "OK" in (await self.command("reginfo"))

    def _write_configuration(self) -> None:
        modules = next((folder for folder in MODULE_FOLDERS if Path(folder).exists()), None) or _debian_modules()
        rate = 16_000 if "G722" in self._codecs else 8000
        tone = self.folder / "tone.wav"
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
            "jitter_buffer_delay 0-0",  # version 1.0 may take a whole call's packets for too late
            "jitter_buffer_type off",
            f"module_path {modules}",
            *(f"module {name}" for name in codec_modules),
            *(f"module {name}.so" for name in ("aufile", "aubridge", "sndfile")),
            *(["module srtp.so"] if self._srtp else []),
            "module_tmp account.so",
            "module_app menu.so",
            "module_app ctrl_tcp.so",
            f"ctrl_tcp_listen {self.host.address}:{CONTROL_PORT}",
            f"snd_path {self.folder}",
        ]
        (self.folder / "config").write_text("\n".join(lines) + "\n")
        (self.folder / "contacts").write_text("")
        rates = {"G722": "G722/16000/1", "PCMU": "PCMU/8000/1", "PCMA": "PCMA/8000/1"}
        (self.folder / "accounts").write_text(
            f"<sip:{self.name}@{self.registrar or self.host.address}>;regint={60 if self.registrar else 0}"
            f";answermode={'auto' if self._auto_answer else 'manual'}"
            f";audio_codecs={','.join(rates[codec] for codec in self._codecs)}{self._auth}"
            f"{';mediaenc=srtp-mand' if self._srtp else ''}\n"
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
                self._note(MOMENTS.get(message["type"], "other"), message["type"], message)


def _debian_modules() -> str:
    found = next(Path("/usr/lib").glob("*/baresip/modules"), None)
    if found is None:
        missing("baresip's modules are not installed: as root, make system-deps")
    return str(found)
