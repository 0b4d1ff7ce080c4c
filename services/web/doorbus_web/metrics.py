"""Metrics of the web service. Labels come from tables, never from callers' text."""

from __future__ import annotations

from prometheus_client import Counter, Gauge

VIEWERS = Gauge("doorbus_web_viewers", "Live views that are open")
VIEWERS_DROPPED = Counter("doorbus_web_viewers_dropped_total", "Live views that were given up as too slow")
SIGN_INS = Counter("doorbus_web_sign_ins_total", "Logins, by what became of them", ["result"])
WISHES = Counter("doorbus_web_wishes_total", "Wishes sent to policy, by verb and result code", ["verb", "result"])
