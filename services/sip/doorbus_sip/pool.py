"""The pool of workers: one front, up to eight dialers.

Rules
- The front listens and registers; its ports stay the same when it is replaced. A single leg goes to it while it has a
  slot besides the one that is kept for an incoming call; the first leg of a group too, the further ones go to dialers.
- `spare_dialers` dialers without a leg are kept ready, dialers beyond that are retired after `_RETIRE_S`. A leg that
  finds no slot waits for the dialer that is being started for it; with all dialers full it fails.
- A leg holds its slot until its worker says that it ended. One that was hung up and never got any response does so for
  31 s: a dialer that holds only such legs, for `dead_leg_s` or when its slots are needed, is killed and replaced.
- A dead worker is replaced at once, one that dies again within a second after `_CRASH_PAUSE_S`.
"""

import asyncio
import math
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

import structlog

from doorbus.runtime.logs import detached
from doorbus_sip.config import EngineConfig
from doorbus_sip.link import WorkerLink
from doorbus_sip.protocol import Access, Change, Dial, Ended, Hangup, Order, Report, Setup, WorkerAccount
from doorbus_sip.transports import tcp_port, tls_of

log = structlog.get_logger()

SLOTS = 4
SPARE_SHARES = 3
_RETIRE_S = 60.0
_CRASH_PAUSE_S = 0.5
_TICK_S = 0.5
_START_S = 15.0
_NO_SLOT = "no free slot"


@dataclass(frozen=True, slots=True)
class Listeners:
    """What the pool tells its owner, with the worker's name."""

    on_report: Callable[[str, Report], None]
    on_started: Callable[[str], None]
    on_lost: Callable[[str, frozenset[str]], None]


