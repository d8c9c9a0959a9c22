"""Episodes as the numbers that status and curves show."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from drivetrain.sim.metrics import EpisodeTable, table_of
from drivetrain.sim.reward import REWARD_PARTS
from drivetrain.sim.state import Episodes
from drivetrain.sim.world import Worlds
from trainers.statistics import known_mean


class EndedEpisodes:
    """Sums over the episodes that ended since the last look, kept without a list."""

    def __init__(self) -> None:
        self.count = 0
        self._sums: dict[str, float] = {}
        self._known: dict[str, int] = {}

    def collect(self, worlds: Worlds) -> None:
        """Add the episodes that the last step ended."""
        ended = np.flatnonzero(worlds.terminated | worlds.truncated)
        if not ended.size:
            return
        self.count += ended.size
        parts = zip(REWARD_PARTS, worlds.episodes.part_means[ended].T, strict=True)
        columns = {
            **summary_columns(_ended_table(worlds, ended)),
            **{f"reward_{part}": means for part, means in parts},
        }
        for name, values in columns.items():
            self._sums[name] = self._sums.get(name, 0.0) + float(np.nansum(values))
            known = int(np.count_nonzero(~np.isnan(values)))
            self._known[name] = self._known.get(name, 0) + known

    def means(self) -> dict[str, float]:
        """The mean of every column over the episodes that tell it, if there are any."""
        known = ((name, total, self._known[name]) for name, total in self._sums.items())
        return {name: total / count for name, total, count in known if count}


def _ended_table(worlds: Worlds, ended: NDArray[np.int64]) -> EpisodeTable:
    return table_of(Episodes._make(column[ended] for column in worlds.episodes))


def summary_columns(table: EpisodeTable) -> Mapping[str, NDArray[np.floating]]:
    """The columns that curves show, one value per episode; NaN where the map tells no score."""
    return {
        "score": table.score,
        "reward": table.reward,
        "success": table.success.astype(np.float64),
        "at_fault_collision": table.at_fault_collision.astype(np.float64),
        "collision": table.collision.astype(np.float64),
        "off_road": table.off_road.astype(np.float64),
        "progress": table.progress,
        "steps": table.steps.astype(np.float64),
    }


def summary(table: EpisodeTable) -> dict[str, float]:
    """The mean of every column of `summary_columns` that is known."""
    means = {name: known_mean(values) for name, values in summary_columns(table).items()}
    return {name: mean for name, mean in means.items() if mean is not None}
