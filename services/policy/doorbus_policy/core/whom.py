"""Whom a press of a button calls.

- `template_enabled`: the numbers of the input's first active template; `numbers` and `directory` are not used. Outside
  of every template's schedule nobody is called.
- Otherwise the button's own `numbers`; while they are empty, those of its `directory`.
- Numbers that cannot be called on the account are left out; the document's own have been refused by its validation.
- Whatever the source, they are called the button's way: `type`, `account`, `timeout_s`, `when_refused`.
"""

from __future__ import annotations

from doorbus.contract.document.buttons import Button
from doorbus.schedule import template_for
from doorbus_policy.core import hunt
from doorbus_policy.core.state import DoorState, Hunt

NO_BUTTON = "no_button"
NO_CALL = "no_call"
NO_NUMBERS = "no_numbers"
NO_DIRECTORY = "no_directory"
"""Nobody has published the directory that the button names."""
NO_TEMPLATE = "no_template"
"""No template of the input is active now."""
NO_SCHEDULE = "no_schedule"
"""The scheduler has not said yet which templates are active."""
REASONS = (NO_BUTTON, NO_CALL, NO_NUMBERS, NO_DIRECTORY, NO_TEMPLATE, NO_SCHEDULE)


def called_by(state: DoorState, button: Button | None) -> Hunt | str:
    """Returns the hunt of a press now, or why it calls nobody, one of `REASONS`."""
    if button is None or state.document is None:
        return NO_BUTTON
    if button.call is None:
        return NO_CALL
    numbers = _numbers(state, button)
    if isinstance(numbers, str):
        return numbers
    return hunt.of_button(state.document, button.call, numbers) or NO_NUMBERS


def _numbers(state: DoorState, button: Button) -> tuple[str, ...] | str:
    call, document = button.call, state.document
    if call is None or document is None:
        return NO_CALL
    if call.template_enabled:
        if state.scheduled is None or not state.scheduled.heard:
            return NO_SCHEDULE
        template = template_for(document, button.input, dict(state.scheduled.templates))
        return NO_TEMPLATE if template is None else template.numbers
    if call.numbers or call.directory is None:
        return call.numbers
    return dict(state.directories).get(call.directory, NO_DIRECTORY)
