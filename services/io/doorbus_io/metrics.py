"""Metrics of the io service."""

from __future__ import annotations

from prometheus_client import Counter, Gauge, Histogram

from doorbus.runtime.metrics import MILLISECONDS

EDGE_SECONDS = Histogram(
    "doorbus_io_edge_seconds",
    "From the change of an input's line (for a contact and an exit button: from its last bounce) to the telling of it",
    buckets=MILLISECONDS,
)
RELAYS_ENERGISED = Gauge("doorbus_io_relays_energised", "Relays that are energised now")
UNLOCKS = Counter("doorbus_io_unlocks_total", "Unlocks that energised a relay, by method", ["method"])
CHIP_PROBLEMS = Counter("doorbus_io_chip_problems_total", "Times that a chip or a line was missing")
EVENTS_LOST = Counter("doorbus_io_events_lost_total", "Events that found the door's mailbox full")
