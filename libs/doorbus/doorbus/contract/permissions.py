"""Who may publish and subscribe what: the security model, as the NATS server enforces it.

- Only policy orders sip and io.
- A service tells only the events that it owns, holds only its own leases, and writes only its own state.
- A client stands with its own name in every wish, and may unlock only the relays given to it.
- Replies go below `_INBOX.<user>`, where that user alone listens. Nobody has `allow_responses`.
- Documents are written by operators, by the web service for its admins, and by `doorbus up`, which applies the one it
  was given. Directories are written by operators, and by the integrations that they were given to.
- Streams and buckets are made by policy (which orders anyway) and by `doorbus up`; nobody may change or delete them.

What a NATS server cannot deny: whoever may read a stream can have it delivered to any subject, with any reply subject.
So receivers refuse commands whose reply subject is not below `_INBOX.` (`runtime.endpoints`), and never trust an event
with more than what its teller could have caused anyway.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

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
from doorbus.contract.catalog import event_subject_tail
from doorbus.contract.subjects import (
    KV_CONFIG,
    KV_DEAD_LETTERS,
    KV_DIRECTORIES,
    KV_STATE,
    STREAM_EVENTS,
    inbox_prefix,
    is_door,
    is_token,
)

SERVICES = ("sip", "io", "policy", "multicast", "scheduler", "actions", "camera", "web")
SUPERVISOR = "supervisor"
"""The user of `doorbus up`."""

EVERY_SERVICE = "*"

EVENT_TELLERS: dict[type[Event], tuple[str, ...]] = {
    accounts.AccountFailed: ("sip",),
    accounts.AccountRegistered: ("sip",),
    actions.ActionDelayed: ("actions",),
    actions.ActionDone: ("actions",),
    actions.ActionFailed: ("actions", "policy"),  # policy tells it of relays
    actions.ActionRetried: ("actions",),
    buttons.ButtonActivated: ("policy",),
    buttons.ButtonLimited: ("policy",),
    calls.CallAnswered: ("sip",),
    calls.CallDialing: ("sip",),
    calls.CallDtmfReceived: ("sip",),
    calls.CallEnded: ("sip", "policy"),  # policy ends the calls of a sip that died
    calls.CallEnding: ("sip",),
    calls.CallHeld: ("sip",),
    calls.CallHoldRefused: ("sip",),
    calls.CallIncoming: ("sip",),
    calls.CallResumed: ("sip",),
    calls.CallRinging: ("sip",),
    calls.CallsRefused: ("sip",),
    calls.LegAnswered: ("sip",),
    calls.LegCancelled: ("sip",),
    calls.LegFailed: ("sip",),
    calls.LegRefused: ("sip",),
    calls.LegRinging: ("sip",),
    directories.DirectoryChanged: ("policy",),
    dnd.DndChanged: ("policy",),
    dnd.DndServerCodeSent: ("policy",),
    doors.UnlockDenied: ("policy",),
    doors.UnlockLocked: ("policy",),
    lines.DoorUnlocked: ("io",),
    lines.InputClosed: ("io",),
    lines.InputForced: ("io",),
    lines.InputLeftOpen: ("io",),
    lines.InputLimited: ("io",),
    lines.InputOpened: ("io",),
    lines.InputPressed: ("io",),
    lines.InputReleased: ("io",),
    lines.RelayEnergised: ("io",),
    lines.RelayReset: ("io",),
    pages.PageEnded: ("multicast",),
    pages.PageReplaced: ("multicast",),
    pages.PageStarted: ("multicast",),
    pages.PageSuppressed: ("multicast",),
    schedules.ScheduleActivated: ("scheduler",),
    schedules.ScheduleDeactivated: ("scheduler",),
    services.DocumentChanged: (EVERY_SERVICE,),
    services.MessageRejected: (EVERY_SERVICE,),
    services.ServiceDegraded: (EVERY_SERVICE,),
    services.ServiceStarted: (EVERY_SERVICE,),
    services.ServiceStopped: (EVERY_SERVICE,),
}
"""Who tells which fact; a test finds events that nobody may tell."""

_READERS = ("policy", "multicast", "actions", "web")
"""Services that follow live events; sip and io decide nothing by them."""

_API = "$JS.API"
_STREAMS = (STREAM_EVENTS, f"KV_{KV_STATE}", f"KV_{KV_CONFIG}", f"KV_{KV_DIRECTORIES}", f"KV_{KV_DEAD_LETTERS}")
_SEE_STORES = tuple(f"{_API}.STREAM.INFO.{stream}" for stream in _STREAMS)
_MAKE_STORES = tuple(f"{_API}.STREAM.CREATE.{stream}" for stream in _STREAMS)


def _read_stream(stream: str) -> tuple[str, ...]:
    """Returns what it takes to read a stream by a consumer of one's own, or one message."""
    return (
        f"{_API}.STREAM.MSG.GET.{stream}",
        f"{_API}.CONSUMER.CREATE.{stream}",
        f"{_API}.CONSUMER.CREATE.{stream}.>",
        f"{_API}.CONSUMER.INFO.{stream}.*",
        f"$JS.FC.{stream}.>",
    )


