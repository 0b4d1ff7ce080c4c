"""Whether a browser's request comes from our own pages. Pure.

A request that changes something and is let in by a cookie counts only when the browser says that one of our pages sent
it: `Sec-Fetch-Site: same-origin` (Fetch Metadata; browsers send it over HTTPS and to localhost), or an `Origin` that is
our own. A request that says neither is refused: every browser of the last years says one of them, and programs use
tokens.
"""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlsplit

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


def from_our_pages(headers: Mapping[str, str], scheme: str) -> bool:
    """Tells whether one of our pages sent it; `headers` by lower-case names, `scheme` as the browser sees it."""
    site, origin, host = headers.get("sec-fetch-site"), headers.get("origin"), headers.get("host", "")
    if site is not None and site != "same-origin":
        return False
    if origin is not None:
        return bool(host) and _place(origin) == _place(f"{scheme}://{host}") is not None
    return site == "same-origin"


def _place(url: str) -> tuple[str, str, int] | None:
    """Returns scheme, host and port of an origin, None when it is none (`null`)."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return None
    if parts.scheme not in ("http", "https") or not parts.hostname:
        return None
    return parts.scheme, parts.hostname.lower(), port or {"http": 80, "https": 443}[parts.scheme]
