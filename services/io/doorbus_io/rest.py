"""`python -m doorbus_io.rest`: brings all relays of the last document to rest, for the supervisor after io was killed.

It takes the settings of io from the environment and needs no bus. Where there is one, it writes in io's place that the
state of the relays is unknown, until io itself says more. Exit code 0: all rest; 1: some could not be reached, named on
standard error (also when io runs again already: it rests them itself at its start).
"""

from __future__ import annotations

import asyncio
import sys

import nats
import nats.errors

from doorbus.contract import subjects
from doorbus.contract.document.io import Io, Relay
from doorbus.contract.lines import InputSnapshot, IoSnapshot, RelaySnapshot
from doorbus_io import kept
from doorbus_io.chips import ChipError, OpenChip
from doorbus_io.door_model import rest_level
from doorbus_io.open_chip import chip_opener
from doorbus_io.settings import IoSettings

BUS_WAIT_S = 0.5
"""The supervisor starts io anew after this helper: a dead bus must not hold that up."""


async def rest(relays: tuple[Relay, ...], open_chip: OpenChip) -> list[str]:
    """Brings relays to rest; returns what went wrong, one text a chip or relay."""
    problems: list[str] = []
    for name in sorted({relay.chip for relay in relays}):
        try:
            chip = await open_chip(name, lambda _: None, lambda _: None)
        except ChipError as error:
            problems.append(str(error))
            continue
        for relay in relays:
            if relay.chip == name:
                try:
                    chip.request_output(relay.line, rest_level(relay))
                except ChipError as error:
                    problems.append(f"{relay.id}: {error}")
        chip.close()
    return problems


async def tell_unknown(settings: IoSettings, io: Io) -> None:
    """Writes to io's key that nobody knows how its lines are; gives up after `BUS_WAIT_S`."""
    state = IoSnapshot(
        inputs=tuple(InputSnapshot(input=each.id, active=None) for each in io.inputs),
        relays=tuple(RelaySnapshot(relay=each.id, energised=None) for each in io.relays),
    )
    try:
        async with asyncio.timeout(BUS_WAIT_S):
            client = await nats.connect(
                settings.nats_url.split(","),
                user=settings.nats_user or "io",
                password=settings.nats_password.get_secret_value() if settings.nats_password else None,
                user_credentials=str(settings.nats_credentials) if settings.nats_credentials else None,
                inbox_prefix=subjects.inbox_prefix(settings.nats_user or "io"),
                allow_reconnect=False,
                connect_timeout=1,
                error_cb=_silent,
            )
            key = subjects.state_key(settings.door, "io")
            await client.jetstream().publish(f"$KV.{subjects.KV_STATE}.{key}", state.to_bytes())
            await client.close()
    except (nats.errors.Error, OSError, TimeoutError) as error:
        sys.stderr.write(f"the bus was not told: {error!r}\n")


async def _silent(_: Exception) -> None:
    """The exception that follows says it."""


def main() -> int:
    """Runs the helper and returns its exit code."""
    settings = IoSettings()
    try:
        last = kept.recall(settings.kept_document)
    except (OSError, ValueError) as error:
        problems = [str(error)]
    else:
        io = last.io if last is not None else Io()
        problems = asyncio.run(rest(io.relays, chip_opener(settings.sim_socket, serve=False)))
        asyncio.run(tell_unknown(settings, io))
    for problem in problems:
        sys.stderr.write(f"not at rest: {problem}\n")
    return 1 if problems else 0


if __name__ == "__main__":
    raise SystemExit(main())
