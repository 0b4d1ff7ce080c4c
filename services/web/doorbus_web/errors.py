"""Answers to refused requests: problem details (RFC 9457) below `/api/`, a page elsewhere."""

from __future__ import annotations

import math

from starlette.responses import Response
from starlette.types import Scope

from doorbus_web.access.guessing import TooSoon
from doorbus_web.problems import MEDIA_TYPE, ProblemError
from doorbus_web.templating import environment


def problem_response(scope: Scope, error: ProblemError) -> Response:
    """Returns the answer for a request."""
    problem = error.problem
    if scope["path"].startswith("/api/"):
        body = problem.model_dump_json(exclude_defaults=True)
        return Response(body, problem.status, error.headers, media_type=MEDIA_TYPE)
    page = environment.get_template("problem.html").render(
        problem=problem, principal=scope.get("state", {}).get("principal"), csrf="", path=scope["path"]
    )
    return Response(page, problem.status, error.headers, media_type="text/html")


def too_soon(verdict: TooSoon) -> ProblemError:
    """Returns the refusal of a try that came too soon."""
    seconds = max(1, math.ceil(verdict.again_in_s))
    why = "locked after too many wrong tries" if verdict.locked else "slowed down after wrong tries"
    detail = f"{why}: try again in {seconds} s"
    return ProblemError(429, "too_many_tries", detail, headers={"Retry-After": str(seconds)})
