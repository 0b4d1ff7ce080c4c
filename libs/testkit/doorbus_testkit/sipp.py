"""Debian's sipp: plays a scenario file word by word, for answers and requests that a well-behaved phone would not send.

One `Sipp` is one process that plays its scenario for `calls` calls and ends. It fails (exit code 1) on any message that
the scenario does not expect, and is bounded in time. Its clock ticks in 4 ms: measure elsewhere.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal

from doorbus_testkit.polling import eventually
from doorbus_testkit.program import Program, ProgramError
from doorbus_testkit.sip_message import SipMessage, SipSyntaxError

START_S = 10.0
MEDIA_PORTS = 4
"""sipp takes the pair after its audio port for video, whether there is any or not."""

_RECORD = re.compile(
    r"^-{20,} (?P<at>\d{4}-\d\d-\d\d\s\d\d:\d\d:\d\d\.\d+)\n\w+ message (?P<way>sent|received)[^\n]*:\n\n(?P<text>.*?)"
    r"(?=^-{20,} \d{4}-|\Z)",
    re.MULTILINE | re.DOTALL,
)


class SippError(ProgramError):
    """The scenario did not end as it is written; the message holds what sipp says about it and its message trace."""


@dataclass(frozen=True, slots=True)
class Traced:
    """A message that sipp sent or received, retransmissions included.

    Attributes:
        incoming: True when sipp received it.
        at: seconds of the wall clock; good for differences between sipp processes, within their 4 ms.
        message: the message.
    """

    incoming: bool
    at: float
    message: SipMessage

    @property
    def name(self) -> str:
        """The message's name with its way: `<INVITE` received, `>180` sent."""
        return ("<" if self.incoming else ">") + self.message.name


class Sipp(Program):
    """A scenario that runs: `async with Sipp(scenario) as phone: …; await phone.done()`.

    Args:
        scenario: the XML file.
        remote: `ADDRESS:PORT` to call; None for a scenario that waits for calls.
        user: user part of its address (waiting), or of the address it calls.
        host: IPv4 address to bind.
        keys: what stands in the scenario for `[NAME]`, anywhere: sipp's own keys cannot be status codes or times.
        files: what the scenario finds beside itself, by name: sounds, as PCMU without a header.
        calls: how many calls it plays before it ends.
        transport: the INVITE's; a scenario says `[transport]` in Via and Contact.
        timeout_s: it fails when it has not ended by then.
        prefix: words before the command line, `namespace.prefix` for instance.
    """

    def __init__(
        self,
        scenario: Path,
        *,
        remote: str | None = None,
        user: str = "sipp",
        host: str = "127.0.0.1",
        keys: Mapping[str, str] | None = None,
        files: Mapping[str, bytes] | None = None,
        calls: int = 1,
        transport: Literal["udp", "tcp"] = "udp",
        timeout_s: int = 40,
        prefix: Sequence[str] = (),
    ) -> None:
        super().__init__("sipp", f"sipp {scenario.stem}", prefix)
        self.scenario = scenario
        self.user = user
        self.host = host
        self.port = self._reserve_ports()
        self.timeout_s = timeout_s
        self._remote = remote
        self._keys = dict(keys or {})
        self._files = dict(files or {})
        self._calls = calls
        self._transport = transport
        self._media_port = self._reserve_ports(MEDIA_PORTS, even=True)
        self._control_port = self._reserve_ports()

    @property
    def uri(self) -> str:
        """Its address, `sip:USER@HOST:PORT`."""
        return f"sip:{self.user}@{self.host}:{self.port}"

    def trace_text(self) -> str:
        """Returns the message trace so far, as sipp writes it."""
        return _text(self.folder / "messages.log")

    @property
    def trace(self) -> list[Traced]:
        """The messages so far, in order."""
        return list(parse_trace(self.trace_text()))

    @property
    def names(self) -> list[str]:
        """The messages' names, `<INVITE` received, `>180` sent; a repeated message stands once for each time."""
        return [traced.name for traced in self.trace]

    def of(self, name: str) -> list[Traced]:
        """Returns the messages of a name like `<BYE`."""
        return [traced for traced in self.trace if traced.name == name]

    async def wait_for(self, name: str, count: int = 1, within_s: float = 10.0) -> Traced:
        """Waits for the `count`-th message of a name like `<BYE` and returns it."""
        await eventually(lambda: len(self.of(name)) >= count, within_s, what=f"{self.label}: {name}")
        return self.of(name)[count - 1]

    async def done(self, within_s: float | None = None) -> None:
        """Waits for the scenario's end.

        Args:
            within_s: default sipp's own bound, and a little more.

        Raises:
            SippError: it did not end as written, or not in time.
        """
        code = await self.process.wait_exit(self.timeout_s + 5 if within_s is None else within_s)
        if code != 0:
            raise SippError(f"exit code {code}: {self._said()}\n{self.trace_text()[-6000:]}")

    async def _ready(self) -> None:
        if self._remote is not None:
            return  # a caller begins by itself, and may be over already
        await eventually(lambda: not self.process.running or self._listens(), START_S, 0.005, "sipp is ready")
        if not self.process.running:
            raise SippError(self._said())

    def _arguments(self) -> list[str | Path]:
        self._write_files()
        arguments: list[str | Path] = [] if self._remote is None else [self._remote]
        arguments += ["-sf", self.folder / "scenario.xml", "-s", self.user]
        arguments += ["-m", str(self._calls), "-l", str(self._calls)]
        arguments += ["-i", self.host, "-bind_local", "-p", str(self.port), "-mi", self.host]
        arguments += ["-mp", str(self._media_port), "-ci", self.host, "-cp", str(self._control_port)]
        arguments += ["-t", {"udp": "u1", "tcp": "t1"}[self._transport]]
        arguments += ["-timeout", f"{self.timeout_s}s", "-timeout_error", "-nostdin", "-skip_rlimit"]
        arguments += ["-trace_msg", "-message_file", self.folder / "messages.log"]
        arguments += ["-trace_err", "-error_file", self.folder / "errors.log"]
        return arguments

    def _write_files(self) -> None:
        text = self.scenario.read_text()
        for name, value in self._keys.items():
            text = text.replace(f"[{name}]", value)
        (self.folder / "scenario.xml").write_text(text)
        for name, content in self._files.items():
            (self.folder / name).write_bytes(content)

    def _said(self) -> str:
        errors = _text(self.folder / "errors.log") or self.log_text()[-2000:]
        return f"{self.label}: {errors}"

    def _listens(self) -> bool:
        sockets = Path(f"/proc/{self.process.pid}/net/udp").read_text().splitlines()[1:]
        return any(line.split()[1].endswith(f":{self.port:04X}") for line in sockets)


def parse_trace(text: str) -> list[Traced]:
    """Returns the messages of a trace; one that is still being written is left out."""
    found = []
    for record in _RECORD.finditer(text):
        raw = record["text"].replace("\r\n", "\n").strip("\n").replace("\n", "\r\n") + "\r\n\r\n"
        try:
            message = SipMessage.parse(raw.encode())
        except SipSyntaxError:
            continue
        at = datetime.fromisoformat(record["at"].replace("\t", " ")).astimezone().timestamp()
        found.append(Traced(record["way"] == "received", at, message))
    return found


def _text(path: Path) -> str:
    return path.read_text(errors="replace") if path.exists() else ""
