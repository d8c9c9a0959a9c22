"""However a conversion is ended from outside, its finished part stays, and it goes on."""

import io
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from drivetrain.data.conversion import Converted, convert
from drivetrain.data.conversion_progress import Progress
from drivetrain.data.convert_file import Job
from drivetrain.data.converters.contract import Options
from drivetrain.data.work_folder import work_folder_of
from drivetrain.settings import PROJECT
from tests.data.scripted_converter import MODULE, script
from tests.data.test_conversion import hashes
from tests.faults.test_full_disk import in_own_mounts, needs_mounts

COMMAND = """
import sys
from drivetrain.data import __main__ as door
from drivetrain.data.converters import FORMATS, Format
from tests.data.scripted_converter import MODULE
FORMATS["scripted"] = Format(MODULE, "scripts")
door.heed_signals()
sys.exit(door.main(["convert", "scripted", *sys.argv[1:]]))
"""

FILLS_UP = """
import io, json, shutil, subprocess, sys
from pathlib import Path
from drivetrain.data.conversion import convert
from drivetrain.data.conversion_progress import Progress
from drivetrain.data.convert_file import Job
from drivetrain.data.converters.contract import Options
from drivetrain.errors import UserError
from tests.data.scripted_converter import MODULE
from tests.data.test_conversion import hashes
disk, source, workers = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m", "none", disk], check=True)
def made():
    job, progress = Job(MODULE, Options()), Progress(io.StringIO())
    return convert(job, [source], disk / "set", workers=workers, progress=progress)
whole = made().reused
expected = hashes(disk / "set")
shutil.rmtree(disk / "set")
ballast = (disk / "ballast").open("wb", buffering=0)
ballast.write(bytes(8 * 2**20 - int(sys.argv[4])))
try:
    made()
    told = "nothing"
except UserError as error:
    told = str(error)
ballast.truncate(0)
again = made()
print(json.dumps({
    "told": told, "reused": again.reused, "same": hashes(disk / "set") == expected,
    "left": sorted(path.name for path in disk.iterdir()),
}))
"""


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """Five files, of which the fourth waits for a pipe."""
    folder = tmp_path / "source"
    for name in "abce":
        script(folder, f"{name}.script", scenarios=2)
    os.mkfifo(tmp_path / "pipe")
    script(folder, "d.script", scenarios=2, after=str(tmp_path / "pipe"))
    return folder


@contextmanager
def waiting_at_the_pipe(
    source: Path, out: Path, workers: int
) -> Iterator[subprocess.Popen[str]]:
    """A conversion that has come to the file that waits."""
    words = [str(source), f"--out={out}", f"--workers={workers}"]
    with (
        subprocess.Popen(
            [sys.executable, "-c", COMMAND, *words],
            cwd=PROJECT,
            stderr=subprocess.PIPE,
            text=True,
        ) as child,
        # Opening it returns once somebody reads: the fourth file is under way.
        (source.parent / "pipe").open("wb"),
    ):
        yield child
    (source.parent / "pipe").unlink()
    (source.parent / "pipe").write_text("no pipe any more")


def go_on(source: Path, out: Path) -> Converted:
    job = Job(MODULE, Options())
    return convert(job, [source], out, workers=1, progress=Progress(io.StringIO()))


@pytest.mark.parametrize("workers", [1, 2])
def test_a_killed_conversion_goes_on_and_ends_in_the_same_bytes(
    source: Path, tmp_path: Path, workers: int
) -> None:
    with waiting_at_the_pipe(source, tmp_path / "set", workers) as child:
        child.kill()
        child.wait()
    assert not (tmp_path / "set").exists()
    assert go_on(source, tmp_path / "set").reused >= 2
    assert go_on(source, tmp_path / "whole").reused == 0
    assert hashes(tmp_path / "set") == hashes(tmp_path / "whole")
    assert not work_folder_of(tmp_path / "set").exists()


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
@pytest.mark.parametrize("workers", [1, 2])
def test_an_ended_conversion_says_how_it_goes_on(
    source: Path, tmp_path: Path, ending: signal.Signals, workers: int
) -> None:
    with waiting_at_the_pipe(source, tmp_path / "set", workers) as child:
        child.send_signal(ending)
        assert child.stderr is not None
        said = child.stderr.read()
        assert child.wait() == 130
    assert "of 5 files are converted and kept. The same command goes on from there." in said
    assert "Traceback" not in said
    assert go_on(source, tmp_path / "set").reused >= 2


@needs_mounts
@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize(
    ("room", "kept"), [(200_000, range(1, 5)), (500_000, range(5, 6))], ids=["part", "all"]
)
def test_a_disk_that_fills_up_keeps_what_is_finished(
    tmp_path: Path, workers: int, room: int, kept: range
) -> None:
    for name in "abcde":
        script(tmp_path / "source", f"{name}.script", scenarios=4)
    words = (str(tmp_path / "source"), str(workers), str(room))
    told = in_own_mounts(tmp_path / "disk", FILLS_UP, *words)
    assert "No space left on device" in told["told"]
    assert "files are converted and kept" in told["told"]
    assert told["reused"] in kept
    assert told["same"]
    assert told["left"] == ["ballast", "set"]
