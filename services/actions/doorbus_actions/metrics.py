"""Metrics of actions."""

from __future__ import annotations

from prometheus_client import Counter, Gauge, Histogram

from doorbus.runtime.metrics import CALL_SECONDS

RUNNING = Gauge("doorbus_actions_running", "Actions of all doors that are served", ["type"])
TRIES = Counter("doorbus_actions_tries_total", "Tries to deliver a message, by how they ended", ["type", "result"])
GIVEN_UP = Counter("doorbus_actions_given_up_total", "Messages that became dead letters", ["type"])
UNDER_WAY = Gauge("doorbus_actions_under_way", "Messages that are being sent now", ["type"])
DELIVERED_SECONDS = Histogram(
    "doorbus_actions_delivered_seconds", "From the press to the delivery", ["type"], buckets=(0.05, 0.2, *CALL_SECONDS)
)
