"""How a run learned, as a picture. A child draws it: the conversation loads no Pillow."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

from drivetrain.errors import UserError
from drivetrain.runs.environment import code_path
from drivetrain.runs.history import read_history
from drivetrain.runs.look import Run
from drivetrain.runs.registry import find_run
from drivetrain.series import History, Series

MOST_POINTS: Final = 400
"""Of one line: more cannot be told apart."""
DRAWN_WITHIN_S: Final = 60.0
ERROR: Final = "val_nll"
RATES: Final = (
    ("success", "success", "good"),
    ("at_fault_collision", "at-fault collision", "bad"),
    ("off_road", "off-road", "warn"),
)
"""What an evaluation counts, how it is called, and its colour."""


def learning_curve(home: Path, run_id: str) -> Path:
    """A picture of how a run learned so far.

    Raises:
        NotFoundError: there is no such run.
    """
    run = find_run(home, run_id)
    file = home / "pictures" / f"{run.id}.png"
    _draw(_chart(run, read_history(run.folder)), file)
    return file


def _chart(run: Run, history: History) -> Mapping[str, Any]:
    driven = [
        _line("training", history.numbers, "reward", "faint"),
        _line("evaluation", history.evaluations, "reward", "main") | {"dots": True},
    ]
    rates = [
        _line(name, history.evaluations, key, colour) | {"dots": True}
        for key, name, colour in RATES
    ]
    # Of some runs only evaluations tell these, of others each epoch does.
    told = max((history.numbers, history.evaluations), key=lambda one: len(one.get(ERROR, ())))
    errors = [
        _line("training", told, "train_nll", "faint"),
        _line("validation", told, ERROR, "main"),
    ]
    return {
        "title": f"{run.id} · {run.algorithm}",
        "panels": [
            {"title": "Reward of an episode", "lines": driven},
            {"title": "Error of imitation (negative log-likelihood)", "lines": errors},
            {"title": "Validation drives", "lines": rates, "is_share": True},
        ],
    }


def _line(name: str, group: Mapping[str, Series], key: str, colour: str) -> dict[str, Any]:
    return {"name": name, "points": thinned(group.get(key, ())), "colour": colour}


def thinned(series: Series) -> list[tuple[float, float]]:
    """At most MOST_POINTS points: the means of neighbours, the last one as it is."""
    if len(series) <= MOST_POINTS:
        return [(float(step), value) for step, value in series]
    width = -(-len(series) // (MOST_POINTS - 1))
    groups = (series[at : at + width] for at in range(0, len(series), width))
    points = [
        (_mean(step for step, _ in group), _mean(value for _, value in group))
        for group in groups
    ]
    step, value = series[-1]
    return [*points, (float(step), value)]


def _mean(values: Iterable[float]) -> float:
    listed = list(values)
    return sum(listed) / len(listed)


def _draw(chart: Mapping[str, Any], file: Path) -> None:
    """The picture whole: whoever reads it meanwhile sees the one before."""
    file.parent.mkdir(parents=True, exist_ok=True)
    draft = file.with_name(f".{file.name}.{os.getpid()}.{threading.get_ident()}")
    try:
        child = subprocess.run(  # noqa: S603 - list arguments, no shell
            [sys.executable, "-P", "-m", "drivetrain.pictures.curve", str(draft)],
            input=json.dumps(chart).encode(),
            capture_output=True,
            env=os.environ | code_path(),
            timeout=DRAWN_WITHIN_S,
            check=False,
        )
        if child.returncode:
            raise UserError(
                "The picture could not be drawn; see what is wrong with the machine. "
                "Try `/train doctor`."
            )
        draft.replace(file)
    finally:
        draft.unlink(missing_ok=True)
