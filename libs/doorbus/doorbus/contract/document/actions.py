"""What a press sends or switches, beside its call."""

from typing import Annotated, Literal

from pydantic import Field

from doorbus.contract.document.base import Model, Written
from doorbus.contract.document.scalars import Id, Line
from doorbus.contract.document.secrets import SecretRef
from doorbus.contract.document.templates import FtpUrl, HttpUrl, LineTemplate, TextTemplate, check_url

MailAddress = Annotated[
    str,
    Written("a mail address, like porter@example.com", r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9.-]{1,253}"),
]
MailServer = Annotated[
    str,
    Written(
        "a server like smtp://mail.example.com:587",
        r"smtp://[!-~]{1,300}",
        lambda text: check_url(text, ("smtp",)),
    ),
]


class HttpAction(Model):
    """Sends an HTTP request."""

    id: Id
    type: Literal["http"]
    method: Literal["GET", "POST"] = "GET"
    """GET with the message in the URL; POST carries the press as JSON."""
    url: HttpUrl


class EmailAction(Model):
    """Sends a mail."""

    id: Id
    type: Literal["email"]
    server: MailServer
    tls: Literal["starttls", "implicit", "none"] = "starttls"
    """What submission servers offer on port 587 (RFC 6409); `implicit` is port 465, `none` for a local relay."""
    username: Line | None = None
    """Null = no login."""
    password: SecretRef | None = None
    sender: MailAddress = Field(alias="from")
    """From, and the envelope's sender."""
    to: Annotated[tuple[MailAddress, ...], Field(min_length=1, max_length=16)]
    subject: LineTemplate = "Ring at $door"
    body: TextTemplate = "$time: $input"


class FtpAction(Model):
    """Uploads a file."""

    id: Id
    type: Literal["ftp"]
    url: FtpUrl
    """The file's whole path."""
    username: Line | None = None
    """Null = anonymous."""
    password: SecretRef | None = None
    content: TextTemplate = "$time $door $input $id"


class RelayAction(Model):
    """Energises a relay for as long as a call lasts or rings."""

    id: Id
    type: Literal["relay"]
    relay: Id
    reset: Literal["call_ended", "call_connected"] = "call_ended"
    """A lamp is wanted while people talk."""


Action = Annotated[HttpAction | EmailAction | FtpAction | RelayAction, Field(discriminator="type")]
