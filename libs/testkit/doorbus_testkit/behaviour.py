"""What a test phone does with an incoming call by itself; times in seconds after the INVITE."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Ring:
    """Sends 180 and stays at it."""


@dataclass(frozen=True, slots=True)
class Answer:
    """Sends 180 at once, unless `ring` is off, and 200 after `after_s`."""

    after_s: float = 0.0
    ring: bool = True


@dataclass(frozen=True, slots=True)
class Refuse:
    """Sends the final response `code` after `after_s`, and 180 before it when `ring` is on."""

    code: int = 486
    after_s: float = 0.0
    ring: bool = False


@dataclass(frozen=True, slots=True)
class Silent:
    """Answers nothing at all, as a host whose phone is not there; the socket is bound."""


@dataclass(frozen=True, slots=True)
class Manual:
    """Leaves every response to the INVITE to the test."""


Behaviour = Ring | Answer | Refuse | Silent | Manual
