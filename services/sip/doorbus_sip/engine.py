"""The SIP engine: calls, with their ids, on top of the pool of workers. Knows nothing of the bus.

Rules
- Orders are accepted or raise; what came of them is told as facts, in order.
- The calls are on the `Switchboard`; what the workers say comes in by `Reports`.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from doorbus_sip import facts, protocol, ringset
from doorbus_sip.calls import CallSnapshot, Record
from doorbus_sip.config import EngineConfig
from doorbus_sip.facts import Fact, Reason
from doorbus_sip.limits import Limits
from doorbus_sip.pool import Pool
from doorbus_sip.reports import Reports
from doorbus_sip.resolve import resolve
from doorbus_sip.sounds import unreached
from doorbus_sip.speaker import begin_recording
from doorbus_sip.switchboard import Switchboard, UnknownCallError

__all__ = ["Ports", "SipEngine", "UnknownCallError"]

_RESOLVE_S = 60.0  # a PBX behind a name may move, and the name server may be late at boot


@dataclass(frozen=True, slots=True)
class Ports:
    """The front's SIP ports."""

    udp: int
    tcp: int | None


class SipEngine:
    """The facade for the bus shell; one a door. All methods belong to one event loop.

    Args:
        config: what to listen on, the accounts, the audio.
        on_fact: called for each fact, on the event loop; it must not block.
    """

    def __init__(self, config: EngineConfig, on_fact: Callable[[Fact], None]) -> None:
        self._config = config
        self._on_fact = on_fact
        self._reports = Reports(on_fact, config.questions_per_s)
        self._started: Switchboard | None = None
        self._resolving: asyncio.Task[None] | None = None
        self._accounts: tuple[protocol.WorkerAccount, ...] = ()

    @property
    def config(self) -> EngineConfig:
        """The configuration in force."""
        return self._config

    @property
    def is_started(self) -> bool:
        """Whether there are workers to give orders to."""
        return self._started is not None

    @property
    def ports(self) -> Ports:
        """Where the door listens, also when the configuration said "any port"."""
        return Ports(*self._running.ports)

    @property
    def workers(self) -> dict[str, int]:
        """Process ids by worker name."""
        return self._running.pids()

    def worker_of(self, leg: str) -> str | None:
        """The name of the worker that has this leg now."""
        return self._running.worker_of(leg)

    async def start(self) -> None:
        """Starts the workers; returns when the front listens.

        Raises:
            TimeoutError: it does not listen after 15 s (a port is taken, most likely).
            ValueError: too few RTP ports for the workers.
        """
        self._accounts = await resolve(self._config)
        self._begin_recording()
        pool = Pool(self._config, self._accounts, self._reports.listeners)
        self._started = Switchboard(pool, self._on_fact)
        self._reports.start(self._started)
        await pool.start()
        self._resolving = asyncio.create_task(self._resolve_again())

    async def stop(self) -> None:
        """Ends all calls (`shutdown`), unregisters, ends the workers."""
        self._reports.stop()
        if self._resolving is not None:
            self._resolving.cancel()
        if self._started is not None:
            self._started.stop()
            await self._started.pool.stop()

    async def reconfigure(self, config: EngineConfig) -> None:
        """Applies a new configuration: accounts, audio and limits at once, calls of removed accounts end.

        `listen`, `rtp`, `dialer_ports` and `codecs` are taken by the workers that start from now on.
        """
        gone = {account.id for account in self._config.accounts} - {account.id for account in config.accounts}
        for record in self._board.records():
            if record.account in gone:
                self._board.end(record, Reason.SHUTDOWN)
        anew = not config.audio.is_where(self._config.audio)
        self._config = config
        self._reports.limit_questions(config.questions_per_s)
        if anew:
            self._begin_recording()
        self._accounts = await resolve(config)
        self._running.change(config, self._accounts)

    async def dial(
        self,
        call: str,
        account: str | None,
        targets: tuple[tuple[str, str], ...],
        limits: Limits,
        display_name: str | None = None,
        *,
        silent: bool = False,
        final: bool = True,
    ) -> None:
        """Rings all `targets`, (leg id, SIP URI) each; the first that answers gets the call.

        Args:
            call: its id.
            account: the account to call on; None = a direct call.
            targets: leg id and SIP URI of each phone.
            limits: when it ends without anybody's order.
            display_name: in From; None = the account's.
            silent: nothing of it is heard at the door (a code for a server).
            final: nobody else is called when it ends unanswered, so that its end may be heard.

        Raises:
            ValueError: an id is used already, or there is no target.
            LookupError: no such account.
        """
        legs = tuple(leg for leg, _ in targets)
        board = self._board
        if call in board or any(board.call_of(leg) is not None for leg in legs):
            raise ValueError("a call or leg of this id exists")
        if account is not None and all(known.id != account for known in self._config.accounts):
            raise LookupError(f"no account {account!r}")
        record = Record(
            call=call,
            direction="out",
            account=account,
            peer=targets[0][1] if len(targets) == 1 else "",
            started=self._board.now(),
            limits=limits,
            legs=dict(targets),
            state="dialing",
            silent=silent,
            final=final,
            ring=ringset.ring_set(legs, frozenset(self._config.refused_codes)),
        )
        board.add(record)
        self._on_fact(facts.CallDialing(call, account, legs))
        self._running.dial(
            tuple(protocol.Dial(leg=leg, account=account, uri=uri, display_name=display_name) for leg, uri in targets)
        )
        self._board.hear()

    async def ring(self, call: str) -> None:
        """Sends 180 for an incoming call.

        Raises:
            UnknownCallError: it does not wait.
        """
        record = self._board.waiting(call)
        if record.state == "incoming":
            record.state = "ringing"
            self._running.send(call, protocol.Ring(leg=call))
            self._on_fact(facts.CallRinging(call))
            self._board.hear()

    async def answer(self, call: str, limits: Limits | None = None) -> None:
        """Sends 200 for an incoming call; `CallAnswered` follows with the ACK.

        Raises:
            UnknownCallError: it does not wait.
        """
        record = self._board.waiting(call)
        record.limits = limits or record.limits
        record.accepting = True
        self._running.send(call, protocol.Answer(leg=call))
        self._board.arm()
        self._board.hear()

    def set_limits(self, call: str, limits: Limits) -> None:
        """Replaces the backstop limits of a call; they count from its start and its answer as before.

        Raises:
            UnknownCallError: there is no such call.
        """
        self._board.known(call).limits = limits
        self._board.arm()

    async def refuse(self, call: str, code: int, reason: Reason = Reason.REFUSED) -> None:
        """Sends a final answer (300 to 699) to an incoming call.

        Raises:
            UnknownCallError: it does not wait.
            ValueError: no such code.
        """
        if not 300 <= code <= 699:
            raise ValueError(f"{code} does not refuse a call")
        record = self._board.waiting(call)
        self._running.send(call, protocol.Refuse(leg=call, code=code))
        self._board.close(record, reason, code)

    async def hangup(self, call: str, reason: Reason = Reason.LOCAL_HANGUP, *, final: bool = True) -> None:
        """Ends a call in whatever state it is; an incoming one that waits gets 603, or 480 (no answer, a page).

        Args:
            call: its id.
            reason: for `CallEnded`.
            final: nobody else is called instead, so that its end may be heard.

        Raises:
            UnknownCallError: there is no such call.
        """
        record = self._board.known(call)
        record.final = final
        self._board.end(record, reason)

    def say_unreached(self, reason: Reason) -> None:
        """Lets the door hear that a call has ended that had no leg any more."""
        self._board.hear(unreached(reason))

    async def hold(self, call: str) -> None:
        """Silences the call at once, and puts the far side on hold (`a=sendonly`).

        Raises:
            UnknownCallError: the call is not answered.
        """
        self._running.send(leg := self._board.leg_taken(call), protocol.Hold(leg=leg, held=True))

    async def resume(self, call: str) -> None:
        """Ends that hold.

        Raises:
            UnknownCallError: the call is not answered.
        """
        self._running.send(leg := self._board.leg_taken(call), protocol.Hold(leg=leg, held=False))

    async def send_dtmf(self, call: str, digits: str) -> None:
        """Sends digits as RTP events (RFC 4733).

        Raises:
            UnknownCallError: the call is not up.
        """
        self._running.send(leg := self._board.leg_up(call), protocol.SendDtmf(leg=leg, digits=digits))

    def snapshot(self) -> tuple[CallSnapshot, ...]:
        """All calls as they are now; none before the start."""
        return () if self._started is None else self._started.snapshot()

    # The engine's own.

    @property
    def _running(self) -> Pool:
        return self._board.pool

    @property
    def _board(self) -> Switchboard:
        if self._started is None:
            raise RuntimeError("the engine is not started")
        return self._started

    def _begin_recording(self) -> None:
        self._reports.audio_changed()
        why = begin_recording(self._config.audio)
        if why is not None:
            self._reports.note_audio("loudspeaker", why)

    async def _resolve_again(self) -> None:
        while True:
            await asyncio.sleep(_RESOLVE_S)
            config = self._config
            accounts = await resolve(config)
            if config is self._config and accounts != self._accounts:
                self._accounts = accounts
                self._running.change(config, accounts)
