"""The camera."""

from typing import Annotated

from doorbus.contract.document.base import Model, Written
from doorbus.contract.document.scalars import Line
from doorbus.contract.document.secrets import SecretRef
from doorbus.contract.document.templates import check_url


def _source(text: str) -> str | None:
    return check_url(text, ("rtsp", "rtsps")) if "://" in text else None


CameraSource = Annotated[
    str,
    Written(
        "none, test, rtsp://… or /dev/videoN",
        r"none|test|rtsps?://[!-~]{1,512}|/dev/video[0-9]{1,3}",
        _source,
    ),
]


class Camera(Model):
    """Where the picture comes from."""

    source: CameraSource = "none"
    """Not every door has one; `test` is a moving pattern."""
    username: Line | None = None
    """For RTSP; null = the camera does not ask."""
    password: SecretRef | None = None
    """For RTSP: a field of its own, as a secret does not stand in a URL."""
