"""Drives scenarios once more and draws them: a page and an animated image for each.

`python -m trainers.replay --checkpoint FILE --name NAME --out FOLDER [--scenario ID]…` prints
one JSON object.  What it draws is the episode that an evaluation counts: the same course, the
same seed.
"""

import argparse
import hashlib
import io
import json
import math
import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from drivetrain.errors import NotFoundError, UserError
from drivetrain.pictures.animation import write_animation
from drivetrain.pictures.page import index_of, page_of
from drivetrain.pictures.posters import posters
from drivetrain.pictures.record import record
from drivetrain.pictures.recording import Recording
from drivetrain.pictures.words import end_words
from drivetrain.sim.config import STEP_S, EnvironmentSettings
from drivetrain.sim.metrics import drive_each
from drivetrain.sim.planners import Driver
from drivetrain.text import nearest, quote, typed
from trainers import checkpoints
from trainers.baselines import BASELINES
from trainers.evaluate import Course
from trainers.judgement import worst_first
from trainers.policy import PolicyDriver, restored_policy
from trainers.requests import request_of

LONGEST_NAME = 80


@dataclass(frozen=True, slots=True)
class Drive:
    """Who drives where: the course of an evaluation, and a driver that begins anew each time.

    name: how the driver is called.
    """

    name: str
    course: Course
    checkpoint: checkpoints.Checkpoint | None

    @classmethod
    def of(cls, asked: argparse.Namespace) -> "Drive":
        """What the command line asks for.

        Raises:
            UserError: the checkpoint or the set cannot be used.
        """
        if asked.baseline is not None:
            course = Course.of(asked.data, EnvironmentSettings(), None)
            return cls(asked.baseline, course, None)
        checkpoint = checkpoints.load(asked.checkpoint)
        request = request_of(checkpoint.request)
        course = Course.of(asked.data or request.course, request.environment, None)
        return cls(f"{asked.name} ({asked.checkpoint.stem})", course, checkpoint)

    def driver(self) -> Driver:
        """Somebody who has not driven yet: a die remembers what it threw."""
        if self.checkpoint is None:
            return BASELINES[self.name].make()
        actions = self.course.environment.actions
        return PolicyDriver(restored_policy(self.checkpoint), actions)

    def rows(self, wanted: Sequence[str]) -> list[int]:
        """The rows of scenarios by their ids, or by endings that only one id has.

        Raises:
            NotFoundError: there is none of this name; names the nearest.
        """
        ids = self.course.scenarios.catalogue["id"]
        return list(dict.fromkeys(_row_of(name, ids, self.name) for name in wanted))

    def worst(self, count: int) -> list[int]:
        """The rows of the scenarios driven worst, the lowest score first."""
        course = self.course
        _tell(f"driving {len(course.picks)} scenarios to find the worst")
        table = drive_each(
            course.scenarios.arrays, course.picks, course.environment, self.driver()
        )
        rows: list[int] = course.picks[worst_first(table)[:count]].tolist()
        return rows

    def recordings(self, rows: Sequence[int]) -> list[Recording]:
        """The episodes in these rows, in their order."""
        places = {int(row): at for at, row in enumerate(self.course.picks)}
        held_out = [row for row in rows if row in places]
        found: dict[int, Recording] = {}
        if held_out:
            taken = self._record(self.course.picks, [places[row] for row in held_out])
            found |= dict(zip(held_out, taken, strict=True))
        for row in rows:
            # No evaluation drives it, so it is driven alone.
            if row not in places:
                found[row] = self._record(np.array([row], np.int64), [0])[0]
        return [found[row] for row in rows]

    def _record(self, picks: NDArray[np.int64], wanted: list[int]) -> list[Recording]:
        course = self.course
        return record(
            course.scenarios,
            picks,
            course.environment,
            self.driver(),
            wanted=wanted,
            name=self.name,
        )


def _row_of(name: str, ids: NDArray[np.str_], driver: str) -> int:
    rows = np.flatnonzero(ids == name)
    if not len(rows) and name:
        rows = np.flatnonzero(np.char.endswith(ids, name))
    if len(rows) == 1:
        return int(rows[0])
    driver = driver.split(" ")[0]
    if len(rows):
        some = str(ids[rows[0]])
        raise NotFoundError(
            f"{len(rows)} scenarios end in {quote(name)}; name one of them. "
            f"Try `/train replay {driver} --scenario {typed(some)}`."
        )
    guess = nearest(name, ids.tolist(), cutoff=0.0) or str(ids[0])
    raise NotFoundError(
        f"The set has no scenario {quote(name)}; the nearest is {quote(guess)}. "
        f"Try `/train replay {driver} --scenario {typed(guess)}`."
    )


