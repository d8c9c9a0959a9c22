"""Drives the scenarios of a set with an expert, and records what it saw and did.

Only train and val scenarios are driven: what is held out for tests teaches nobody.  What is no
example to follow (a collision at fault, the road left, a log that the bicycle lost) is left
out, and counted.

With noise the expert is pushed off its line while it drives, and what is recorded is what it
wants to do about it (Laskey et al. 2017, DART): else a learner never sees how to come back from
its own small mistakes.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from drivetrain.data import integrity
from drivetrain.data.demonstration_files import DemonstrationWriter, Drive
from drivetrain.data.demonstrations import DemonstrationManifest
from drivetrain.data.log_actions import LogActionDriver, log_poses
from drivetrain.data.scenario_sets import ScenarioSet
from drivetrain.sim.actions import ACTION_COLUMNS
from drivetrain.sim.config import EnvironmentSettings
from drivetrain.sim.layout import LAYOUTS
from drivetrain.sim.metrics import EpisodeTable, table_of
from drivetrain.sim.pdm import PdmDriver
from drivetrain.sim.planners import Driver, IdmDriver
from drivetrain.sim.state import Episodes
from drivetrain.sim.world import Worlds

Demonstrator = Literal["log", "pdm", "idm"]
DEMONSTRATORS: tuple[Demonstrator, ...] = get_args(Demonstrator)
AT_ONCE = 64
"""Scenarios driven together; what is recorded of them waits in memory."""
MOST_REPLAY_ERROR_M = 1.0
"""A drive that was ever farther from its log than this does not show what the log shows."""
NOISE_KEEPS = 0.9
"""How much of a push is still there a step later: a push lasts about a second."""

Interrupt = Callable[[int, int], None]
"""Called before every step with the drives done and those to do; it may raise to leave."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What is to be driven.

    scenarios: at most so many, None for all; every split keeps its share.  noise: standard
    deviation of the pushes, as a share of what an action can ask for.
    """

    driver: Demonstrator
    environment: EnvironmentSettings
    scenarios: int | None = None
    noise: float = 0.0
    seed: int = 0

    @property
    def settings(self) -> EnvironmentSettings:
        """How the driver drives: a log amid the traffic that its driver had around it."""
        judged = self.environment.for_judging().model_copy(update={"actions": "bicycle"})
        return judged.model_copy(update={"traffic": "replay"} if self.driver == "log" else {})


def demonstrate(
    scenarios: ScenarioSet, place: Path | None, asked: Asked, out: Path, interrupt: Interrupt
) -> None:
    """Record drives of the set into a new folder.  place: of the set, None for the built-in.

    Raises:
        ConflictError: there is something in the folder's place.
        DataError: no drive is fit to learn from.
    """
    picks = picked(scenarios, asked.scenarios)
    with DemonstrationWriter(out, _origin(place, asked)) as writer:
        for first in range(0, len(picks), AT_ONCE):

            def heed(first: int = first) -> None:
                interrupt(first, len(picks))

            chunk = picks[first : first + AT_ONCE]
            for drive, fault in driven(scenarios, chunk, asked, heed):
                if fault is None:
                    writer.add(drive)
                else:
                    writer.left_out[fault] += 1


def picked(scenarios: ScenarioSet, most: int | None) -> NDArray[np.int64]:
    """The rows to drive, train before val, evenly thinned to at most so many."""
    splits = [scenarios.picks("train"), scenarios.picks("val")]
    whole = sum(map(len, splits))
    if most is None or whole <= most:
        return np.concatenate(splits)
    counts = [max(min(1, len(rows)), round(most * len(rows) / whole)) for rows in splits]
    return np.concatenate(
        [
            rows[np.linspace(0, len(rows) - 1, count).astype(int)] if count else rows[:0]
            for rows, count in zip(splits, counts, strict=True)
        ]
    )


def driven(
    scenarios: ScenarioSet,
    picks: NDArray[np.int64],
    asked: Asked,
    interrupt: Callable[[], None],
) -> Iterator[tuple[Drive, str | None]]:
    """Every pick driven once, all at once; each drive with the reason to leave it out."""
    worlds = Worlds(
        scenarios.arrays,
        asked.settings,
        num_worlds=len(picks),
        seed=asked.seed,
        picks=picks,
        in_order=True,
    )
    worlds.reset()
    tape = _Tape(worlds, asked, picks)
    while not tape.is_full():
        interrupt()
        tape.step()
    catalogue = scenarios.catalogue[picks]
    for world in range(len(picks)):
        yield tape.drive(world, catalogue[world]), tape.fault(world)


class _Tape:
    """What is seen and done in worlds, until each of them has ended its first episode."""

    def __init__(self, worlds: Worlds, asked: Asked, picks: NDArray[np.int64]) -> None:
        self._worlds = worlds
        self._driver = driver_of(asked.driver)
        count, steps = worlds.num_worlds, worlds.settings.horizon
        self._seen = np.zeros((steps + 1, count, worlds.layout.size), np.float32)
        self._done = np.zeros((steps, count, ACTION_COLUMNS["bicycle"]), np.float32)
        self._noise = pushes(asked, picks, self._done.shape)
        self._clipped = np.zeros(count, np.int64)
        self._rows = np.zeros(count, np.int64)
        self._terminated = np.zeros(count, np.bool_)
        self._ended: list[EpisodeTable | None] = [None] * count
        is_log = asked.driver == "log"
        self._poses = [log_poses(worlds, world) if is_log else None for world in range(count)]
        self._is_log = is_log
        self._error_m = np.full(count, 0.0 if is_log else np.nan)
        self._at = 0

    def is_full(self) -> bool:
        return all(table is not None for table in self._ended)

    def step(self) -> None:
        """One step of every world; those that have ended are driven on, and not recorded."""
        at, worlds, driver = self._at, self._worlds, self._driver
        goes_on = self._rows == 0
        self._seen[at] = worlds.observations
        wanted = np.asarray(driver.act(worlds), np.float32)
        self._done[at] = wanted
        if isinstance(driver, LogActionDriver):
            self._clipped += driver.beyond & goes_on
        worlds.step(np.clip(wanted + self._noise[at], -1.0, 1.0))
        self._at += 1
        ended = (worlds.terminated | worlds.truncated) & goes_on
        for world in np.flatnonzero(ended):
            self._end(int(world))
        self._seen[self._at, ended] = worlds.final_observations[ended]
        for world in np.flatnonzero(goes_on & ~ended):
            self._hold_to_log(int(world))

    def _end(self, world: int) -> None:
        self._rows[world] = self._at
        self._terminated[world] = self._worlds.terminated[world]
        rows = slice(world, world + 1)
        episode = Episodes._make(column[rows].copy() for column in self._worlds.episodes)
        self._ended[world] = table_of(episode)

    def _hold_to_log(self, world: int) -> None:
        """Note how far the box is from where the log has it."""
        poses = self._poses[world]
        if poses is None or self._at >= len(poses):
            return
        bodies = self._worlds.state.bodies
        x, y, _ = poses[self._at]
        error = float(np.hypot(bodies.x[world, 0] - x, bodies.y[world, 0] - y))
        self._error_m[world] = max(self._error_m[world], error)

    def fault(self, world: int) -> str | None:
        """Why nobody should learn from a drive, or None."""
        table = self._ended[world]
        if self._is_log and self._poses[world] is None:
            return "log_has_gaps"
        if self._error_m[world] > MOST_REPLAY_ERROR_M:
            return "log_not_followed"
        if table is None or table.at_fault_collision[0]:
            return "collision_at_fault"
        return "off_road" if table.off_road[0] else None

    def drive(self, world: int, row: np.void) -> Drive:
        """The recorded episode.  row: of the catalogue."""
        rows, table = int(self._rows[world]), self._ended[world]
        if table is None:
            raise ValueError("the episode has not ended")
        facts = {name: str(row[name]) for name in ("group", "split", "licence")}
        numbers = {
            "success": bool(table.success[0]),
            "terminated": bool(self._terminated[world]),
            "score": float(table.score[0]),
            "reward": float(table.reward[0]),
            "progress": float(table.progress[0]),
            "replay_error_m": float(self._error_m[world]),
            "clipped": float(self._clipped[world]),
        }
        return Drive(
            self._seen[: rows + 1, world].copy(),
            self._done[:rows, world].copy(),
            {"scenario": str(row["id"]), **facts, **numbers},
        )


def driver_of(name: Demonstrator) -> Driver:
    """One of the demonstrators, who has not driven yet."""
    drivers: dict[Demonstrator, Callable[[], Driver]] = {
        "log": LogActionDriver,
        "pdm": PdmDriver,
        "idm": IdmDriver,
    }
    return drivers[name]()


def pushes(
    asked: Asked, picks: NDArray[np.int64], shape: tuple[int, int, int]
) -> NDArray[np.float32]:
    """Pushes as long as they last: [steps, worlds, columns], by scenario and seed alone."""
    steps, _, columns = shape
    noise = np.zeros(shape, np.float32)
    if asked.noise == 0.0:
        return noise
    fresh = asked.noise * np.sqrt(1.0 - NOISE_KEEPS**2)
    for world, pick in enumerate(picks):
        random = np.random.default_rng([asked.seed, int(pick)])
        push = asked.noise * random.standard_normal(columns)
        for step in range(steps):
            noise[step, world] = push
            push = NOISE_KEEPS * push + fresh * random.standard_normal(columns)
    return noise


def _origin(place: Path | None, asked: Asked) -> DemonstrationManifest:
    settings = asked.settings
    return DemonstrationManifest(
        driver=asked.driver,
        observation=settings.observation,
        observation_size=LAYOUTS[settings.observation].size,
        actions=settings.actions,
        action_size=ACTION_COLUMNS[settings.actions],
        actuators=settings.actuators,
        traffic=settings.traffic,
        noise=asked.noise,
        scenario_set=None if place is None else str(place.absolute()),
        set_sha256=None if place is None else integrity.sha256_of(place / integrity.MANIFEST),
        episodes=0,
        transitions=0,
        splits={},
        licences={},
        left_out={},
        quality={},
    )
