"""SIP: where the door listens, its accounts, direct IP calls."""

from typing import Annotated, Literal

from pydantic import Field

from doorbus.contract.document.base import Between, Model, Reads
from doorbus.contract.document.scalars import Aor, Host, HostPort, Id, Line, Network, Port, PortRange, SipUri
from doorbus.contract.document.secrets import SecretRef


class ListenTls(Model):
    """The TLS port, with the door's certificate."""

    port: Port = 5061
    """The port registered for SIP over TLS (RFC 3261)."""
    cert: SecretRef
    """The certificate chain, PEM."""
    key: SecretRef
    """Its private key, PEM."""


class Listen(Model):
    """The transports on which the door can be called; null switches one off."""

    host: Host = "0.0.0.0"  # noqa: S104 - a door station is there to be called from the network
    """All interfaces: a box on the wall rarely knows its address beforehand. The `sip.match` rule guards it."""
    udp: Port | None = 5060
    """SIP's registered port."""
    tcp: Port | None = 5060
    """Also needed by long INVITEs over UDP (RFC 3261, 18.1.1)."""
    tls: ListenTls | None = None
    """Off: it needs a certificate, which only the owner can give."""


class Ports(Model):
    """The fixed ranges, so that a firewall can be told about them."""

    dialers: PortRange = "5070-5079"
    """SIP ports of the dialing workers: eight at most, and two to spare for one that is being replaced."""
    rtp: PortRange = "10000-10199"
    """RTP and RTCP of all calls: two ports a leg, nine workers with four legs, and room for late ones."""


class Nat(Model):
    """What helps behind address translation."""

    public_address: Host | None = None
    """Put into Contact and SDP where the router maps ports one to one; null = the local address."""
    stun: HostPort | None = None
    """A STUN server that tells the public address; none is asked unless named."""
    keepalive_s: Annotated[int, Between(0, 600)] = 15
    """Shorter than the 30 s after which the strictest routers forget a UDP mapping; 0 = off."""


class TlsTrust(Model):
    """How TLS peers are verified."""

    ca: Annotated[Literal["system"] | SecretRef, Reads("system, or a reference like {file: NAME}")] = "system"
    """The system's authorities, or one's own bundle (PEM)."""
    verify: bool = True
    """A TLS that trusts anybody only looks safe."""


Codec = Literal["G722", "PCMA", "PCMU"]


class Account(Model):
    """A SIP account."""

    id: Id
    aor: Aor
    """Address of record: who the door is. Its domain is where numbers are called."""
    registrar: SipUri | None = None
    """Null = a trunk that does not register."""
    proxy: SipUri | None = None
    """Outbound proxy; null = requests go to their domain."""
    username: Line | None = None
    """For digest authentication; null = the user of the AOR."""
    password: SecretRef | None = None
    """Null = the server does not ask."""
    display_name: Line = ""
    """Shown by phones; empty = they show the user."""
    transport: Literal["udp", "tcp", "tls"] = "udp"
    """What every PBX speaks."""
    srtp: Literal["disabled", "optional", "mandatory"] = "disabled"
    """Keys in the SDP are secret only over TLS, so encryption is chosen together with `transport: tls`."""
    expires_s: Annotated[int, Between(60, 86400)] = 300
    """Short enough that a restarted PBX knows the door again within minutes."""
    codecs: Annotated[tuple[Codec, ...], Field(min_length=1)] = ("G722", "PCMA", "PCMU")
    """Wide-band speech first; A-law before u-law as G.711 is used in most of the world."""
    session_timer: Literal["disabled", "optional", "required"] = "optional"
    """RFC 4028: finds dead calls where both sides know it, disturbs nobody else."""
    prack: Literal["disabled", "optional", "required"] = "optional"
    """RFC 3262: used where the far side asks for it."""
    trusted_sources: tuple[Network, ...] = ()
    """Further addresses whose INVITEs belong to this account, like media gateways beside the registrar."""


class IpCalls(Model):
    """Calls without an account, from and to IP addresses."""

    enabled: bool = True
    """On, but see `allow`: out of the box only this machine can call."""
    allow: tuple[Network, ...] = ("127.0.0.0/8",)
    """Who may call directly. Loopback only, as a door that anybody can call will be called by scanners."""


class Sip(Model):
    """Everything about SIP but the decisions (`calls`)."""

    listen: Listen = Listen()
    ports: Ports = Ports()
    nat: Nat = Nat()
    tls: TlsTrust = TlsTrust()
    media_timeout_s: Annotated[float, Between(0, 3600)] = 30
    """Neither RTP nor RTCP for so long ends a call: longer than any re-registration of a radio; 0 = never."""
    accounts: tuple[Account, ...] = ()
    ip_calls: IpCalls = IpCalls()
