"""Between the bus and the core: which message is which event, which effect is which order. One line each.

A test finds messages of the contract that have no entry here.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from doorbus.contract import (
    accounts,
    actions,
    buttons,
    calls,
    directories,
    dnd,
    doors,
    lines,
    pages,
    schedules,
    services,
    wishes,
)
from doorbus.contract.base import Event, Order, new_id
from doorbus.contract.calls import DIRECT
from doorbus.contract.envelope import Envelope
from doorbus.contract.leases import Lease
from doorbus.contract.lines import Cause, UnlockMethod
from doorbus.runtime.endpoints import Received
from doorbus_policy.core import effects as do
from doorbus_policy.core import events as ev

Hear = Callable[[Any, Envelope, float], ev.Event | None]
"""From an event, its envelope and its age in seconds."""

HEARD: dict[type[Event], Hear] = {
    calls.CallIncoming: lambda event, _told, age: _incoming(event, age),
    calls.CallDialing: lambda event, _told, _age: ev.CallProgressed(event.call),
    calls.CallRinging: lambda event, _told, _age: ev.CallProgressed(event.call),
    calls.CallAnswered: lambda event, _told, age: ev.CallAnswered(event.call, event.leg, event.peer, age),
    calls.CallHeld: lambda event, _told, _age: ev.HoldTold(event.call, True) if event.by == "local" else None,
    calls.CallResumed: lambda event, _told, _age: ev.HoldTold(event.call, False) if event.by == "local" else None,
    calls.CallEnded: lambda event, _told, _age: ev.CallEnded(event.call, event.code),
    calls.LegRefused: lambda event, _told, _age: ev.LegGone(event.call, event.leg, event.code),
    calls.LegFailed: lambda event, _told, _age: ev.LegGone(event.call, event.leg),
    calls.LegCancelled: lambda event, _told, _age: ev.LegGone(event.call, event.leg),
    lines.InputPressed: lambda event, told, _age: _pressed(event, told.id),
    lines.DoorUnlocked: lambda event, _told, age: ev.DoorUnlocked(event.relay, event.method, event.call, age),
    pages.PageStarted: lambda event, told, age: ev.PageStarted(event.page, event.outranks_calls, _word(told), age),
    pages.PageReplaced: lambda event, told, _age: ev.PageReplaced(event.page, event.by, _word(told)),
    pages.PageEnded: lambda event, told, _age: ev.PageOver(event.page, _word(told)),
    services.ServiceStarted: lambda event, _told, _age: ev.EventsMissed() if event.service == "sip" else None,
}

NOT_HEARD: frozenset[type[Event]] = frozenset(
    {
        accounts.AccountFailed,
        accounts.AccountRegistered,
        actions.ActionDelayed,
        actions.ActionDone,
        actions.ActionFailed,
        actions.ActionRetried,
        buttons.ButtonActivated,
        buttons.ButtonLimited,
        calls.CallDtmfReceived,
        calls.CallEnding,
        calls.CallHoldRefused,
        calls.CallsRefused,
        calls.LegAnswered,
        calls.LegRinging,
        directories.DirectoryChanged,
        dnd.DndChanged,
        dnd.DndServerCodeSent,
        doors.UnlockDenied,
        doors.UnlockLocked,
        lines.InputClosed,
        lines.InputForced,
        lines.InputLeftOpen,
        lines.InputLimited,
        lines.InputOpened,
        lines.InputReleased,
        lines.RelayEnergised,
        lines.RelayReset,
        pages.PageSuppressed,
        schedules.ScheduleActivated,
        schedules.ScheduleDeactivated,
        services.DocumentChanged,
        services.MessageRejected,
        services.ServiceDegraded,
        services.ServiceStopped,
    }
)
"""Facts that change no decision here."""


def heard(event: Event, envelope: Envelope, age_s: float) -> ev.Event | None:
    """Returns what the core hears of an event, None when it is nothing to it."""
    hear = HEARD.get(type(event))
    return None if hear is None else hear(event, envelope, age_s)


def leased(lease: Lease) -> ev.Event:
    """Returns what the core hears of a lease."""
    if lease.kind == "call":
        return ev.CallLeaseTold(lease.subject_id)
    return ev.PageLeaseTold(lease.subject_id, lease.outranks_calls, ev.Word(lease.epoch, lease.sequence))


def age_s(envelope: Envelope, bus_now: datetime | None) -> float:
    """Returns how long ago an event happened: by bus time, else by what its sender said."""
    if envelope.clock == "bus" and bus_now is not None:
        return max(0.0, (bus_now - envelope.time).total_seconds())
    return envelope.age_ms / 1000


def wished(received: Received, handle: str) -> ev.Event:
    """Returns what the core hears of a wish."""
    client = received.client
    match received.message:
        case wishes.WishCall(to=to, account=account):
            return ev.CallWished(handle, client, to, account, new_id())
        case wishes.WishHangUp(call=call):
            return ev.HangUpWished(handle, client, call)
        case wishes.WishPress(id=id_, input=input_):
            return ev.Pressed(f"{client}.{id_}", input_, new_id(), handle, client)
        case wishes.WishUnlock() as wish:
            return _unlock_wished(wish, client, received.relay or "", handle)
        case wishes.WishDnd(enabled=enabled, account=account):
            return ev.DndWished(handle, client, enabled, account, new_call=new_id())
        case wishes.WishStatus():
            return ev.StatusWished(handle)
        case other:
            raise LookupError(f"no entry for the wish {type(other).__name__}")


def asked(received: Received, handle: str) -> ev.Event:
    """Returns what the core hears of a question."""
    match received.message:
        case calls.AskIncomingCall() as ask:
            wants_s = ask.wants_auto_answer_s
            return ev.IncomingAsked(handle, ask.call, ask.account, ask.caller, ask.address, wants_s)
        case calls.AskDtmf() as ask:
            return ev.DigitTyped(handle, ask.call, ask.digit, ask.method)
        case other:
            raise LookupError(f"no entry for the question {type(other).__name__}")


def ordered(effect: do.Order, stamps: dict[str, Any]) -> Order:
    """Returns the contract's order for an effect; `stamps`: id, times and epoch."""
    match effect:
        case do.Dial(call, account, targets, limits, final):
            return calls.Dial(**stamps, call=call, account=account, targets=targets, limits=limits, final=final)
        case do.DialCode(call, account, target, ring_s, hold_s):
            limits = calls.Limits(ring_s=ring_s)
            rest: dict[str, Any] = {"purpose": "code", "hold_after_answer_s": hold_s}
            return calls.Dial(**stamps, call=call, account=account, targets=(target,), limits=limits, **rest)
        case do.Answer(call, mode, limits):
            return calls.Answer(**stamps, call=call, mode=mode, limits=limits)
        case do.Refuse(call, code, reason):
            return calls.Refuse(**stamps, call=call, code=code, reason=reason)
        case do.HangUp(call, reason):
            return calls.HangUp(**stamps, call=call, reason=reason)
        case do.Hold(call):
            return calls.Hold(**stamps, call=call)
        case do.Resume(call):
            return calls.Resume(**stamps, call=call)
        case do.Adopt(call, limits):
            return calls.Adopt(**stamps, call=call, limits=limits)
        case do.Pulse(_, relay, method, by, call):
            return lines.Pulse(**stamps, relay=relay, cause=Cause(kind="unlock", method=method, by=by, call=call))
        case do.PulseForAction(relay, call, origin):
            return lines.Pulse(**stamps, relay=relay, cause=Cause(kind="action", by=origin.by, call=call))
        case do.Energise(relay, call, max_s, origin):
            cause = Cause(kind="action", by=origin.by, call=call)
            return lines.Energise(**stamps, relay=relay, max_s=max_s, cause=cause)
        case do.Reset(relay, call):
            return lines.Reset(**stamps, relay=relay, call=call)


def _word(envelope: Envelope) -> ev.Word:
    return ev.Word(envelope.epoch, envelope.sequence)


def _unlock_wished(wish: wishes.WishUnlock, client: str, relay: str, handle: str) -> ev.UnlockWished:
    """What a client says of its asker is believed of the web service only: its name is checked by the NATS server."""
    if client != wishes.GATEWAY or wish.method is not UnlockMethod.HTTP:
        return ev.UnlockWished(handle, client, relay)
    by = f"{client}/{wish.person}" if wish.person else client
    return ev.UnlockWished(handle, by, relay, UnlockMethod.HTTP)


def _incoming(event: calls.CallIncoming, age: float) -> ev.CallCame:
    return ev.CallCame(
        event.call,
        event.account or DIRECT,
        event.caller,
        event.address,
        refused=event.decision == "refuse",
        unheard=event.decided_by == "default",
        age_s=age,
    )


def _pressed(event: lines.InputPressed, event_id: str) -> ev.Event | None:
    if event.kind is not lines.InputKind.PUSH_BUTTON:
        return None
    return ev.Pressed(event_id, event.input, new_id())
