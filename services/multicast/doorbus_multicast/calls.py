"""Whether a call is up, as sip tells it: by events at once, by its lease as the truth. Pure.

Rules
- Ringing, dialing and answered calls count; calls that only tell a server a code do not, nor do refused ones.
- Both carry the number of sip's last event: what is older than what was heard already says nothing new.
- A lease that ran out means no call; another life of sip begins anew.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from doorbus.contract.base import Event
from doorbus.contract.calls import CallDialing, CallEnded, CallIncoming
from doorbus.contract.leases import Lease


@dataclass(frozen=True, slots=True)
class Calls:
    """What is known. `epoch` and `sequence` are of sip's last word, `refused` are calls whose end is not told yet."""

    up: frozenset[str] = frozenset()
    refused: frozenset[str] = frozenset()
    epoch: int = 0
    sequence: int = 0

    def told(self, event: Event, epoch: int, sequence: int) -> Calls:
        """Returns what is known after an event of sip."""
        if self._is_old(epoch, sequence):
            return self
        known = self if epoch == self.epoch else Calls()
        up, refused = known.up, known.refused
        match event:
            case CallDialing(call=call, purpose="call"):
                up |= {call}
            case CallIncoming(call=call, decision="refuse"):
                refused |= {call}
            case CallIncoming(call=call):
                up |= {call}
            case CallEnded(call=call):
                up, refused = known.up - {call}, refused - {call}
            case _:
                pass
        return Calls(up, refused, epoch, sequence)

    def leased(self, lease: Lease) -> Calls:
        """Returns what is known after a lease of sip."""
        if lease.epoch == self.epoch and lease.sequence < self.sequence:
            return self
        refused = self.refused if lease.epoch == self.epoch else frozenset()
        up = frozenset({lease.subject_id} if lease.subject_id is not None else ()) - refused
        return Calls(up, refused, lease.epoch, lease.sequence)

    def lost(self) -> Calls:
        """Returns what is known when nobody tells the lease any more."""
        return replace(self, up=frozenset())

    def _is_old(self, epoch: int, sequence: int) -> bool:
        return epoch == self.epoch and sequence <= self.sequence
