"""`python -m doorbus_sip`: runs the sip service with settings from the environment."""

from __future__ import annotations

from doorbus.runtime.service import run
from doorbus_sip.app import main
from doorbus_sip.settings import SipSettings

if __name__ == "__main__":
    run(main(SipSettings()))
