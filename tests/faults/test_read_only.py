"""A home that becomes read-only while a run trains, as a failing disk does."""

from pathlib import Path

from tests.faults.test_full_disk import in_own_mounts, needs_mounts

PRELUDE = """
import atexit, json, subprocess, sys
from pathlib import Path
from drivetrain.checkpoint_units import newest_verified
from drivetrain.runs.record import Ended, Stalled
from drivetrain.runs.registry import find_run, overview
from tests.runs.by_hand import launch_by_hand, processes_of
from tests.runs.living import attempt_of, end_all, ended, is_training, meet, start
home = Path(sys.argv[1])

def refuse_writes():
    # Over itself, and read-only from its first moment, since somebody is always writing.
    other = home.with_name("other")
    other.mkdir()
    subprocess.run(["mount", "--bind", home, other], check=True)
    subprocess.run(["mount", "-o", "remount,bind,ro", other], check=True)
    subprocess.run(["mount", "--bind", other, home], check=True)

def allow_writes():
    subprocess.run(["umount", "--lazy", home], check=True)

atexit.register(end_all, home)
"""
FAIL = """
folder = start(home, "save_units").run.folder
meet(home, "r1", lambda run: is_training(run) and any(folder.units.glob("0*")))
refuse_writes()
while any("python" in Path(f"/proc/{pid}/cmdline").read_text() for pid in processes_of(folder)):
    pass
seen = overview(home)
allow_writes()
end = ended(home)
unit, damages = newest_verified(folder.units)
start(home, "complete", "r2", "d2")
print(json.dumps({
    "looked": [len(seen.active), len(seen.ended)],
    "end": [end.how, end.reason, "Read-only file system" in end.detail],
    "by": json.loads(attempt_of(folder).exit.read_text())["by"],
    "unit": [end.unit == unit.step, len(damages)],
    "next": ended(home, "r2").reason,
}))
"""
TRAIN_ON = """
folder = launch_by_hand(home, "promise_little", stacks_after_s=2.0, stalled_for_s=0.0)
before = meet(home, "r1", is_training).progress.step
refuse_writes()
# Long enough for the supervisor to look several times.
meet(home, "r1", lambda run: isinstance(run.state, Stalled) and run.state.overdue_s > 4)
allow_writes()
after = meet(home, "r1", lambda run: is_training(run) and run.progress.step > before).progress
print(json.dumps({"log": folder.log.read_text(), "dropped": after.dropped > 0}))
"""


@needs_mounts
def test_a_save_that_was_refused_ends_the_run_and_its_verdict_waits(tmp_path: Path) -> None:
    told = in_own_mounts(tmp_path / "home", PRELUDE + FAIL)
    assert told == {
        "looked": [1, 0],
        "end": ["failed", "error", True],
        "by": "supervisor",
        "unit": [True, 0],
        "next": "completed",
    }


@needs_mounts
def test_nobody_takes_a_trainer_for_stalled_that_cannot_tell(tmp_path: Path) -> None:
    told = in_own_mounts(tmp_path / "home", PRELUDE + TRAIN_ON)
    assert told == {"log": "", "dropped": True}
