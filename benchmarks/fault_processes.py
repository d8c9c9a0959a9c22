"""Faults of processes: killed, hung, suspended, orphaned, mistaken for others."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from benchmarks.fault_scene import RUN, Scene, processes_of
from drivetrain.clock import SYSTEM
from drivetrain.runs.boot import start_time
from drivetrain.runs.look import look_at
from drivetrain.runs.plan import Plan
from drivetrain.runs.record import Running
from drivetrain.runs.stop import request_stop
from drivetrain.settings import PROJECT
from tests.runs.by_hand import launch_by_hand
from tests.runs.living import attempt_of, kill, kill_both, pid_of, start

DOOMED_LAUNCHER = f"""
import os, signal, sys
from pathlib import Path
from tests.runs.living import start
start(Path(sys.argv[1]), "work_and_save", {RUN!r})
os.killpg(0, signal.SIGKILL)
"""
ORPHANING = """
import signal, subprocess, sys
from tests.runs.small_trainer import main
child = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); signal.pause()"
subprocess.Popen([sys.executable, "-c", child], start_new_session=True)
sys.exit(main("work_and_save", sys.argv[1]))
"""
A_DAY_S = 86_400.0
SOON_S = 0.5
"""How long silence is borne, before the stacks are asked for and after."""


def kill_launcher(scene: Scene) -> None:
    """Whoever started it dies, with all processes of its session."""
    command = (sys.executable, "-c", DOOMED_LAUNCHER, str(scene.home))
    subprocess.run(command, cwd=PROJECT, start_new_session=True, check=False)
    scene.goes_on()


def hang_up(scene: Scene) -> None:
    """The terminal is closed."""
    scene.begin()
    for signum in (signal.SIGHUP, signal.SIGINT):
        kill(scene.folder, "supervisor", signum)
    scene.goes_on()


def kill_trainer(scene: Scene) -> None:
    """Somebody, or the kernel, kills the trainer."""
    kill(scene.begin(), "trainer")


def kill_supervisor(scene: Scene) -> None:
    """Nobody is left who would record the end."""
    kill(scene.begin(), "supervisor")


def kill_both_of(scene: Scene) -> None:
    """Nobody is left at all."""
    kill_both(scene.begin())


def kill_all(scene: Scene) -> None:
    """Every process of the run dies at once, workers too."""
    kill(scene.begin("save_with_worker"), "supervisor", signal.SIGSTOP)
    signal_all(scene, signal.SIGKILL)


def kill_both_once(scene: Scene) -> None:
    """Nobody is left, but the run may go on by itself."""
    folder = scene.begin(plan=Plan(auto_resumes=1))
    kill_both(folder)
    scene.until(lambda: scene.look() == "running" and attempt_of(folder).number == 2)
    scene.goes_on()


def terminate_all(scene: Scene) -> None:
    """An engine takes the machine back and tells every process of the job."""
    scene.begin("save_with_worker")
    signal_all(scene, signal.SIGTERM)
    scene.end()


def ignore_a_stop(scene: Scene) -> None:
    """The trainer does not listen; its grace is over soon."""
    scene.begin("ignore")
    request_stop(scene.home, RUN, grace_s=0.5)
    scene.end()


def train(way: str) -> Callable[[Scene], None]:
    """The fault is the trainer's own."""

    def inject(scene: Scene) -> None:
        start(scene.home, way, RUN)
        scene.end()

    return inject


def hang(scene: Scene) -> None:
    """The trainer waits in C for what never comes."""
    launch_by_hand(scene.home, "hang", stacks_after_s=SOON_S, stalled_for_s=SOON_S)
    scene.end()


def suspend(scene: Scene) -> None:
    """A stop signal that nobody takes back."""
    way = "promise_little"
    folder = launch_by_hand(scene.home, way, stacks_after_s=SOON_S, stalled_for_s=SOON_S)
    scene.until(lambda: any(folder.units.glob("0*")))
    scene.remember()
    kill(folder, "trainer", signal.SIGSTOP)
    scene.end()


def orphan(scene: Scene) -> None:
    """A child of the trainer in a session of its own outlives supervisor and trainer."""
    kill_both(scene.begin(command=(sys.executable, "-c", ORPHANING)))


def reuse_pids(scene: Scene) -> None:
    """The pids on record now belong to somebody else, this process."""
    kill_both(scene.begin())
    me = {"pid": os.getpid(), "start": start_time(os.getpid())}
    change(attempt_of(scene.folder).proc, {"supervisor": me, "trainer": me})


def reboot(scene: Scene) -> None:
    """The run is dead, and the kernel another."""
    kill_both(scene.begin())
    change(attempt_of(scene.folder).proc, {"boot_id": "another"})


class Shifted:
    """The machine's clock after somebody set it."""

    def __init__(self, wall_s: float) -> None:
        self._wall_s = wall_s

    def wall(self) -> float:
        """Seconds since 1970, as far as this clock knows."""
        return SYSTEM.wall() + self._wall_s

    def mono(self) -> float:
        """CLOCK_MONOTONIC, which nobody can set."""
        return SYSTEM.mono()


def jump_clock(scene: Scene) -> None:
    """The clock is set a day back, and a day ahead."""
    scene.begin()
    for wall_s in (-A_DAY_S, A_DAY_S):
        run = look_at(scene.folder, clock=Shifted(wall_s))
        assert run is not None
        assert isinstance(run.state, Running), run.state


def signal_all(scene: Scene, signum: signal.Signals) -> None:
    """To supervisor, trainer, workers and whatever else works for the run."""
    pids = processes_of(scene.home)
    assert pid_of(scene.folder, "trainer") in pids
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, signum)


def change(path: Path, facts: dict[str, Any]) -> None:
    """Put other facts into a record."""
    path.write_text(json.dumps(json.loads(path.read_text(encoding="utf-8")) | facts))
