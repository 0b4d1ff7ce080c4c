"""The scheduler, composed: read from top to bottom, this is all that it does."""

from __future__ import annotations

from importlib.metadata import version

from doorbus.runtime.service import Service, running
from doorbus_scheduler.clocks import Clocks
from doorbus_scheduler.keeper import Keeper
from doorbus_scheduler.scheduler import Scheduler
from doorbus_scheduler.settings import SchedulerSettings

NAME = "scheduler"


async def main(settings: SchedulerSettings) -> None:
    """Runs the scheduler until it is asked to stop."""
    async with running(NAME, version("doorbus-scheduler"), settings) as service:
        keeper = compose(service)
        await service.until_stopped()
        await keeper.settle()


def compose(service: Service) -> Keeper:
    """Starts all that the scheduler does, in the background; returns what is to settle before an orderly end."""
    keeper = Keeper(service.bus)
    scheduler = Scheduler(service, Clocks(service.bus.clock), keeper)
    service.spawn(keeper.run(), "keeper")
    service.spawn(scheduler.run(), "boundaries")
    service.bus.follow_documents(scheduler.take_document)
    return keeper
