"""Which of our agents uses a tool: noted by a host's hook, read by the server at the call.

Claude Code tells the server of a chat which use of a tool a call is, and not whose; its hooks
are told both.  Hook and server may work in different folders, so notes lie in the user's state
folder, one file for each use.  A note stays for a day: a call is sent again under the same id
once a person has answered a question of the server, or when a connection broke.
"""

import hashlib
import os
import stat
from contextlib import suppress
from pathlib import Path
from typing import Final

from drivetrain.clock import SYSTEM
from drivetrain.errors import RequestError
from drivetrain.runs.atomic import swap_file
from drivetrain.settings import state_folder
from drivetrain.text import listing, quote
from skill.tools.roles import ROLES

PLUGIN: Final = "train:"
"""What Claude Code writes before the name of an agent that this plugin brings."""
KEPT_S: Final = 86_400


def role_called(agent: str) -> str | None:
    """The role of a host's agent by its name; None for an agent that is not ours."""
    name = agent.removeprefix(PLUGIN)
    return name if name in ROLES else None


def note_caller(use: str, role: str) -> None:
    """Note whose use of a tool this is.  use: the host's id of it, whatever text that is.

    Raises:
        OSError: there is no place that this user alone can write.
    """
    folder = _folder()
    _make_private(folder)
    _sweep(folder)
    swap_file(_note_of(use), role)


def forget_caller(use: str) -> None:
    """The use is of nobody that is known: an id that a host gives twice means the later one."""
    # A note that cannot be taken away says less than the truth, never more.
    with suppress(OSError):
        _note_of(use).unlink()


def noted_role(use: str) -> str | None:
    """The role of whoever uses a tool; None where nothing is noted.

    Raises:
        RequestError: there is a note, and it names no role.
    """
    try:
        note = _note_of(use)
    except FileNotFoundError:
        return None
    try:
        told = note.read_bytes().decode(errors="replace")
    except OSError as error:
        # Where the folder itself is of no use, the hook has let no agent of ours act.
        if not os.path.lexists(note):
            return None
        told = str(error)
    if told in ROLES:
        return told
    raise RequestError(
        f"The note of who calls holds {quote(told, 200)}, so nothing was done; it names one of "
        f"{listing(ROLES)}. Make the call again, or see `/train doctor`."
    )


def _note_of(use: str) -> Path:
    # An id is a stranger's text, of any length: only its hash becomes a name.
    name = hashlib.sha256(use.encode("utf-8", "surrogatepass")).hexdigest()
    return _folder() / name


def _folder() -> Path:
    return state_folder() / "callers"


def _make_private(folder: Path) -> None:
    """See that nobody else can write notes, or take them away.

    Raises:
        OSError: the folder cannot be made, or others may write there.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    found = folder.lstat()
    is_own = stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid()
    if not is_own or found.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise PermissionError(0, "others can write there", str(folder))


def _sweep(folder: Path) -> None:
    """Take away what no call will ask for any more."""
    kept_from = SYSTEM.wall() - KEPT_S
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            with suppress(OSError):
                if entry.stat(follow_symlinks=False).st_mtime < kept_from:
                    Path(entry.path).unlink()
