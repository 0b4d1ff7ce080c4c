"""Settings of policy: those that every service has (`DOORBUS_DOORS`, `DOORBUS_NATS_URL`, …), and none of its own.

What policy decides by stands in each door's document.
"""

from __future__ import annotations

from doorbus.runtime.settings import ServiceSettings


class PolicySettings(ServiceSettings):
    """Settings of the policy process. `secrets_dir` is where unlock codes given as `{file: NAME}` are looked up."""