_READ_DOCUMENTS = _read_stream(f"KV_{KV_CONFIG}")
_READ_EVENTS = _read_stream(STREAM_EVENTS)
_READ_DIRECTORIES = _read_stream(f"KV_{KV_DIRECTORIES}")
_READ_DEAD_LETTERS = _read_stream(f"KV_{KV_DEAD_LETTERS}")
_FOLLOW_STATE = _read_stream(f"KV_{KV_STATE}")
_READ_STATE = (f"{_API}.STREAM.MSG.GET.KV_{KV_STATE}",)
_WISH_VERBS = ("call", "dnd", "hangup", "press", "status")
"""All wishes but unlock, which names its relay."""


class Role(StrEnum):
    """What a client of the bus is for."""

    OPERATOR = "operator"
    """A person who runs the door: every wish, every relay, the documents."""
    VIEWER = "viewer"
    """Sees events and status."""
    INTEGRATION = "integration"
    """Another system: every wish, but only the relays named."""


@dataclass(frozen=True)
class Permissions:
    """Subjects that a user may publish to and subscribe to; all others are denied."""

    publish: tuple[str, ...]
    subscribe: tuple[str, ...]


@dataclass(frozen=True)
class User:
    """A user of the NATS server. Its name also stands in its reply subjects and its wishes."""

    name: str
    permissions: Permissions


def service_user(name: str, on_doors: Iterable[str] = ("*",)) -> User:
    """Returns the user of a service for some doors, `*` = all.

    Raises:
        ValueError: no such service or door.
    """
    if name not in SERVICES:
        raise ValueError(f"{name!r} is not one of {', '.join(SERVICES)}")
    own = [event_subject_tail(event) for event, tellers in EVENT_TELLERS.items() if {name, EVERY_SERVICE} & {*tellers}]
    publish = [*_SEE_STORES, *_READ_DOCUMENTS, *_READ_STATE]
    subscribe = [f"{inbox_prefix(name)}.>"]
    for door in _checked(on_doors):
        publish += [f"door.{door}.event.{tail}" for tail in own]
        publish.append(f"$KV.{KV_STATE}.{door}.{name}")
        if name in _READERS:
            subscribe.append(f"door.{door}.event.>")
        match name:
            case "sip":
                publish += [f"door.{door}.ask.policy.*", f"door.{door}.lease.call"]
                subscribe += [f"door.{door}.cmd.sip.*", f"door.{door}.lease.page"]
            case "io":
                subscribe.append(f"door.{door}.cmd.io.*")
            case "policy":
                publish += [f"door.{door}.cmd.sip.*", f"door.{door}.cmd.io.*"]
                subscribe += [f"door.{door}.cmd.policy.>", f"door.{door}.ask.policy.*", f"door.{door}.lease.*"]
            case "multicast":
                publish.append(f"door.{door}.lease.page")
                subscribe.append(f"door.{door}.lease.call")
            case "actions":
                publish.append(f"$KV.{KV_DEAD_LETTERS}.{door}.*")
                subscribe.append(f"door.{door}.cmd.actions.>")
            case "web":
                publish += _wishes(door, name, _WISH_VERBS, ("*",))
                publish.append(f"$KV.{KV_CONFIG}.{door}")
                subscribe.append(f"door.{door}.lease.page")
            case _:
                pass
    match name:
        case "policy":
            publish += [*_MAKE_STORES, *_READ_EVENTS, *_FOLLOW_STATE, *_READ_DIRECTORIES]
        case "actions":
            publish += [*_READ_DEAD_LETTERS, *_READ_EVENTS]
            publish += [f"{_API}.CONSUMER.MSG.NEXT.{STREAM_EVENTS}.*", f"$JS.ACK.{STREAM_EVENTS}.>"]
        case "web":
            publish += [*_READ_EVENTS, *_FOLLOW_STATE, *_READ_DIRECTORIES]
        case _:
            pass
    if name in ("sip", "io", "policy", "actions"):
        publish.append("_INBOX.>")  # answers of its endpoints; whose inbox it is, nobody else can read there
        subscribe += [f"$SRV.{verb}{tail}" for verb in ("PING", "INFO", "STATS") for tail in _micro_tails(name)]
    return User(name, Permissions(tuple(publish), tuple(subscribe)))


