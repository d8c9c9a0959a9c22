"""Faults of requests: at the wrong moment, too many at once, all for the same name."""

import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from functools import partial

from benchmarks.fault_scene import RUN, Scene, told
from drivetrain.errors import ConflictError, UserError
from drivetrain.runs.launch import start_run
from drivetrain.runs.plan import Plan
from drivetrain.runs.registry import find_run, overview
from drivetrain.runs.resume import request_resume
from drivetrain.runs.stop import request_stop
from drivetrain.runs.wait import wait_for
from tests.runs.living import PATIENCE_S, kill, spec, start

STARTS = 40
CROWD = 50
CROWD_RUNS = 5
MADE, SAME, REFUSED = 0, 10, ConflictError.exit_code


def stop(scene: Scene) -> None:
    """Asked to stop while it trains: the state of that step is saved."""
    scene.begin()
    request_stop(scene.home, RUN)
    end = scene.end()
    assert end.unit == end.step


def stop_in_queue(scene: Scene) -> None:
    """Asked to stop before it began."""
    start(scene.home, "work", "first", "d0")
    start_run(scene.home, replace(spec("work", RUN), plan=Plan(after="first")))
    assert told(find_run(scene.home, RUN).state) == "queued"
    request_stop(scene.home, RUN)


def stop_and_kill(scene: Scene) -> None:
    """The supervisor dies while the trainer saves."""
    folder = scene.begin("save_with_worker")
    request_stop(scene.home, RUN)
    kill(folder, "supervisor")
    scene.end()


def resume_ended(scene: Scene) -> None:
    """Stopped, and asked to go on."""
    stop(scene)
    step = scene.end().step
    assert request_resume(scene.home, RUN).from_step == step
    scene.goes_on()


def start_equals(scene: Scene) -> None:
    """Forty ask for the same: one makes the run, the others get it."""
    codes = at_once([partial(_start, scene, "d1")] * STARTS)
    assert sorted(codes) == [MADE] + [SAME] * (STARTS - 1), codes
    scene.goes_on()


def start_others(scene: Scene) -> None:
    """Forty want the name for something else: one gets it."""
    codes = at_once([partial(_start, scene, f"d{number}") for number in range(STARTS)])
    assert sorted(codes) == [MADE] + [REFUSED] * (STARTS - 1), codes
    scene.goes_on()


def crowd(scene: Scene) -> None:
    """Fifty start, stop and look at the same few runs; in the end all are stopped."""
    assert set(at_once([partial(_meddle, scene, number) for number in range(CROWD)])) == {0}
    for name in _crowd_names():
        start(scene.home, "work_and_save", name, name)
        request_stop(scene.home, name)
        ended = told(wait_for(scene.home, name, PATIENCE_S).state)
        assert ended == "stopped(user_stop)", ended
    seen = overview(scene.home, ended_limit=CROWD)
    assert sorted(run.id for run in seen.ended) == sorted(_crowd_names())


def _crowd_names() -> list[str]:
    return [RUN, *(f"r{number}" for number in range(2, CROWD_RUNS + 1))]


def _meddle(scene: Scene, number: int) -> int:
    name = _crowd_names()[number % CROWD_RUNS]
    with suppress(UserError):  # there is no such run yet
        match number // CROWD_RUNS % 3:
            case 0:
                start(scene.home, "work_and_save", name, name)
            case 1:
                request_stop(scene.home, name)
            case _:
                overview(scene.home)
    return 0


def _start(scene: Scene, digest: str) -> int:
    try:
        started = start(scene.home, "work_and_save", RUN, digest)
    except UserError as error:
        return error.exit_code
    return MADE if started.created else SAME


def at_once(acts: list[Callable[[], int]]) -> list[int]:
    """What each act returns, all of them in processes of their own at the same time."""
    children = [_in_child(act) for act in acts]
    return [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]


def _in_child(act: Callable[[], int]) -> int:
    child = os.fork()
    if child == 0:
        code = 1
        try:
            code = act()
        finally:
            os._exit(code)
    return child
