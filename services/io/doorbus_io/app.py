"""The io service, composed: read from top to bottom, this is all that it does."""

from __future__ import annotations

import asyncio
import signal
from importlib.metadata import version

import structlog

from doorbus.runtime.documents import Document
from doorbus.runtime.service import running
from doorbus_io.door_model import DocumentTaken
from doorbus_io.kept import Kept, KeptWriter, recall
from doorbus_io.open_chip import chip_opener
from doorbus_io.settings import IoSettings
from doorbus_io.shell import ORDERS, DoorShell

log = structlog.get_logger()


async def main(settings: IoSettings) -> None:
    """Runs io for one door until SIGTERM, SIGINT or SIGHUP; every relay rests when it returns, however it does."""
    async with running("io", version("doorbus-io"), settings) as service:
        asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, service.stop)  # a lost terminal is an end, too
        service.health.set("document", False)
        writer = KeptWriter(settings.kept_document)
        shell = DoorShell(
            settings.door,
            service.bus,
            chip_opener(settings.sim_socket),
            service.spawn,
            lambda complete: service.health.set("lines", complete),
        )

        def take(_door: str, document: Document) -> None:
            taken = Kept(revision=document.revision, io=document.door.io)
            shell.put(DocumentTaken(taken.io, taken.revision))
            writer.put(taken)
            service.health.set("document", True)

        work = service.spawn(shell.run(), "door")
        try:
            last = _recall(settings)
            if last is not None:
                shell.put(DocumentTaken(last.io, last.revision))
                service.health.set("document", True)
            service.spawn(shell.keep_state(), "state of the door")
            service.spawn(writer.run(), "kept document")
            service.bus.follow_documents(take)
            await service.bus.serve_orders(ORDERS, shell.on_order)
            await service.until_stopped()
        finally:
            work.cancel()
            await shell.rest()


def _recall(settings: IoSettings) -> Kept | None:
    try:
        return recall(settings.kept_document)
    except (OSError, ValueError) as error:
        log.warning("the kept document cannot be used, waiting for the bus", why=str(error))
        return None
