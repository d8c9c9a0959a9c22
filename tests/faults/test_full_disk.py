"""A disk that fills up while a run trains still gets the run's verdict."""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from drivetrain.settings import PROJECT
from tests.runs.living import PATIENCE_S

OWN_MOUNTS = ("unshare", "--user", "--map-root-user", "--mount")
SCRIPT = """
import json, sys
from pathlib import Path
from tests.runs.living import attempt_of, end_all, ended, kill, start_and_meet
home = Path(sys.argv[1])
folder = start_and_meet(home, "work").folder
try:
    with (home / "ballast").open("wb", buffering=0) as ballast:
        while ballast.write(bytes(4096)):
            pass
except OSError as error:
    assert error.errno == 28, error
kill(folder, "trainer")
end = ended(home)
print(json.dumps([end.how, end.reason, json.loads(attempt_of(folder).exit.read_text())["by"]]))
end_all(home)
"""

FULL_WHILE_TRAINING = """
import atexit, json, subprocess, sys
from pathlib import Path
from drivetrain.checkpoint_units import newest_verified
from drivetrain.runs.progress import read_progress
from drivetrain.runs.record import is_active
from drivetrain.runs.registry import find_run
from tests.runs.by_hand import processes_of
from tests.runs.living import end_all, ended, is_training, meet, start
home = Path(sys.argv[1])
subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "none", home], check=True)
atexit.register(end_all, home)
folder = start(home, sys.argv[2]).run.folder
meet(home, "r1", lambda run: is_training(run) and any(folder.units.glob("0*")))
ballast = (home / "ballast").open("wb", buffering=0)

def fill():
    try:
        while ballast.write(bytes(4096)):
            pass
    except OSError as error:
        assert error.errno == 28, error
"""
SAVES = """
while is_active(find_run(home, "r1").state):  # what a save gives back is taken too
    fill()
end = ended(home)
unit, damages = newest_verified(folder.units)
ballast.truncate(0)
start(home, "complete", "r2", "d2")
print(json.dumps({
    "end": [end.how, end.reason],
    "unit": [end.unit == unit.step, len(damages)],
    "left": [*folder.path.glob(".*"), *processes_of(folder)],
    "next": ended(home, "r2").reason,
}))
"""
SAVES_NOTHING = """
fill()
before = read_progress(folder)
after = meet(home, "r1", lambda run: run.progress.seq > before.seq + 1).progress
print(json.dumps({"goes on": after.step > before.step, "low": after.disk_low}))
"""


def can_mount() -> bool:
    """Whether this machine lets a test have mounts of its own."""
    if shutil.which(OWN_MOUNTS[0]) is None:
        return False
    probe = subprocess.run(
        [*OWN_MOUNTS, "mount", "-t", "tmpfs", "none", "/mnt"], capture_output=True, check=False
    )
    return probe.returncode == 0


needs_mounts = pytest.mark.skipif(
    not can_mount(), reason="this machine allows no mounts in a namespace"
)


@pytest.mark.parametrize("module", ["skill", "trainers.train_rl"])
@needs_mounts
def test_a_start_on_a_full_disk_is_told_in_a_sentence_and_leaves_nothing(
    tmp_path: Path, module: str
) -> None:
    fill = 'mount -t tmpfs -o size=64k none "$1"; head -c 65536 /dev/zero > "$1/ballast"; '
    start = 'DRIVETRAIN_HOME="$1/home" "$2" -m "$3" $4 --run-id full; echo "$?"; ls -A "$1"/*/*'
    verb = "ppo" if module == "skill" else ""
    said = subprocess.run(
        [
            *OWN_MOUNTS,
            "sh",
            "-c",
            fill + start,
            "sh",
            str(tmp_path),
            sys.executable,
            module,
            verb,
        ],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE_S,
    )
    assert said.stdout == "2\n", said.stderr
    assert "No space left on device" in said.stderr
    assert "Traceback" not in said.stderr


@needs_mounts
def test_the_verdict_is_written_on_a_full_disk(tmp_path: Path) -> None:
    mount = 'mount -t tmpfs -o size=2m none "$1" && exec "$2" -c "$3" "$1"'
    said = subprocess.run(
        [*OWN_MOUNTS, "sh", "-c", mount, "sh", str(tmp_path), sys.executable, SCRIPT],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE_S,
    )
    assert said.stdout == '["failed", "killed", "supervisor"]\n', said.stderr


def in_own_mounts(home: Path, script: str, *words: str) -> dict[str, Any]:
    """What a script tells that may mount what it likes."""
    home.mkdir()
    said = subprocess.run(
        [*OWN_MOUNTS, sys.executable, "-c", script, str(home), *words],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=False,
        timeout=2 * PATIENCE_S,  # the script's own patience ends first, and cleans up
    )
    assert said.returncode == 0, said.stderr
    facts = json.loads(said.stdout)
    assert isinstance(facts, dict)
    return facts


@needs_mounts
def test_a_disk_that_fills_up_ends_the_next_save_and_costs_no_other(tmp_path: Path) -> None:
    told = in_own_mounts(tmp_path / "home", FULL_WHILE_TRAINING + SAVES, "save_units")
    assert told == {
        "end": ["failed", "disk_full"],
        "unit": [True, 0],
        "left": [],
        "next": "completed",
    }


@needs_mounts
def test_a_full_disk_hides_nothing_of_a_trainer_that_saves_nothing(tmp_path: Path) -> None:
    script = FULL_WHILE_TRAINING + SAVES_NOTHING
    told = in_own_mounts(tmp_path / "home", script, "promise_little")
    assert told == {"goes on": True, "low": True}
