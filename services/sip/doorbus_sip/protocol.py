"""The messages between the parent and its workers: JSON, one message a SOCK_SEQPACKET packet.

Orders (parent to worker) are imperative, reports (worker to parent) past tense. Order is kept each way. A worker acts
on `Setup` first, and takes a closed socket as the end of its parent.
"""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from doorbus.contract.calls import DtmfMethod
from doorbus_sip.config import Audio, Transport, Want
from doorbus_sip.text import Text
from doorbus_sip.tones import Tone

MAX_MESSAGE_BYTES = 65_536


class _Message(BaseModel):
    model_config = ConfigDict(frozen=True)


class WorkerAccount(_Message):
    """An account as a worker needs it: the secret in the clear, the sources resolved to networks."""

    id: str
    aor: str
    registrar: str | None
    proxy: str | None
    username: str
    password: str = Field(repr=False)
    display_name: str
    transport: Transport
    srtp: Literal["disabled", "optional", "mandatory"]
    expires_s: int
    session_timer: Want
    prack: Want
    keepalive_s: int
    networks: tuple[str, ...]


class WorkerTls(_Message):
    """The TLS transport of a worker. `port`: 0 = any free port; without `cert` nobody can connect to it."""

    port: int
    cert: str = Field("", repr=False)
    key: str = Field("", repr=False)
    ca: str = Field("", repr=False)
    ca_file: str | None = None
    verify: bool = True


class Access(_Message):
    """Who may call: the accounts of an INVITE's source, and the networks of direct IP calls."""

    ip_allow: tuple[str, ...]


class Setup(_Message):
    """Everything a worker starts with. `udp` and `tcp`: 0 = any free port, `None` = off (`tls` too)."""

    type: Literal["setup"] = "setup"
    name: str
    front: bool
    host: str
    udp: int
    tcp: int | None
    tls: WorkerTls | None = None
    public_address: str | None = None
    stun: str | None = None
    rtp: tuple[int, int]
    display_name: str
    codecs: tuple[str, ...]
    audio: Audio
    media_timeout_s: float
    access: Access
    accounts: tuple[WorkerAccount, ...]


class Change(_Message):
    """What of `Setup` may change while running; accounts that are gone are unregistered."""

    type: Literal["change"] = "change"
    display_name: str
    audio: Audio
    media_timeout_s: float
    access: Access
    accounts: tuple[WorkerAccount, ...]


class Dial(_Message):
    """Send an INVITE."""

    type: Literal["dial"] = "dial"
    leg: str
    account: str | None
    uri: str
    display_name: str | None = None


class Ring(_Message):
    """Send 180 on an incoming leg."""

    type: Literal["ring"] = "ring"
    leg: str


class Answer(_Message):
    """Send 200 on an incoming leg, its audio may be connected."""

    type: Literal["answer"] = "answer"
    leg: str


class Refuse(_Message):
    """Send this final answer on an incoming leg, later if the worker is short of sockets."""

    type: Literal["refuse"] = "refuse"
    leg: str
    code: int
    reason: str = ""


class Hangup(_Message):
    """End a leg in whatever state it is: CANCEL, BYE, or 603; `elsewhere` adds the Reason of RFC 3326."""

    type: Literal["hangup"] = "hangup"
    leg: str
    elsewhere: bool = False


class Grant(_Message):
    """This leg won: connect it to the door's audio."""

    type: Literal["grant"] = "grant"
    leg: str


class Listen(_Message):
    """Let the door hear this leg's early media; the leg does not hear the door."""

    type: Literal["listen"] = "listen"
    leg: str


class Warn(_Message):
    """Play the warning tone to both sides of this leg."""

    type: Literal["warn"] = "warn"
    leg: str


class Play(_Message):
    """Play this at the loudspeaker in place of the tone before; `None` is silence."""

    type: Literal["play"] = "play"
    tone: Tone | None


class Hold(_Message):
    """Silence this leg and put its far side on hold (`held`), or end that."""

    type: Literal["hold"] = "hold"
    leg: str
    held: bool


class SendDtmf(_Message):
    """Send digits as RTP events."""

    type: Literal["send_dtmf"] = "send_dtmf"
    leg: str
    digits: str = Field(repr=False)


class Ping(_Message):
    """Answer with `Pong`."""

    type: Literal["ping"] = "ping"
    n: int


