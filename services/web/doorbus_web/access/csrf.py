"""The CSRF token: a form carries it as `csrf`, a script as `X-CSRF-Token`; it belongs to the session.

The guard has checked already that the request comes from our own pages (`origin.py`); this is the second lock.
"""

from __future__ import annotations

import hmac

from starlette.requests import Request

from doorbus_web.access.model import Principal
from doorbus_web.access.origin import SAFE_METHODS
from doorbus_web.problems import ProblemError

FIELD = "csrf"
HEADER = "X-CSRF-Token"


async def form_token_checked(request: Request) -> None:
    """Refuses a person's request that changes something without its session's token, as a dependency."""
    principal: Principal | None = getattr(request.state, "principal", None)
    if request.method in SAFE_METHODS or principal is None or principal.kind == "token":
        return
    given = request.headers.get(HEADER)
    if given is None and "form" in request.headers.get("Content-Type", ""):
        field = (await request.form()).get(FIELD)
        given = field if isinstance(field, str) else None
    if given is None or not hmac.compare_digest(given.encode(), principal.csrf.encode()):
        raise ProblemError(403, "forged", f"the {FIELD} token of this session is missing: load the page again")