class Pool:
    """Owns the worker processes and knows which of them has which leg."""

    def __init__(self, config: EngineConfig, accounts: tuple[WorkerAccount, ...], listeners: Listeners) -> None:
        self._config = config
        self._accounts = accounts
        self._listeners = listeners
        self._front: WorkerLink | None = None
        self._dialers: list[WorkerLink] = []
        self._rtp = deque(rtp_shares(config.rtp, config.max_dialers + 1))
        self._ports = (config.listen.udp or 0, config.listen.tcp)
        self._waiting: deque[Dial] = deque()
        self._tasks: set[asyncio.Task[None]] = set()
        self._ticker: asyncio.Task[None] | None = None
        self._stopping = False
        self._ready = asyncio.Event()

    @property
    def ports(self) -> tuple[int, int | None]:
        """UDP and TCP port of the front."""
        return self._ports

    def pids(self) -> dict[str, int]:
        """The processes by worker name."""
        return {link.name: link.pid for link in self._links() if link.pid is not None}

    def worker_of(self, leg: str) -> str | None:
        """The name of the worker that has this leg."""
        link = self._link_of(leg)
        return None if link is None else link.name

    async def start(self) -> None:
        """Starts front and spare dialers; returns when the front is ready.

        Raises:
            TimeoutError: it is not after 15 s.
        """
        self._front = await self._spawn(self._setup(front=True, number=0))
        self._ticker = asyncio.create_task(self._tick())
        self._keep_spares()
        await asyncio.wait_for(self._ready.wait(), _START_S)

    async def stop(self) -> None:
        """Stops all workers in order."""
        self._stopping = True
        if self._ticker is not None:
            self._ticker.cancel()
        for task in tuple(self._tasks):
            await task
        await asyncio.gather(*(link.stop() for link in self._links()))

    def change(self, config: EngineConfig, accounts: tuple[WorkerAccount, ...]) -> None:
        """Gives all workers what may change while they run."""
        self._config = config
        self._accounts = accounts
        change = Change(
            display_name=config.display_name,
            audio=config.audio,
            media_timeout_s=config.media_timeout_s,
            access=_access(config),
            accounts=accounts,
        )
        for link in self._links():
            link.setup = link.setup.model_copy(update=change.model_dump(exclude={"type"}) | dict(change))
            link.send(change)
        self._keep_spares()

    def dial(self, legs: tuple[Dial, ...]) -> None:
        """Sends INVITEs from whichever workers have slots."""
        for index, leg in enumerate(legs):
            self._place(leg, first=index == 0)
        self._keep_spares()

    def send(self, leg: str, order: Order) -> None:
        """Gives an order to the worker that has the leg; without one the order is moot."""
        waiting = next((dial for dial in self._waiting if dial.leg == leg), None)
        if waiting is not None and isinstance(order, Hangup):
            self._waiting.remove(waiting)
            self._listeners.on_report("", Ended(leg=leg, code=487, reason="not sent", remote=False))
            return
        link = self._link_of(leg)
        if link is None:
            return
        link.send(order)
        if isinstance(order, Hangup):
            link.hung_up.setdefault(leg, asyncio.get_running_loop().time())

    def tell_front(self, order: Order) -> None:
        """Gives an order to the front; one that is just starting gets it as soon as it runs."""
        if self._front is not None:
            self._front.send(order)

    # Slots.

    def _place(self, dial: Dial, *, first: bool) -> None:
        link = self._choose(first=first)
        if link is not None:
            link.legs.add(dial.leg)
            link.idle_since = None
            link.send(dial)
        elif self._can_start():
            self._waiting.append(dial)
        else:
            self._fail(dial)

    def _choose(self, *, first: bool) -> WorkerLink | None:
        free = [link for link in self._dialers if link.ready and not link.retiring and len(link.legs) < SLOTS]
        front = self._front if self._front is not None and self._front.ready else None
        if front is not None and first and len(front.legs) < SLOTS - 1:
            return front
        if free:
            return max(free, key=lambda link: len(link.legs))
        if front is not None and self._config.max_dialers == 0 and len(front.legs) < SLOTS:
            return front
        return None

    def _can_start(self) -> bool:
        if self._is_room_coming():
            return True
        if len(self._dialers) >= self._config.max_dialers:
            dead = next((link for link in self._dialers if link.legs and link.legs <= link.hung_up.keys()), None)
            if dead is None:
                return False
            dead.kill()
            if self._is_room_coming():  # the end of the dead one has started another
                return True
        return self._start_dialer()

    def _is_room_coming(self) -> bool:
        starting = sum(SLOTS - len(link.legs) for link in self._dialers if link.ready is None)
        return starting > len(self._waiting)

    def _fail(self, dial: Dial) -> None:
        report = Ended(leg=dial.leg, code=503, reason=_NO_SLOT, remote=False)
        asyncio.get_running_loop().call_soon(self._listeners.on_report, "", report)

    def _serve_waiting(self) -> None:
        while self._waiting:
            link = self._choose(first=False)
            if link is None:
                break
            dial = self._waiting.popleft()
            link.legs.add(dial.leg)
            link.idle_since = None
            link.send(dial)

    # Processes.

    def _keep_spares(self) -> None:
        idle = sum(1 for link in self._dialers if not link.legs and not link.retiring)
        for _ in range(self._config.spare_dialers - idle):
            if len(self._dialers) >= self._config.max_dialers or not self._start_dialer():
                return

    def _start_dialer(self) -> bool:
        used = {link.setup.name for link in self._dialers}
        numbers = range(1, self._config.max_dialers + 1)
        number = next((n for n in numbers if f"dialer{n}" not in used), None)
        if number is None or self._stopping:
            return False
        link = self._link(self._setup(front=False, number=number))
        self._dialers.append(link)
        self._run(link)
        return True

    def _link(self, setup: Setup) -> WorkerLink:
        return WorkerLink(setup, self._on_report, self._on_lost)

    async def _spawn(self, setup: Setup) -> WorkerLink:
        link = self._link(setup)
        await link.start()
        return link

    def _run(self, link: WorkerLink, pause_s: float = 0) -> None:
        async def run() -> None:
            await asyncio.sleep(pause_s)
            if not self._stopping:
                await link.start()

        task = asyncio.create_task(run(), context=detached())  # it serves other calls than the one it is started for
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _setup(self, *, front: bool, number: int) -> Setup:
        config = self._config
        ports = config.dialer_ports
        return Setup(
            name="front" if front else f"dialer{number}",
            front=front,
            host=config.listen.host,
            udp=self._ports[0] if front else (ports[number - 1] if number <= len(ports) else 0),
            tcp=tcp_port(config, number, self._ports[1] if front else None),
            tls=tls_of(config, number),
            public_address=config.nat.public_address,
            stun=config.nat.stun,
            rtp=self._rtp.popleft(),
            display_name=config.display_name,
            codecs=config.codecs,
            audio=config.audio,
            media_timeout_s=config.media_timeout_s,
            access=_access(config),
            accounts=self._accounts,
        )

    def _on_report(self, link: WorkerLink, report: Report) -> None:
        if report.type == "ready":
            if link is self._front:
                self._ports = (report.udp, report.tcp)
                self._ready.set()
            link.idle_since = asyncio.get_running_loop().time()
            self._listeners.on_started(link.name)
            self._serve_waiting()
            return
        if report.type == "incoming":
            link.legs.add(report.leg)
        elif report.type == "ended":
            link.legs.discard(report.leg)
            link.hung_up.pop(report.leg, None)
            if not link.legs:
                link.idle_since = asyncio.get_running_loop().time()
        elif report.type == "progress":
            link.hung_up.pop(report.leg, None)
        self._listeners.on_report(link.name, report)
        if report.type == "ended":
            self._serve_waiting()

    def _on_lost(self, link: WorkerLink) -> None:
        self._rtp.append(link.setup.rtp)
        if link in self._dialers:
            self._dialers.remove(link)
        if self._stopping or link.retiring:
            return
        log.warning("worker lost", worker=link.name, legs=len(link.legs))
        young = link.ready is None
        if link is self._front:
            self._front = self._link(self._setup(front=True, number=0))
            self._run(self._front, _CRASH_PAUSE_S if young else 0)
        legs = frozenset(link.legs)
        link.legs.clear()
        self._listeners.on_lost(link.name, legs)
        if not young:
            self._keep_spares()
        if self._waiting and not any(dialer.ready is None for dialer in self._dialers) and not self._start_dialer():
            while self._waiting:
                self._fail(self._waiting.popleft())

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(_TICK_S)
            now = asyncio.get_running_loop().time()
            for link in self._links():
                link.ping(math.ceil((self._config.stall_s if link.ready else _START_S) / _TICK_S))
            self._replace_dead(now)
            self._keep_spares()
            self._retire(now)

    def _replace_dead(self, now: float) -> None:
        for link in tuple(self._dialers):
            if link.legs and all(now - link.hung_up.get(leg, now) >= self._config.dead_leg_s for leg in link.legs):
                log.info("dialer holds only dead legs", worker=link.name, legs=len(link.legs))
                link.kill()

    def _retire(self, now: float) -> None:
        idle = [link for link in self._dialers if link.ready and not link.legs and not link.retiring]
        for link in idle[self._config.spare_dialers :]:
            if link.idle_since is not None and now - link.idle_since > _RETIRE_S:
                link.retiring = True
                task = asyncio.create_task(link.stop())
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)

    @property
    def complete(self) -> bool:
        """Whether every worker that was started runs."""
        return all(link.ready is not None for link in self._links())

    def _links(self) -> tuple[WorkerLink, ...]:
        return (*((self._front,) if self._front is not None else ()), *self._dialers)

    def _link_of(self, leg: str) -> WorkerLink | None:
        return next((link for link in self._links() if leg in link.legs), None)


def rtp_shares(ports: tuple[int, int], workers: int) -> tuple[tuple[int, int], ...]:
    """First and last ports of the workers' shares, even first ones, two ports a call; a few to spare where possible.

    A worker takes the share that was free for longest: to the ports of one that died, phones may still be sending.

    Raises:
        ValueError: the range gives each worker fewer than its four calls need.
    """
    first = ports[0] + ports[0] % 2
    total = ports[1] - first + 1
    shares = max(workers, min(workers + SPARE_SHARES, total // (2 * SLOTS)))
    share = total // shares // 2 * 2
    if share < 2 * SLOTS:
        raise ValueError(f"{workers} workers need {workers * 2 * SLOTS} RTP ports, {ports[0]}-{ports[1]} has fewer")
    return tuple((first + n * share, first + (n + 1) * share - 1) for n in range(shares))


def _access(config: EngineConfig) -> Access:
    return Access(ip_allow=config.ip_allow if config.ip_calls else ())
