"""What services tell of themselves and of what they were sent."""

from __future__ import annotations

from typing import Literal

from doorbus.contract.base import Event


class ServiceStarted(Event):
    """A service process is up for this door."""

    domain = "service"
    what = "started"
    service: str
    version: str
    epoch: int


class ServiceDegraded(Event):
    """A service goes on without something.

    Attributes:
        part: what is missing: `store` (events are not kept), `clock`, `policy`, `sip_worker`, `chip`, `outbox`, …
        recovered: it is back.
    """

    domain = "service"
    what = "degraded"
    service: str
    part: str
    why: str = ""
    recovered: bool = False


class ServiceStopped(Event):
    """A service process ends in order."""

    domain = "service"
    what = "stopped"
    service: str


class MessageRejected(Event):
    """Something was sent that could not be taken.

    Attributes:
        subject: where it was sent.
        code: of `errors.ErrorCode`.
        client: who, where the subject tells.
    """

    domain = "message"
    what = "rejected"
    subject: str
    code: str
    why: str
    client: str | None = None


class DocumentChanged(Event):
    """A service took a new document or refused it, or somebody wrote one through it.

    Attributes:
        revision: of the KV entry.
        by: who wrote it (`written`).
        changed: paths of the fields that were changed (`written`); never their values.
    """

    domain = "document"
    what = "changed"
    service: str
    revision: int
    result: Literal["taken", "refused", "written"] = "taken"
    why: str | None = None
    by: str | None = None
    changed: tuple[str, ...] = ()
