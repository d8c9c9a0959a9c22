"""How a driver did: rates and means with their intervals, by type, and scenario by scenario."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from drivetrain.sim.metrics import EpisodeTable
from drivetrain.sim.score.terms import METRICS
from trainers.statistics import (
    Groups,
    Mean,
    Rate,
    known_mean,
    known_mean_of,
    mean_of,
    numbered,
    rate_of,
)

WORST = 10

Numbers = Mapping[str, float | None]
"""By the names of METRICS; None where the data does not tell it."""


@dataclass(frozen=True, slots=True)
class TypeResult:
    """The scenarios of one type.  success: the share of them.  score, metrics: means."""

    scenarios: int
    success: float
    score: float | None
    metrics: Numbers


@dataclass(frozen=True, slots=True)
class Judged:
    """How one driver did on the evaluated scenarios.

    score: nuPlan's closed-loop score; None where no scenario's map tells it.
    red_light: whether any was driven past where the expert did not; no score counts it.
    metrics: the mean of each over the scenarios that tell it.
    """

    name: str
    episodes: int
    score: Mean | None
    success: Rate
    at_fault_collision: Rate
    collision: Rate
    off_road: Rate
    red_light: Rate
    progress: Mean
    reward: Mean
    metrics: Numbers
    by_type: Mapping[str, TypeResult]


@dataclass(frozen=True, slots=True)
class Driven:
    """One scenario as a driver drove it.  group: the recorded drive that it is part of."""

    id: str
    type: str
    group: str
    score: float | None
    success: bool
    at_fault_collision: bool
    collision: bool
    off_road: bool
    progress: float
    reward: float
    red_lights: int
    metrics: Numbers


def judge(name: str, table: EpisodeTable, catalogue: NDArray[np.void]) -> Judged:
    """The rates and means of a driver's episodes.  catalogue: [episodes] their scenarios."""
    types, groups = catalogue["type"], groups_of(catalogue)
    return Judged(
        name=name,
        episodes=len(table.success),
        score=known_mean_of(table.score, groups),
        success=rate_of(table.success, groups),
        at_fault_collision=rate_of(table.at_fault_collision, groups),
        collision=rate_of(table.collision, groups),
        off_road=rate_of(table.off_road, groups),
        red_light=rate_of(table.red_lights > 0, groups),
        progress=mean_of(table.progress, groups),
        reward=mean_of(table.reward, groups),
        metrics=_means(table.metrics),
        by_type={
            str(kind): _result(table, np.flatnonzero(types == kind))
            for kind in np.unique(types)
        },
    )


def groups_of(catalogue: NDArray[np.void]) -> Groups:
    """[episodes] which of them are of the same recorded drive."""
    return numbered(catalogue["group"])


def driven(table: EpisodeTable, catalogue: NDArray[np.void]) -> tuple[Driven, ...]:
    """Every scenario, in the order it was driven.  catalogue: [episodes] of the same."""
    return tuple(
        Driven(
            id=str(catalogue["id"][row]),
            type=str(catalogue["type"][row]),
            group=str(catalogue["group"][row]),
            score=known_mean(table.score[row : row + 1]),
            success=bool(table.success[row]),
            at_fault_collision=bool(table.at_fault_collision[row]),
            collision=bool(table.collision[row]),
            off_road=bool(table.off_road[row]),
            progress=float(table.progress[row]),
            reward=float(table.reward[row]),
            red_lights=int(table.red_lights[row]),
            metrics=_means(table.metrics[row : row + 1]),
        )
        for row in range(len(table.success))
    )


def worst_first(table: EpisodeTable) -> NDArray[np.int64]:
    """The episodes from the lowest score up; those of equal score by success and reward."""
    return np.lexsort((table.reward, table.success, scores_of(table)))


def scores_of(table: EpisodeTable) -> NDArray[np.float64]:
    """Of every episode; where the map tells none, a success counts as 1, anything else as 0."""
    return np.where(np.isnan(table.score), table.success, table.score)


def worst_of(table: EpisodeTable) -> NDArray[np.int64]:
    """Of `worst_first`, those that leave something to be wished for; at most WORST."""
    order = worst_first(table)
    perfect = table.success & ~(table.score < 1.0)
    return order[~perfect[order]][:WORST]


def _result(table: EpisodeTable, rows: NDArray[np.int64]) -> TypeResult:
    return TypeResult(
        scenarios=len(rows),
        success=float(table.success[rows].mean()),
        score=known_mean(table.score[rows]),
        metrics=_means(table.metrics[rows]),
    )


def _means(metrics: NDArray[np.float64]) -> dict[str, float | None]:
    """metrics: [episodes, metrics]."""
    return {name: known_mean(metrics[:, column]) for column, name in enumerate(METRICS)}
