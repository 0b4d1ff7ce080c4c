"""The web service, composed: read from top to bottom, this is all that it does."""

from __future__ import annotations

from importlib.metadata import version

from doorbus.runtime.service import Service, running
from doorbus_web.access.access import Access
from doorbus_web.commands import Wishes
from doorbus_web.doors import Doors
from doorbus_web.first_start import first_admin
from doorbus_web.live.hub import Hub
from doorbus_web.live.sources import follow
from doorbus_web.parts import Parts
from doorbus_web.server import Server
from doorbus_web.settings import WebSettings
from doorbus_web.site import site

NAME = "web"


async def main(settings: WebSettings) -> None:
    """Runs the web service until it is asked to stop."""
    async with running(NAME, version("doorbus-web"), settings) as service:
        service.health.set("http", False)  # before anything that may wait: who starts us asks for it
        access = Access.at(settings)
        await first_admin(access, settings.web_first_password_file)
        parts = await compose(service, settings, access)
        server = Server(site(parts), settings)
        await server.start()
        service.spawn(server.run(), "http")
        service.health.set("http", True)
        try:
            await service.until_stopped()
        finally:
            parts.hub.close()
            await server.stop()
            access.close()


async def compose(service: Service, settings: WebSettings, access: Access) -> Parts:
    """Starts all that works on the bus, in the background; returns what pages and API work with."""
    doors = Doors(service.bus)
    hub = Hub(settings.web_viewers)
    await follow(service, doors, hub)
    return Parts(
        settings=settings,
        bus=service.bus,
        health=service.health,
        access=access,
        doors=doors,
        hub=hub,
        wishes=Wishes(service.bus, doors),
    )
