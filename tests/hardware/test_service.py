"""The io service on the kernel's chips: the suite that the simulated chip passes in `make test`."""

from __future__ import annotations

from tests.io.service_suite import ServiceSuite, scene

__all__ = ["scene"]


class TestOnTheKernelsChips(ServiceSuite):
    """The common suite."""
