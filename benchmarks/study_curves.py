"""Learning curves of a study: the validation score over steps and over minutes of training."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import matplotlib as mpl
import numpy as np
from numpy.typing import NDArray

from drivetrain.data.open import open_set
from drivetrain.sim.config import EnvironmentSettings
from drivetrain.sim.metrics import drive_each
from trainers.baselines import BASELINES
from trainers.judgement import scores_of
from trainers.train_request import TrainingSettings

mpl.use("Agg")

from matplotlib import pyplot as plt

POINTS = 200
DASHES = ("--", ":", "-.")


class Curve(NamedTuple):
    """How one run drove in validation.  All [evaluations]."""

    steps: NDArray[np.float64]
    minutes: NDArray[np.float64]
    score: NDArray[np.float64]
    success: NDArray[np.float64]


def draw_curves(
    runs: Mapping[str, Sequence[Path]], data: Path, baselines: Sequence[str], picture: Path
) -> Path:
    """Draw all runs with the same title as one line in the band of its seeds.

    runs: the folders of each title.  data: the set they learn on, whose validation part the
    baselines drive for their lines.
    """
    figure, panels = plt.subplots(1, 2, figsize=(13, 5), sharey=True, layout="constrained")
    for title, folders in runs.items():
        curves = [curve_of(folder / "events.jsonl") for folder in folders]
        for panel, axis in zip(panels, ("steps", "minutes"), strict=True):
            _draw(panel, title, curves, axis)
    for name, dash in zip(baselines, DASHES, strict=False):
        for panel in panels:
            panel.axhline(score_of(name, data), color="gray", linestyle=dash, linewidth=1)
            panel.plot([], [], color="gray", linestyle=dash, label=BASELINES[name].title)
    panels[0].set(xlabel="Steps (BC: demonstrated transitions)", ylabel="Closed-loop score")
    panels[0].set_xscale("log")
    panels[1].set(xlabel="Minutes of one core")
    panels[1].legend(loc="lower right", fontsize="small")
    for panel in panels:
        panel.grid(alpha=0.3)
        panel.set_ylim(0.0, 1.0)
    figure.suptitle("Validation scenarios: mean over seeds, and their range")
    picture.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(picture, dpi=110)
    plt.close(figure)
    return picture


def curve_of(events: Path) -> Curve:
    """What a run told of its evaluations, the pauses between its attempts left out."""
    rows: list[tuple[float, ...]] = []
    paused_s, last_t, begun = 0.0, None, None
    for line in events.read_text().splitlines():
        event = json.loads(line)
        t = float(event["t"])
        what = event.get("event")
        if what == "started":
            begun = t if begun is None else begun
            paused_s += 0.0 if last_t is None else t - last_t
        if what == "evaluated" and begun is not None:
            minutes = (t - begun - paused_s) / 60.0
            rows.append((event["step"], minutes, event["score"], event["success"]))
        last_t = t
    return Curve(*np.array(rows, np.float64).reshape(-1, len(Curve._fields)).T)


def score_of(baseline: str, data: Path | None) -> float:
    """How a driver without training does on the scenarios that a run validates on."""
    scenarios = open_set(data)
    picks = scenarios.picks("val")[: TrainingSettings().eval_scenarios]
    driver = BASELINES[baseline].make()
    table = drive_each(scenarios.arrays, picks, EnvironmentSettings(), driver)
    return float(scores_of(table).mean())


def _draw(panel: Any, title: str, curves: Sequence[Curve], axis: str) -> None:
    """A line and a band, as far as every seed came.

    While a hybrid imitates it stands at step 0, which no logarithm shows; its minutes do.
    """
    lines = [(getattr(curve, axis), curve.score) for curve in curves]
    lines = [(along[along > 0], score[along > 0]) for along, score in lines]
    lines = [(along, score) for along, score in lines if len(along)]
    if not lines:
        return
    begin, end = max(along[0] for along, _ in lines), min(along[-1] for along, _ in lines)
    spaced = np.geomspace if axis == "steps" else np.linspace
    shared = spaced(begin, end, POINTS)
    scores = np.stack([np.interp(shared, along, score) for along, score in lines])
    (line,) = panel.plot(shared, scores.mean(axis=0), label=title)
    panel.fill_between(
        shared, scores.min(axis=0), scores.max(axis=0), color=line.get_color(), alpha=0.2
    )
