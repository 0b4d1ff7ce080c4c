"""The connection to NATS: made in the background, kept for ever, measured for bus time.

What needs the server (subscriptions, endpoints) is registered with `on_first_connect` and set up once; nats-py renews
subscriptions itself after a reconnect. What must be done again each time is registered with `on_every_connect`.
"""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any

import nats.errors
import structlog
from nats.aio.client import Client

from doorbus.contract.subjects import KV_STATE, inbox_prefix
from doorbus.runtime import metrics
from doorbus.runtime.clock import BusClock
from doorbus.runtime.settings import ServiceSettings
from doorbus.runtime.tasks import end_tasks

RETRY_FIRST_S = 0.1
RETRY_MOST_S = 2.0
PING_EVERY_S = 10
"""A server that stalls is given up after `PING_EVERY_S` times two; requests time out long before."""

MEASURE_EVERY_S = 60.0
MEASURE_AGAIN_S = 2.0
"""Pace of measuring while the offset is still unknown, or not known to `WELL_S`."""

WELL_S = 0.05

MEASURE_TRIES = 5
QUICK_S = 0.01
"""An answer that is as quick tells bus time well enough; the first one on a fresh connection is slow, and on a busy
machine many are."""

log = structlog.get_logger()
Action = Callable[[], Awaitable[None]]


