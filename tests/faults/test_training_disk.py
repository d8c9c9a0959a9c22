"""A disk that fills up under a real training ends it with its last good state kept."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from drivetrain.settings import PROJECT
from tests.faults.test_full_disk import OWN_MOUNTS, needs_mounts
from tests.written_sets import written_set
from trainers.catalog import TRAINERS

SCRIPT = """
import json, sys
from pathlib import Path
from drivetrain.runs.outcome import reason_of
from tests.fakes import FakeTelemetry
from tests.trainers.algorithms import ROLLOUT, small_request
from trainers import checkpoints
from trainers.catalog import trainer_of
from trainers.contract import Places

algorithm, data, disk = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
request, ballast = small_request(algorithm, data, 3), disk / "ballast"
places = Places(disk / "checkpoints", disk / "logs")

class Filling(FakeTelemetry):
    def event(self, step, name, **facts):
        if name == "evaluated" and step == 2 * ROLLOUT:
            try:
                with ballast.open("wb", buffering=0) as file:
                    while file.write(bytes(4096)):
                        pass
            except OSError:
                ballast.open("r+b").truncate(ballast.stat().st_size - LEFT)

for LEFT in (0, 4096 * 24):
    try:
        trainer_of(request)(request, Filling(), places)
    except OSError as error:
        reason = reason_of(error)
    steps = [checkpoints.load(file).step // ROLLOUT for file in (places.last, places.best)]
    ballast.unlink()
    print(json.dumps([reason, *steps]))
done = trainer_of(request)(request, FakeTelemetry(), places)
print(json.dumps([done.how, done.step // ROLLOUT]))
"""


@needs_mounts
@pytest.mark.parametrize("algorithm", sorted(TRAINERS))
def test_a_full_disk_ends_training_with_its_last_good_state(
    tmp_path: Path, algorithm: str
) -> None:
    data = written_set(tmp_path / "set")
    (tmp_path / "disk").mkdir()
    mount = 'mount -t tmpfs -o size=4m none "$3"; exec "$4" -c "$5" "$1" "$2" "$3"'
    words = [algorithm, str(data), str(tmp_path / "disk"), sys.executable, SCRIPT]
    told = subprocess.run(
        [*OWN_MOUNTS, "sh", "-c", mount, "sh", *words],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert told.returncode == 0, told.stderr
    lines = [json.loads(line) for line in told.stdout.splitlines()]
    # What a hybrid starts from, at step 0, may have driven best.
    best = 0 if algorithm == "HYBRID" else 1
    assert lines == [["disk_full", 1, best], ["disk_full", 1, best], ["completed", 3]]
