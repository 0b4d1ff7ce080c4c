"""Users and permissions as the text of a nats-server configuration."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from doorbus.contract.permissions import SERVICES, Role, User, client_user, service_user, supervisor_user


def render(users: Iterable[User], passwords: Mapping[str, str]) -> str:
    """Returns the `authorization` block of a nats-server configuration.

    Args:
        users: the users; everybody else is turned away.
        passwords: by name; one that begins with `$` names a variable of the server's environment.

    Raises:
        KeyError: a user has no password.
    """
    lines = ["authorization {", "  users: ["]
    for user in users:
        password = passwords[user.name]
        shown = password if password.startswith("$") else _quoted(password)
        lines += [
            "    {",
            f"      user: {_quoted(user.name)}, password: {shown}",
            "      permissions: {",
            *_listed("publish", user.permissions.publish),
            *_listed("subscribe", user.permissions.subscribe),
            "      }",
            "    }",
        ]
    return "\n".join([*lines, "  ]", "}", ""])


def example_config() -> str:
    """Returns `deploy/nats/nats.conf`: every service and one client of each role, passwords from the environment."""
    users = [service_user(name) for name in SERVICES]
    users += [supervisor_user(), client_user("operator", Role.OPERATOR), client_user("viewer", Role.VIEWER)]
    users.append(client_user("concierge", Role.INTEGRATION, relays=("gate",)))
    passwords = {user.name: f"$DOORBUS_NATS_PASSWORD_{user.name.upper()}" for user in users}
    return _EXAMPLE_HEAD + render(users, passwords)


_EXAMPLE_HEAD = """\
# A NATS server for Doorbus. Written from doorbus/contract/permissions.py: change it there.
# Passwords come from the server's environment; `concierge` is an example of another system that may open one relay.
listen: "0.0.0.0:4222"
http: "127.0.0.1:8222"
max_payload: 256KB
ping_interval: "10s"
jetstream {
  store_dir: "/var/lib/nats"
  max_file_store: 1GB
}
"""


def _listed(name: str, subjects: Iterable[str]) -> list[str]:
    return [f"        {name}: [", *(f"          {_quoted(subject)}" for subject in subjects), "        ]"]


def _quoted(text: str) -> str:
    if '"' in text or "\\" in text or "\n" in text:
        raise ValueError("quotes, backslashes and line breaks cannot stand in a name or password")
    return f'"{text}"'
