"""Runs whose supervisor a test launches itself, so that the test says what it is told."""

import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from drivetrain.clock import SYSTEM
from drivetrain.runs import launch, supervise
from drivetrain.runs.atomic import replace_json
from drivetrain.runs.boot import this_boot
from drivetrain.runs.folder import RunFolder
from drivetrain.settings import PROJECT
from tests.runs.living import PATIENCE_S, TRAINER, spec

NAP_S = 0.01


def launch_by_hand(
    home: Path,
    way: str = "work",
    *,
    argv: Sequence[str] = (),
    lease: Sequence[int] = (),
    **told: object,
) -> RunFolder:
    """The folder of run `r1`, whose supervisor is up.

    way: of the small trainer; argv: another trainer.  lease: open descriptors to hand on.
    told: what `launch.json` says besides or instead.
    """
    folder, _ = launch._reserve(home, spec(way))
    attempt = folder.attempt(1)
    attempt.path.mkdir(parents=True)
    facts = {
        "v": 1,
        "argv": [*(argv or (sys.executable, str(TRAINER), way)), str(folder.path)],
        "env": {
            "DRIVETRAIN_HOME": str(home),
            "DRIVETRAIN_RUN": folder.id,
            "DRIVETRAIN_ATTEMPT": "1",
            "PYTHONPATH": str(PROJECT),
            "PYTHONUNBUFFERED": "1",
            "PYTHONFAULTHANDLER": "1",
        },
        "finisher": [sys.executable, "-m", "drivetrain.runs", "finish", str(folder.path)],
        "units": str(folder.units),
        "from_step": 0,
        "boot_id": this_boot().id,
        "mono": SYSTEM.mono(),
    }
    replace_json(attempt.launch, facts | told)
    command = [sys.executable, "-I", "-S", supervise.__file__, str(folder.path), "001"]
    subprocess.run(
        [*command, *map(str, lease)],
        pass_fds=tuple(lease),
        stdin=subprocess.DEVNULL,
        cwd="/",
        check=True,
    )
    return folder


def until(is_so: Callable[[], bool]) -> None:
    """Back as soon as something is so."""
    give_up_at = SYSTEM.mono() + PATIENCE_S
    while not is_so():
        assert SYSTEM.mono() < give_up_at, "it never was so"
        time.sleep(NAP_S)


def is_gone(pid: int) -> bool:
    """Whether a process is no more, or only waits to be buried."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8")
    except OSError:
        return True
    return stat.rpartition(")")[2].split()[0] == "Z"


def processes_of(folder: RunFolder) -> list[int]:
    """Every living process that carries the mark of this run."""
    mark = f"DRIVETRAIN_HOME={folder.home}\0DRIVETRAIN_RUN={folder.id}\0".encode()
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if mark in (process / "environ").read_bytes():
                found.append(int(process.name))
    return [pid for pid in found if not is_gone(pid)]
