"""A disk that fills up while a run trains still gets the run's verdict."""

import shutil
import subprocess
import sys
from pathlib import Path

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
