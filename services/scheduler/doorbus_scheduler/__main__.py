"""Runs the scheduler: `python -m doorbus_scheduler`."""

from __future__ import annotations

from doorbus.runtime.service import run
from doorbus_scheduler.app import main
from doorbus_scheduler.settings import SchedulerSettings

if __name__ == "__main__":
    run(main(SchedulerSettings()))
