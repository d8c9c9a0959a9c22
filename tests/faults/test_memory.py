"""Memory runs out: for the trainer alone, or for everybody in its control group."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from drivetrain.runs.folder import RunFolder
from drivetrain.settings import PROJECT
from tests.runs.by_hand import processes_of, until
from tests.runs.living import PATIENCE_S, attempt_of, ended, start

LIMIT_BYTES = 256 << 20
CGROUPS = Path("/sys/fs/cgroup")
START_INSIDE = """
import os, sys
from pathlib import Path
Path(sys.argv[1], "cgroup.procs").write_text(str(os.getpid()))
from tests.runs.living import start
start(Path(sys.argv[2]), sys.argv[3])
"""


def test_a_trainer_beyond_its_own_limit_has_run_out_of_memory(home: Path) -> None:
    folder = start(home, "outgrow_limit").run.folder
    end = ended(home)
    assert (end.how, end.reason, end.unit) == ("failed", "host_oom", 5)
    assert end.detail.startswith("MemoryError")
    assert processes_of(folder) == []


@pytest.fixture
def cgroup() -> Iterator[Path]:
    """A control group with little memory, below the one this test runs in."""
    group = own_cgroup() / f"test-{os.getpid()}"
    limits = ("memory.max", "memory.limit_in_bytes")
    try:
        group.mkdir()
        next(group / name for name in limits if (group / name).exists()).write_text(
            str(LIMIT_BYTES), encoding="ascii"
        )
    except (OSError, StopIteration):
        with suppress(OSError):
            group.rmdir()
        pytest.skip("this machine lets nobody limit the memory of a control group")
    yield group
    until(lambda: not (group / "cgroup.procs").read_text(encoding="ascii"))
    group.rmdir()


def own_cgroup() -> Path:
    """The control group whose memory this process counts to."""
    lines = Path("/proc/self/cgroup").read_text(encoding="utf-8").splitlines()
    groups = {
        controllers: path for _, controllers, path in (line.split(":", 2) for line in lines)
    }
    if "memory" in groups:
        return CGROUPS / "memory" / groups["memory"].lstrip("/")
    return CGROUPS / groups[""].lstrip("/")


@pytest.mark.parametrize(
    ("way", "whom"), [("outgrow_cgroup", "it"), ("outgrow_cgroup_in_worker", "a worker")]
)
def test_whom_the_kernel_kills_for_memory_has_run_out_of_it(
    home: Path, cgroup: Path, way: str, whom: str
) -> None:
    subprocess.run(
        [sys.executable, "-c", START_INSIDE, str(cgroup), str(home), way],
        cwd=PROJECT,
        check=True,
        timeout=PATIENCE_S,
    )
    end = ended(home)
    folder = RunFolder(home, "r1")
    assert (end.how, end.reason, end.unit) == ("failed", "host_oom", 5)
    assert end.detail.startswith(f"memory ran out, and the kernel killed {whom}")
    assert json.loads(attempt_of(folder).exit.read_text())["oom_kills"] >= 1
    assert processes_of(folder) == []


def test_the_next_start_after_running_out_of_memory_works(home: Path) -> None:
    start(home, "outgrow_limit")
    ended(home)
    start(home, "complete", "r2", "d2")
    assert ended(home, "r2").reason == "completed"
