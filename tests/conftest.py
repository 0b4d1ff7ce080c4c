"""What holds for all tests: properties are searched for mistakes, not timed."""

from __future__ import annotations

import os
from contextlib import suppress

with suppress(ImportError):  # the virtual machine of tests/hardware goes without
    from hypothesis import HealthCheck, settings

    if not os.environ.get("CI"):  # there Hypothesis has a profile of its own, which is also the same each time
        settings.register_profile("shared", deadline=None, suppress_health_check=[HealthCheck.too_slow])
        settings.load_profile("shared")
