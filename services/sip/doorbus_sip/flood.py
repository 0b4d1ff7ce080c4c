"""How often the shell may be asked about an INVITE: a bucket that holds a second's worth of questions.

Rules
- A question takes one token; tokens come back at `rate` a second, at most `rate` of them.
- Without a token the INVITE is refused unasked and counted.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Bucket:
    """Tokens left at the time `at` (monotonic seconds)."""

    tokens: float
    at: float


def take(bucket: Bucket, rate: float, now: float) -> tuple[Bucket, bool]:
    """The bucket afterwards, and whether there was a token."""
    tokens = min(rate, bucket.tokens + max(0.0, now - bucket.at) * rate)
    if tokens < 1:
        return Bucket(tokens, now), False
    return Bucket(tokens - 1, now), True
