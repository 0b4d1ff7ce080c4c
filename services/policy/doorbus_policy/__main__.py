"""Runs policy: `python -m doorbus_policy`."""

from __future__ import annotations

from doorbus.runtime.service import run
from doorbus_policy.app import main
from doorbus_policy.settings import PolicySettings

if __name__ == "__main__":
    run(main(PolicySettings()))
