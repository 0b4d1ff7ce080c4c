"""Metrics of the sip service."""

from __future__ import annotations

from prometheus_client import Counter, Gauge, Histogram

from doorbus.runtime.metrics import CALL_SECONDS, MILLISECONDS

CALLS_ENDED = Counter("doorbus_sip_calls_ended_total", "Calls that ended", ["direction", "reason"])
CALLS_UP = Gauge("doorbus_sip_calls", "Calls in progress, in whatever state")
CALL_SECONDS_TALKED = Histogram("doorbus_sip_call_seconds", "From the answer to the end", buckets=CALL_SECONDS)
DECISION_SECONDS = Histogram(
    "doorbus_sip_decision_seconds", "From an INVITE to the decision about it", ["decided_by"], buckets=MILLISECONDS
)
REFUSED_UNASKED = Counter("doorbus_sip_refused_unasked_total", "INVITEs refused without asking policy")
WORKERS_LOST = Counter("doorbus_sip_workers_lost_total", "Worker processes that died or stalled")
CALLBACKS_FAILED = Counter("doorbus_sip_callbacks_failed_total", "Errors inside pjsua2 callbacks")
REGISTERED = Gauge("doorbus_sip_registered", "1 while the account is registered", ["account"])
