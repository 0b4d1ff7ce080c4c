"""Settings of the io service, from the environment (`DOORBUS_…`)."""

from __future__ import annotations

from pathlib import Path

from doorbus.runtime.settings import OneDoorSettings


class IoSettings(OneDoorSettings):
    """What io must know before it can read a document."""

    sim_socket: Path = Path("/run/doorbus/sim.sock")
    """Where the simulated chip is served when the document names `sim`; its output levels lie beside it."""

    @property
    def kept_document(self) -> Path:
        """The file with the inputs and relays that were last taken."""
        return self.state_dir / f"io-{self.door}.json"
