"""Everything bad that can happen to a run, for real: is the record true, is anything lost?

Each fault strikes a run in a home of its own.  Then somebody looks: the record must be true
within 5 s, no saved state lost, no process left, and the next start must work.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmarks.fault_scene import NAP_S, Scene
from benchmarks.fault_table import FAULTS, Fault
from drivetrain.settings import PROJECT

TRUE_WITHIN_S = 5.0
INSIDE_PATIENCE_S = 180.0
OWN_MOUNTS = ("unshare", "--user", "--map-root-user", "--mount")
ON_A_DISK = 'mount -t tmpfs -o "$1" none "$2" && shift 2 && exec "$@"'


@dataclass(frozen=True)
class Result:
    """What a fault did.

    told: what the look said.  true_after_s: from the look until it said what is true.
    lost: saved states; left: processes.  took_s: everything together.  wrong: what else was
    not as it should be.
    """

    name: str
    record: str
    told: str
    true_after_s: float
    lost: int
    left: int
    next_start: bool
    kills_in_saves: int
    took_s: float
    wrong: str

    @property
    def is_true(self) -> bool:
        """Whether the record told the truth, and the next start works."""
        return self.told == self.record and self.next_start and not self.wrong


def try_fault(fault: Fault, place: Path) -> Result:
    """Let one fault happen in this folder, and look."""
    scene, began_at = Scene(place / "home"), time.monotonic()
    wrong = what_is_wrong(lambda: fault.inject(scene))
    told, true_after_s = look(scene, fault)
    lost = scene.lost()
    wrong = wrong or what_is_wrong(scene.close)
    left = len(scene.left())
    wrong_next = what_is_wrong(scene.start_next)
    return Result(
        name=fault.name,
        record=fault.record,
        told=told,
        true_after_s=true_after_s,
        lost=lost,
        left=left,
        next_start=not wrong_next,
        kills_in_saves=scene.kills_in_saves,
        took_s=round(time.monotonic() - began_at, 1),
        wrong=wrong or wrong_next,
    )


def what_is_wrong(act: Callable[[], object]) -> str:
    """Why something did not work, nothing where it did."""
    try:
        act()
    except Exception as error:  # noqa: BLE001 - whatever went wrong is a result
        at = traceback.extract_tb(error.__traceback__)[-1]
        return f"{type(error).__name__}: {error} at {Path(at.filename).name}:{at.lineno}"
    return ""


def look(scene: Scene, fault: Fault) -> tuple[str, float]:
    """What is told, and how long it took until that was true, at most 5 s."""
    looked_at = time.monotonic()
    while True:
        try:
            told = scene.look()
        except Exception as error:  # noqa: BLE001 - a look that fails tells no truth
            told = type(error).__name__
        after_s = time.monotonic() - looked_at
        if told == fault.record or after_s > TRUE_WITHIN_S:
            return told, round(after_s, 2)
        time.sleep(NAP_S)


def try_on_disk(fault: Fault, place: Path) -> Result:
    """The same in a process whose home lies on a small disk of its own."""
    mounted = ("sh", "-c", ON_A_DISK, "sh", fault.disk or "", str(place))
    inside = ("-m", "benchmarks.faults", "--inside", fault.name, "--place", str(place))
    said = subprocess.run(
        [*OWN_MOUNTS, *mounted, sys.executable, *inside],
        cwd=PROJECT,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        timeout=INSIDE_PATIENCE_S,
    )
    return Result(**json.loads(said.stdout))


def can_mount() -> bool:
    """Whether this machine lets a process have mounts of its own."""
    if shutil.which(OWN_MOUNTS[0]) is None:
        return False
    probe = [*OWN_MOUNTS, "mount", "-t", "tmpfs", "none", "/mnt"]
    return subprocess.run(probe, capture_output=True, check=False).returncode == 0


def try_all(faults: Sequence[Fault], place: Path) -> list[Result]:
    """Every fault in turn; those that need a disk of their own only where that is allowed."""
    results = []
    for number, fault in enumerate(faults):
        (place / str(number)).mkdir()
        act = try_on_disk if fault.disk is not None else try_fault
        results.append(act(fault, place / str(number)))
        print(line_of(results[-1]), file=sys.stderr, flush=True)
    return results


def summary(results: Sequence[Result], skipped: Sequence[Fault]) -> dict[str, Any]:
    """The figures of the whole table."""
    return {
        "benchmark": "faults",
        "faults_tried": len(results),
        "records_true": sum(result.is_true for result in results),
        "checkpoints_lost": sum(result.lost for result in results),
        "processes_left": sum(result.left for result in results),
        "next_starts_work": sum(result.next_start for result in results),
        "kills_in_saves": sum(result.kills_in_saves for result in results),
        "slowest_truth_s": max((result.true_after_s for result in results), default=0.0),
        "not_true": [result.name for result in results if not result.is_true],
        "skipped": [fault.name for fault in skipped],
    }


def line_of(result: Result) -> str:
    """One row of the table."""
    verdict = "true" if result.is_true else f"NOT TRUE, expected {result.record}"
    words = [result.name.ljust(34), result.told.ljust(30), verdict]
    words += [f"lost {result.lost}", f"left {result.left}", f"{result.took_s:5.1f} s"]
    return "  ".join([*words, *([result.wrong] if result.wrong else [])])


def main(arguments: Sequence[str]) -> int:
    """Print the table, and the figures as a sentence, or with `--json` as one line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.faults", description=__doc__)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--only", default="", help="part of the names of the faults to try")
    parser.add_argument("--inside", help=argparse.SUPPRESS)
    parser.add_argument("--place", type=Path, help=argparse.SUPPRESS)
    asked = parser.parse_args(arguments)
    if asked.inside is not None:
        fault = next(fault for fault in FAULTS if fault.name == asked.inside)
        print(json.dumps(asdict(try_fault(fault, asked.place))))
        return 0
    chosen = [fault for fault in FAULTS if asked.only in fault.name]
    skipped = [] if can_mount() else [fault for fault in chosen if fault.disk is not None]
    with tempfile.TemporaryDirectory() as place:
        # The slots of this user's own runs are not for these.
        os.environ["XDG_STATE_HOME"] = str(Path(place) / "state")
        tried = [fault for fault in chosen if fault not in skipped]
        figures = summary(try_all(tried, Path(place)), skipped)
    if asked.json:
        print(json.dumps(figures))
    else:
        print(
            f"{figures['faults_tried']} faults tried, {figures['records_true']} records true,"
            f" {figures['checkpoints_lost']} checkpoints lost,"
            f" {figures['processes_left']} processes left."
        )
    return 0 if not figures["not_true"] else 5


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
