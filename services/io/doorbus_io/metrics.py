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
FORCED = Counter("doorbus_io_forced_total", "Doors that were opened without an unlock")
FLOODS = Counter("doorbus_io_floods_total", "Times that an input changed faster than is told")
CHANGES_LEFT_OUT = Counter("doorbus_io_changes_left_out_total", "Changes of inputs left out, counted when a flood ends")
CHIP_PROBLEMS = Counter("doorbus_io_chip_problems_total", "Times that a chip or a line was missing")
EVENTS_LOST = Counter("doorbus_io_events_lost_total", "Events that found the door's mailbox full")
