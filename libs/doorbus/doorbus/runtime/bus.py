"""The bus as a service sees it: tell events, send orders and wishes, ask, serve, read, keep state, hold leases."""

from __future__ import annotations

import secrets
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

import nats.errors
import structlog
from nats.micro import add_service
from nats.micro.service import Service as MicroService

from doorbus.contract import subjects
from doorbus.contract.actions import ActionsCommand
from doorbus.contract.base import (
    COMMAND_LIFETIME_S,
    QUESTION_LIFETIME_S,
    Command,
    Event,
    Order,
    Question,
    Reply,
    Wish,
    new_id,
)
from doorbus.contract.envelope import Envelope, source
from doorbus.contract.errors import ErrorCode, LocalError
from doorbus.contract.identity import call_of
from doorbus.contract.leases import Lease
from doorbus.contract.services import DocumentChanged, MessageRejected, ServiceDegraded, ServiceStarted
from doorbus.runtime import metrics, requests
from doorbus.runtime.clock import SKEW_REPORTED_S, BusClock
from doorbus.runtime.connection import Connection
from doorbus.runtime.documents import Document, Documents
from doorbus.runtime.endpoints import Gate, Handler
from doorbus.runtime.leases import LeaseKeeper, LeaseTeller
from doorbus.runtime.outbox import Outbox, Outgoing
from doorbus.runtime.reader import EventReader, read_recent_triggers
from doorbus.runtime.settings import ALL_DOORS, ServiceSettings
from doorbus.runtime.state import StateKeeper
from doorbus.runtime.stores import ensure_stores

REJECTIONS_A_SECOND = 5
"""Of one subject. Further rejected messages are counted, not told: whoever sends rubbish must not flood the stream."""
REJECTED_SUBJECTS_A_SECOND = 10
"""Subjects whose rejections are told: expired digits must not hide an expired unlock."""

log = structlog.get_logger()
R = TypeVar("R", bound=Reply)


