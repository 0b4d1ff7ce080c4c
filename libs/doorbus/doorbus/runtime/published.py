"""What others publish for policy to read: the scheduler's state of each door, and directories of numbers."""

from __future__ import annotations

from collections.abc import Callable

import structlog
from pydantic import ValidationError

from doorbus.contract.directories import Directory, read_directory
from doorbus.contract.schedules import ScheduleState
from doorbus.contract.subjects import KV_DIRECTORIES, KV_STATE, state_key
from doorbus.runtime.connection import Connection
from doorbus.runtime.follow import Follower

log = structlog.get_logger()

SCHEDULER = "scheduler"


def schedules(
    connection: Connection, serves: Callable[[str], bool], on_state: Callable[[str, ScheduleState], None]
) -> Follower:
    """Returns a follower that calls `on_state` with each door served and what the scheduler says of it."""

    def told(key: str, value: bytes, _revision: int) -> None:
        door = key.partition(".")[0]
        if not serves(door):
            return
        try:
            state = ScheduleState.model_validate_json(value)
        except ValidationError as error:
            log.warning("the scheduler's state cannot be read", door=door, errors=error.error_count())
            return
        on_state(door, state)

    return Follower(connection, KV_STATE, state_key("*", SCHEDULER), told)


def directories(
    connection: Connection, on_directory: Callable[[str, Directory], None], on_refused: Callable[[str, str], None]
) -> Follower:
    """Returns a follower of the published lists of numbers.

    Args:
        connection: where from.
        on_directory: called with each name and list; a deleted one is empty.
        on_refused: called with the name and why, for a value that cannot be used.
    """

    def told(name: str, value: bytes, _revision: int) -> None:
        try:
            directory = read_directory(value)
        except ValueError as error:
            log.warning("a directory was refused", directory=name, why=str(error))
            on_refused(name, str(error))
            return
        on_directory(name, directory)

    return Follower(connection, KV_DIRECTORIES, ">", told, lambda name: on_directory(name, Directory(numbers=())))
