"""Metrics of the runtime, the same in every service. Labels come from enums and tables, never from callers' text.

Counters and histograms about calls carry the call's id as an exemplar: never a label, so no series a call.
"""

from __future__ import annotations

from prometheus_client import Counter, Gauge, Histogram

from doorbus.contract.subjects import is_token
from doorbus.runtime.logs import CALL

MILLISECONDS = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 3.0)
"""Buckets in seconds for what takes milliseconds."""

CALL_SECONDS = (1, 5, 10, 20, 30, 60, 120, 300, 600, 1800, 3600)
"""Buckets in seconds for what takes as long as a call."""


def exemplar(call: str | None) -> dict[str, str] | None:
    """Returns the exemplar that names a call, for `inc` and `observe`; None for no call.

    Ids are bounded (64 letters, digits, - and _), so that an exemplar never grows over the 128 characters that
    OpenMetrics allows; another id is left out.
    """
    return {CALL: call} if call is not None and is_token(call) else None


BUS_CONNECTED = Gauge("doorbus_bus_connected", "1 while connected to the NATS server")
BUS_CONNECTIONS = Counter("doorbus_bus_connections_total", "Connections made to the NATS server")
BUS_CLOCK_SKEW = Gauge("doorbus_bus_clock_skew_seconds", "Bus time minus this host's wall clock")
OUTBOX_WAITING = Gauge("doorbus_outbox_waiting", "Events not yet acknowledged by the stream")
EVENTS_TOLD = Counter("doorbus_events_told_total", "Events told, by type", ["type"])
EVENTS_NOT_KEPT = Counter("doorbus_events_not_kept_total", "Events that the stream did not take", ["why"])
EVENTS_READ = Counter("doorbus_events_read_total", "Events read, by what became of them", ["result"])
COMMANDS = Counter("doorbus_commands_total", "Commands and questions received, by result code", ["verb", "result"])
COMMAND_SECONDS = Histogram(
    "doorbus_command_seconds", "From the arrival of a command or question to its answer", ["verb"], buckets=MILLISECONDS
)
STEP_SECONDS = Histogram("doorbus_step_seconds", "Time of one step of a core with its effects", buckets=MILLISECONDS)
STEP_FAILURES = Counter("doorbus_step_failures_total", "Events whose step or effect raised", ["core"])
STATE_WRITES = Counter("doorbus_state_writes_total", "Writes of kept state", ["result"])
