"""Settings of the scheduler: those that every service has (`DOORBUS_DOORS`, `DOORBUS_NATS_URL`, …), none of its own.

Time zone, schedules and templates stand in each door's document.
"""

from __future__ import annotations

from doorbus.runtime.settings import ServiceSettings


class SchedulerSettings(ServiceSettings):
    """Settings of the scheduler process."""
