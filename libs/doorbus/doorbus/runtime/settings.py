"""Settings that every service has, from the environment (`DOORBUS_…`). A service's own settings inherit from these."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from doorbus.contract.subjects import is_door, is_token

ALL_DOORS = "*"


class ServiceSettings(BaseSettings):
    """What a process must know before it can read a document."""

    model_config = SettingsConfigDict(env_prefix="DOORBUS_", frozen=True, extra="ignore")

    doors: Annotated[tuple[str, ...], NoDecode] = (ALL_DOORS,)
    """Doors that this process serves, `front,back`; `*` = every door with a document."""

    nats_url: str = "nats://127.0.0.1:4222"
    """A NATS server on the same box is the rule; several are separated by commas."""

    nats_user: str | None = None
    """Defaults to the service's name; also the prefix of its reply subjects (`_INBOX.<user>`)."""

    nats_password: SecretStr | None = None
    nats_credentials: Path | None = None
    """A NATS `.creds` file, in place of user and password."""

    nats_ca: Path | None = None
    """CA certificate of the NATS server, for `tls://` addresses."""

    log_level: Literal["debug", "info", "warning", "error"] = "info"
    log_format: Literal["json", "text"] = "json"

    health_host: str = "0.0.0.0"  # noqa: S104  # Prometheus and the kubelet come from other addresses
    health_port: int | None = Field(default=None, ge=0, le=65535)
    """Port of /healthz, /readyz and /metrics; None = not served, 0 = any free one (logged)."""

    state_dir: Path = Path("/var/lib/doorbus")
    """What a process keeps on its own box, for starts with the bus down."""

    secrets_dir: Path = Path("/run/secrets/doorbus")
    """Where `{file: NAME}` references are looked up."""

    @field_validator("doors", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value

    @field_validator("doors")
    @classmethod
    def _known_form(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for door in value:
            if door != ALL_DOORS and not is_door(door):
                raise ValueError(f"{door!r} is not a door: 1 to 32 of a-z, 0-9 and -, or * for all")
        if not value:
            raise ValueError("at least one door, or * for all")
        return (ALL_DOORS,) if ALL_DOORS in value else value

    @field_validator("nats_user")
    @classmethod
    def _a_token(cls, value: str | None) -> str | None:
        if value is not None and not is_token(value):
            raise ValueError("letters, digits, - and _ only: it stands in reply subjects")
        return value

    def serves(self, door: str) -> bool:
        """Tells whether this process serves `door`."""
        return ALL_DOORS in self.doors or door in self.doors


class OneDoorSettings(ServiceSettings):
    """Settings of a service that stands at the hardware of exactly one door (sip, io, multicast, camera)."""

    @model_validator(mode="after")
    def _one_door(self) -> Self:
        if len(self.doors) != 1 or ALL_DOORS in self.doors:
            raise ValueError("doors: this service stands at the hardware of exactly one door (DOORBUS_DOORS=front)")
        return self

    @property
    def door(self) -> str:
        """The door."""
        return self.doors[0]
