"""Answers in words."""

from __future__ import annotations

import typer

from doorbus_cli.client import Answer
from doorbus_cli.exits import Exit, fail


def say(answer: Answer, words: str, *, as_json: bool) -> None:
    """Prints an answer: `words` where it was accepted. A refusal ends the command. Raises typer.Exit."""
    if not answer.ok:
        more = {key: value for key, value in answer.model_dump(mode="json").items() if key not in ("ok", "code")}
        if as_json:
            more.pop("message", None)
            fail(Exit.REFUSED, answer.code or "refused", answer.message or "", as_json=True, **more)
        fail(Exit.REFUSED, answer.code or "refused", refused(answer), as_json=False)
    typer.echo(answer.model_dump_json(exclude_none=True) if as_json else words)


def accepted(what: str, answer: Answer) -> str:
    """Says that a wish was taken; events tell what comes of it."""
    call = f" (call {answer.call})" if answer.call else ""
    return f"{what}{call}{': ' + answer.message if answer.message else ''}"


def refused(answer: Answer) -> str:
    """Says that a wish was refused, with the code for who looks it up."""
    return f"refused, {answer.code}: {answer.message}" if answer.message else f"refused: {answer.code}"


def status_in_words(answer: Answer) -> str:
    """Says how the door is; what this version of policy does not tell is left out."""
    told = answer.model_extra or {}
    stage = told.get("stage", "idle")
    lines = []
    if stage == "idle":
        lines.append("no call")
    else:
        with_whom = f" with {told['far_side']}" if told.get("far_side") else ""
        since = f" for {told['answered_s']:.0f} s" if isinstance(told.get("answered_s"), int | float) else ""
        direction = f"{told['direction']} " if told.get("direction") else ""
        lines.append(f"{direction}call, {stage}{since}{with_whom}{f' ({answer.call})' if answer.call else ''}")
    dnd = told.get("dnd_accounts")
    if isinstance(dnd, list):
        lines.append(f"do not disturb: {'on for ' + ', '.join(map(str, dnd)) if dnd else 'off'}")
    if told.get("codes_locked"):
        lines.append("unlock codes are locked: too many wrong ones")
    if "revision" in told:
        lines.append(f"document: revision {told['revision']}")
    return "\n".join(lines)
