"""Whether a browser's request comes from our own pages."""

from __future__ import annotations

import pytest

from doorbus_web.access.origin import from_our_pages

HOST = "door.example.com"


@pytest.mark.parametrize(
    "headers",
    [
        {"sec-fetch-site": "same-origin", "host": HOST},
        {"origin": f"https://{HOST}", "host": HOST},
        {"origin": f"https://{HOST}", "host": f"{HOST}:443"},
        {"origin": f"https://{HOST.upper()}", "host": HOST, "sec-fetch-site": "same-origin"},
    ],
)
def test_our_own_pages_are_believed(headers: dict[str, str]) -> None:
    """A browser that says so in either way."""
    assert from_our_pages(headers, "https")


@pytest.mark.parametrize(
    "headers",
    [
        {"host": HOST},
        {"host": HOST, "referer": f"https://{HOST}/"},
        {"host": HOST, "origin": "null"},
        {"host": HOST, "origin": "https://evil.example"},
        {"host": HOST, "origin": f"https://{HOST}.evil.example"},
        {"host": HOST, "origin": f"https://{HOST}:8443"},
        {"host": HOST, "origin": f"http://{HOST}"},
        {"host": HOST, "origin": f"https://{HOST}", "sec-fetch-site": "cross-site"},
        {"host": HOST, "origin": f"https://{HOST}", "sec-fetch-site": "same-site"},
        {"host": HOST, "sec-fetch-site": "none"},
        {"host": HOST, "origin": "https://evil.example", "sec-fetch-site": "same-origin"},
        {"origin": "https://", "host": ""},
        {"origin": f"https://{HOST}:port", "host": HOST},
        {"origin": "null", "host": "null"},
    ],
)
def test_all_others_are_refused(headers: dict[str, str]) -> None:
    """Another place, a sister host, another port or scheme, nothing at all, or two headers that disagree."""
    assert not from_our_pages(headers, "https")
