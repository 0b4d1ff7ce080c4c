"""The worker's main loop: pjsua2's events, the control socket, timers.

Rules
- Everything runs on this one thread. The library cannot watch the control socket, so whoever writes to that socket
  sends a CRLF keep-alive datagram to the SIP port afterwards: pjsip drops it, and its wait returns at once. A lost
  datagram only costs `IDLE_MS`, or `CALL_MS` while there are calls.
- A closed control socket is the end of the parent: BYE on all calls, exit within `GRACE_S`.
- An INVITE's callback waits up to `DECIDE_MS` for the parent's decision and carries it out at once: a refusal within
  that time skips a round of the loop. Orders for others that come meanwhile wait for the loop. An INVITE without an
  offer waits for the loop too: refused in its callback it aborts the library (`pjsip_rx_data_free_cloned`).
- Reports wait in a queue while the socket is full; the loop never blocks on it.
- Refusals wait for sockets (`slots`).
"""

import functools
import heapq
import itertools
import select
import socket
import time
import uuid
from collections import Counter, deque
from collections.abc import Callable

import pjsua2 as pj
from pydantic import BaseModel

from doorbus_sip.invite import parse_invite
from doorbus_sip.matching import Forbidden, Network, OnAccount, match, networks
from doorbus_sip.protocol import (
    MAX_MESSAGE_BYTES,
    ORDERS,
    Answer,
    AudioPart,
    AudioState,
    Change,
    Dial,
    Ended,
    Failed,
    Grant,
    Hangup,
    Hold,
    Incoming,
    Listen,
    Order,
    Ping,
    Play,
    Pong,
    Ready,
    Refuse,
    Refused,
    Ring,
    SendDtmf,
    Setup,
    Stop,
    Warn,
    pack,
)
from doorbus_sip.tones import TONES, Tone
from doorbus_sip.worker import slots
from doorbus_sip.worker.accounts import Account, Accounts, identity
from doorbus_sip.worker.audio import Bridge
from doorbus_sip.worker.call import Call
from doorbus_sip.worker.endpoint import Endpoint, RtpPlug, wake_address
from doorbus_sip.worker.guard import last_line
from doorbus_sip.worker.held import Held, taken_slots
from doorbus_sip.worker.respond import answer_unhandled

IDLE_MS = 250
CALL_MS = 20
DECIDE_MS = 6
GRACE_S = 1.0
LINGER_S = 0.1
_SECOND_S = 1.0
_MAX_QUEUE = 10_000


