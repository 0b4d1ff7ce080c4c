"""Settings of the io service, from the environment (`DOORBUS_…`)."""

from __future__ import annotations

from pathlib import Path
from typing import Self

from pydantic import model_validator

from doorbus.runtime.settings import ALL_DOORS, ServiceSettings


class IoSettings(ServiceSettings):
    """What io must know before it can read a document."""

    sim_socket: Path = Path("/run/doorbus/sim.sock")
    """Where the simulated chip is served when the document names `sim`; its output levels lie beside it."""

    @model_validator(mode="after")
    def _one_door(self) -> Self:
        if len(self.doors) != 1 or ALL_DOORS in self.doors:
            raise ValueError("doors: io stands at the hardware of exactly one door, name it (DOORBUS_DOORS=front)")
        return self

    @property
    def door(self) -> str:
        """The door whose lines these are."""
        return self.doors[0]

    @property
    def kept_document(self) -> Path:
        """The file with the inputs and relays that were last taken."""
        return self.state_dir / f"io-{self.door}.json"
