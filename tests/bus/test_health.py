"""Health, metrics and the life of a service process."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from collections.abc import Iterator

import pytest

from doorbus.runtime.health import Health


@pytest.fixture
def health() -> Iterator[tuple[Health, str]]:
    """A served health and its address."""
    served = Health()
    port = served.serve("127.0.0.1", 0)
    yield served, f"http://127.0.0.1:{port}"
    served.close()


def get(url: str) -> tuple[int, str]:
    """Returns status and body."""
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def test_ready_names_what_is_missing(health: tuple[Health, str]) -> None:
    """Not ready while a condition does not hold, which is named; ready when all hold."""
    served, url = health
    served.set("bus", False)
    served.set("document", True)
    status, text = get(f"{url}/readyz")
    assert (status, json.loads(text)["missing"]) == (503, ["bus"])
    served.set("bus", True)
    assert get(f"{url}/readyz")[0] == 200


def test_live_tells_of_a_hanging_loop(health: tuple[Health, str]) -> None:
    """A loop that was not seen for seconds is not live, and not ready either."""
    served, url = health
    assert get(f"{url}/healthz")[0] == 200
    served._beat = time.monotonic() - 60
    assert get(f"{url}/healthz")[0] == 503
    assert get(f"{url}/readyz")[0] == 503


def test_metrics_are_served_in_prometheus_format(health: tuple[Health, str]) -> None:
    """/metrics holds the runtime's metrics."""
    status, text = get(f"{health[1]}/metrics")
    assert status == 200
    assert "doorbus_bus_connected" in text


def test_an_unknown_path_names_the_known_ones(health: tuple[Health, str]) -> None:
    """Another path is 404 and says which paths there are."""
    status, text = get(f"{health[1]}/nothing")
    assert status == 404
    assert "/readyz" in text