def client_user(
    name: str,
    role: Role,
    on_doors: Iterable[str] = ("*",),
    relays: Iterable[str] = (),
    directories: Iterable[str] = (),
) -> User:
    """Returns the user of a client.

    Args:
        name: stands in its wishes.
        role: what it is for.
        on_doors: the doors it may talk to, `*` = all.
        relays: those that an integration may unlock; an operator may unlock every one.
        directories: lists of numbers that an integration may publish; an operator may publish every one.

    Raises:
        ValueError: a name that cannot stand in a subject or is a service's, or no such door.
    """
    if name in (*SERVICES, SUPERVISOR):
        raise ValueError(f"{name!r} is the name of a service")
    relays, directories = tuple(relays), tuple(directories)
    for text in (name, *relays, *directories):
        if not is_token(text):
            raise ValueError(f"{text!r} cannot stand in a subject: letters, digits, - and _ only, 1 to 64 of them")
    publish = [*_SEE_STORES, *_READ_EVENTS]
    subscribe = [f"{inbox_prefix(name)}.>"]
    for door in _checked(on_doors):
        subscribe.append(f"door.{door}.event.>")
        if role is Role.VIEWER:
            publish += _wishes(door, name, ("status",), ())
        else:
            publish += _wishes(door, name, _WISH_VERBS, ("*",) if role is Role.OPERATOR else relays)
            publish.append(f"door.{door}.cmd.actions.*.{name}")
        if role is Role.OPERATOR:
            publish.append(f"$KV.{KV_CONFIG}.{door}")
    if role is Role.OPERATOR:
        publish += [
            *_READ_DOCUMENTS,
            *_READ_STATE,
            *_READ_DIRECTORIES,
            *_READ_DEAD_LETTERS,
            f"$KV.{KV_DIRECTORIES}.*",
            "$SRV.>",
        ]
    elif role is Role.INTEGRATION:
        publish += [f"$KV.{KV_DIRECTORIES}.{directory}" for directory in directories]
    return User(name, Permissions(tuple(publish), tuple(subscribe)))


def supervisor_user() -> User:
    """Returns the user of `doorbus up`: it makes the stores and applies the document."""
    publish = (*_SEE_STORES, *_MAKE_STORES, *_READ_DOCUMENTS, f"$KV.{KV_CONFIG}.*")
    return User(SUPERVISOR, Permissions(publish, (f"{inbox_prefix(SUPERVISOR)}.>",)))


def _checked(on_doors: Iterable[str]) -> tuple[str, ...]:
    names = tuple(on_doors)
    for door in names:
        if door != "*" and not is_door(door):
            raise ValueError(f"{door!r} is not a door: 1 to 32 of a-z, 0-9 and -, or * for all")
    return names


def _wishes(door: str, client: str, verbs: Iterable[str], relays: Iterable[str]) -> list[str]:
    wishes = [f"door.{door}.cmd.policy.{verb}.{client}" for verb in verbs]
    return wishes + [f"door.{door}.cmd.policy.unlock.{relay}.{client}" for relay in relays]


def _micro_tails(service: str) -> tuple[str, ...]:
    return "", f".doorbus-{service}", f".doorbus-{service}.*"
