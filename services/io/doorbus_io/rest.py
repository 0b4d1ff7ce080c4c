"""`python -m doorbus_io.rest`: brings all relays of the last document to rest, for the supervisor after io was killed.

It takes the settings of io from the environment and needs no bus. Exit code 0: all rest; 1: some could not be reached,
named on standard error (also when io runs again already: it rests them itself at its start).
"""

from __future__ import annotations

import asyncio
import sys

from doorbus.contract.document.io import Relay
from doorbus_io import kept
from doorbus_io.chips import ChipError, OpenChip
from doorbus_io.door_model import rest_level
from doorbus_io.open_chip import chip_opener
from doorbus_io.settings import IoSettings


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


def main() -> int:
    """Runs the helper and returns its exit code."""
    settings = IoSettings()
    try:
        last = kept.recall(settings.kept_document)
    except (OSError, ValueError) as error:
        problems = [str(error)]
    else:
        relays = last.io.relays if last is not None else ()
        problems = asyncio.run(rest(relays, chip_opener(settings.sim_socket, serve=False)))
    for problem in problems:
        sys.stderr.write(f"not at rest: {problem}\n")
    return 1 if problems else 0


if __name__ == "__main__":
    raise SystemExit(main())
