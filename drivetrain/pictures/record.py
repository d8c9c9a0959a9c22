"""Drives scenarios as an evaluation does and keeps what happened, step by step.

The whole course is driven, in the same worlds and with the same seed: a replay shows the very
episode that an evaluation counted, not one like it.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from drivetrain.data.scenario_sets import ScenarioSet
from drivetrain.pictures.map_shapes import Box, shapes_of
from drivetrain.pictures.recording import EGO_SERIES, Agents, Floats, Outcome, Recording
from drivetrain.sim.config import STEP_S, EnvironmentSettings
from drivetrain.sim.metrics import EpisodeTable, drive_each, table_of
from drivetrain.sim.planners import Driver
from drivetrain.sim.reward import REWARD_PARTS
from drivetrain.sim.scenario import ScenarioArrays
from drivetrain.sim.score.terms import METRICS
from drivetrain.sim.state import EndReason, Episodes
from drivetrain.sim.world import Worlds

SEEN_M = 120.0
"""So far around the drive the map is kept."""


def record(
    scenarios: ScenarioSet,
    picks: NDArray[np.int64],
    settings: EnvironmentSettings,
    driver: Driver,
    *,
    wanted: Sequence[int],
    name: str,
) -> list[Recording]:
    """The episodes of some picks, as `drive_each` drives them all.

    wanted: places in `picks`.  name: of the driver.
    """
    camera = _Camera(driver, wanted)
    try:
        drive_each(scenarios.arrays, picks, settings, camera)
    except _AllSeenError:
        pass
    else:
        camera.look()
    return [
        _developed(camera.reels[place], scenarios, settings.traffic, name) for place in wanted
    ]


class _AllSeenError(Exception):
    """Every wanted episode has ended: the rest of the course need not be driven."""


@dataclass(slots=True)
class _Reel:
    """What was seen of one world's episode so far."""

    world: int
    episode: int
    frames: list[dict[str, Any]] = field(default_factory=list)
    rewards: list[float] = field(default_factory=list)
    parts: list[Floats] = field(default_factory=list)
    table: EpisodeTable | None = None


