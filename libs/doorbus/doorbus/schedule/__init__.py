"""What the call schedule says at a moment: pure rules, shared by the scheduler, the `doorbus` command and the web."""

from doorbus.schedule.evaluate import FIRST_YEAR, LAST_YEAR, Evaluation, evaluate
from doorbus.schedule.press import template_for
from doorbus.schedule.wall_clock import first_instant

__all__ = ["FIRST_YEAR", "LAST_YEAR", "Evaluation", "evaluate", "first_instant", "template_for"]
