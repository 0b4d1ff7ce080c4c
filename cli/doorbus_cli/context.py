"""Where the bus is and who we are there: from options, the environment, or the run directory of a running `doorbus up`.

`doorbus up` leaves `client.json` in its run directory; the other commands find it by `--run-dir`, by
`DOORBUS_RUN_DIR`, or in the default place when only one door has one there.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, SecretStr, ValidationError

CONTEXT_FILE = "client.json"


class ContextError(Exception):
    """The bus or the door cannot be told; the text says which option would."""


class SavedContext(BaseModel):
    """What `doorbus up` leaves for the other commands."""

    door: str
    url: str
    user: str
    password_file: Path | None


@dataclass(frozen=True)
class Context:
    """Where a command goes, as whom, and for which door.

    Attributes:
        door: None where it was not told; a command that needs one refuses.
    """

    url: str
    user: str
    password: SecretStr | None
    door: str | None

    def need_door(self) -> str:
        """Returns the door. Raises ContextError when it was not told."""
        if self.door is None:
            raise ContextError("which door? name it with --door")
        return self.door


def state_home() -> Path:
    """Returns the directory that holds the run directories of doors, by the XDG Base Directory Specification."""
    base = os.environ.get("XDG_STATE_HOME")
    return (Path(base) if base else Path.home() / ".local/state") / "doorbus"


def write_context(run_dir: Path, saved: SavedContext) -> None:
    """Leaves the context of a running door."""
    fresh = run_dir / f"{CONTEXT_FILE}.new"
    fresh.write_text(saved.model_dump_json(indent=2) + "\n")
    fresh.replace(run_dir / CONTEXT_FILE)


def find_context(run_dir: Path | None, url: str | None, user: str | None, door: str | None) -> Context:
    """Puts together what was told and what a running door left.

    Args:
        run_dir: of a running door; None = the default place.
        url: of the bus; given, no run directory is looked for.
        user: None = the one in the context, else `operator`.
        door: None = the one in the context.

    Raises:
        ContextError: nothing tells where the bus is, or several doors run and none was named.
    """
    password = SecretStr(os.environ["DOORBUS_NATS_PASSWORD"]) if "DOORBUS_NATS_PASSWORD" in os.environ else None
    if url is not None:
        return Context(url, user or "operator", password, door)
    saved = _read(_find(run_dir, door))
    name = user or saved.user
    if password is None and saved.password_file is not None:
        path = saved.password_file.with_name(name)
        try:
            password = SecretStr(path.read_text().strip())
        except OSError as error:
            raise ContextError(f"the password of {name}: {path}: {error.strerror}") from None
    return Context(saved.url, name, password, door or saved.door)


def _find(run_dir: Path | None, door: str | None) -> Path:
    if run_dir is not None:
        return run_dir / CONTEXT_FILE
    found = sorted(state_home().glob(f"{door or '*'}/{CONTEXT_FILE}"))
    match found:
        case [only]:
            return only
        case []:
            raise ContextError(
                f"no running door below {state_home()}: start one with 'doorbus up', or tell where the bus is (--nats)"
            )
        case _:
            names = ", ".join(path.parent.name for path in found)
            raise ContextError(f"several doors were started here ({names}): name one with --door")


def _read(path: Path) -> SavedContext:
    try:
        return SavedContext.model_validate_json(path.read_bytes())
    except OSError as error:
        raise ContextError(f"no running door there: {path}: {error.strerror}") from None
    except ValidationError:
        raise ContextError(f"{path} was not written by this version of doorbus") from None