def draw(drive: Drive, rows: Sequence[int], folder: Path) -> dict[str, Any]:
    """A page and an image for each of the rows, a sheet, and an index of several."""
    folder.mkdir(parents=True, exist_ok=True)
    drawn: list[tuple[Recording, str, str]] = []
    for recording in drive.recordings(rows):
        name = _file_name(recording.facts["id"])
        _tell(f"{len(drawn) + 1}/{len(rows)} {name}")
        _replace(folder / f"{name}.html", page_of(recording).encode())
        draft = folder / f".{name}.gif"
        write_animation(recording, draft)
        draft.replace(folder / f"{name}.gif")
        drawn.append((recording, f"{name}.html", f"{name}.gif"))
    sheet = folder / "sheet.png"
    _replace(sheet, _png(posters([recording for recording, _, _ in drawn])))
    index = folder / "index.html"
    if len(drawn) == 1:
        index.unlink(missing_ok=True)  # it would show what was drawn before
    else:
        _replace(index, index_of(drawn, f"Replays of {drive.name}").encode())
    return {
        "driver": drive.name,
        "data": drive.course.facts.name,
        "folder": str(folder),
        "index": str(index) if len(drawn) > 1 else None,
        "sheet": str(sheet),
        "replays": list(_facts(drawn, folder)),
    }


def _facts(
    drawn: Sequence[tuple[Recording, str, str]], folder: Path
) -> Iterator[dict[str, Any]]:
    for recording, page, image in drawn:
        outcome = recording.outcome
        yield {
            "scenario": recording.facts["id"],
            "type": recording.facts["type"],
            "licence": recording.facts["licence"],
            "end_reason": outcome.end_reason,
            "ended": end_words(recording),
            "success": outcome.success,
            "red_lights": outcome.red_lights,
            "steps": outcome.steps,
            "seconds": round(outcome.steps * STEP_S, 1),
            "progress": outcome.progress,
            "reward": outcome.reward,
            "score": _finite(outcome.score),
            "metrics": {name: _finite(value) for name, value in outcome.metrics.items()},
            "page": str(folder / page),
            "image": str(folder / image),
        }


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _file_name(scenario: str) -> str:
    """A file name that tells the scenario, another one for every id: `a/b` and `a-b` differ."""
    name = re.sub(r"[^A-Za-z0-9_-]+", "-", scenario)[:LONGEST_NAME].strip("-")
    return f"{name or 'scenario'}-{hashlib.sha256(scenario.encode()).hexdigest()[:8]}"


def _replace(file: Path, content: bytes) -> None:
    """The file whole: whoever looks meanwhile sees the one before."""
    draft = file.with_name(f".{file.name}")
    draft.write_bytes(content)
    draft.replace(file)


def _png(image: Image.Image) -> bytes:
    file = io.BytesIO()
    image.save(file, format="PNG", optimize=True)
    return file.getvalue()


def _tell(text: str) -> None:
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


def main(arguments: Sequence[str]) -> int:
    """The command line; the exit code is the error's own."""
    parser = argparse.ArgumentParser(prog="python -m trainers.replay", description=__doc__)
    driver = parser.add_mutually_exclusive_group(required=True)
    driver.add_argument("--checkpoint", type=Path, help="`best.pt` of a run")
    driver.add_argument("--baseline", choices=tuple(BASELINES), help="a driver without a run")
    parser.add_argument("--name", default="run", help="how the run is called")
    parser.add_argument("--data", type=Path, help="another scenario set than the run's own")
    parser.add_argument("--out", type=Path, required=True, help="folder for what is drawn")
    parser.add_argument("--scenario", action="append", help="draw this one; may be repeated")
    parser.add_argument("--worst", type=int, default=3, help="else so many of the worst")
    asked = parser.parse_args(arguments)
    try:
        drive = Drive.of(asked)
        rows = drive.rows(asked.scenario) if asked.scenario else drive.worst(asked.worst)
        result = draw(drive, rows, asked.out)
    except UserError as error:
        sys.stderr.write(f"error: {error}\n")
        return error.exit_code
    except OSError as error:
        place = quote(str(error.filename or asked.out), 200)
        sys.stderr.write(
            f"error: {place} cannot be written ({error.strerror}); name a folder of yours. "
            f"Try `/train replay {asked.baseline or asked.name} --out replays`.\n"
        )
        return UserError.exit_code
    sys.stdout.write(json.dumps(result) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
