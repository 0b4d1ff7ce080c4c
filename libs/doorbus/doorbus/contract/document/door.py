"""The root of the document, and the questions that services ask it."""

from doorbus.contract.document.actions import Action
from doorbus.contract.document.audio import Audio
from doorbus.contract.document.base import Model
from doorbus.contract.document.buttons import Button
from doorbus.contract.document.calls import Calls
from doorbus.contract.document.camera import Camera
from doorbus.contract.document.io import Input, Io, Relay
from doorbus.contract.document.multicast import Multicast
from doorbus.contract.document.numbers import number_at
from doorbus.contract.document.scalars import DIRECT, DoorId, TimezoneName
from doorbus.contract.document.schedule import Schedule
from doorbus.contract.document.sip import Account, Sip


class Door(Model):
    """The document of one door. `load_document` and `from_json` also check that its parts fit together."""

    door: DoorId
    """Its id, which stands in every subject of the bus."""
    timezone: TimezoneName = "UTC"
    """UTC has no jumps; schedules of people need the door's own."""
    sip: Sip = Sip()
    audio: Audio = Audio()
    calls: Calls = Calls()
    io: Io = Io()
    buttons: tuple[Button, ...] = ()
    actions: tuple[Action, ...] = ()
    camera: Camera = Camera()
    multicast: Multicast = Multicast()
    schedule: Schedule = Schedule()

    def account(self, account_id: str) -> Account | None:
        """Returns the account with this id, or None."""
        return next((account for account in self.sip.accounts if account.id == account_id), None)

    def relay(self, relay_id: str) -> Relay | None:
        """Returns the relay with this id, or None."""
        return next((relay for relay in self.io.relays if relay.id == relay_id), None)

    def input(self, input_id: str) -> Input | None:
        """Returns the input with this id, or None."""
        return next((each for each in self.io.inputs if each.id == input_id), None)

    def action(self, action_id: str) -> Action | None:
        """Returns the action with this id, or None."""
        return next((action for action in self.actions if action.id == action_id), None)

    def button_for(self, input_id: str) -> Button | None:
        """Returns what a press of this input does, or None when nothing is said about it."""
        return next((button for button in self.buttons if button.input == input_id), None)

    def dnd_accounts(self) -> frozenset[str]:
        """Returns the ids of the accounts whose calls DND refuses, `ip` among them for direct calls."""
        if self.calls.dnd.accounts is None:
            return frozenset({DIRECT, *(account.id for account in self.sip.accounts)})
        return frozenset(self.calls.dnd.accounts)


def number_to_uri(number: str, account: Account | None) -> str:
    """Returns the SIP URI to call for `number` on `account`, or directly without one.

    Raises:
        ValueError: `number` is nothing that can be called, or is digits and there is no account.
    """
    return number_at(number, account.aor if account is not None else None)
