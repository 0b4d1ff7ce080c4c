"""Metrics of the multicast service. Listeners are labelled by their place: the document bounds how many there are."""

from __future__ import annotations

from prometheus_client import Counter, Gauge, Histogram

from doorbus.runtime.metrics import MILLISECONDS

LISTENERS = Gauge("doorbus_multicast_listeners", "Listeners of the document")
JOINED = Gauge("doorbus_multicast_joined", "Listeners whose group is joined")
PACKETS = Counter("doorbus_multicast_packets_total", "Packets that came to all listeners, dropped ones as well")
DROPPED = Counter("doorbus_multicast_dropped_total", "Packets that were not played, by reason", ["reason"])
LOST = Counter("doorbus_multicast_lost_total", "Packets of pages that did not come in time")
CONCEALED = Counter("doorbus_multicast_concealed_seconds_total", "Sound made up where packets were missing")
PAGES = Counter("doorbus_multicast_pages_total", "Pages that ended, by reason", ["reason"])
PLAYING = Gauge("doorbus_multicast_playing", "1 while a page plays")
START_SECONDS = Histogram(
    "doorbus_multicast_start_seconds",
    "From the arrival of a stream's first packet to the order to play it",
    buckets=MILLISECONDS,
)
EVENTS_LOST = Counter("doorbus_multicast_events_lost_total", "Events that found the door's mailbox full")
