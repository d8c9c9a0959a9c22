"""Folders that cannot be used: what is wrong with the person's disk, not with this program."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager

from drivetrain.errors import UserError
from drivetrain.text import quote

_UNUSABLE = frozenset(
    {
        *(errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOSPC, errno.EDQUOT, errno.EIO),
        *(errno.ENOTDIR, errno.EEXIST, errno.ENAMETOOLONG, errno.ELOOP),
    }
)


def unusable_place(error: OSError) -> UserError | None:
    """The error as a sentence for the person; None for one that is a bug of ours."""
    if error.filename is None or error.errno not in _UNUSABLE:
        return None
    return UserError(
        f"{quote(str(error.filename), 200)} cannot be used: {error.strerror}. Free it, or "
        "choose another folder for runs: `DRIVETRAIN_HOME=DIR bin/train status`."
    )


@contextmanager
def told_as_user_errors() -> Iterator[None]:
    """Raise a folder that cannot be used as the person's error; bugs stay what they are."""
    try:
        yield
    except OSError as error:
        told = unusable_place(error)
        if told is None:
            raise
        raise told from None
