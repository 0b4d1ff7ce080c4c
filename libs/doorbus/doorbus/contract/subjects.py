"""The subjects of the bus, in one place: built here, taken apart here.

| kind | subject |
|---|---|
| event | `door.<door>.event.<domain>.<what>` |
| order | `door.<door>.cmd.<sip or io>.<verb>` |
| wish | `door.<door>.cmd.policy.<verb>.<client>`, `door.<door>.cmd.policy.unlock.<relay>.<client>` |
| command to actions | `door.<door>.cmd.actions.<verb>.<client>` |
| question | `door.<door>.ask.policy.<what>` |
| lease | `door.<door>.lease.<call or page>` |
"""

from __future__ import annotations

import re
from dataclasses import dataclass

STREAM_EVENTS = "DOORBUS_EVENTS"
KV_CONFIG = "DOORBUS_CONFIG"
KV_STATE = "DOORBUS_STATE"
KV_DIRECTORIES = "DOORBUS_DIRECTORIES"
KV_DEAD_LETTERS = "DOORBUS_DEAD_LETTERS"
EVENTS_OF_ALL = "door.*.event.>"

DOOR = re.compile(r"[a-z0-9-]{1,32}")
TOKEN = re.compile(r"[A-Za-z0-9_-]{1,64}")


def is_door(text: str) -> bool:
    """Tells whether `text` may name a door."""
    return DOOR.fullmatch(text) is not None


def is_token(text: str) -> bool:
    """Tells whether `text` may stand in a subject as an id (client, relay, input, …)."""
    return TOKEN.fullmatch(text) is not None


def _token(text: str) -> str:
    if not is_token(text):
        raise ValueError(f"{text!r} cannot stand in a subject: letters, digits, - and _ only, 1 to 64 of them")
    return text


def event(door: str, domain: str, what: str) -> str:
    """Returns where an event is published."""
    return f"door.{_token(door)}.event.{domain}.{what}"


def events(door: str) -> str:
    """Returns the pattern of all events of a door (`*` = of all doors)."""
    return f"door.{door}.event.>"


def order(door: str, service: str, verb: str) -> str:
    """Returns where policy sends an order to `service`."""
    return f"door.{_token(door)}.cmd.{service}.{verb}"


def orders(door: str, service: str) -> str:
    """Returns the pattern of all orders to a door's service."""
    return f"door.{door}.cmd.{service}.*"


def wish(door: str, verb: str, client: str) -> str:
    """Returns where `client` sends a wish to policy."""
    return f"door.{_token(door)}.cmd.policy.{verb}.{_token(client)}"


def unlock_wish(door: str, relay: str, client: str) -> str:
    """Returns where `client` asks policy to unlock `relay`."""
    return f"door.{_token(door)}.cmd.policy.unlock.{_token(relay)}.{_token(client)}"


def wishes(door: str) -> str:
    """Returns the pattern of all wishes to a door's policy."""
    return f"door.{door}.cmd.policy.>"


def actions_command(door: str, verb: str, client: str) -> str:
    """Returns where `client` sends a command to actions."""
    return f"door.{_token(door)}.cmd.actions.{verb}.{_token(client)}"


def actions_commands(door: str) -> str:
    """Returns the pattern of all commands to a door's actions."""
    return f"door.{door}.cmd.actions.>"


def question(door: str, what: str) -> str:
    """Returns where a question to policy is asked."""
    return f"door.{_token(door)}.ask.policy.{what}"


def questions(door: str) -> str:
    """Returns the pattern of all questions to a door's policy."""
    return f"door.{door}.ask.policy.*"


def lease(door: str, kind: str) -> str:
    """Returns where a lease (`call`, `page`) is told each second."""
    return f"door.{_token(door)}.lease.{kind}"


def leases(door: str, kind: str = "*") -> str:
    """Returns the pattern of a door's leases, of one kind or of all."""
    return f"door.{door}.lease.{kind}"


def state_key(door: str, service: str) -> str:
    """Returns the key in `DOORBUS_STATE` that `service` alone writes."""
    return f"{door}.{service}"


def dead_letter_key(door: str, message: str) -> str:
    """Returns the key in `DOORBUS_DEAD_LETTERS` of a message that was given up."""
    return f"{door}.{message}"


def inbox_prefix(user: str) -> str:
    """Returns the prefix below which `user` alone may receive replies."""
    return f"_INBOX.{_token(user)}"


@dataclass(frozen=True)
class ClientSubject:
    """The subject of a client's command (a wish, or a command to actions) taken apart."""

    door: str
    verb: str
    client: str
    relay: str | None = None


def parse_client_subject(subject: str) -> ClientSubject | None:
    """Takes the subject of a client's command apart; None when it is not one."""
    match subject.split("."):
        case ["door", door, "cmd", "policy", "unlock", relay, client]:
            return ClientSubject(door, "unlock", client, relay)
        case ["door", door, "cmd", "policy", verb, client] if verb != "unlock":
            return ClientSubject(door, verb, client)
        case ["door", door, "cmd", "actions", verb, client]:
            return ClientSubject(door, verb, client)
        case _:
            return None


def door_of(subject: str) -> str | None:
    """Returns the door that a subject names, None when it names none."""
    parts = subject.split(".", 2)
    return parts[1] if len(parts) == 3 and parts[0] == "door" and is_door(parts[1]) else None
