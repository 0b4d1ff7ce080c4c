"""Metrics of the scheduler."""

from __future__ import annotations

from prometheus_client import Counter, Gauge, Histogram

from doorbus.runtime.metrics import MILLISECONDS

DOORS = Gauge("doorbus_scheduler_doors", "Doors with a document that are looked after")
ACTIVE = Gauge("doorbus_scheduler_active", "Schedules and templates of all doors that are active now", ["kind"])
REVIEWS = Counter("doorbus_scheduler_reviews_total", "Evaluations of a door, by their cause", ["cause"])
BOUNDARY_SECONDS = Histogram(
    "doorbus_scheduler_boundary_seconds", "From a boundary to the look at the clock that finds it", buckets=MILLISECONDS
)
CLOCK_JUMPS = Counter("doorbus_scheduler_clock_jumps_total", "Times that a clock was found moved", ["clock"])
