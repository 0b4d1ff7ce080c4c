"""The settings of io."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from doorbus_io.settings import IoSettings


@pytest.mark.parametrize("doors", ["*", "front,back", "Front"])
def test_io_stands_at_exactly_one_door(doors: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that would serve all doors, two doors or no valid one is refused, naming the field."""
    monkeypatch.setenv("DOORBUS_DOORS", doors)
    with pytest.raises(ValidationError, match="doors"):
        IoSettings()


def test_each_door_keeps_its_own_document(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two doors on one box do not overwrite each other's kept document."""
    monkeypatch.setenv("DOORBUS_STATE_DIR", "/var/lib/somewhere")
    monkeypatch.setenv("DOORBUS_DOORS", "front")
    assert Path("/var/lib/somewhere/io-front.json") == IoSettings().kept_document
    monkeypatch.setenv("DOORBUS_DOORS", "back")
    assert Path("/var/lib/somewhere/io-back.json") == IoSettings().kept_document
