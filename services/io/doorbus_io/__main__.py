"""`python -m doorbus_io`: runs the io service with settings from the environment."""

from __future__ import annotations

from doorbus.runtime.service import run
from doorbus_io.app import main
from doorbus_io.settings import IoSettings

if __name__ == "__main__":
    run(main(IoSettings()))
