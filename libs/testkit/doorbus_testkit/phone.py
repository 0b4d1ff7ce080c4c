"""A SIP phone with real audio: pjsua2 in a process of its own, with an async interface.

It plays a tone or a wav file into each call and records what it hears, one file a call. Where a test must see single
messages on the wire, or needs dozens of phones, `WirePhone` is the right one.
"""

import asyncio
import contextlib
import itertools
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from doorbus_testkit.behaviour import Behaviour, Manual, Silent
from doorbus_testkit.polling import eventually
from doorbus_testkit.program import Program, ProgramError

START_S = 20.0
COMMAND_S = 10.0
FAREWELL_S = 5.0
RTP_PORTS = 20  # four calls of two ports, and as many that are still closing

Srtp = Literal["disabled", "optional", "mandatory"]
DtmfMethod = Literal["rfc4733", "info_relay", "info_dtmf"]
EventName = Literal[
    "ready",
    "registered",
    "unregistered",
    "incoming",
    "ringing",
    "audio",
    "answered",
    "held",
    "resumed",
    "dtmf",
    "ended",
]


@dataclass(frozen=True, slots=True)
class Registration:
    """An account at a registrar: `registrar` and `aor` are SIP URIs, `expires_s` the wished time in seconds."""

    registrar: str
    aor: str
    user: str
    password: str
    expires_s: int = 300


@dataclass(frozen=True, slots=True)
class PhoneEvent:
    """Something that happened in the phone.

    Attributes:
        name: what; `ringing` is a 180 or 183 received or sent, `audio` the begin of a recording.
        at: monotonic second, comparable between the processes of one machine.
        code: the SIP status code, 0 where there is none.
        detail: `message` (incoming: the INVITE as text), `digit` and `method` (dtmf), `text` and `reason` (ended: the
            reason phrase and the Reason header), `by_remote` (held, resumed), `recording` (audio).
    """

    name: str
    at: float
    code: int
    detail: Mapping[str, Any]


