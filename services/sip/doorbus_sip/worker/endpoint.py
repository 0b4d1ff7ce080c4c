"""The pjsua2 endpoint of a worker: one thread, no sound device, only the codecs that are wanted."""

import functools
import socket
import time

import pjsua2 as pj

from doorbus_sip.protocol import Logged, Setup, WorkerTls
from doorbus_sip.worker.screen import Screen
from doorbus_sip.worker.tcp import HANDSHAKE_MS, Library, TcpGuard

_LOG_LEVEL = 1  # errors; 4 and 5 would hold whole messages, with digits and credentials
_MAX_LINES, _MAX_LINE = 10, 300


class PjLog(pj.LogWriter):  # type: ignore[misc]
    """Keeps the library's first few errors until they are fetched; under a flood there is one an INVITE."""

    def __init__(self) -> None:
        super().__init__()
        self._lines: list[str] = []
        self._dropped = 0

    def write(self, entry: pj.LogEntry) -> None:
        """One line, from any thread."""
        self.note(str(entry.msg).rstrip())

    def note(self, line: str) -> None:
        """Keeps a line as if the library had written it."""
        if len(self._lines) < _MAX_LINES:
            self._lines.append(line[:_MAX_LINE])
        else:
            self._dropped += 1

    def fetch(self) -> Logged | None:
        """The lines since the last time, `None` if there are none."""
        if not self._lines:
            return None
        lines, self._lines = self._lines, []
        dropped, self._dropped = self._dropped, 0
        return Logged(lines=tuple(lines), dropped=dropped)


class Endpoint:
    """Starts and stops the library; there is one a process.

    Raises:
        pj.Error: a transport cannot be bound.
    """

    def __init__(self, setup: Setup) -> None:
        self.lib = Library()
        self.lib.libCreate()
        self.log = PjLog()
        self.lib.libInit(self._config(setup.stun))
        self._setup = setup
        self.screen = Screen(self.log.note)
        self.udp_id = self.lib.transportCreate(pj.PJSIP_TRANSPORT_UDP, self._transport(setup.udp))
        self.udp = _port(self.lib, self.udp_id)
        self._guard: TcpGuard | None = None
        self.tcp: int | None = None
        if setup.tcp is not None or setup.tls is not None:
            self._guard = TcpGuard(self.lib)
        if self._guard is not None and setup.tcp is not None:
            self.tcp = self._guard.listen(pj.PJSIP_TRANSPORT_TCP, self._transport, setup.tcp)
        if self._guard is not None and setup.tls is not None:
            tls = functools.partial(self._tls_transport, setup.tls)
            self._guard.listen(pj.PJSIP_TRANSPORT_TLS, tls, setup.tls.port)
        self.lib.audDevManager().setNullDev()
        self.lib.libStart()
        self._choose_codecs(setup.codecs)
        self.host = str(self.lib.transportGetInfo(self.udp_id).localName).rsplit(":", 1)[0]

    def handle_events(self, timeout_ms: int) -> None:
        """Waits for at most `timeout_ms` for packets and timers, and runs what they ask for."""
        self.lib.libHandleEvents(timeout_ms)
        if self._guard is not None:
            self._guard.watch(time.monotonic())

    def close(self) -> None:
        """Destroys the library; no pjsua2 object may be used afterwards."""
        self.lib.libDestroy(pj.PJSUA_DESTROY_NO_NETWORK)  # what there was to say is said; it would wait a second

    def _config(self, stun: str | None) -> pj.EpConfig:
        config = pj.EpConfig()
        if stun is not None:
            config.uaConfig.stunServer.append(stun)
            config.uaConfig.stunIgnoreFailure = True  # a door without it still works in its own network
        config.uaConfig.threadCnt = 0
        config.uaConfig.mainThreadOnly = True
        config.uaConfig.maxCalls = 4
        config.uaConfig.userAgent = "Doorbus"
        config.logConfig.level = _LOG_LEVEL
        config.logConfig.consoleLevel = 0
        config.logConfig.msgLogging = 0
        config.logConfig.writer = self.log
        config.medConfig.sndAutoCloseTime = -1  # otherwise the bridge's clock stops after an idle second for good
        # no more delay than the network asks for, and never so much that two people talk over each other
        config.medConfig.jbInit, config.medConfig.jbMinPre, config.medConfig.jbMax = 0, 0, 200
        config.medConfig.noVad = True  # it would cut the beginning of what is said, and a silent street is no lost call
        return config

    def _transport(self, port: int) -> pj.TransportConfig:
        config = pj.TransportConfig()
        config.port = port
        config.boundAddress = "" if self._setup.host == "0.0.0.0" else self._setup.host  # noqa: S104 - compared, not bound
        config.publicAddress = self._setup.public_address or ""
        return config

    def _tls_transport(self, tls: WorkerTls, port: int) -> pj.TransportConfig:
        config = self._transport(port)
        config.tlsConfig.certBuf = tls.cert
        config.tlsConfig.privKeyBuf = tls.key
        config.tlsConfig.CaBuf = tls.ca
        config.tlsConfig.CaListFile = tls.ca_file or ""
        config.tlsConfig.verifyServer = tls.verify
        config.tlsConfig.proto = pj.PJ_SSL_SOCK_PROTO_TLS1_2 | pj.PJ_SSL_SOCK_PROTO_TLS1_3
        config.tlsConfig.msecTimeout = HANDSHAKE_MS
        return config

    def _choose_codecs(self, wanted: tuple[str, ...]) -> None:
        for codec in self.lib.codecEnum2():
            name = codec.codecId.split("/")[0].upper()
            place = next((i for i, codec_name in enumerate(wanted) if codec_name.upper() == name), None)
            self.lib.codecSetPriority(codec.codecId, 0 if place is None else 200 - place)


def wake_address(host: str, port: int) -> tuple[str, int]:
    """Where a datagram from this machine reaches the endpoint."""
    if host in ("0.0.0.0", ""):  # noqa: S104 - compared, not bound
        return "127.0.0.1", port
    return ("::1" if host == "::" else host), port


def _port(lib: pj.Endpoint, transport: int) -> int:
    return int(str(lib.transportGetInfo(transport).localName).rsplit(":", 1)[1])


class RtpPlug:
    """Holds the RTP ports of the worker, so that pjsua cannot open media and fails an INVITE instead."""

    def __init__(self, host: str, ports: tuple[int, int]) -> None:
        self._host = host
        self._ports = ports
        self._held: dict[int, socket.socket] = {}

    def fill(self) -> None:
        """Takes every even port that is free now."""
        first, last = self._ports
        for port in range(first, last + 1, 2):
            if port in self._held:
                continue
            holder = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            try:
                holder.bind((self._host, port))
            except OSError:
                holder.close()
            else:
                self._held[port] = holder

    def clear(self) -> None:
        """Gives them back."""
        for holder in self._held.values():
            holder.close()
        self._held.clear()