class _Camera:
    """Drives as another driver does, and looks at the worlds before each step."""

    def __init__(self, driver: Driver, wanted: Sequence[int]) -> None:
        self.actions = driver.actions
        self._driver = driver
        self._wanted = wanted
        self._worlds: Worlds | None = None
        self.reels: dict[int, _Reel] = {}

    def act(self, worlds: Worlds) -> NDArray[np.floating]:
        """What the driver does."""
        if self._worlds is None:
            self._worlds = worlds
            self.reels = {
                place: _Reel(place % worlds.num_worlds, place // worlds.num_worlds)
                for place in self._wanted
            }
        self.look()
        if all(reel.table is not None for reel in self.reels.values()):
            raise _AllSeenError
        return self._driver.act(worlds)

    def look(self) -> None:
        """Keep what the last step did and where everybody is now."""
        worlds = self._worlds
        for reel in self.reels.values():
            if worlds is None or reel.table is not None:
                continue
            episode = int(worlds.state.progress.episode[reel.world])
            if episode >= reel.episode and reel.frames:
                reel.rewards.append(float(worlds.rewards[reel.world]))
                reel.parts.append(worlds.reward_parts[reel.world].astype(np.float64))
            if episode == reel.episode:
                reel.frames.append(_frame(worlds, reel.world))
            elif episode > reel.episode:
                _close(reel, worlds.episodes)


def _close(reel: _Reel, episodes: Episodes) -> None:
    world = slice(reel.world, reel.world + 1)
    columns: dict[str, Any] = episodes._asdict()
    row = Episodes(**{name: column[world].copy() for name, column in columns.items()})
    reel.table = table_of(row)
    reel.frames.append(_carried_on(reel.frames[-1]))


def _frame(worlds: Worlds, w: int) -> dict[str, Any]:
    """Everything of one world that a recording keeps."""
    bodies, egos, drivers = worlds.state.bodies, worlds.state.egos, worlds.state.drivers
    slots = int(worlds.state.progress.slots[w])
    names = ("x", "y", "cos", "sin", "vx", "vy", "half_length", "half_width")
    frame: dict[str, Any] = {name: getattr(bodies, name)[w, :slots].copy() for name in names}
    frame |= {
        "present": bodies.present[w, :slots] == 1,
        "category": bodies.category[w, :slots].copy(),
        "agent": drivers.agent[w, :slots].copy(),
        "scenario": int(worlds.state.progress.scenario[w]),
        "rear_to_centre": float(egos.rear_to_centre[w]),
        "limit": _limit(worlds, w),
        "offset": float(drivers.offset[w, 0]),
    }
    motion = ("speed", "acceleration", "steering", "yaw_rate", "lead_gap", "lead_speed")
    return frame | {name: float(getattr(egos, name)[w]) for name in motion}


def _limit(worlds: Worlds, w: int) -> float:
    """The speed limit beside the ego on its route, NaN where none is known."""
    drivers = worlds.state.drivers
    at = min(max(int(drivers.along[w, 0]), 0), int(drivers.points[w, 0]) - 1)
    return float(worlds.scenarios.limit_mps[drivers.start[w, 0] + at])


def _carried_on(frame: dict[str, Any]) -> dict[str, Any]:
    """The frame a step later, with everybody at the speed they had.

    By the time that an episode's end can be seen, its world is in the next one already. The
    ego's place is exact, since its rear axle moves by the old speed and heading.
    """
    turn = frame["yaw_rate"] * STEP_S
    cos, sin = frame["cos"].copy(), frame["sin"].copy()
    old_cos, old_sin, back = float(cos[0]), float(sin[0]), frame["rear_to_centre"]
    cos[0] = old_cos * math.cos(turn) - old_sin * math.sin(turn)
    sin[0] = old_sin * math.cos(turn) + old_cos * math.sin(turn)
    x, y = frame["x"] + frame["vx"] * STEP_S, frame["y"] + frame["vy"] * STEP_S
    x[0] += back * (cos[0] - old_cos)
    y[0] += back * (sin[0] - old_sin)
    return frame | {"x": x, "y": y, "cos": cos, "sin": sin}


def _developed(reel: _Reel, scenarios: ScenarioSet, traffic: str, name: str) -> Recording:
    """The recording of a reel."""
    arrays, first = scenarios.arrays, reel.frames[0]
    row, frames = first["scenario"], len(reel.frames)
    agents = _agents(reel.frames, int(arrays.first_agent[row]))
    expert = _expert(arrays, row, frames)
    facts = {
        part: str(scenarios.catalogue[part][row])
        for part in ("id", "source", "log", "split", "type", "licence")
    }
    return Recording(
        facts=facts,
        driver=name,
        traffic=traffic,
        agents=agents,
        ego={part: np.array([frame[part] for frame in reel.frames]) for part in EGO_SERIES},
        rewards=np.array(reel.rewards),
        reward_parts=np.array(reel.parts).reshape(-1, len(REWARD_PARTS)),
        expert=expert,
        signals=_signals(arrays, row, frames),
        shapes=shapes_of(arrays, row, _around(agents, expert)),
        outcome=_outcome(reel),
    )


def _agents(frames: list[dict[str, Any]], first_agent: int) -> Agents:
    facts = frames[0]
    moving = {
        name: np.array([frame[name] for frame in frames])
        for name in ("x", "y", "cos", "sin", "vx", "vy", "present")
    }
    return Agents(
        number=facts["agent"] - first_agent,
        category=facts["category"],
        length_m=2.0 * facts["half_length"],
        width_m=2.0 * facts["half_width"],
        x_m=moving["x"],
        y_m=moving["y"],
        heading_rad=np.arctan2(moving["sin"], moving["cos"]),
        speed_mps=np.hypot(moving["vx"], moving["vy"]),
        present=moving["present"],
    )


def _expert(arrays: ScenarioArrays, row: int, frames: int) -> Floats:
    ego = arrays.ego[row]
    first, start = int(arrays.first_frame[ego]), int(arrays.start_step[ego])
    expert = np.full((frames, 4), np.nan)
    count = min(int(arrays.first_frame[ego + 1]) - first, frames - start)
    rows = slice(first, first + max(count, 0))
    track = np.column_stack(
        [
            *(arrays.x[rows], arrays.y[rows], arrays.heading[rows]),
            np.hypot(arrays.vx[rows], arrays.vy[rows]),
        ]
    ).astype(np.float64)
    track[arrays.valid[rows] == 0] = np.nan
    expert[start : start + len(track)] = track
    return expert


def _signals(arrays: ScenarioArrays, row: int, frames: int) -> NDArray[np.uint8]:
    first, end = arrays.first_signal[row], arrays.first_signal[row + 1]
    shown = arrays.signal[first:end].reshape(-1, arrays.steps[row])
    at = np.minimum(np.arange(frames), int(arrays.steps[row]) - 1)
    lights: NDArray[np.uint8] = shown[:, at]
    return lights


def _around(agents: Agents, expert: Floats) -> Box:
    x = np.concatenate([agents.x_m[:, 0], expert[:, 0]])
    y = np.concatenate([agents.y_m[:, 0], expert[:, 1]])
    return (
        float(np.nanmin(x)) - SEEN_M,
        float(np.nanmin(y)) - SEEN_M,
        float(np.nanmax(x)) + SEEN_M,
        float(np.nanmax(y)) + SEEN_M,
    )


def _outcome(reel: _Reel) -> Outcome:
    table = reel.table
    if table is None:
        raise ValueError("the episode has not ended")
    return Outcome(
        end_reason=EndReason(int(table.end_reason[0])).name.lower(),
        steps=int(table.steps[0]),
        success=bool(table.success[0]),
        collision=bool(table.collision[0]),
        at_fault=bool(table.at_fault_collision[0]),
        off_road=bool(table.off_road[0]),
        red_lights=int(table.red_lights[0]),
        progress=float(table.progress[0]),
        reward=float(table.reward[0]),
        mean_speed_mps=float(table.mean_speed_mps[0]),
        score=float(table.score[0]),
        metrics=dict(zip(METRICS, table.metrics[0].tolist(), strict=True)),
    )
