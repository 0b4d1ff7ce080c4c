"""Settings of the web service, from the environment (`DOORBUS_WEB_…`), beside those that every service has."""

from __future__ import annotations

from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Self

from pydantic import Field, field_validator, model_validator
from pydantic_settings import NoDecode

from doorbus.runtime.settings import ServiceSettings


class WebSettings(ServiceSettings):
    """Settings of the web process."""

    web_host: str = "127.0.0.1"
    """Passwords cross the network in the clear without TLS: who opens it to others says so."""

    web_port: int = Field(default=8080, ge=0, le=65535)
    """0 = any free one (logged)."""

    web_cert: Path | None = None
    """PEM certificate chain; with `web_key` the service speaks HTTPS itself."""

    web_key: Path | None = None

    web_proxies: Annotated[tuple[str, ...], NoDecode] = ()
    """Addresses or networks of reverse proxies, `10.0.0.1,10.1.0.0/16`: only these are believed."""

    web_first_password_file: Path | None = None
    """Where the first admin's one-time password goes (0600); None = it is printed once."""

    web_session_idle_s: float = Field(default=2 * 3600, ge=60)
    """A forgotten tab on a shared computer is worthless after this."""

    web_session_max_s: float = Field(default=24 * 3600, ge=60)
    """However busy: a stolen session ends within a day."""

    web_viewers: int = Field(default=500, ge=1)
    """Live views at a time; each holds a connection and some kilobytes."""

    @field_validator("web_proxies", mode="before")
    @classmethod
    def _split_proxies(cls, value: object) -> object:
        return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value

    @field_validator("web_proxies")
    @classmethod
    def _networks(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(str(ip_network(text, strict=False)) for text in value)

    @model_validator(mode="after")
    def _both_or_none(self) -> Self:
        if (self.web_cert is None) != (self.web_key is None):
            raise ValueError("web_cert and web_key belong together")
        return self

    @property
    def web_dir(self) -> Path:
        """Where users, sessions and tokens are kept."""
        return self.state_dir / "web"
