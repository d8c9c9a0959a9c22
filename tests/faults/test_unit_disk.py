"""A disk that fills up in the middle of a save costs that save and nothing else."""

import json
import subprocess
import sys
from pathlib import Path

from drivetrain.settings import PROJECT
from tests.faults.test_full_disk import OWN_MOUNTS, needs_mounts
from tests.runs.living import PATIENCE_S

SCRIPT = """
import errno, json, os, sys
from pathlib import Path
import torch
from drivetrain import checkpoint_units
from drivetrain.checkpoint_units import newest_verified
from tests.saved_units import drafts_in, save, step_in, steps_in

PAGE = 4096
BIG = torch.zeros(40, PAGE)

def policy(file):
    torch.save({"weights": BIG}, file)

def save_with_torch(units, step):
    return checkpoint_units.write(units, step, {"policy.pt": policy, "optim.pt": policy}, {})

def fill(place, free):
    with (place / "ballast").open("wb", buffering=0) as ballast:
        try:
            while ballast.write(bytes(PAGE)):
                pass
        except OSError as error:
            assert error.errno == errno.ENOSPC, error
        os.truncate(place / "ballast", ballast.tell() - free)

def free_up(place):
    (place / "ballast").unlink()

def refusal(act, *args):
    try:
        act(*args)
    except OSError as error:
        assert error.errno == errno.ENOSPC, error
        return Path(error.filename).name
    return None

def refused_at(place, act, pages_at_once):
    units = place / "checkpoints" / "r1" / "units"
    before, told, free = save(units, 100), [], 0
    checkpoint_units.link(before.file("policy.pt"), units.parent / "last.pt")
    while True:
        fill(place, free)
        told.append(refusal(act, units, 200))
        assert drafts_in(place) == []
        if told[-1] is None:
            assert newest_verified(units)[0].step == 200
            return told[:-1]
        assert newest_verified(units) == (before, ())
        assert (steps_in(units), step_in(units.parent / "last.pt")) == ([100], 100)
        free_up(place)
        free += pages_at_once * PAGE

def afresh(place):
    free_up(place)
    checkpoint_units.prune(place / "checkpoints" / "r1" / "units", 1, ())

place = Path(sys.argv[1])
plain = refused_at(place / "plain", save, 1)
afresh(place / "plain")
save(place / "plain" / "checkpoints" / "r1" / "units", 300)
print(json.dumps([plain, refused_at(place / "torch", save_with_torch, 40)]))
"""


@needs_mounts
def test_a_save_that_fills_the_disk_fails_in_a_word_and_leaves_what_was_whole(
    tmp_path: Path,
) -> None:
    mount = (
        'for place in plain torch; do mkdir "$1/$place" && '
        'mount -t tmpfs -o size=3m none "$1/$place"; done; exec "$2" -c "$3" "$1"'
    )
    said = subprocess.run(
        [*OWN_MOUNTS, "sh", "-c", mount, "sh", str(tmp_path), sys.executable, SCRIPT],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE_S,
    )
    assert said.returncode == 0, said.stderr
    plain, with_torch = json.loads(said.stdout)
    assert list(dict.fromkeys(plain)) == ["policy.pt", "optim.pt", "rng.pt", "meta.json"]
    assert set(with_torch) == {"policy.pt", "optim.pt"}
