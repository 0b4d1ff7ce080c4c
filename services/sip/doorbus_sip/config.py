"""What the SIP engine has to know, as plain frozen values.

The engine does not read the door's document: the bus shell maps it to this model, with passwords resolved and
defaults applied. Ports of 0 mean "any free one"; `SipEngine.ports` tells which it became.
"""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr

Port = Annotated[int, Field(ge=0, le=65535)]
Transport = Literal["udp", "tcp", "tls"]
Want = Literal["disabled", "optional", "required"]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Listen(_Frozen):
    """Where the front worker listens; `None` switches that transport off."""

    host: str = "0.0.0.0"  # noqa: S104 - a door answers on each of its interfaces unless told otherwise
    udp: Port | None = 5060
    tcp: Port | None = 5060


class Tls(_Frozen):
    """How the door shows itself over TLS, and whom it believes.

    Attributes:
        port: of the front's listener, `None` for none: the door then only opens connections itself.
        cert: certificate chain of that listener, PEM.
        key: its private key, PEM.
        ca: authorities to believe, PEM, in place of those of `ca_file`.
        ca_file: path of a bundle of authorities.
        verify: whether servers must show a certificate of these authorities for the name that was called.
    """

    port: Port | None = None
    cert: SecretStr = SecretStr("")
    key: SecretStr = SecretStr("")
    ca: str = Field("", repr=False)
    ca_file: str | None = None
    verify: bool = True


class Nat(_Frozen):
    """What helps behind address translation.

    Attributes:
        public_address: stands in Contact and SDP in place of the local address.
        stun: host or host:port of a STUN server (RFC 8489) that tells it, asked once when a worker starts.
        keepalive_s: how often a registered UDP flow is kept open, 0 = never.
    """

    public_address: str | None = None
    stun: str | None = None
    keepalive_s: Annotated[int, Field(ge=0)] = 15


class Account(_Frozen):
    """One SIP account: an AOR, and where and how it registers.

    Attributes:
        registrar: SIP URI of the registrar, `None` for an account that only dials and is dialed.
        proxy: SIP URI of the outbound proxy, `None` to go by the request URI.
        srtp: `optional` offers keys beside plain RTP and takes what the far side takes (SDES, RFC 4568).
        expires_s: the registration interval asked for; the server may shorten it (RFC 3261, 10.2.1.1).
        session_timer: RFC 4028.
        prack: RFC 3262.
        trusted_sources: networks (CIDR) or addresses whose INVITEs belong to this account too.
    """

    id: str
    aor: str
    registrar: str | None = None
    proxy: str | None = None
    username: str = ""
    password: SecretStr = SecretStr("")
    display_name: str = ""
    transport: Transport = "udp"
    srtp: Literal["disabled", "optional", "mandatory"] = "disabled"
    expires_s: Annotated[int, Field(ge=30)] = 300
    session_timer: Want = "optional"
    prack: Want = "optional"
    trusted_sources: tuple[str, ...] = ()


class _Sound(_Frozen):
    """What every backend has.

    Attributes:
        volume_ring: of the ring tone, in percent of the loudspeaker's full amplitude.
        volume_call: of everything else that is heard of a call.
        mic_gain: of the microphone, in dB.
    """

    volume_ring: Annotated[int, Field(ge=0, le=100)] = 80
    volume_call: Annotated[int, Field(ge=0, le=100)] = 80
    mic_gain: float = 0

    def is_where(self, other: "_Sound") -> bool:
        """Whether this plays and listens where the other one does, however loud."""
        loudness = {"volume_ring", "volume_call", "mic_gain"}
        return self.model_dump(exclude=loudness) == other.model_dump(exclude=loudness)


class NoAudio(_Sound):
    """Calls are set up, nothing is played and nothing is recorded."""

    backend: Literal["none"] = "none"


class FileAudio(_Sound):
    """A WAV file loops into the call, another one gets what the loudspeaker would play (either may be missing)."""

    backend: Literal["file"] = "file"
    play: str | None = None
    record: str | None = None


class DeviceAudio(_Sound):
    """An output and an input of the sound server, or of ALSA; `None` = the default one."""

    backend: Literal["device"] = "device"
    playback: str | None = None
    capture: str | None = None


Audio = Annotated[NoAudio | FileAudio | DeviceAudio, Field(discriminator="backend")]


class EngineConfig(_Frozen):
    """Everything the engine is told; a new one may be given at any time with `SipEngine.reconfigure`.

    Attributes:
        dialer_ports: fixed SIP ports of the dialers, one each, or empty for free ones. What is left of them is for
            their TLS.
        rtp: first and last UDP port for RTP and RTCP, split evenly between front and dialers.
        kept_transports: what accounts that are gone have used: nothing that works is closed for their leaving.
        ip_calls: whether INVITEs that belong to no account may ring at all.
        ip_allow: networks (CIDR) from which they may.
        display_name: the name in From of calls without an account, and of accounts that have none.
        codecs: the offer's order, by RTP names (`G722`, `PCMA`, `PCMU`); others are switched off. The library has one
            list for all accounts.
        media_timeout_s: no RTP for so long ends an answered call that is not on hold; 0 = never.
        refused_codes: final answers that count as "the phone refused" and not as a failure.
        max_dialers: upper bound of dialer processes.
        spare_dialers: idle dialers kept ready; each costs 25 MB and saves the 0.3 s that a start takes.
        stall_s: a worker that does not answer a ping for so long is killed.
        dead_leg_s: a dialer whose legs all hang, hung up and unanswered for so long, is replaced.
        questions_per_s: how often `IncomingCall` may be reported; more INVITEs are refused with 486 unasked.
    """

    listen: Listen = Listen()
    tls: Tls = Tls()
    nat: Nat = Nat()
    dialer_ports: tuple[Port, ...] = ()
    rtp: tuple[Port, Port] = (10000, 10199)
    accounts: tuple[Account, ...] = ()
    kept_transports: frozenset[Transport] = frozenset()
    ip_calls: bool = True
    ip_allow: tuple[str, ...] = ("127.0.0.0/8",)
    audio: Audio = NoAudio()
    display_name: str = "Door"
    codecs: tuple[str, ...] = ("G722", "PCMA", "PCMU")
    media_timeout_s: Annotated[float, Field(ge=0)] = 30
    refused_codes: tuple[int, ...] = (486, 600, 603, 607)
    max_dialers: Annotated[int, Field(ge=0, le=8)] = 8
    spare_dialers: Annotated[int, Field(ge=0, le=8)] = 1
    stall_s: Annotated[float, Field(gt=0)] = 3
    dead_leg_s: Annotated[float, Field(gt=0)] = 4
    questions_per_s: Annotated[int, Field(ge=1)] = 20

    @property
    def transports(self) -> frozenset[Transport]:
        """The transports that the workers open for the accounts, those of earlier ones among them."""
        return self.kept_transports | {account.transport for account in self.accounts}