class Bus:
    """One process's place on the bus.

    Args:
        service: its name.
        version: of its distribution.
        settings: where the bus is.
        spawn: runs a coroutine for the life of the service.
    """

    def __init__(
        self, service: str, version: str, settings: ServiceSettings, spawn: Callable[[Any, str], object]
    ) -> None:
        self.service = service
        self.version = version
        self.clock = BusClock()
        self.connection = Connection(service, settings, self.clock)
        self.epoch = secrets.randbits(31)
        """Tells this life of the process from others, in event numbers."""
        self.state = StateKeeper(self.connection, service)
        self._settings = settings
        self._spawn = spawn
        self._sequences: dict[str, int] = {}
        self._outbox = Outbox(self.connection, self._on_store)
        self._micro: MicroService | None = None
        self._rejections: Counter[str] = Counter()
        self._rejected_in = 0
        self._skewed = False
        inbox = "_INBOX.policy." if service in ("sip", "io") else "_INBOX."
        self.gate = Gate(self.clock, settings.serves, inbox, self._on_rejected)
        self._readers: list[EventReader] = []

    async def start(self) -> None:
        """Starts connecting, in the background; returns at once."""
        await self.connection.on_first_connect(self._outbox.subscribe)
        await self.connection.on_first_connect(self._ensure_stores)
        self.connection.on_every_connect(self._outbox.resend)
        self.connection.on_every_connect(self._ensure_stores)
        self.connection.on_measured(self._note_skew)
        self._spawn(self.connection.run(), "connection")
        self._spawn(self._outbox.run(), "outbox")
        self._spawn(self.state.run(), "state")

    @property
    def connected(self) -> bool:
        """Whether the bus can be written to now."""
        return self.connection.connected

    async def close(self) -> None:
        """Sends what waits, for a second at most, and closes."""
        if self.connected and not await self._outbox.flush(1.0):
            log.warning("some events could not be sent before the end")
        await self.connection.close()

    # --- telling -------------------------------------------------------------------------------------------------

    def tell(self, door: str, event: Event, at: float | None = None, event_id: str | None = None) -> None:
        """Tells a fact. Never blocks, never raises; the event waits in the outbox while the bus is gone.

        Args:
            door: whose fact.
            event: the fact.
            at: monotonic seconds of when it happened; now when left out.
            event_id: of a fact that an earlier life of this process may have told already: the stream and readers drop
                the repeat. Fresh when left out.
        """
        if door not in self._sequences:
            self._sequences[door] = 0
            self._number(door, ServiceStarted(service=self.service, version=self.version, epoch=self.epoch), None)
            if self._skewed:
                self._number(door, self._skew_told(), None)
        self._number(door, event, at, event_id)

    async def all_told(self, within_s: float) -> bool:
        """Waits until the stream keeps all that was told; False when that takes longer, or the bus is gone."""
        return self.connected and await self._outbox.flush(within_s)

    @property
    def doors_told(self) -> tuple[str, ...]:
        """The doors that something was told of."""
        return tuple(self._sequences)

    def sequence(self, door: str) -> int:
        """Returns the number of the last event told for a door: a snapshot carries it."""
        return self._sequences.get(door, 0)

    def _number(self, door: str, event: Event, at: float | None, event_id: str | None = None) -> None:
        self._sequences[door] += 1
        happened = self.clock.monotonic() if at is None else at
        envelope = Envelope(
            id=event_id or new_id(),
            source=source(door, self.service),
            type=event.type_name(),
            time=self.clock.wall_at(happened),
            epoch=self.epoch,
            sequence=self._sequences[door],
            clock="local",
        )
        call = call_of(event)
        metrics.EVENTS_TOLD.labels(envelope.type).inc(1, metrics.exemplar(call))
        subject = subjects.event(door, event.domain, event.what)
        self._outbox.put(Outgoing(subject, envelope, event.to_bytes(), happened, event.trigger, call))
        if call is not None:
            log.info("told", door=door, type=envelope.type, id=envelope.id, call=call, **_press_of(event))
        else:
            (log.info if event.trigger else log.debug)("told", door=door, type=envelope.type, id=envelope.id)

    # --- asking --------------------------------------------------------------------------------------------------

    def stamps(self, lifetime_s: float = COMMAND_LIFETIME_S) -> dict[str, Any]:
        """Returns `id`, `issued_at` and `expires_at` for a new command.

        While bus time is unknown the wall clock stands in: receivers that know better refuse what moves a relay.
        """
        return requests.stamps(self.clock, lifetime_s)

    async def order(self, door: str, order: Order, reply: type[R], timeout_s: float = 1.0) -> R:
        """Sends an order of policy and returns its reply, accepted or refused.

        Raises:
            LocalError: not connected, nobody there, or no answer in time (it may have been done or not).
        """
        code: str = "ok"
        try:
            answer = await self._request(subjects.order(door, order.service, order.verb), order, reply, timeout_s)
            code = answer.code or code
        except LocalError as error:
            code = error.code
            raise
        finally:
            if (call := call_of(order)) is not None:
                log.info("ordered", door=door, to=order.service, verb=order.verb, id=order.id, code=code, call=call)
        return answer

    async def ask(self, door: str, question: Question, reply: type[R]) -> R:
        """Asks policy. Raises LocalError without an answer in `QUESTION_LIFETIME_S`."""
        return await self._request(subjects.question(door, question.what), question, reply, QUESTION_LIFETIME_S)

    async def wish(
        self,
        door: str,
        wish: Wish,
        client: str,
        relay: str | None = None,
        timeout_s: float = 3.0,
    ) -> Reply:
        """Sends a wish to policy as `client`. Raises LocalError without an answer."""
        subject = subjects.wish(door, wish.verb, client) if relay is None else subjects.unlock_wish(door, relay, client)
        return await self._request(subject, wish, Reply, timeout_s)

    async def _request(self, subject: str, message: Command | Question, reply: type[R], timeout_s: float) -> R:
        return await requests.request(self.connection, subject, message, reply, timeout_s)

    # --- serving -------------------------------------------------------------------------------------------------

    async def serve_orders(self, kinds: Iterable[type[Order]], handler: Handler) -> None:
        """Serves policy's orders to this service, for all its doors."""
        table = {kind.verb: kind for kind in kinds}
        await self._serve("orders", lambda door: subjects.orders(door, self.service), table, handler)

    async def serve_wishes(self, kinds: Iterable[type[Wish]], handler: Handler) -> None:
        """Serves everybody's wishes (policy only)."""
        await self._serve("wishes", subjects.wishes, {kind.verb: kind for kind in kinds}, handler)

    async def serve_actions_commands(self, kinds: Iterable[type[ActionsCommand]], handler: Handler) -> None:
        """Serves clients' commands to actions (actions only)."""
        await self._serve("commands", subjects.actions_commands, {kind.verb: kind for kind in kinds}, handler)

    async def serve_questions(self, kinds: Iterable[type[Question]], handler: Handler) -> None:
        """Serves questions (policy only)."""
        await self._serve("questions", subjects.questions, {kind.what: kind for kind in kinds}, handler)

    async def _serve(
        self,
        name: str,
        pattern: Callable[[str], str],
        kinds: Mapping[str, type[Command | Question]],
        handler: Handler,
    ) -> None:
        async def set_up() -> None:
            if self._micro is None:
                self._micro = await add_service(
                    self.connection.client, name=f"doorbus-{self.service}", version=self.version
                )
            for door in self._settings.doors:
                await self._micro.add_endpoint(
                    name=f"{name}-{'all' if door == ALL_DOORS else door}",
                    subject=pattern(door),
                    handler=self.gate.endpoint(kinds, handler),
                    queue_group=f"doorbus-{self.service}",
                )
            await self.connection.settle()

        await self.connection.on_first_connect(set_up)

    # --- reading -------------------------------------------------------------------------------------------------

    async def read_events(
        self,
        on_event: Callable[[str, Event, Envelope], None],
        on_gap: Callable[[str, str], None] = lambda _door, _service: None,
    ) -> EventReader:
        """Reads the live events of all doors that this process serves, but for its own.

        Args:
            on_event: called with the door, the event and its envelope, in the order of one subscription.
            on_gap: called with the door and the service some of whose events were missed.
        """
        reader = EventReader(self.clock, on_event, on_gap, self._on_bad_event, self._settings.serves, self.service)

        async def set_up() -> None:
            for door in self._settings.doors:
                await self.connection.client.subscribe(subjects.events(door), cb=reader.on_message)
            await self.connection.settle()

        await self.connection.on_first_connect(set_up)
        return reader

    async def read_recent_triggers(self, reader: EventReader, door: str) -> None:
        """Feeds the triggers of the last 5 s from the stream into `reader`, as far as they can be read."""
        try:
            await read_recent_triggers(self.connection, reader, door)
        except (nats.errors.Error, TimeoutError, OSError) as error:
            log.warning("recent triggers could not be read", door=door, why=repr(error))

    def follow_documents(self, on_document: Callable[[str, Document], None]) -> None:
        """Calls `on_document` with each document of the doors served, now and at every change; tells what was taken."""

        def taken(door: str, document: Document) -> None:
            on_document(door, document)
            self.tell(door, DocumentChanged(service=self.service, revision=document.revision))

        def refused(door: str, revision: int, why: str) -> None:
            self.tell(door, DocumentChanged(service=self.service, revision=revision, result="refused", why=why[:500]))

        documents = Documents(self.connection, self._settings.serves, taken, refused)
        self._spawn(documents.run(), "documents")

    def tell_lease(self, door: str, lease: Callable[[], Lease]) -> LeaseTeller:
        """Starts telling a lease each second."""
        teller = LeaseTeller(self.connection, door, lease)
        self._spawn(teller.run(), f"lease {door}")
        return teller

    async def keep_leases(
        self, on_lease: Callable[[str, Lease], None], on_lost: Callable[[str, str], None], kind: str = "*"
    ) -> LeaseKeeper:
        """Holds the leases of all doors that this process serves; `kind` is the one that it may read, where not all."""
        keeper = LeaseKeeper(self._settings.serves, on_lease, on_lost)

        async def set_up() -> None:
            for door in self._settings.doors:
                await self.connection.client.subscribe(subjects.leases(door, kind), cb=keeper.on_message)
            await self.connection.settle()

        await self.connection.on_first_connect(set_up)
        self.connection.on_lost(keeper.bus_lost)
        self._spawn(keeper.run(), "leases")
        return keeper

    # --- what goes wrong -----------------------------------------------------------------------------------------

    async def _ensure_stores(self) -> None:
        await ensure_stores(self.connection)

    def _note_skew(self) -> None:
        skew = self.clock.skew_s()
        skewed = skew is not None and abs(skew) > SKEW_REPORTED_S
        if skewed != self._skewed:
            self._skewed = skewed
            for door in list(self._sequences):  # a door that nothing was told of yet hears it first of all
                self.tell(door, self._skew_told())

    def _skew_told(self) -> ServiceDegraded:
        why = f"this host's clock differs from the bus by {self.clock.skew_s() or 0:.1f} s"
        return ServiceDegraded(service=self.service, part="clock", why=why, recovered=not self._skewed)

    def _on_store(self, ok: bool, why: str) -> None:
        log.warning("events are kept again" if ok else "events are not kept", why=why)
        self._tell_degraded("store", why, ok)
        if not ok:
            self._spawn(self._ensure_stores(), "stores")

    def _tell_degraded(self, part: str, why: str, recovered: bool) -> None:
        for door in list(self._sequences):
            self.tell(door, ServiceDegraded(service=self.service, part=part, why=why, recovered=recovered))

    def _on_bad_event(self, door: str, subject: str, why: str) -> None:
        self._on_rejected(door, subject, ErrorCode.MALFORMED, why, "")

    def _on_rejected(self, door: str, subject: str, code: str, why: str, client: str) -> None:
        second = int(self.clock.monotonic())
        if self._rejected_in != second:
            self._rejected_in = second
            self._rejections.clear()
        self._rejections[subject] += 1
        of_all = len(self._rejections) <= REJECTED_SUBJECTS_A_SECOND
        if of_all and self._rejections[subject] <= REJECTIONS_A_SECOND:
            self.tell(
                door,
                MessageRejected(subject=subject[:256], code=code, why=why[:500], client=client[:64] or None),
            )


def _press_of(event: Event) -> dict[str, str]:
    """Returns the id of the press that an event came of: what joins the press's own line to the call."""
    press = getattr(event, "press", None)
    return {"press": press} if isinstance(press, str) else {}
