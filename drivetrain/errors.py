"""What a user did wrong, and the exit code it ends with.

UserError
├── RequestError     2   a command, option or config that cannot be understood
├── NotFoundError    3   no such run, file or data
│   └── DataError    3   the data is there but damaged, or of another version
├── ConflictError    4   the run id is taken, or the run is already over
└── RunFailedError   5   the run was started and failed
    └── UnlearnedError   5   it was losing what it had learned

Each message says what is wrong, what is allowed, and a command to type instead.
Anything else that escapes is a bug and keeps its traceback.
"""

from typing import ClassVar


class UserError(Exception):
    """One sentence for the person, and for the shell an exit code."""

    exit_code: ClassVar[int] = 2


class RequestError(UserError):
    """The command, an option or the config cannot be understood."""


class NotFoundError(UserError):
    """There is no such run, file or data."""

    exit_code: ClassVar[int] = 3


class DataError(NotFoundError):
    """The data is there, but damaged or of another version."""


class ConflictError(UserError):
    """The run id belongs to another request, or the run is already over."""

    exit_code: ClassVar[int] = 4


class RunFailedError(UserError):
    """The run was started and failed."""

    exit_code: ClassVar[int] = 5


class UnlearnedError(RunFailedError):
    """What a run had learned before is being lost, and more training would lose more."""
