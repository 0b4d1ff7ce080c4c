"""Debian's linphone 5.1 as a peer that nobody here wrote, in a network namespace, without a screen or a sound card.

`linphone-daemon` takes commands over a Unix socket and answers each with `Status: Ok` or an error; what happens waits
in a queue that `pop-event` empties. All that it keeps stands in a temporary home: its configuration, without video,
STUN, presence or an account of its maker; its database; and an ALSA configuration whose only card writes what it would
play to a file at 8 kHz. The tone comes from its player of files. It offers no GRUU (RFC 5627): a registrar that gives
one must also follow it inside of dialogs, or no ACK arrives.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

from doorbus_testkit.foreign import TONE_S, ForeignPhone, Moment
from doorbus_testkit.netns import Host
from doorbus_testkit.polling import eventually
from doorbus_testkit.program import ProgramError
from doorbus_testkit.tones import write_tone

COMMAND_S = 5.0
POLL_S = 0.02
DIGIT_S = 0.3  # an RFC 4733 event of its lasts 100 ms, and a pause as long
SIP_PORT = 5060
CARD = "ALSA Unknown: default"
MOMENTS: dict[str, Moment] = {
    "LinphoneCallIncomingReceived": "incoming",
    "LinphoneCallOutgoingRinging": "ringing",
    "LinphoneCallOutgoingEarlyMedia": "ringing",
    "LinphoneCallConnected": "answered",
    "LinphoneCallEnd": "ended",
    "LinphoneCallError": "ended",
}

CONFIGURATION = """
[sip]
sip_port={port}
sip_tcp_port=0
sip_tls_port=0
use_ipv6=0
ipv6_migration_done=1
guess_hostname=0
contact="{name}" <sip:{name}@{address}>
media_encryption={encryption}
media_encryption_mandatory={encrypted_only}
use_info={info}
use_rfc2833={rfc4733}
publish_presence=0
supported=replaces, outbound

[rtp]
audio_rtp_port=10000-10100

[sound]
playback_dev_id={card}
ringer_dev_id={card}
local_ring=
remote_ring=
echocancellation=0
dtmf_player_amp=0

[video]
enabled=0
capture=0
display=0

