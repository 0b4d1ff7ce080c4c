"""What events, io's snapshot and the document say of accounts, lines, DND, schedules and services. Pure."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from doorbus.contract import accounts, dnd, lines, schedules, services
from doorbus.contract.base import Event
from doorbus.contract.calls import SipSnapshot
from doorbus.contract.document import Door
from doorbus.runtime.seen import Seen
from doorbus_web.live.state import AccountView, DoorLive, InputView, RelayView, ServiceView


def configured(live: DoorLive, document: Door) -> DoorLive:
    """Returns the picture with the accounts, relays and inputs of a document, and what is known of them."""
    known_accounts = {each.account: each for each in live.accounts}
    known_relays = {each.relay: each for each in live.relays}
    known_inputs = {each.input: each for each in live.inputs}
    inputs = []
    for each in document.io.inputs:
        view = known_inputs.get(each.id) or InputView(input=each.id)
        inputs.append(view.model_copy(update={"kind": each.kind}))
    return live.model_copy(
        update={
            "accounts": tuple(
                known_accounts.get(each.id) or AccountView(account=each.id) for each in document.sip.accounts
            ),
            "relays": tuple(known_relays.get(each.id) or RelayView(relay=each.id) for each in document.io.relays),
            "inputs": tuple(inputs),
        }
    )


def registrations(live: DoorLive, snapshot: SipSnapshot) -> DoorLive:
    """Returns the picture with the accounts as sip has them."""
    read = {each.account: each for each in snapshot.accounts}
    views = []
    for view in live.accounts or tuple(AccountView(account=name) for name in read):
        each = read.get(view.account)
        if each is not None:
            why = "" if each.registered else (str(each.code) if each.code is not None else view.why)
            view = AccountView(account=view.account, registered=each.registered, why=why)
        views.append(view)
    return live.model_copy(update={"accounts": tuple(views)})


def lines_read(live: DoorLive, snapshot: lines.IoSnapshot, at: datetime) -> DoorLive:
    """Returns the picture with relays and inputs as io has them."""
    relays, inputs = live.relays, live.inputs
    for relay in snapshot.relays:
        by = relay.cause.by if relay.cause is not None else ""
        relays = _relay(relays, relay.relay, relay.energised, at, by)
    for each in snapshot.inputs:
        inputs = _input(inputs, each.input, each.active, at)
    return live.model_copy(update={"relays": relays, "inputs": inputs})


def told(live: DoorLive, event: Event, at: datetime, document: Door | None) -> DoorLive:
    """Returns the picture after an event; those that are about none of these change nothing."""
    match event:
        case accounts.AccountRegistered():
            return _account(live, AccountView(account=event.account, registered=True))
        case accounts.AccountFailed():
            why = " ".join(text for text in (str(event.code or ""), event.why) if text)
            return _account(live, AccountView(account=event.account, registered=False, why=why))
        case lines.RelayEnergised():
            return _set(live, "relays", _relay(live.relays, event.relay, True, at, event.cause.by))
        case lines.RelayReset():
            energised = None if event.why == "chip_lost" else False
            return _set(live, "relays", _relay(live.relays, event.relay, energised, at, ""))
        case lines.InputPressed() | lines.InputOpened():
            return _set(live, "inputs", _input(live.inputs, event.input, True, at))
        case lines.InputReleased() | lines.InputClosed():
            return _set(live, "inputs", _input(live.inputs, event.input, False, at))
        case dnd.DndChanged():
            return _set(live, "dnd", _dnd(live.dnd, event, document))
        case schedules.ScheduleActivated():
            return _set(live, "schedules", tuple(sorted({*live.schedules, event.id})))
        case schedules.ScheduleDeactivated():
            return _set(live, "schedules", tuple(each for each in live.schedules if each != event.id))
        case _:
            return live


def of_services(live: DoorLive, seen: Seen) -> DoorLive:
    """Returns the picture after what a service said of itself, now or before we listened."""
    event, at = seen.event, seen.envelope.time
    if not isinstance(event, services.ServiceStarted | services.ServiceDegraded | services.ServiceStopped):
        return live
    known = {each.service: each for each in live.services}
    before = known.get(event.service) or ServiceView(service=event.service)
    after = before
    match event:
        case services.ServiceStarted():
            after = ServiceView(service=event.service, version=event.version, state="up", since=at)
        case services.ServiceStopped():
            after = before.model_copy(update={"state": "stopped", "since": at, "missing": ()})
        case services.ServiceDegraded():
            others = tuple(each for each in before.missing if each.split(": ", 1)[0] != event.part)
            now = () if event.recovered else (f"{event.part}: {event.why}" if event.why else event.part,)
            after = before.model_copy(update={"missing": (*others, *now)})
    known[event.service] = after
    return _set(live, "services", tuple(known[name] for name in sorted(known)))


def _dnd(before: tuple[str, ...], event: dnd.DndChanged, document: Door | None) -> tuple[str, ...]:
    if event.account is not None:
        named: set[str] = {event.account}
    else:
        named = {*document.dnd_accounts()} if document is not None else {*before}
    return tuple(sorted({*before, *named} if event.enabled else {*before} - named))


def _account(live: DoorLive, view: AccountView) -> DoorLive:
    known = any(each.account == view.account for each in live.accounts)
    views = tuple(view if each.account == view.account else each for each in live.accounts)
    return _set(live, "accounts", views if known else (*views, view))


def _relay(
    relays: tuple[RelayView, ...], name: str, energised: bool | None, at: datetime, by: str
) -> tuple[RelayView, ...]:
    return tuple(
        RelayView(relay=name, energised=energised, since=at, by=by)
        if each.relay == name and each.energised != energised
        else each
        for each in relays
    )


def _input(inputs: tuple[InputView, ...], name: str, active: bool | None, at: datetime) -> tuple[InputView, ...]:
    return tuple(
        each.model_copy(update={"active": active, "since": at})
        if each.input == name and each.active != active
        else each
        for each in inputs
    )


def _set(live: DoorLive, part: str, value: Any) -> DoorLive:
    return live.model_copy(update={part: value})
