"""Whom a press calls by the schedule: the first active template of the input's list."""

from __future__ import annotations

from collections.abc import Mapping

from doorbus.contract.document import Door
from doorbus.contract.document.schedule import CallTemplate


def template_for(document: Door, input_id: str, active: Mapping[str, bool]) -> CallTemplate | None:
    """Returns the template whose numbers a press of an input calls, None = nobody is called.

    Args:
        document: of the door.
        input_id: of the button, one with `template_enabled`.
        active: templates by id, and whether they are active (`Evaluation.templates`, `ScheduleState.templates`); a
            template that is missing there is not.
    """
    templates = {template.id: template for template in document.schedule.templates}
    for template_id in document.schedule.inputs.get(input_id, ()):
        if active.get(template_id, False):
            return templates.get(template_id)
    return None
