"""What `doorbus up` runs: a table of services, and how each becomes a program with its environment.

A service joins a door by a line in `SERVICES`.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path

HIDDEN_PREFIXES = ("DOORBUS_NATS_", "DOORBUS_DOORS", "DOORBUS_HEALTH_", "DOORBUS_STATE_DIR", "DOORBUS_RUN_DIR")
"""Set by us for each program, so never passed on from our own environment."""

SECRET_PREFIX = "DOORBUS_SECRET_"  # noqa: S105  # the names of secrets, not one


WEB = "web"


class NotInstalledError(Exception):
    """A service of the door is not on this box."""


@dataclass(frozen=True)
class Service:
    """A service of a door.

    Attributes:
        name: also its user on the bus.
        argv: the program.
        grace_s: how long it may take to end in order.
        sees_secrets: gets the `DOORBUS_SECRET_…` variables.
        after_kill: program to run when it ended by a kill or a crash.
        needs: module that must be there, with the distribution to name when it is not.
        with_next: ends at the same time as the one after it, as nobody waits for either.
        env: of its own, beside what every service gets.
    """

    name: str
    argv: tuple[str, ...]
    grace_s: float
    sees_secrets: bool = False
    after_kill: tuple[str, ...] | None = None
    needs: tuple[str, str] | None = None
    with_next: bool = False
    env: Mapping[str, str] = field(default_factory=dict)


def module(
    name: str, grace_s: float, *, sees_secrets: bool = False, after_kill: str | None = None, with_next: bool = False
) -> Service:
    """Returns the service of the distribution `doorbus-<name>`."""
    package = f"doorbus_{name}"
    helper = (sys.executable, "-m", after_kill) if after_kill is not None else None
    argv = (sys.executable, "-m", package)
    return Service(name, argv, grace_s, sees_secrets, helper, (package, f"doorbus-{name}"), with_next)


SERVICES = (
    module(WEB, 0.7, with_next=True),
    module("actions", 0.7, sees_secrets=True, with_next=True),
    module("scheduler", 0.7, with_next=True),
    module("policy", 0.7, sees_secrets=True),
    module("multicast", 1.0, with_next=True),
    module("sip", 2.5, sees_secrets=True),  # a BYE may wait for a silent phone: a worker gives it 1 s
    module("io", 1.0, after_kill="doorbus_io.rest"),
)
"""In the order in which they are stopped: who commands first, who holds the hardware last. NATS comes after them."""


def waves(services: tuple[Service, ...]) -> list[tuple[Service, ...]]:
    """Returns the services in their order, those that are stopped at the same time together."""
    found: list[tuple[Service, ...]] = []
    begun: tuple[Service, ...] = ()
    for service in services:
        begun = (*begun, service)
        if not service.with_next:
            found.append(begun)
            begun = ()
    return [*found, begun] if begun else found


@dataclass(frozen=True)
class Program:
    """A program to keep running.

    Attributes:
        env: all of its environment.
        log: what it writes goes there.
        has_health: it serves /readyz on `DOORBUS_HEALTH_PORT`, which is added at each start.
    """

    name: str
    argv: tuple[str, ...]
    env: Mapping[str, str]
    log: Path
    grace_s: float
    after_kill: tuple[str, ...] | None = None
    has_health: bool = True


def require_installed(services: tuple[Service, ...]) -> None:
    """Raises NotInstalledError, naming all services that cannot be started here."""
    missing = [each.needs[1] for each in services if each.needs is not None and not _has_main(each.needs[0])]
    if missing:
        raise NotInstalledError(f"not installed: {', '.join(missing)}. Install them beside doorbus-cli.")


def _has_main(package: str) -> bool:
    try:
        return find_spec(f"{package}.__main__") is not None
    except ModuleNotFoundError:
        return False


def program_of(
    service: Service,
    *,
    door: str,
    url: str,
    password: str | None,
    run_dir: Path,
    secrets_dir: Path,
    log_level: str,
) -> Program:
    """Returns a service as a program of a door."""
    ours = {
        "DOORBUS_DOORS": door,
        "DOORBUS_NATS_URL": url,
        "DOORBUS_NATS_USER": service.name,
        "DOORBUS_HEALTH_HOST": "127.0.0.1",
        "DOORBUS_STATE_DIR": str(run_dir / "state"),
        "DOORBUS_SECRETS_DIR": str(secrets_dir),
        "DOORBUS_SIM_SOCKET": os.environ.get("DOORBUS_SIM_SOCKET", str(run_dir / "sim.sock")),
        "DOORBUS_LOG_LEVEL": log_level,
        "PYTHONUNBUFFERED": "1",
    }
    if password is not None:
        ours["DOORBUS_NATS_PASSWORD"] = password
    log = run_dir / "logs" / f"{service.name}.log"
    env = passed_on(sees_secrets=service.sees_secrets) | ours | dict(service.env)
    return Program(service.name, service.argv, env, log, service.grace_s, service.after_kill)


def passed_on(*, sees_secrets: bool) -> dict[str, str]:
    """Returns what a program gets of our own environment."""
    hidden = HIDDEN_PREFIXES if sees_secrets else (*HIDDEN_PREFIXES, SECRET_PREFIX)
    return {name: value for name, value in os.environ.items() if not name.startswith(hidden)}
