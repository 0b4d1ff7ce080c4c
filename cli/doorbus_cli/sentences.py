"""What each event says, in words: one line a type. A test finds types without a sentence."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from doorbus.contract import accounts, buttons, calls, dnd, doors, lines, services
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


def _activated(event: buttons.ButtonActivated) -> str:
    does = {"call": "calls", "answer": "answers", "hang_up": "hangs up", "nothing": "does nothing"}[event.does]
    actions = f", actions {', '.join(event.actions)}" if event.actions else ""
    return f"{event.input} {does}{_why(event.why)}{actions}"


def _dnd_changed(event: dnd.DndChanged) -> str:
    where = f" for {event.account}" if event.account else ""
    return f"do not disturb is {'on' if event.enabled else 'off'}{where}{_by(event.by)}"


def _degraded(event: services.ServiceDegraded) -> str:
    return f"{event.service}: {event.part} {'is back' if event.recovered else 'is missing'}{_why(event.why)}"


def _document(event: services.DocumentChanged) -> str:
    return f"{event.service} has {event.result} revision {event.revision} of the document{_why(event.why)}"


def _server_code(event: dnd.DndServerCodeSent) -> str:
    taken = "has taken" if event.taken else "has not taken"
    return f"the server of {event.account} {taken} the DND {event.code_kind} code{_code(event.status)}"


SENTENCES: dict[type[Event], Sentence] = {
    accounts.AccountFailed: Sentence(
        "!", BAD, lambda e: f"account {e.account} is not registered{_code(e.code)}{_why(e.why)}"
    ),
    accounts.AccountRegistered: Sentence("·", GOOD, lambda e: f"account {e.account} is registered for {e.expires_s} s"),
    buttons.ButtonActivated: Sentence("›", INFO, _activated),
    calls.CallAnswered: Sentence("●", GOOD, _answered),
    calls.CallDialing: Sentence("→", INFO, lambda e: f"the door calls {_targets(e)} on {e.account}"),
    calls.CallDtmfReceived: Sentence("#", INFO, lambda e: f"{e.count} digit{'s' * (e.count != 1)} came ({e.method})"),
    calls.CallEnded: Sentence("■", INFO, _ended),
    calls.CallEnding: Sentence("…", WARN, lambda e: f"the call ends in {e.in_s:.0f} s"),
    calls.CallHeld: Sentence("‖", INFO, lambda e: f"on hold, by the {'door' if e.by == 'local' else 'other side'}"),
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
    lines.InputOpened: Sentence("^", INFO, lambda e: f"{e.input} is open"),
    lines.InputPressed: Sentence("▼", INFO, lambda e: f"{e.input} is pressed{' by a program' if e.virtual else ''}"),
    lines.InputReleased: Sentence("▲", QUIET, lambda e: f"{e.input} is released"),
    lines.RelayEnergised: Sentence("+", INFO, lambda e: f"relay {e.relay} is on for {e.for_s:g} s ({e.cause.kind})"),
    lines.RelayReset: Sentence("-", INFO, lambda e: f"relay {e.relay} rests after {e.on_s:.1f} s ({e.why})"),
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
