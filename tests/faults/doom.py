"""A process that is killed at one chosen moment of what it does to the disk."""

import os
import signal
from collections.abc import Callable, Iterator
from typing import Any, NoReturn

CALLS = (
    "open",
    "write",
    "fsync",
    "mkdir",
    "link",
    "rename",
    "replace",
    "unlink",
    "rmdir",
)
"""How a save reaches the disk.  All of it goes through these, by their names in `os`."""

_KILLED, _DONE, _FAILED = -signal.SIGKILL, 0, 1


def kill_at_every_moment(make_act: Callable[[], Callable[[], object]]) -> Iterator[int]:
    """Do an act again and again, each time in a process that dies one moment later.

    make_act: prepares the act, in this process.  Yields the number of each moment, from 1,
    once the process is dead; ends when the act came to its end unharmed.

    Raises:
        AssertionError: the act failed by itself.
    """
    moment = 1
    while (status := _die_at(moment, make_act())) == _KILLED:
        yield moment
        moment += 1
    assert status == _DONE, f"the act failed; doomed at moment {moment}, it left with {status}"


def _die_at(moment: int, act: Callable[[], object]) -> int:
    """Do the act in a child that dies at a moment; returns how it ended."""
    child = os.fork()
    if child == 0:
        _act_and_leave(moment, act)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def _act_and_leave(moment: int, act: Callable[[], object]) -> NoReturn:
    status = _FAILED
    try:
        _doom(moment)
        act()
        status = _DONE
    finally:
        os._exit(status)


def _doom(moment: int) -> None:
    """Have this process killed at a moment: before a call, or half-way through a write."""
    passed = 0

    def pass_by() -> bool:
        nonlocal passed
        passed += 1
        return passed == moment

    def die() -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    def doomed(call: Callable[..., Any]) -> Callable[..., Any]:
        def first_die(*args: Any, **more: Any) -> Any:
            if pass_by():
                die()
            if call is write and pass_by():
                write(args[0], args[1][: len(args[1]) // 2])
                die()
            return call(*args, **more)

        return first_die

    write = os.write
    for name in CALLS:
        setattr(os, name, doomed(getattr(os, name)))