[misc]
use_rls_presence=0
version_check_url_root=
"""

SOUND = """
pcm.!default {{
  type asym
  playback.pcm {{
    type plug
    slave {{
      pcm {{ type file slave.pcm null file "{heard}" format wav }}
      format S16_LE channels 1 rate 8000
    }}
  }}
}}
"""


class Linphone(ForeignPhone):
    """A linphone: `async with Linphone(host, "b", registrar="10.77.0.3:5060", password="…") as phone: …`.

    Args:
        host: the namespace it lives in.
        name: user part of its address, and for authentication.
        hz: the tone it plays, for at most 120 s a call.
        dtmf: how it sends digits.
        codecs: of `PCMU`, `PCMA`, `G722`, in order of preference.
        srtp: speech is encrypted with keys in the SDP (RFC 4568), or there is no call.
        registrar: a SIP URI's host part to register at.
        password: for the registrar.
    """

    def __init__(
        self,
        host: Host,
        name: str,
        *,
        hz: int = 400,
        dtmf: Literal["rfc4733", "info"] = "rfc4733",
        codecs: tuple[str, ...] = ("PCMU", "PCMA"),
        srtp: bool = False,
        registrar: str | None = None,
        password: str = "",
    ) -> None:
        super().__init__("linphone-daemon", host, name, registrar)
        self._hz = hz
        self._dtmf = dtmf
        self._codecs = codecs
        self._srtp = srtp
        self._password = password
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None
        self._poll: asyncio.Task[None] | None = None
        self._turn = asyncio.Lock()

    @property
    def recordings(self) -> list[Path]:
        """What it heard in its newest call: its card's file begins anew with each."""
        heard = self.folder / "heard.wav"
        return [heard] if heard.exists() else []

    async def dial(self, uri: str) -> None:
        """Calls an address."""
        await self.command(f"call {uri}")

    async def accept(self) -> None:
        """Answers the incoming call."""
        await self.command("answer")

    async def hangup(self) -> None:
        """Ends the call, whatever its state."""
        await self.command("terminate")

    async def hold(self) -> None:
        """Holds the call, and waits until the far side has agreed: sooner it could not be resumed."""
        before = self._paused()
        await self.command("call-pause")
        await eventually(lambda: self._paused() > before, what=f"{self.uri} holds")

    async def resume(self) -> None:
        """Takes the held call back."""
        call = self.of("answered")[-1].detail["Id"]
        await self.command(f"call-resume {call}")

    async def send_digits(self, digits: str) -> None:
        """Sends DTMF digits by the method that was chosen."""
        for digit in digits:
            await self.command(f"dtmf {digit}")
            await asyncio.sleep(DIGIT_S)

    async def command(self, line: str) -> str:
        """Runs a command and returns what it printed; raises ProgramError when it is refused."""
        self.require_running()
        if self._reader is None or self._writer is None:
            raise ProgramError(f"{self.uri} takes no commands yet")
        async with self._turn, asyncio.timeout(COMMAND_S):
            self._writer.write(line.encode() + b"\n")
            answer = (await self._reader.read(65536)).decode(errors="replace")
        if not answer.startswith("Status: Ok"):
            raise ProgramError(f"{self.uri} {line}: {answer.strip() or 'no answer'}")
        return answer.removeprefix("Status: Ok").strip()

    def sip_text(self) -> str:
        """Returns its log, with each SIP message it sent and received."""
        path = self.folder / "linphone.log"
        return path.read_text(errors="replace") if path.exists() else ""

    def _arguments(self) -> Sequence[str | Path]:
        for kept in (".local/share/linphone", ".config/linphone"):
            (self.folder / kept).mkdir(parents=True)
        (self.folder / ".asoundrc").write_text(SOUND.format(heard=self.folder / "heard.wav"))
        (self.folder / "linphonerc").write_text(
            CONFIGURATION.format(
                port=SIP_PORT,
                name=self.name,
                address=self.host.address,
                card=CARD,
                encryption="srtp" if self._srtp else "none",
                encrypted_only=int(self._srtp),
                info=int(self._dtmf == "info"),
                rfc4733=int(self._dtmf == "rfc4733"),
            )
        )
        write_tone(self.folder / "tone.wav", self._hz, TONE_S, 8000)
        pipe = os.path.relpath(self._socket, "/tmp")  # linphone looks for it there, whatever TMPDIR says
        return [
            *("--config", self.folder / "linphonerc", "--log", self.folder / "linphone.log"),
            *("--pipe", pipe, "--disable-stats-events"),
        ]

    def _environment(self) -> Mapping[str, str]:
        return {
            "HOME": str(self.folder),
            "PATH": os.environ["PATH"],
            "TMPDIR": str(self.folder),
            "PULSE_SERVER": f"unix:{self.folder}/none",
        }

    async def _ready(self) -> None:
        self._reader, self._writer = await eventually(self._connect, what=f"{self.uri} takes commands")
        await self.command("ipv6 disable")
        await self.command("audio-codec-disable ALL")
        for place, codec in enumerate(self._codecs):
            await self.command(f"audio-codec-enable {codec}/8000/1")
            await self.command(f"audio-codec-move {codec}/8000/1 {place}")
        self._poll = asyncio.create_task(self._pop_events(), name=f"linphone-{self.name}")
        if self.registrar is not None:
            await self.command(f"register sip:{self.name}@{self.registrar} sip:{self.registrar} {self._password}")
            await eventually(self._is_registered, what=f"{self.uri} is registered")

    async def _close(self) -> None:
        if self._poll is not None:
            self._poll.cancel()
        if self._writer is not None:
            self._writer.close()

    @property
    def _socket(self) -> Path:
        return self.folder / "commands"

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        self.require_running()
        return await asyncio.open_unix_connection(self._socket)

    async def _is_registered(self) -> bool:
        return "LinphoneRegistrationOk" in await self.command("register-status ALL")

    def _paused(self) -> int:
        return sum(event.name == "LinphoneCallPaused" for event in self.events)

    async def _pop_events(self) -> None:
        while self.process.running:
            lines = (await self.command("pop-event")).splitlines()
            detail = dict(line.split(": ", 1) for line in lines if ": " in line)
            name = detail.get("Event") or detail.get("State")
            if name is not None:
                self._note(MOMENTS.get(name, "other"), name, detail)
            if name == "LinphoneCallStreamsRunning":
                with contextlib.suppress(ProgramError):  # the call has ended since
                    await self.command(f"incall-player-start {self.folder / 'tone.wav'} {detail['Id']}")
            if detail.get("Size", "0") == "0":
                await asyncio.sleep(POLL_S)