class Connection:
    """One connection to NATS.

    Args:
        service: the name of the service; the default user.
        settings: address and credentials.
        clock: gets the measurements.
    """

    def __init__(self, service: str, settings: ServiceSettings, clock: BusClock) -> None:
        self.user = settings.nats_user or service
        self.client = Client()
        self.clock = clock
        self._settings = settings
        self._first: list[Action] = []
        self._every: list[Action] = []
        self._lost: list[Callable[[], None]] = []
        self._measured: list[Callable[[], None]] = []
        self._was_connected = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        self._closing = False

    @property
    def connected(self) -> bool:
        """Whether the server can be written to now."""
        return self.client.is_connected

    async def on_first_connect(self, action: Action) -> None:
        """Runs `action` once there is a server: now, or when the first connection stands."""
        if self._was_connected.is_set():
            await action()
        else:
            self._first.append(action)

    def on_every_connect(self, action: Action) -> None:
        """Runs `action` after each connection and reconnection, once bus time was measured."""
        self._every.append(action)
        if self._was_connected.is_set() and self.connected:
            self._spawn(self._safely(action))

    def on_lost(self, action: Callable[[], None]) -> None:
        """Runs `action` when the connection is lost."""
        self._lost.append(action)

    def on_measured(self, action: Callable[[], None]) -> None:
        """Runs `action` after each measurement of bus time."""
        self._measured.append(action)

    async def wait_connected(self) -> None:
        """Waits for the first connection."""
        await self._was_connected.wait()

    async def settle(self) -> None:
        """Waits until the server has taken the subscriptions made so far."""
        await settle(self.client)

    async def run(self) -> None:
        """Connects, for as long as it takes, then measures bus time each minute until cancelled."""
        await self._connect()
        metrics.BUS_CONNECTIONS.inc()
        metrics.BUS_CONNECTED.set(1)
        await self.measure()
        for action in self._first:
            await self._safely(action)
        self._was_connected.set()
        await self._connected()
        while True:
            well = self.clock.known and self.clock.error_s < WELL_S
            await asyncio.sleep(MEASURE_EVERY_S if well else MEASURE_AGAIN_S)
            await self.measure()

    async def close(self) -> None:
        """Closes in order."""
        self._closing = True
        for task in self._tasks:
            task.cancel()
        if self._was_connected.is_set() and not self.client.is_closed:
            await close_client(self.client)

    async def measure(self) -> None:
        """Measures bus time; leaves the old offset where JetStream does not answer."""
        for _ in range(MEASURE_TRIES):
            sent = self.clock.monotonic()
            try:
                answer = await self.client.request(f"$JS.API.STREAM.INFO.KV_{KV_STATE}", b"", timeout=1.0)
                stamp = json.loads(answer.data).get("ts")
                if stamp is None:
                    return
                received = self.clock.monotonic()
                self.clock.take(sent, received, datetime.fromisoformat(_microseconds(stamp)))
                if received - sent < QUICK_S:
                    break
            except (nats.errors.Error, ValueError, OSError):
                return
        skew = self.clock.skew_s()
        if skew is not None:
            metrics.BUS_CLOCK_SKEW.set(skew)
        for action in self._measured:
            action()

    async def _connect(self) -> None:
        settings = self._settings
        wait = RETRY_FIRST_S
        warned = False
        while True:
            try:
                await self.client.connect(
                    servers=[url.strip() for url in settings.nats_url.split(",")],
                    name=f"doorbus-{self.user}",
                    user=settings.nats_user,
                    password=settings.nats_password.get_secret_value() if settings.nats_password else None,
                    user_credentials=str(settings.nats_credentials) if settings.nats_credentials else None,
                    tls=ssl.create_default_context(cafile=str(settings.nats_ca)) if settings.nats_ca else None,
                    inbox_prefix=inbox_prefix(self.user),
                    pending_size=0,  # nats-py would send buffered commands after an outage: a stale unlock
                    allow_reconnect=True,
                    max_reconnect_attempts=-1,
                    reconnect_time_wait=0.25,  # type: ignore[arg-type]  # seconds; passed to asyncio.sleep as it is
                    connect_timeout=2,
                    ping_interval=PING_EVERY_S,
                    max_outstanding_pings=2,
                    disconnected_cb=self._on_disconnect,
                    reconnected_cb=self._on_reconnect,
                    error_cb=self._on_error,
                )
            except (nats.errors.Error, OSError, TimeoutError) as error:
                (log.debug if warned else log.warning)("no bus yet, trying on", why=str(error) or type(error).__name__)
                warned = True
                self.client = Client()
                await asyncio.sleep(wait)
                wait = min(wait * 2, RETRY_MOST_S)
            else:
                return

    async def _on_disconnect(self) -> None:
        if self._closing:
            return
        metrics.BUS_CONNECTED.set(0)
        log.warning("the bus is gone")
        for action in self._lost:
            action()

    async def _on_reconnect(self) -> None:
        log.warning("the bus is back")
        metrics.BUS_CONNECTIONS.inc()
        metrics.BUS_CONNECTED.set(1)
        self._spawn(self._connected())

    async def _on_error(self, error: Exception) -> None:
        log.debug("bus error", why=str(error) or type(error).__name__)

    async def _connected(self) -> None:
        for action in self._every:
            await self._safely(action)
        await self.measure()

    async def _safely(self, action: Action) -> None:
        try:
            await action()
        except (nats.errors.Error, OSError, TimeoutError) as error:
            log.warning("set-up on the bus failed", action=getattr(action, "__qualname__", "?"), why=repr(error))

    def _spawn(self, work: Awaitable[None]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


async def settle(client: Client) -> None:
    """Waits until the server has taken the subscriptions that the client made so far.

    Flushes twice, as nats-py writes a PING past what it still buffers: only the second is behind the subscriptions.
    """
    await client.flush()
    await client.flush()


async def close_client(client: Client, within_s: float = 1.0) -> None:
    """Closes a connection, also one that nats-py cannot close.

    While it reconnects, its `close` may hang, its tasks may swallow a cancellation, and it forgets them: an event loop
    would wait for them for ever at its end.
    """
    closing = asyncio.ensure_future(client.close())
    await asyncio.wait({closing}, timeout=within_s)
    await end_tasks([closing])
    await end_tasks([task for task in asyncio.all_tasks() if _runs_for(client, task)])
    if not closing.cancelled() and closing.exception() is not None:
        log.debug("the connection was not closed in order", why=repr(closing.exception()))


def _runs_for(client: Client, task: asyncio.Task[Any]) -> bool:
    """Tells whether a task runs a method of the client: those that it has forgotten are known by nothing else."""
    frame = getattr(task.get_coro(), "cr_frame", None)
    return frame is not None and frame.f_locals.get("self") is client


def _microseconds(stamp: str) -> str:
    """Shortens the server's nanoseconds, which datetime does not read."""
    if "." not in stamp:
        return stamp
    whole, fraction = stamp.split(".", 1)
    digits = "".join(character for character in fraction if character.isdigit())
    return f"{whole}.{digits[:6]:0<6}+00:00" if stamp.endswith("Z") else stamp
