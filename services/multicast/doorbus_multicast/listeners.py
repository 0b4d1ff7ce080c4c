"""The door's listeners: a socket each, what comes to them, and where it goes.

Rules
- Each group is joined on the document's interface; again when that interface comes, goes, or changes its address.
- A socket gives at most `AT_ONCE` datagrams before the others have their turn, so a storm on one starves none.
- A packet's time is that of its arrival in the kernel: a process that was kept waiting ends no page by that.
- Packets of the stream that plays go to its sound at once. Of one that does not play the last few are kept: by the time
  that it is decided to play it, its first packet must not be lost.
- A listener that a new document leaves as it was keeps its socket and its stream.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import time
from collections.abc import Callable, Iterable

import structlog

from doorbus.contract.base import new_id
from doorbus.contract.document.multicast import Multicast
from doorbus.rtp.payloads import formats
from doorbus_multicast import metrics
from doorbus_multicast.arbiter_model import Heard
from doorbus_multicast.groups import NOTES_BYTES, NoRouteError, arrived_at, find_route
from doorbus_multicast.intake import MAX_BYTES, Drop, Intake, Sender, Taken
from doorbus_multicast.line import Line
from doorbus_multicast.page_sound import PageSound

AT_ONCE = 32
BEGINNING_S = 0.15
"""A stream that is not older than this is played from its first packet on."""
LATEST_S = 0.03
"""Of an older one, from its last."""
KNOWN_SENDERS = 4096
"""Addresses whose verdict is remembered."""

_DROPPED = {reason: metrics.DROPPED.labels(reason) for reason in Drop}
_FATES = {"late": _DROPPED[Drop.LATE], "early": _DROPPED[Drop.EARLY], "repeated": _DROPPED[Drop.REPEATED]}

log = structlog.get_logger()


class Listeners:
    """All of a door's.

    Args:
        heard: told of each stream that begins.
        problem: told why listeners cannot be joined, or None when all of them are; when that changes.
        clock: monotonic seconds.
    """

    def __init__(
        self,
        heard: Callable[[Heard], None],
        problem: Callable[[str | None], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._heard = heard
        self._problem = problem
        self._clock = clock
        self._lines: dict[str, Line] = {}
        self._interface: str | None = None
        self._sources: tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...] = ()
        self._verdicts: dict[str, bool] = {}
        self._buffer = bytearray(MAX_BYTES + 1)
        self._view = memoryview(self._buffer)
        self._told: str | None = None

    # --- the document --------------------------------------------------------------------------------------------

    def configure(self, multicast: Multicast) -> None:
        """Listens to what the document says."""
        wanted = {listener.address: listener for listener in multicast.listeners}
        for address in [*self._lines]:
            if address not in wanted or wanted[address].codecs != self._lines[address].listener.codecs:
                self._leave(self._lines.pop(address))
        for address, listener in wanted.items():
            end_s = listener.end_ms / 1000
            line = self._lines.get(address)
            if line is None:
                self._lines[address] = Line(listener, Intake(formats(listener.codecs), end_s))
            else:
                line.listener, line.intake.end_s = listener, end_s
        self._interface = multicast.interface
        self._sources = tuple(ipaddress.ip_network(network, strict=False) for network in multicast.sources)
        self._verdicts.clear()
        for line in self._lines.values():
            line.hear_only(self._sources)
        metrics.LISTENERS.set(len(self._lines))
        self.join()

    def join(self) -> None:
        """Joins what is not joined, or not where it should be now."""
        problems: dict[str, None] = {}
        for line in self._lines.values():
            line.count_drops()
            try:
                route = find_route(self._interface, line.group)
                if line.socket is not None and route == line.route:
                    continue
                self._leave(line)
                heard = line.open(route)
                asyncio.get_running_loop().add_reader(heard, self._read, line, heard)
            except NoRouteError as error:
                self._leave(line)
                problems[str(error)] = None
        metrics.JOINED.set(sum(line.socket is not None for line in self._lines.values()))
        problem = "; ".join(problems) or None
        if problem != self._told:
            self._told = problem
            self._problem(problem)

    def close(self) -> None:
        """Leaves all groups."""
        for line in self._lines.values():
            self._leave(line)
        self._lines.clear()

    def _leave(self, line: Line) -> None:
        if line.socket is not None:
            asyncio.get_running_loop().remove_reader(line.socket)
            line.close()

    # --- pages ---------------------------------------------------------------------------------------------------

    def volume(self, address: str) -> int:
        """Returns a listener's volume in percent."""
        line = self._lines.get(address)
        return 0 if line is None else line.listener.volume

    def last_packet(self, address: str, stream: str) -> float | None:
        """Returns when the last packet of a stream came, None where it is not heard any more."""
        line = self._lines.get(address)
        if line is None or line.stream != stream or line.intake.last is None:
            return None
        if self._clock() - line.intake.last >= line.intake.end_s:
            line.unshield()
        return line.intake.last

    def forget(self, address: str, stream: str) -> None:
        """The stream is over: what comes next begins another."""
        line = self._lines.get(address)
        if line is not None and line.stream == stream:
            line.stream, line.sound = None, None
            line.intake.forget()

    def play(self, address: str, stream: str, sound: PageSound) -> float | None:
        """Lets a stream sound; returns when it began, None where it is not heard any more."""
        line = self._lines.get(address)
        if line is None or line.stream != stream:
            return None
        now = self._clock()
        since = line.began if now - line.began < BEGINNING_S else now - LATEST_S
        for packet in line.recent:
            if packet.at >= since:
                sound.put(packet)
        line.sound = sound
        return line.began

    def silence(self, address: str, sound: PageSound | None) -> None:
        """Lets a stream sound no more."""
        line = self._lines.get(address)
        if line is not None and line.sound is sound:
            line.sound = None

    # --- packets -------------------------------------------------------------------------------------------------

    def _read(self, line: Line, heard: socket.socket) -> None:
        now = self._clock()
        from_wall_clock = now - time.time()
        for _ in range(AT_ONCE):
            try:
                size, notes, _, sender = heard.recvmsg_into([self._buffer], NOTES_BYTES)
            except OSError:  # nothing more; an error of a socket is told by the next change of the network
                return
            metrics.PACKETS.inc()
            self._take(line, size, sender, arrived_at(notes, from_wall_clock, now))

    def _take(self, line: Line, size: int, sender: Sender, now: float) -> None:
        if self._sources and not self._may_send(sender[0]):
            _DROPPED[Drop.SOURCE].inc()
            return
        if sender != line.sender:
            line.note_other(now)
        if size > MAX_BYTES:
            _DROPPED[Drop.TOO_LARGE].inc()
            return
        taken = line.intake.take(self._view[:size], sender, now)
        if isinstance(taken, Drop):
            _DROPPED[taken].inc()
            return
        begins, packets = taken
        if begins:
            line.stream, line.began, line.sound = new_id(), packets[0].at, None
            line.sender = sender
            line.recent.clear()
            line.unshield()
        if line.sound is None:
            line.recent.extend(packets)
        else:
            _play(line.sound, packets)
        if begins and line.stream is not None:
            self._heard(Heard(line.stream, line.address, line.intake.ssrc or 0, f"{sender[0]}:{sender[1]}"))

    def _may_send(self, address: str) -> bool:
        verdict = self._verdicts.get(address)
        if verdict is None:
            if len(self._verdicts) >= KNOWN_SENDERS:
                self._verdicts.clear()
            parsed = ipaddress.ip_address(address)
            verdict = self._verdicts[address] = any(parsed in network for network in self._sources)
        return verdict


def _play(sound: PageSound, packets: Iterable[Taken]) -> None:
    for packet in packets:
        fate = sound.put(packet)
        if fate != "taken":
            _FATES[fate].inc()
