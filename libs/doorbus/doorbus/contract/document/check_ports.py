"""Which UDP and TCP ports the document claims: none twice, and ranges wide enough."""

from collections.abc import Iterator

from doorbus.contract.document.door import Door
from doorbus.contract.document.findings import Finding
from doorbus.contract.document.problems import Path, path_text
from doorbus.contract.document.scalars import multicast_port, port_range

MIN_DIALERS = 8
"""So many dialing workers there may be, each with a port of its own."""

MIN_RTP = 72
"""Nine workers with four legs each, and two ports a leg (RTP and RTCP)."""


def check_ports(door: Door) -> Iterator[Finding]:
    """Finds ports claimed twice, and ranges that are too short."""
    sip = ("sip", "listen")
    dialers, rtp = port_range(door.sip.ports.dialers), port_range(door.sip.ports.rtp)
    if len(dialers) < MIN_DIALERS:
        yield Finding(("sip", "ports", "dialers"), f"must be a range of at least {MIN_DIALERS} ports, like 5070-5079")
    if len(rtp) < MIN_RTP:
        yield Finding(("sip", "ports", "rtp"), f"must be a range of at least {MIN_RTP} ports, like 10000-10199")
    listen = door.sip.listen
    udp: list[tuple[Path, range]] = [(("sip", "ports", "dialers"), dialers), (("sip", "ports", "rtp"), rtp)]
    tcp: list[tuple[Path, range]] = [(("sip", "ports", "dialers"), dialers)]
    if listen.udp is not None:
        udp.append(((*sip, "udp"), range(listen.udp, listen.udp + 1)))
    if listen.tcp is not None:
        tcp.append(((*sip, "tcp"), range(listen.tcp, listen.tcp + 1)))
    if listen.tls is not None:
        tcp.append(((*sip, "tls", "port"), range(listen.tls.port, listen.tls.port + 1)))
    for place, listener in enumerate(door.multicast.listeners):
        port = multicast_port(listener.address)
        udp.append((("multicast", "listeners", place, "address"), range(port, port + 1)))
    yield from _overlaps(udp, "UDP")
    yield from _overlaps(tcp, "TCP")


def check_transports(door: Door) -> Iterator[Finding]:
    """Finds accounts whose transport is switched off, and a door that cannot be reached at all."""
    listen = door.sip.listen
    if listen.udp is None and listen.tcp is None and listen.tls is None:
        yield Finding(("sip", "listen"), "must have at least one of udp, tcp, tls")
        return
    on = {"udp": listen.udp is not None, "tcp": listen.tcp is not None, "tls": True}
    for place, account in enumerate(door.sip.accounts):
        if not on[account.transport]:
            allowed = ", ".join(name for name in on if on[name])
            message = f"sip.listen.{account.transport} is null; must be one of {allowed}"
            needs: tuple[Path, ...] = (("sip", "listen"),)
            yield Finding(("sip", "accounts", place, "transport"), message, needs=needs)


def _overlaps(claims: list[tuple[Path, range]], protocol: str) -> Iterator[Finding]:
    for place, (path, ports) in enumerate(claims):
        for other_path, other in claims[:place]:
            shared = range(max(ports.start, other.start), min(ports.stop, other.stop))
            if shared:
                message = f"{protocol} port {shared.start} is already used by {path_text(other_path)}; each port once"
                yield Finding(path, message, needs=(other_path,))
                break
