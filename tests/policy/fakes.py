"""Scripted services: a sip and an io that accept orders and tell what a test wants told; and the policy under test."""

from __future__ import annotations

from typing import Any, TypeVar

from doorbus.contract import subjects
from doorbus.contract.base import Event, Order, Question, Reply, Wish
from doorbus.contract.calls import (
    AskDtmf,
    CallAnswered,
    CallEnded,
    CallIncoming,
    CallSnapshot,
    CallState,
    Dial,
    Direction,
    DtmfMethod,
    LegSnapshot,
    SipSnapshot,
    TakeSipSnapshot,
)
from doorbus.contract.catalog import IO_ORDERS, SIP_ORDERS
from doorbus.contract.document import Door, to_json
from doorbus.contract.envelope import Envelope
from doorbus.contract.leases import Lease
from doorbus.contract.lines import IoSnapshot, TakeIoSnapshot
from doorbus.contract.status import Status
from doorbus.contract.subjects import KV_CONFIG
from doorbus.contract.wishes import WishStatus
from doorbus.runtime.endpoints import Received
from doorbus.runtime.service import Service
from doorbus.runtime.settings import ServiceSettings
from doorbus_policy.app import Policy
from doorbus_policy.settings import PolicySettings
from doorbus_testkit.polling import eventually

DOOR = "front"
E_ = TypeVar("E_", bound=Event)
O_ = TypeVar("O_", bound=Order)


