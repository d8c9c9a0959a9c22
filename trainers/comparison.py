"""Drivers compared on the same scenarios: who is better, by how much, and how sure that is.

Learned drivers differ by seed as much as by anything else, and episodes of one recorded drive
resemble each other: intervals draw both anew (Agarwal et al. 2021 for the runs).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from trainers.statistics import (
    Difference,
    Floats,
    Groups,
    Mean,
    difference_of,
    holm,
    mean_over_runs,
    rate_of,
)

MEASURES = {"score": 1, "success": 1, "at_fault_collision": -1, "progress": 1}
"""What verdicts are given on; 1 where more is better, -1 where less is."""
COMFORT = "nuplan_ego_is_comfortable"
TOLD = (
    "score",
    "success",
    "at_fault_collision",
    "collision",
    "off_road",
    "progress",
    COMFORT,
)
"""What is told of every driver: each verdict more would cost the others sureness."""
LEAST_GROUPS = 30
LEVEL = 0.05

Verdict = Literal["better", "worse", "unclear", "too_few"]
Columns = Mapping[str, Floats]
"""By TOLD; NaN where the map does not tell a score."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One driver of a comparison: a run, several that differ in their seed alone, a baseline.

    columns: [runs, episodes].  steps: how long the policy of each run had trained.
    """

    name: str
    algorithm: str | None
    runs: tuple[str, ...]
    seeds: tuple[int, ...]
    steps: tuple[int | None, ...]
    columns: Columns


@dataclass(frozen=True, slots=True)
class Scenes:
    """What all of them drove.  groups, types: [episodes]."""

    groups: Groups
    types: NDArray[np.str_]

    def count(self) -> int:
        """How many recorded drives these are."""
        return len(np.unique(self.groups))


@dataclass(frozen=True, slots=True)
class TypeStanding:
    """How a driver did on one type of scenario."""

    scenarios: int
    groups: int
    score: Mean | None
    success: Mean | None


@dataclass(frozen=True, slots=True)
class Standing:
    """How one driver did, by measure and by type of scenario."""

    name: str
    algorithm: str | None
    runs: tuple[str, ...]
    seeds: tuple[int, ...]
    steps: tuple[int | None, ...]
    measures: Mapping[str, Mean | None]
    by_type: Mapping[str, TypeStanding]


@dataclass(frozen=True, slots=True)
class Contrast:
    """The first of two drivers against the second in one measure.

    difference: of the means, first less second.  p_corrected: for all contrasts of a
    comparison (Holm 1979).  verdict: of the first; only sure differences are called better.
    """

    first: str
    second: str
    measure: str
    scenarios: int
    groups: int
    difference: Difference
    p_corrected: float
    verdict: Verdict


def standing(entry: Entry, scenes: Scenes) -> Standing:
    """How a driver did."""
    every = np.ones(len(scenes.groups), np.bool_)
    return Standing(
        name=entry.name,
        algorithm=entry.algorithm,
        runs=entry.runs,
        seeds=entry.seeds,
        steps=entry.steps,
        measures={name: _mean(entry.columns[name], scenes, every) for name in TOLD},
        by_type={
            str(kind): _of_type(entry, scenes, scenes.types == kind)
            for kind in np.unique(scenes.types)
        },
    )


def contrasts(entries: Sequence[Entry], scenes: Scenes) -> tuple[Contrast, ...]:
    """Every pair of drivers in every measure.

    Beside a run nobody asks which of two baselines is better, and each question costs sureness.
    """
    has_runs = any(entry.runs for entry in entries)
    found = [
        contrast
        for first, second in combinations(entries, 2)
        if first.runs or second.runs or not has_runs
        for contrast in _of_pair(first, second, scenes)
    ]
    corrected = holm([contrast.difference.p for contrast in found])
    return tuple(
        replace(one, p_corrected=p, verdict=_verdict(one, p))
        for one, p in zip(found, corrected, strict=True)
    )


def _of_pair(first: Entry, second: Entry, scenes: Scenes) -> Iterator[Contrast]:
    for measure in MEASURES:
        ours, theirs = first.columns[measure], second.columns[measure]
        known = ~(np.isnan(ours).any(axis=0) | np.isnan(theirs).any(axis=0))
        if not known.any():
            continue
        groups = scenes.groups[known]
        yield Contrast(
            first=first.name,
            second=second.name,
            measure=measure,
            scenarios=len(groups),
            groups=len(np.unique(groups)),
            difference=difference_of(ours[:, known], theirs[:, known], groups),
            p_corrected=1.0,
            verdict="unclear",
        )


def _verdict(contrast: Contrast, p_corrected: float) -> Verdict:
    """The interval tells of the runs' chance too, the p only of the scenarios': both must."""
    difference = contrast.difference
    if contrast.groups < LEAST_GROUPS:
        return "too_few"
    low, high = difference.low, difference.high
    is_sure = low is not None and high is not None and (low > 0 or high < 0)
    if not is_sure or p_corrected >= LEVEL:
        return "unclear"
    return "better" if difference.mean * MEASURES[contrast.measure] > 0 else "worse"


def _of_type(entry: Entry, scenes: Scenes, rows: NDArray[np.bool_]) -> TypeStanding:
    return TypeStanding(
        scenarios=int(rows.sum()),
        groups=len(np.unique(scenes.groups[rows])),
        score=_mean(entry.columns["score"], scenes, rows),
        success=_mean(entry.columns["success"], scenes, rows),
    )


def _mean(column: Floats, scenes: Scenes, rows: NDArray[np.bool_]) -> Mean | None:
    known = rows & ~np.isnan(column).any(axis=0)
    if not known.any():
        return None
    values, (_, groups) = column[:, known], np.unique(scenes.groups[known], return_inverse=True)
    is_one = len(values) == 1 or (values == values[0, 0]).all()
    if is_one and np.isin(values, (0.0, 1.0)).all():
        # A bootstrap of what never happened is sure of it; Wilson's interval is not.
        rate = rate_of(values[0] > 0, groups)
        return Mean(rate.rate, rate.low, rate.high)
    return mean_over_runs(values, groups)
