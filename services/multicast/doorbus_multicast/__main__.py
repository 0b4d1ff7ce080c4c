"""Runs multicast: `python -m doorbus_multicast`."""

from __future__ import annotations

from doorbus.runtime.service import run
from doorbus_multicast.app import main
from doorbus_multicast.settings import MulticastSettings

if __name__ == "__main__":
    run(main(MulticastSettings()))
