"""What each event says, in words: one line a type. A test finds types without a sentence."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
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
)
from doorbus.contract.base import Event

INFO, GOOD, WARN, BAD, QUIET = "info", "good", "warn", "bad", "quiet"


@dataclass(frozen=True)
class Sentence:
    """How an event type reads.

    Attributes:
        icon: one sober character.
        tone: what it means to a person: `info`, `good`, `warn`, `bad` or `quiet`.
        words: says it.
    """

    icon: str
    tone: str
    words: Callable[[Any], str]


_OUTCOMES = {
    "local_hangup": "the door hung up",
    "remote_hangup": "the other side hung up",
    "push_button": "ended by the push button",
    "max_duration": "the longest time was over",
    "dial_timeout": "nobody answered",
    "refused": "refused",
    "busy": "busy",
    "dnd": "do not disturb",
    "unlocked": "the door was opened",
    "completed_elsewhere": "answered elsewhere",
    "page": "a page came",
    "no_route": "no way to get there",
    "media_failed": "the audio failed",
    "shutdown": "the door shuts down",
}


_PAGE_OVER = {
    "silence": "its sender stopped",
    "call": "a call began",
    "new_ssrc": "its listener hears another sender",
    "document": "its listener is gone",
    "failed": "it cannot be played",
    "shutdown": "the door shuts down",
}


def _targets(event: calls.CallDialing) -> str:
    uris = [target.uri for target in event.targets]
    shown = ", ".join(uris[:3])
    return shown if len(uris) <= 3 else f"{shown} and {len(uris) - 3} more"


def _incoming(event: calls.CallIncoming) -> str:
    who = event.caller_uri or event.caller or "somebody"
    done = {"ring": "rings", "answer": "is answered", "refuse": f"is refused{_code(event.code)}"}[event.decision]
    default = "" if event.decided_by == "policy" else ", policy did not say"
    return f"{who} calls on {event.account} and {done}{default}"


def _ended(event: calls.CallEnded) -> str:
    talked = f" after {event.duration_s:.1f} s" if event.duration_s else ""
    return f"call over{talked}: {_OUTCOMES.get(event.reason, event.reason)}{_code(event.code)}"


def _answered(event: calls.CallAnswered) -> str:
    video = ", with video" if event.video else ""
    why = f", without video: {event.no_video_because}" if event.no_video_because else ""
    return f"{event.peer or 'the other side'} and the door talk{video}{why}"


def _code(code: int | None) -> str:
    return f" ({code})" if code is not None else ""


def _why(why: str | None) -> str:
    return f": {why}" if why else ""


def _by(by: str) -> str:
    return f" by {by}" if by else ""


def _tries(tries: int) -> str:
    return f", {tries} tries" if tries > 1 else ""


def _limited(event: buttons.ButtonLimited | lines.InputLimited) -> str:
    what = "presses" if isinstance(event, buttons.ButtonLimited) else "changes"
    if event.over:
        opened = (
            f", and opened {event.unlocks} times" if isinstance(event, lines.InputLimited) and event.unlocks else ""
        )
        return f"{event.input} is calm again: {event.dropped} {what} in {event.over_s:.0f} s were left out{opened}"
    return f"{event.input} is too fast: {what} are left out"


def _activated(event: buttons.ButtonActivated) -> str:
    does = {"call": "calls", "answer": "answers", "hang_up": "hangs up", "nothing": "does nothing"}[event.does]
    actions = f", actions {', '.join(event.actions)}" if event.actions else ""
    return f"{event.input} {does}{_why(event.why and buttons.WHY_NOTHING.get(event.why, event.why))}{actions}"


def _hold_refused(event: calls.CallHoldRefused) -> str:
    if event.held:
        return f"the other side does not take the hold ({event.code}): the call is silenced here"
    return f"the other side does not take the end of the hold ({event.code})"


def _page_started(event: pages.PageStarted) -> str:
    return f"page {event.listener} plays, from {event.source}{', above calls' if event.outranks_calls else ''}"


def _page_suppressed(event: pages.PageSuppressed) -> str:
    return f"a page to {event.listener} from {event.source} stays silent, as there is a {event.because}"


def _page_ended(event: pages.PageEnded) -> str:
    lost = f", {event.lost} of {event.packets + event.lost} packets lost" if event.lost else ""
    return f"page {event.listener} is over after {event.duration_s:.1f} s: {_PAGE_OVER[event.reason]}{lost}"


def _dnd_changed(event: dnd.DndChanged) -> str:
    where = f" for {event.account}" if event.account else ""
    return f"do not disturb is {'on' if event.enabled else 'off'}{where}{_by(event.by)}"


def _degraded(event: services.ServiceDegraded) -> str:
    return f"{event.service}: {event.part} {'is back' if event.recovered else 'is missing'}{_why(event.why)}"


def _document(event: services.DocumentChanged) -> str:
    who = event.by or event.service
    what = f": {', '.join(event.changed)}" if event.changed else ""
    return f"{who} has {event.result} revision {event.revision} of the document{_why(event.why)}{what}"


def _directory(event: directories.DirectoryChanged) -> str:
    return f"policy has {event.result} directory {event.name}, {event.count} numbers{_why(event.why)}"


def _server_code(event: dnd.DndServerCodeSent) -> str:
    taken = "has taken" if event.taken else "has not taken"
    return f"the server of {event.account} {taken} the DND {event.code_kind} code{_code(event.status)}"


SENTENCES: dict[type[Event], Sentence] = {
    accounts.AccountFailed: Sentence(
        "!", BAD, lambda e: f"account {e.account} is not registered{_code(e.code)}{_why(e.why)}"
    ),
    accounts.AccountRegistered: Sentence("·", GOOD, lambda e: f"account {e.account} is registered for {e.expires_s} s"),
    actions.ActionDelayed: Sentence("!", WARN, lambda e: f"{e.action} is not delivered yet{_why(e.why)}"),
    actions.ActionDone: Sentence(
        "✉", GOOD, lambda e: f"{e.action} is delivered after {e.after_s:.1f} s{_tries(e.tries)}"
    ),
    actions.ActionFailed: Sentence("x", BAD, lambda e: f"{e.action} is given up{_tries(e.tries)}{_why(e.why)}"),
    actions.ActionRetried: Sentence("›", INFO, lambda e: f"{e.action} is to be sent again{_by(e.by)}"),
    buttons.ButtonActivated: Sentence("›", INFO, _activated),
    buttons.ButtonLimited: Sentence("!", WARN, _limited),
    calls.CallAnswered: Sentence("●", GOOD, _answered),
    calls.CallDialing: Sentence("→", INFO, lambda e: f"the door calls {_targets(e)} on {e.account}"),
    calls.CallDtmfReceived: Sentence("#", INFO, lambda e: f"{e.count} digit{'s' * (e.count != 1)} came ({e.method})"),
    calls.CallEnded: Sentence("■", INFO, _ended),
    calls.CallEnding: Sentence("…", WARN, lambda e: f"the call ends in {e.in_s:.0f} s"),
    calls.CallHeld: Sentence("‖", INFO, lambda e: f"on hold, by the {'door' if e.by == 'local' else 'other side'}"),
    calls.CallHoldRefused: Sentence("!", WARN, _hold_refused),
    calls.CallIncoming: Sentence("←", INFO, _incoming),
    calls.CallResumed: Sentence("●", INFO, lambda e: f"resumed by the {'door' if e.by == 'local' else 'other side'}"),
    calls.CallRinging: Sentence("~", INFO, lambda e: "it rings" if e.direction == "outgoing" else "it rings here"),
    calls.CallsRefused: Sentence("!", WARN, lambda e: f"{e.count} calls refused within {e.over_s:.0f} s: a flood"),
    calls.LegAnswered: Sentence("·", QUIET, lambda e: f"leg {e.leg} was picked up"),
    calls.LegCancelled: Sentence(
        "·", QUIET, lambda e: f"leg {e.leg} was given up: {_OUTCOMES.get(e.reason, e.reason)}"
    ),
    calls.LegFailed: Sentence("·", WARN, lambda e: f"leg {e.leg} could not be reached{_code(e.code)}{_why(e.why)}"),
    calls.LegRefused: Sentence("·", WARN, lambda e: f"leg {e.leg} refused ({e.code})"),
    calls.LegRinging: Sentence("·", QUIET, lambda e: f"leg {e.leg} rings ({e.code})"),
    directories.DirectoryChanged: Sentence("·", QUIET, _directory),
    dnd.DndChanged: Sentence("-", INFO, _dnd_changed),
    dnd.DndServerCodeSent: Sentence("-", INFO, _server_code),
    doors.UnlockDenied: Sentence(
        "x", BAD, lambda e: f"{e.relay or 'the door'} stays locked for {e.by or e.method}: {e.why.replace('_', ' ')}"
    ),
    doors.UnlockLocked: Sentence(
        "x", BAD, lambda e: f"codes are locked for {e.for_s:.0f} s after {e.wrong_codes} wrong ones"
    ),
    lines.DoorUnlocked: Sentence("○", GOOD, lambda e: f"{e.relay} opens ({e.method}{_by(e.by)})"),
    lines.InputClosed: Sentence("_", INFO, lambda e: f"{e.input} is closed"),
    lines.InputForced: Sentence("!", BAD, lambda e: f"{e.input} was opened without an unlock"),
    lines.InputLeftOpen: Sentence("!", WARN, lambda e: f"{e.input} stands open for {e.open_s:.0f} s"),
    lines.InputLimited: Sentence("!", WARN, _limited),
    lines.InputOpened: Sentence("^", INFO, lambda e: f"{e.input} is open"),
    lines.InputPressed: Sentence("▼", INFO, lambda e: f"{e.input} is pressed{' by a program' if e.virtual else ''}"),
    lines.InputReleased: Sentence("▲", QUIET, lambda e: f"{e.input} is released"),
    lines.RelayEnergised: Sentence("+", INFO, lambda e: f"relay {e.relay} is on for {e.for_s:g} s ({e.cause.kind})"),
    lines.RelayReset: Sentence("-", INFO, lambda e: f"relay {e.relay} rests after {e.on_s:.1f} s ({e.why})"),
    pages.PageEnded: Sentence("■", INFO, _page_ended),
    pages.PageReplaced: Sentence("-", INFO, lambda e: f"page {e.listener} gives way to a higher one"),
    pages.PageStarted: Sentence("♪", INFO, _page_started),
    pages.PageSuppressed: Sentence("·", WARN, _page_suppressed),
    schedules.ScheduleActivated: Sentence("+", INFO, lambda e: f"{e.kind} {e.id} begins"),
    schedules.ScheduleDeactivated: Sentence("-", INFO, lambda e: f"{e.kind} {e.id} is over"),
    services.DocumentChanged: Sentence("·", QUIET, _document),
    services.MessageRejected: Sentence(
        "!", WARN, lambda e: f"a message{_by(e.client or '')} to {e.subject} was refused, {e.code}: {e.why}"
    ),
    services.ServiceDegraded: Sentence("!", WARN, _degraded),
    services.ServiceStarted: Sentence("·", QUIET, lambda e: f"{e.service} {e.version} is up"),
    services.ServiceStopped: Sentence("·", QUIET, lambda e: f"{e.service} stops"),
}


def sentence(event: Event) -> str:
    """Returns what an event says."""
    known = SENTENCES.get(type(event))
    return known.words(event) if known is not None else f"{event.domain}.{event.what}"
