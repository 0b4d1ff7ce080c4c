"""The tables of all messages: what a type or a verb is, one line a message."""

from __future__ import annotations

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
from doorbus.contract.base import Event, Order, Question, Wish

EVENTS: tuple[type[Event], ...] = (
    accounts.AccountFailed,
    accounts.AccountRegistered,
    actions.ActionDelayed,
    actions.ActionDone,
    actions.ActionFailed,
    actions.ActionRetried,
    buttons.ButtonActivated,
    buttons.ButtonLimited,
    calls.CallAnswered,
    calls.CallDialing,
    calls.CallDtmfReceived,
    calls.CallEnded,
    calls.CallEnding,
    calls.CallHeld,
    calls.CallHoldRefused,
    calls.CallIncoming,
    calls.CallResumed,
    calls.CallRinging,
    calls.CallsRefused,
    calls.LegAnswered,
    calls.LegCancelled,
    calls.LegFailed,
    calls.LegRefused,
    calls.LegRinging,
    directories.DirectoryChanged,
    dnd.DndChanged,
    dnd.DndServerCodeSent,
    doors.UnlockDenied,
    doors.UnlockLocked,
    lines.DoorUnlocked,
    lines.InputClosed,
    lines.InputForced,
    lines.InputLeftOpen,
    lines.InputLimited,
    lines.InputOpened,
    lines.InputPressed,
    lines.InputReleased,
    lines.RelayEnergised,
    lines.RelayReset,
    pages.PageEnded,
    pages.PageReplaced,
    pages.PageStarted,
    pages.PageSuppressed,
    schedules.ScheduleActivated,
    schedules.ScheduleDeactivated,
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
ACTIONS_COMMANDS: tuple[type[actions.ActionsCommand], ...] = (actions.Retry,)
QUESTIONS: tuple[type[Question], ...] = (calls.AskDtmf, calls.AskIncomingCall)

EVENT_OF_TYPE: dict[str, type[Event]] = {event.type_name(): event for event in EVENTS}


def event_subject_tail(event: type[Event]) -> str:
    """Returns `<domain>.<what>` of an event."""
    return f"{event.domain}.{event.what}"