class Worker:
    """One endpoint and its calls, until the parent stops it or is gone."""

    def __init__(self, control: socket.socket, setup: Setup) -> None:
        self._control = control
        self._setup = setup
        self._out: deque[bytes] = deque()
        self._timers: list[tuple[float, int, Callable[[], None]]] = []
        self._numbers = itertools.count()
        self._stopping: float | None = None
        self._early: deque[bytes] = deque()
        self._orders = select.poll()
        self._orders.register(control, select.POLLIN)
        self._run_id = uuid.uuid4().hex[:24]
        self._sockets = slots.Sockets()
        self._refused: Counter[int] = Counter()
        self._plugged = False
        self._tones_played = 0
        self._ip_allow: tuple[Network, ...] = ()
        self.calls: dict[str, Call] = {}
        self.bridge = Bridge(setup.audio, self._note_audio)
        self._endpoint = Endpoint(setup)
        self._answers_all = answer_unhandled()
        self._held = Held(taken_slots())
        self._plug = RtpPlug(setup.host, setup.rtp)
        bound = "" if setup.host == "0.0.0.0" else setup.host  # noqa: S104 - compared, not bound
        self.accounts = Accounts(self, setup.front, setup.rtp, bound, setup.public_address or "")
        self._endpoint.lib.on_request = self.accounts.select
        self._endpoint.lib.on_rejected = self._rejected
        self._change(setup)

    def run(self) -> None:
        """Runs until stopped; returns with the library destroyed."""
        self._control.setblocking(False)
        host, port = wake_address(self._setup.host, self._endpoint.udp)
        self.report(Ready(udp=self._endpoint.udp, tcp=self._endpoint.tcp, wake=(host, port)))
        if not self._answers_all:
            self.failed("start", "this build of pjsua2 leaves requests outside of calls unanswered")
        self._every_second()
        while not self._is_done():
            self._read_orders()
            self._write_reports()
            self._endpoint.handle_events(self._wait_ms())
            self._tend_holds()
            self._run_timers()
            self._watch_sockets()
        self._write_reports()
        self.calls.clear()
        self.bridge.close()
        self._endpoint.close()

    # What the pjsua2 objects call.

    def report(self, message: BaseModel) -> None:
        """Sends a report after those that wait; the oldest is lost when the parent reads nothing for long."""
        if len(self._out) >= _MAX_QUEUE:
            self._out.popleft()
        self._out.append(pack(message))
        self._write_reports()

    def note(self, message: BaseModel) -> None:
        """As `report`, from any thread: the loop writes it."""
        self._out.append(pack(message))

    def warn(self, media: pj.AudioMedia) -> None:
        """Plays the warning tone to both sides of a call."""
        self.bridge.warn(media, Tone.WARNING)
        self._at(time.monotonic() + TONES[Tone.WARNING].length_s, self.bridge.end_warning)

    def failed(self, where: str, error: str, leg: str | None = None) -> None:
        """Reports an error that nobody else would see, and the leg it is about."""
        self.report(Failed(where=where, error=error, leg=leg))

    def _note_audio(self, part: AudioPart, problem: str | None) -> None:
        self.note(AudioState(part=part, problem=None if problem is None else problem[:500]))

    def incoming(self, account: Account, prm: pj.OnIncomingCallParam) -> None:
        """A new INVITE has taken a slot: who is it, and may it ring?"""
        self._sockets = slots.opened(self._sockets)
        call = Call(self, account, f"{self._run_id}{next(self._numbers):08x}", int(prm.callId))
        self.calls[call.leg] = call
        self._watch_sockets()
        invite = parse_invite(str(prm.rdata.wholeMsg))
        offers = self._endpoint.screen.has_description(int(prm.rdata.pjRxData))
        source, _, port = str(prm.rdata.srcAddress).rpartition(":")
        owner = match(source, invite.to_user, self.accounts.known, self._ip_allow)
        if isinstance(owner, Forbidden) or not self._setup.front:
            self._refused[403] += 1
            refuse = functools.partial(self._refuse, call.leg, 403, "")
            refuse() if offers else self._at(time.monotonic(), refuse)
            return
        call.account = owner.id if isinstance(owner, OnAccount) else None
        self.report(
            Incoming(
                leg=call.leg,
                account=call.account,
                from_user=invite.from_user,
                from_uri=invite.from_uri,
                to_user=invite.to_user,
                source=source.strip("[]"),
                source_port=int(port),
                wants_video=invite.wants_video,
                auto_answer=invite.auto_answer,
            )
        )
        if offers:
            self._await_decision(call.leg)

    def _rejected(self, code: int) -> None:
        self._refused[code] += 1

    def ended(self, call: Call, code: int, reason: str) -> None:
        """A call is over; its object dies when the callback that told it returns."""
        self._sockets = slots.closed(self._sockets, time.monotonic())
        self._watch_sockets()
        self.calls.pop(call.leg, None)
        remote = not call.ended_here
        self.report(Ended(leg=call.leg, code=code, reason=reason, remote=remote, media_failed=call.media_failed))

    def media_changed(self) -> None:
        """A re-INVITE may have cost sockets."""
        self._sockets = slots.reopened(self._sockets, time.monotonic())

    # Orders.

    def _read_orders(self) -> None:
        while (packet := self._early.popleft() if self._early else self._receive()) is not None:
            if not packet:
                self._stop()
                return
            self._take(ORDERS.validate_json(packet))

    def _receive(self) -> bytes | None:
        try:
            return self._control.recv(MAX_MESSAGE_BYTES)
        except BlockingIOError:
            return None
        except OSError:
            return b""

    def _take(self, order: Order) -> None:
        try:
            self._obey(order)
        except Exception as error:  # noqa: BLE001 - one order must not end the other calls
            self.failed(order.type, last_line(error), getattr(order, "leg", None))
            if isinstance(order, Ring | Answer):
                self._cannot(order.leg)

    def _await_decision(self, leg: str) -> None:
        until = time.monotonic() + DECIDE_MS / 1000
        while (left_s := until - time.monotonic()) > 0 and self._orders.poll(left_s * 1000):
            packet = self._receive()
            if packet:
                order = ORDERS.validate_json(packet)
                if isinstance(order, Refuse | Answer | Ring) and order.leg == leg:
                    self._take(order)
                    return
            if packet is not None:
                self._early.append(packet)
            if not packet:
                return

    def _obey(self, order: Order) -> None:
        match order:
            case Dial():
                self._dial(order)
            case Refuse(leg=leg, code=code, reason=reason):
                self._refuse(leg, code, reason)
            case Ping(n=n):
                self.report(Pong(n=n))
            case Play(tone=tone):
                self._play(tone)
            case Change():
                self._change(order)
            case Stop():
                self._stop()
            case Setup():
                raise ValueError("a worker is set up once")
            case _:
                call = self.calls.get(order.leg)
                if call is not None:
                    _order_call(call, order)

    def _play(self, tone: Tone | None) -> None:
        self.bridge.play(tone)
        self._tones_played = number = self._tones_played + 1
        if tone is not None and TONES[tone].times:
            self._at(time.monotonic() + TONES[tone].length_s, lambda: self._play_out(number))

    def _play_out(self, number: int) -> None:
        if number == self._tones_played:
            self.bridge.play(None)

    def _dial(self, order: Dial) -> None:
        account = self.accounts.get(order.account)
        call = Call(self, account, order.leg)
        self.calls[order.leg] = call
        self._sockets = slots.opened(self._sockets)
        try:
            local = identity(order.display_name, account.uri) if order.display_name else None
            call.dial(account.target(order.uri), local)
        except pj.Error as error:
            if self.calls.pop(order.leg, None) is not None:
                self._sockets = slots.closed(self._sockets, time.monotonic())
                call.home = None
                self.report(Ended(leg=order.leg, code=503, reason=str(error.reason)[:200], remote=False))

    def _refuse(self, leg: str, code: int, reason: str) -> None:
        call = self.calls.get(leg)
        if call is None or call.answered:
            return
        now = time.monotonic()
        at = slots.may_end_at(self._sockets, now)
        if at <= now:
            call.refuse(code, reason)
        else:
            self._at(at, lambda: self._refuse(leg, code, reason))

    def _cannot(self, leg: str) -> None:
        """Ends an incoming leg that could not be taken: no socket was left for it, or its offer cannot be met."""
        call = self.calls.get(leg)
        if call is None or call.answered:
            return
        call.media_failed = True
        try:
            call.refuse(503, "")
        except pj.Error as error:
            self.failed("refuse", last_line(error))

    def _change(self, wanted: Setup | Change) -> None:
        self.bridge.use(wanted.audio)
        self._media_timeout_s = wanted.media_timeout_s
        self._ip_allow = networks(wanted.access.ip_allow)
        host, port = wake_address(self._setup.host, self._endpoint.udp)
        uri = f"sip:door@{self._endpoint.host or host}:{port}"
        self.accounts.apply(wanted.accounts, wanted.display_name, uri)

    def _stop(self) -> None:
        if self._stopping is not None:
            return
        self._stopping = time.monotonic() + GRACE_S
        for call in tuple(self.calls.values()):
            try:
                call.give_up(elsewhere=False)
            except pj.Error as error:
                self.failed("stop", last_line(error), call.leg)
        self.accounts.close()

    # The loop's own.

    def _is_done(self) -> bool:
        if self._stopping is None:
            return False
        now = time.monotonic()
        if now >= self._stopping:
            return True
        return not self.calls and not self.accounts.is_registered() and now >= self._stopping - GRACE_S + LINGER_S

    def _write_reports(self) -> None:
        while self._out:
            try:
                self._control.send(self._out[0])
            except BlockingIOError:
                return
            except OSError:
                self._out.clear()
                return
            self._out.popleft()

    def _wait_ms(self) -> int:
        most = CALL_MS if self.calls or self._stopping is not None else IDLE_MS
        if not self._timers:
            return most
        return max(0, min(most, int((self._timers[0][0] - time.monotonic()) * 1000) + 1))

    def _at(self, when: float, run: Callable[[], None]) -> None:
        heapq.heappush(self._timers, (when, next(self._numbers), run))

    def _run_timers(self) -> None:
        now = time.monotonic()
        while self._timers and self._timers[0][0] <= now:
            run = heapq.heappop(self._timers)[2]
            try:
                run()
            except Exception as error:  # noqa: BLE001 - one timer must not end the calls
                self.failed("timer", last_line(error))

    def _watch_sockets(self) -> None:
        full = slots.is_full(self._sockets, time.monotonic())
        if full:
            self._plug.fill()
        elif self._plugged:
            self._plug.clear()
        self._plugged = full

    def _tend_holds(self) -> None:
        """In a method of its own, as no name may refer to a call when its end comes."""
        for call in tuple(self.calls.values()):
            call.tend_hold(time.monotonic())

    def _every_second(self) -> None:
        now = time.monotonic()
        self._at(now + _SECOND_S, self._every_second)
        for code, count in self._refused.items():
            self.report(Refused(code=code, count=count))
        self._refused.clear()
        lines = self._endpoint.log.fetch()
        if lines is not None:
            self.report(lines)
        self.bridge.rest()
        if self._stopping is None:
            self.accounts.refresh(now)
            if self._held.is_lost(len(self.calls)):
                self.failed("slots", "the library gives slots not back: this worker ends")
                self._stop()
        for call in tuple(self.calls.values()):
            if call.answered and not call.given_up:
                self._watch_media(call, now)

    def _watch_media(self, call: Call, now: float) -> None:
        packets = call.received_packets()
        if packets != call.heard[0] or not call.must_hear or not call.heard[1]:
            call.heard = (packets, now)
        elif self._media_timeout_s > 0 and now - call.heard[1] >= self._media_timeout_s:
            call.media_failed = True
            call.give_up(elsewhere=False)


def _order_call(call: Call, order: Ring | Answer | Hangup | Grant | Listen | Warn | Hold | SendDtmf) -> None:
    match order:
        case Ring():
            call.ring()
        case Answer():
            call.accept()
        case Hangup(elsewhere=elsewhere):
            call.give_up(elsewhere)
        case Grant():
            call.grant()
        case Listen():
            call.listen()
        case Warn():
            call.warn()
        case Hold(held=held):
            call.set_held(held)
        case SendDtmf(digits=digits):
            call.dialDtmf(digits)
