"""The multicast service, composed: read from top to bottom, this is all that it does."""

from __future__ import annotations

import os
from importlib.metadata import version

import structlog

from doorbus.runtime.documents import Document
from doorbus.runtime.service import running
from doorbus_multicast.links import Links
from doorbus_multicast.settings import MulticastSettings
from doorbus_multicast.shell import NAME, DoorShell

log = structlog.get_logger()


async def main(settings: MulticastSettings) -> None:
    """Runs multicast for one door until it is asked to stop."""
    async with running(NAME, version("doorbus-multicast"), settings) as service:
        _ask_for_priority(settings.multicast_nice)
        service.health.set("document", False)
        shell = DoorShell(settings.door, service.bus)

        def take(_door: str, document: Document) -> None:
            shell.take_document(document)
            service.health.set("document", True)

        work = service.spawn(shell.run(), "door")
        try:
            service.spawn(Links(shell.listeners.join).run(), "links")
            await service.bus.read_events(shell.on_event)
            await service.bus.keep_leases(shell.on_lease, shell.on_lease_lost, "call")
            service.bus.follow_documents(take)
            await service.until_stopped()
        finally:
            work.cancel()
            await shell.end()


def _ask_for_priority(nice: int) -> None:
    try:
        os.setpriority(os.PRIO_PROCESS, 0, nice)
    except OSError as error:
        log.info("no priority is to be had (CAP_SYS_NICE)", why=error.strerror)
