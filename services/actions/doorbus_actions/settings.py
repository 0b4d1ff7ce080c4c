"""Settings of actions, beside those that every service has (`DOORBUS_DOORS`, `DOORBUS_NATS_URL`, …).

What is sent where stands in each door's document.
"""

from __future__ import annotations

from pydantic import Field, FilePath

from doorbus.runtime.settings import ServiceSettings


class ActionsSettings(ServiceSettings):
    """Settings of the actions process. `secrets_dir` is where passwords given as `{file: NAME}` are looked up."""

    actions_ca: FilePath | None = None
    """Certificates (PEM) of authorities to trust beside the system's: a house's own hub has one of its own."""

    actions_retry_first_s: float = Field(default=2.0, gt=0)
    """First pause after a failed try: a server that restarts is back within seconds. Each pause is twice the last."""

    actions_retry_most_s: float = Field(default=300.0, gt=0)
    """Longest pause: 5 minutes after a server's return the message is there, and an hour has some 18 tries."""

    actions_retry_for_s: float = Field(default=3600.0, ge=0)
    """From the press to the last try: who rang an hour ago has gone, and a file or mail older than that is no news."""

    actions_connect_s: float = Field(default=5.0, gt=0)
    """For a connection to stand: a few round trips and a lost packet sent again."""

    actions_try_s: float = Field(default=30.0, gt=0)
    """For one try as a whole: mail servers that look for spam take half a minute."""

    actions_at_once: int = Field(default=4, ge=1, le=64)
    """Messages of one action under way at the same time: what a small server takes from one client."""