class SipPhone(Program):
    """A phone: `async with SipPhone(behaviour=Answer(0.5), hz=700) as phone: …`.

    Args:
        name: user part of its address.
        behaviour: what it does with an incoming call; `Silent` is not among what pjsua can do.
        host: IPv4 address to bind.
        port: SIP port, default a free one.
        hz: the tone it plays, whole hertz; 0 for silence.
        wav: file it plays in place of the tone.
        codecs: of `PCMU`, `PCMA`, `G722`, in order of preference.
        srtp: with keys in the SDP (RFC 4568); `optional` offers them beside plain RTP.
        registration: registers there, and `registered` or `unregistered` is reported.
        folder: for recordings and logs; default a temporary one that goes at the end.
        prefix: words before the command line, `namespace.prefix` for instance.
    """

    def __init__(
        self,
        name: str = "phone",
        behaviour: Behaviour = Manual(),  # noqa: B008 - frozen and without fields
        *,
        host: str = "127.0.0.1",
        port: int | None = None,
        hz: int = 0,
        wav: Path | None = None,
        codecs: Sequence[str] = ("PCMU", "PCMA"),
        srtp: Srtp = "disabled",
        registration: Registration | None = None,
        folder: Path | None = None,
        prefix: Sequence[str] = (),
    ) -> None:
        super().__init__(sys.executable, f"phone {name}", prefix, folder=folder, pipes=True)
        self.name = name
        self.host = host
        self.port = self._reserve_ports() if port is None else port
        self.events: list[PhoneEvent] = []
        self._settings = {
            "name": name,
            "host": host,
            "port": self.port,
            "rtp_port": self._reserve_ports(RTP_PORTS, even=True),
            "rtp_ports": RTP_PORTS,
            "behaviour": _as_json(behaviour),
            "hz": hz,
            "wav": None if wav is None else str(wav),
            "codecs": list(codecs),
            "srtp": srtp,
            "registration": None if registration is None else asdict(registration),
        }
        self._reader: asyncio.Task[None] | None = None
        self._transport: asyncio.ReadTransport | None = None
        self._answers: dict[int, asyncio.Future[str | None]] = {}
        self._ids = itertools.count(1)

    @property
    def uri(self) -> str:
        """Its address, `sip:NAME@HOST:PORT`."""
        return f"sip:{self.name}@{self.host}:{self.port}"

    @property
    def recordings(self) -> list[Path]:
        """The file of each call whose audio has begun, in this order; a running call's file is up to 0.3 s behind."""
        return [Path(event.detail["recording"]) for event in self.of("audio")]

    @property
    def heard(self) -> Path:
        """The newest recording; raises ProgramError when no call has had audio."""
        if not self.recordings:
            raise ProgramError(f"{self.uri} has heard nothing")
        return self.recordings[-1]

    @property
    def digits(self) -> str:
        """The DTMF digits it received, in order."""
        return "".join(event.detail["digit"] for event in self.of("dtmf"))

    def of(self, name: EventName) -> list[PhoneEvent]:
        """Returns the events of a name, in order."""
        return [event for event in self.events if event.name == name]

    async def wait_for(self, name: EventName, within_s: float = 10.0, count: int = 1) -> PhoneEvent:
        """Waits for the `count`-th event of a name since the phone's start and returns it.

        Raises:
            AssertionError: after `within_s` seconds; tells what happened in its place.
        """
        try:
            await eventually(lambda: len(self.of(name)) >= count, within_s, 0.005)
        except AssertionError:
            seen = ", ".join(f"{event.name} {event.code or ''}".strip() for event in self.events)
            raise AssertionError(f"{self.uri}: no {name} ({count}) within {within_s:g} s; seen: {seen}") from None
        return self.of(name)[count - 1]

    async def call(self, uri: str, headers: Mapping[str, str] | None = None) -> None:
        """Calls an address; returns when the INVITE is on its way."""
        await self._command("call", uri=uri, headers=dict(headers or {}))

    async def answer(self, code: int = 200, text: str = "") -> None:
        """Responds to the newest call: 180 rings, 200 answers, and so on."""
        await self._command("answer", code=code, text=text)

    async def refuse(self, code: int = 486, text: str = "") -> None:
        """Refuses the newest call."""
        await self._command("answer", code=code, text=text)

    async def hangup(self, code: int = 0, text: str = "") -> None:
        """Ends the newest call: CANCEL, BYE or a refusal, as its state asks for."""
        await self._command("hangup", code=code, text=text)

    async def hold(self) -> None:
        """Holds the newest call (re-INVITE, sendonly); `held` follows."""
        await self._command("hold")

    async def resume(self) -> None:
        """Takes a held call back; `resumed` follows."""
        await self._command("resume")

    async def send_dtmf(self, digits: str, method: DtmfMethod = "rfc4733") -> None:
        """Sends digits as RFC 4733 events, or as INFO with application/dtmf-relay or application/dtmf."""
        await self._command("dtmf", digits=digits, method=method)

    async def play(self, *, hz: int = 0, wav: Path | None = None) -> None:
        """Plays a tone or a file, repeated, in place of what it played; nothing given is silence."""
        await self._command("play", hz=hz, wav=None if wav is None else str(wav))

    async def behave(self, behaviour: Behaviour) -> None:
        """Takes another behaviour for calls to come."""
        await self._command("behaviour", behaviour=_as_json(behaviour))

    def _arguments(self) -> Sequence[str | Path]:
        return ["-m", "doorbus_testkit.phone_process", json.dumps({**self._settings, "folder": str(self.folder)})]

    async def _ready(self) -> None:
        stream = asyncio.StreamReader()
        self._transport, _ = await asyncio.get_running_loop().connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(stream), self.process.stdout
        )
        self._reader = asyncio.create_task(self._read(stream), name=f"phone-{self.name}")
        await eventually(lambda: self.of("ready") or not self.process.running, START_S, what="the phone is ready")
        self.require_running()

    async def _close(self) -> None:
        """Lets it say BYE, which the end of its input asks for, and reads what it tells to the end."""
        self.process.resume()
        if self.process.running:
            self.process.stdin.close()
            with contextlib.suppress(AssertionError):
                await self.process.wait_exit(FAREWELL_S)
        if self._reader is not None:
            await asyncio.wait([self._reader], timeout=2.0)
            self._reader.cancel()
        if self._transport is not None:
            self._transport.close()

    async def _command(self, op: str, **arguments: object) -> None:
        self.require_running()
        number = next(self._ids)
        answer = self._answers[number] = asyncio.get_running_loop().create_future()
        self.process.stdin.write(json.dumps({"id": number, "op": op, **arguments}).encode() + b"\n")
        self.process.stdin.flush()
        try:
            error = await asyncio.wait_for(answer, COMMAND_S)
        finally:
            del self._answers[number]
        if error is not None:
            raise ProgramError(f"{self.uri} {op}: {error}")

    async def _read(self, stream: asyncio.StreamReader) -> None:
        while line := await stream.readline():
            message = json.loads(line)
            if "id" in message:
                answer = self._answers.get(message["id"])
                if answer is not None and not answer.done():
                    answer.set_result(message["error"])
            else:
                name, at, code = message.pop("event"), message.pop("at"), message.pop("code")
                self.events.append(PhoneEvent(name, at, code, message))
        for answer in self._answers.values():
            if not answer.done():
                answer.set_result("the phone's process has ended")


def _as_json(behaviour: Behaviour) -> dict[str, Any]:
    if isinstance(behaviour, Silent):
        raise TypeError("pjsua always sends 100 Trying: use WirePhone(Silent())")
    return {"kind": type(behaviour).__name__.lower(), **asdict(behaviour)}