class Box:
    """One door's box: policy as it is, everything else scripted.

    Attributes:
        orders: what policy ordered, in the order of arrival.
        events: what policy told.
        calls: what sip's snapshot says.
        answers: replies by verb, in place of "accepted".
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self.orders: list[Order] = []
        self.events: list[Event] = []
        self.calls: tuple[CallSnapshot, ...] = ()
        self.answers: dict[str, Reply] = {}
        self.sip = Service("sip", "0.1.0", ServiceSettings(doors=(DOOR,), nats_url=url))
        self.io = Service("io", "0.1.0", ServiceSettings(doors=(DOOR,), nats_url=url))
        self.policy: Service | None = None

    async def start(self) -> None:
        """Starts sip and io; policy is started by `start_policy`."""
        for service, kinds in ((self.sip, SIP_ORDERS), (self.io, IO_ORDERS)):
            await service.bus.start()
            await service.bus.serve_orders(kinds, self._on_order)
            await _ready(service)
        await self.io.bus.read_events(self._on_event)

    async def start_policy(self, doors: str = DOOR) -> None:
        """Starts a life of policy."""
        settings = PolicySettings(doors=(doors,), nats_url=self.url)
        self.policy = Service("policy", "0.1.0", settings)
        await self.policy.bus.start()
        await Policy(self.policy, settings).start()
        await _ready(self.policy)

    async def stop_policy(self) -> None:
        """Ends that life."""
        assert self.policy is not None
        await self.policy.close()
        self.policy = None

    async def close(self) -> None:
        """Ends everything."""
        for service in (self.policy, self.sip, self.io):
            if service is not None:
                await service.close()

    async def apply(self, document: Door) -> None:
        """Stores a document."""
        bucket = await self.io.bus.connection.client.jetstream().key_value(KV_CONFIG)
        await bucket.put(document.door, to_json(document))

    async def serving(self) -> None:
        """Waits until policy serves the door."""

        async def answers() -> bool:
            return (await self.status()).ok

        await eventually(answers, what="policy serves the door")

    # --- talking -------------------------------------------------------------------------------------------------

    def sip_tells(self, event: Event) -> None:
        """Sip tells a fact, and its snapshot says the same."""
        match event:
            case CallIncoming(call=call, account=account):
                ringing = {"direction": Direction.INCOMING, "state": CallState.RINGING, "age_s": 0.0}
                self.calls = (*self.calls, CallSnapshot.model_validate({"call": call, "account": account, **ringing}))
            case CallAnswered(call=call):
                answered = {"state": CallState.ANSWERED, "answered_age_s": 0.0}
                self.calls = tuple(
                    each.model_copy(update=answered) if each.call == call else each for each in self.calls
                )
            case CallEnded(call=call):
                self.calls = tuple(each for each in self.calls if each.call != call)
        self.sip.bus.tell(DOOR, event)

    def io_tells(self, event: Event) -> None:
        """Io tells a fact."""
        self.io.bus.tell(DOOR, event)

    async def lease_once(self, call: str | None) -> None:
        """Sip tells its lease, and then no more."""
        lease = Lease(kind="call", service="sip", subject_id=call)
        await self.sip.bus.connection.client.publish(subjects.lease(DOOR, "call"), lease.to_bytes())

    async def wish(self, wish: Wish, client: str = "cli", relay: str | None = None) -> Reply:
        """A client wishes; sent over sip's connection, whose inbox is as good as any."""
        return await self.sip.bus.wish(DOOR, wish, client, relay)

    async def status(self, door: str = DOOR) -> Status:
        """How a door is, as policy sees it."""
        body = WishStatus(**self.stamps()).to_bytes()
        answer = await self.sip.bus.connection.client.request(subjects.wish(door, "status", "cli"), body, timeout=3.0)
        return Status.model_validate_json(answer.data)

    async def type_digits(self, call: str, digits: str) -> None:
        """The far side types."""
        for digit in digits:
            ask = AskDtmf(**self.question(), call=call, digit=digit, method=DtmfMethod.RFC4733)
            reply = await self.ask(ask, Reply)
            assert reply.ok, reply

    def question(self) -> dict[str, Any]:
        """Returns id and time of a question."""
        stamps = self.stamps()
        return {"id": stamps["id"], "expires_at": stamps["expires_at"]}

    async def stage(self, stage: str) -> None:
        """Waits until the door's call stands there."""

        async def reached() -> bool:
            return (await self.status()).stage == stage

        await eventually(reached, what=f"the door is {stage}")

    async def ask(self, question: Question, reply: type[Reply]) -> Any:
        """Sip asks."""
        return await self.sip.bus.ask(DOOR, question, reply)

    def stamps(self) -> dict[str, Any]:
        """Returns id and times of a command."""
        return self.sip.bus.stamps()

    async def ordered(self, kind: type[O_], count: int = 1) -> O_:
        """Waits for the `count`th order of a kind."""

        def found() -> list[O_]:
            return [each for each in self.orders if isinstance(each, kind)]

        await eventually(lambda: len(found()) >= count, what=f"order {kind.__name__}")
        return found()[count - 1]

    async def told(self, kind: type[E_]) -> E_:
        """Waits for an event of a kind."""
        return await eventually(
            lambda: next((each for each in self.events if isinstance(each, kind)), None), what=kind.__name__
        )

    async def _on_order(self, received: Received) -> Reply:
        order = received.message
        match order:
            case TakeSipSnapshot() if "snapshot" in self.answers:
                return self.answers["snapshot"]
            case TakeSipSnapshot():
                return SipSnapshot(calls=self.calls, policy_epoch=self.sip.bus.gate.policy_epoch(DOOR))
            case TakeIoSnapshot():
                return IoSnapshot(policy_epoch=self.io.bus.gate.policy_epoch(DOOR))
            case Order():
                self.orders.append(order)
                reply = self.answers.get(order.verb, Reply())
                if isinstance(order, Dial) and reply.ok:
                    self.calls = (*self.calls, _dialing(order))
                return reply
        raise AssertionError(f"{order!r} is no order")

    def _on_event(self, _door: str, event: Event, envelope: Envelope) -> None:
        if envelope.service == "policy":
            self.events.append(event)


def _dialing(dial: Dial) -> CallSnapshot:
    legs = tuple(LegSnapshot(leg=target.leg, uri=target.uri, state="dialing") for target in dial.targets)
    return CallSnapshot(
        call=dial.call,
        direction=Direction.OUTGOING,
        state=CallState.DIALING,
        account=dial.account,
        age_s=0,
        legs=legs,
        limits=dial.limits,
    )


async def _ready(service: Service) -> None:
    await service.bus.connection.wait_connected()

    async def measured() -> bool:
        if not service.bus.clock.known:
            await service.bus.connection.measure()
        return service.bus.clock.known

    await eventually(measured, what="bus time is known")
