"""Runs actions: `python -m doorbus_actions`."""

from __future__ import annotations

from doorbus.runtime.service import run
from doorbus_actions.app import main
from doorbus_actions.settings import ActionsSettings

if __name__ == "__main__":
    run(main(ActionsSettings()))
