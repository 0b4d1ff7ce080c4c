"""The pjsua2 endpoint of a worker: one thread, no sound device, only the codecs that are wanted."""

import functools
import socket
import time

import pjsua2 as pj

from doorbus_sip.protocol import Logged, Setup
from doorbus_sip.worker.tcp import Library, TcpGuard

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
        if len(self._lines) < _MAX_LINES:
            self._lines.append(str(entry.msg).rstrip()[:_MAX_LINE])
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
        self.lib.libInit(self._config())
        self.udp_id = self.lib.transportCreate(pj.PJSIP_TRANSPORT_UDP, _transport(setup.host, setup.udp))
        self.udp = _port(self.lib, self.udp_id)
        self._tcp: TcpGuard | None = None
        if setup.tcp is not None:
            self._tcp = TcpGuard(self.lib, functools.partial(_transport, setup.host), setup.tcp)
        self.lib.audDevManager().setNullDev()
        self.lib.libStart()
        self._choose_codecs(setup.codecs)
        self.host = str(self.lib.transportGetInfo(self.udp_id).localName).rsplit(":", 1)[0]

    @property
    def tcp(self) -> int | None:
        """The TCP port, if there is one."""
        return None if self._tcp is None else self._tcp.port

    def handle_events(self, timeout_ms: int) -> None:
        """Waits for at most `timeout_ms` for packets and timers, and runs what they ask for."""
        self.lib.libHandleEvents(timeout_ms)
        if self._tcp is not None:
            self._tcp.watch(time.monotonic())

    def close(self) -> None:
        """Destroys the library; no pjsua2 object may be used afterwards."""
        self.lib.libDestroy(pj.PJSUA_DESTROY_NO_NETWORK)  # what there was to say is said; it would wait a second

    def _config(self) -> pj.EpConfig:
        config = pj.EpConfig()
        config.uaConfig.threadCnt = 0
        config.uaConfig.mainThreadOnly = True
        config.uaConfig.maxCalls = 4
        config.uaConfig.userAgent = "Doorbus"
        config.logConfig.level = _LOG_LEVEL
        config.logConfig.consoleLevel = 0
        config.logConfig.msgLogging = 0
        config.logConfig.writer = self.log
        config.medConfig.sndAutoCloseTime = -1  # otherwise the bridge's clock stops after an idle second for good
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


def _transport(host: str, port: int) -> pj.TransportConfig:
    config = pj.TransportConfig()
    config.port = port
    config.boundAddress = "" if host == "0.0.0.0" else host  # noqa: S104 - compared, not bound
    return config


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
