"""The skill in a host's folder: a link to this checkout, and nothing that is not ours."""

import os
import shlex
from pathlib import Path
from typing import NoReturn

from drivetrain.errors import ConflictError, UserError
from drivetrain.settings import PROJECT
from drivetrain.text import quote
from skill.grammar import Install
from skill.hosts import hosts, link_of
from skill.install_page import Done, Installed, install_report
from skill.report import Report

PROGRAM = PROJECT / "bin" / "train"


def install(command: Install) -> Report:
    """Link the skill, or take the link away.

    Raises:
        ConflictError: something else has its place.
    """
    host = hosts(str(PROGRAM))[command.agent]
    scope = host.project if command.in_project else host.personal
    link = link_of(scope, in_project=command.in_project)
    done = _take_away(link) if command.remove else _put(link)
    return install_report(command, Installed(host, scope, link, PROJECT, done))


def _put(link: Path) -> Done:
    if _leads_here(link):
        return "was there"
    try:
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(PROJECT, target_is_directory=True)
    except OSError as error:
        if os.path.lexists(link):
            _refuse(link)
        raise UserError(
            f"{quote(str(link), 200)} cannot be written: {error.strerror}. Free its folder, or "
            "install for one project: `/train install --agent claude --project`."
        ) from error
    return "put"


def _take_away(link: Path) -> Done:
    if not os.path.lexists(link):
        return "was gone"
    if not link.is_symlink() or not _leads_here(link):
        _refuse(link)
    link.unlink()
    return "taken away"


def _leads_here(link: Path) -> bool:
    # Not only by a link: the checkout itself may have been put into the host's folder.
    return os.path.realpath(link) == str(PROJECT)


def _refuse(link: Path) -> NoReturn:
    move = f"`mv {shlex.quote(str(link))} {shlex.quote(f'{link}.before')}`"
    if link.is_symlink():
        what, way = (
            f"leads to {quote(str(link.readlink()), 200)}",
            f"`rm {shlex.quote(str(link))}`",
        )
    elif _leads_here(link):
        what, way = "is this checkout itself", move
    else:
        what, way = "is not of this skill", move
    raise ConflictError(f"{quote(str(link), 200)} {what}, and stays as it is. Try {way} first.")