class Stop(_Message):
    """BYE on all calls, unregister, exit."""

    type: Literal["stop"] = "stop"


Order = Annotated[
    Setup
    | Change
    | Dial
    | Ring
    | Answer
    | Refuse
    | Hangup
    | Grant
    | Listen
    | Warn
    | Play
    | Hold
    | SendDtmf
    | Ping
    | Stop,
    Field(discriminator="type"),
]


class Ready(_Message):
    """The endpoint runs on these ports. A datagram of CRLF to `wake` makes it look at the socket at once."""

    type: Literal["ready"] = "ready"
    udp: int
    tcp: int | None
    wake: tuple[str, int]


class Incoming(_Message):
    """An INVITE that may ring; 100 was sent."""

    type: Literal["incoming"] = "incoming"
    leg: str
    account: str | None
    from_user: Text
    from_uri: Text
    to_user: Text
    source: str
    source_port: int
    wants_video: bool
    auto_answer: tuple[tuple[str, int], ...]


class Progress(_Message):
    """A provisional response of an outgoing leg; 180 of an incoming one was sent."""

    type: Literal["progress"] = "progress"
    leg: str
    code: int


class EarlyMedia(_Message):
    """The far side of an outgoing leg may be heard before it answers (183 with a session description)."""

    type: Literal["early_media"] = "early_media"
    leg: str


class Answered(_Message):
    """The leg is confirmed: 2xx and ACK were exchanged."""

    type: Literal["answered"] = "answered"
    leg: str


class Ended(_Message):
    """The leg is over and its slot is free. `remote`: the far side ended it."""

    type: Literal["ended"] = "ended"
    leg: str
    code: int
    reason: Text
    remote: bool
    media_failed: bool = False


class Held(_Message):
    """The leg is on hold, or no more: by us from the order on, by the far side as the media lines say."""

    type: Literal["held"] = "held"
    leg: str
    by: Literal["local", "remote"]
    held: bool


class HoldRefused(_Message):
    """The far side did not take our hold (`held`), or its end."""

    type: Literal["hold_refused"] = "hold_refused"
    leg: str
    held: bool
    code: int


class Digit(_Message):
    """A DTMF digit came."""

    type: Literal["digit"] = "digit"
    leg: str
    digit: str = Field(repr=False)
    method: DtmfMethod


class Registration(_Message):
    """The registrar's answer, or no response (408, 503)."""

    type: Literal["registration"] = "registration"
    account: str
    code: int
    reason: Text
    expires_s: int


class Refused(_Message):
    """So many INVITEs since the last report were refused without asking."""

    type: Literal["refused"] = "refused"
    code: int
    count: int


AudioPart = Literal["loudspeaker", "microphone"]
"""A recording stands for the loudspeaker, and a file that is played to the far side for the microphone."""


class AudioState(_Message):
    """A part of the door's audio works, or does not, in words; the calls go on without it."""

    type: Literal["audio_state"] = "audio_state"
    part: AudioPart
    problem: str | None


class Failed(_Message):
    """An error in a callback or an order, with the line that raised it, and the leg that it was about."""

    type: Literal["failed"] = "failed"
    leg: str | None = None
    where: str
    error: Text


class Logged(_Message):
    """What the library itself wrote as an error within the last second: the first lines, and how many more."""

    type: Literal["logged"] = "logged"
    lines: tuple[Text, ...]
    dropped: int


class Pong(_Message):
    """The loop runs."""

    type: Literal["pong"] = "pong"
    n: int


Report = Annotated[
    Ready
    | Incoming
    | Progress
    | EarlyMedia
    | Answered
    | Ended
    | Held
    | HoldRefused
    | Digit
    | Registration
    | Refused
    | AudioState
    | Failed
    | Logged
    | Pong,
    Field(discriminator="type"),
]

ORDERS: TypeAdapter[Order] = TypeAdapter(Order)
REPORTS: TypeAdapter[Report] = TypeAdapter(Report)


def pack(message: BaseModel) -> bytes:
    """The packet of a message.

    Raises:
        ValueError: the message is longer than `MAX_MESSAGE_BYTES`.
    """
    packet = message.model_dump_json().encode()
    if len(packet) > MAX_MESSAGE_BYTES:
        raise ValueError(f"a message of {len(packet)} bytes is too long")
    return packet
