"""What stays for the life of a process is kept off the garbage collector, once it is all there."""

from __future__ import annotations

import gc

import pytest

from doorbus.runtime import service as runtime
from doorbus.runtime.service import Service
from doorbus.runtime.settings import ServiceSettings
from doorbus_testkit.polling import eventually


async def test_what_was_loaded_is_frozen_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A burst of loads is frozen after its last one, in one go: no full collection looks at it again."""
    frozen: list[int] = []
    freeze = gc.freeze

    def noted() -> None:
        frozen.append(1)
        freeze()

    monkeypatch.setattr(gc, "freeze", noted)
    monkeypatch.setattr(runtime, "FREEZE_AFTER_S", 0.05)
    service = Service("policy", "0.1.0", ServiceSettings())
    loaded = [[number] for number in range(1000)]
    try:
        for _ in range(50):
            service.freeze_soon()
        await eventually(lambda: frozen, what="what was loaded is frozen")
        assert gc.get_freeze_count() >= len(loaded)
        assert frozen == [1]
    finally:
        gc.unfreeze()
