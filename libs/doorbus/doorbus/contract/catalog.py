"""The tables of all messages: what a type or a verb is, one line a message."""

from __future__ import annotations

from doorbus.contract import accounts, buttons, calls, dnd, doors, lines, services, wishes
from doorbus.contract.base import Event, Order, Question, Wish

EVENTS: tuple[type[Event], ...] = (
    accounts.AccountFailed,
    accounts.AccountRegistered,
    buttons.ButtonActivated,
    calls.CallAnswered,
    calls.CallDialing,
    calls.CallDtmfReceived,
    calls.CallEnded,
    calls.CallEnding,
    calls.CallHeld,
    calls.CallIncoming,
    calls.CallResumed,
    calls.CallRinging,
    calls.CallsRefused,
    calls.LegAnswered,
    calls.LegCancelled,
    calls.LegFailed,
    calls.LegRefused,
    calls.LegRinging,
    dnd.DndChanged,
    dnd.DndServerCodeSent,
    doors.UnlockDenied,
    doors.UnlockLocked,
    lines.DoorUnlocked,
    lines.InputClosed,
    lines.InputForced,
    lines.InputLeftOpen,
    lines.InputOpened,
    lines.InputPressed,
    lines.InputReleased,
    lines.RelayEnergised,
    lines.RelayReset,
    services.DocumentChanged,
    services.MessageRejected,
    services.ServiceDegraded,
    services.ServiceStarted,
    services.ServiceStopped,
)

SIP_ORDERS: tuple[type[Order], ...] = (
    calls.Adopt,
    calls.Answer,
    calls.Dial,
    calls.HangUp,
    calls.Hold,
    calls.Refuse,
    calls.Resume,
    calls.TakeSipSnapshot,
)
IO_ORDERS: tuple[type[Order], ...] = (lines.Energise, lines.Pulse, lines.Reset, lines.TakeIoSnapshot)
WISHES: tuple[type[Wish], ...] = (
    wishes.WishCall,
    wishes.WishDnd,
    wishes.WishHangUp,
    wishes.WishPress,
    wishes.WishStatus,
    wishes.WishUnlock,
)
QUESTIONS: tuple[type[Question], ...] = (calls.AskDtmf, calls.AskIncomingCall)

EVENT_OF_TYPE: dict[str, type[Event]] = {event.type_name(): event for event in EVENTS}


def event_subject_tail(event: type[Event]) -> str:
    """Returns `<domain>.<what>` of an event."""
    return f"{event.domain}.{event.what}"
