"""Actions, composed: read from top to bottom, this is all that it does."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import version

from doorbus.contract.catalog import ACTIONS_COMMANDS
from doorbus.runtime.dead_letters import DeadLetters
from doorbus.runtime.service import Service, running
from doorbus_actions.doors import Doors
from doorbus_actions.retry import Retries
from doorbus_actions.settings import ActionsSettings

NAME = "actions"

LOOK_UPS = 32
"""Threads that look up mail servers' names: one whose name server is silent holds up to `actions_at_once` of them."""


async def main(settings: ActionsSettings) -> None:
    """Runs actions until it is asked to stop."""
    async with running(NAME, version("doorbus-actions"), settings) as service:
        doors = await compose(service, settings)
        await service.until_stopped()
        await doors.stop()


async def compose(service: Service, settings: ActionsSettings) -> Doors:
    """Starts all that actions does, in the background; returns what is to be stopped before an orderly end."""
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(LOOK_UPS, thread_name_prefix="look-up"))
    dead_letters = DeadLetters(service.bus.connection)
    doors = Doors(service, settings, dead_letters)
    await service.bus.serve_actions_commands(ACTIONS_COMMANDS, Retries(service.bus, doors, dead_letters).on_command)
    service.bus.connection.on_every_connect(doors.reconnected)
    service.bus.follow_documents(doors.take_document)
    return doors
