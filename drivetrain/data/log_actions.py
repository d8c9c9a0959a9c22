"""A driver that drives a log with a bicycle's pedals and wheel, for others to imitate.

Inverse dynamics of the log say what to do; what is left of an error is taken back gently, so
that a log that the bicycle cannot follow exactly is not lost on the way.  Whether it was
followed, whoever records looks at.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from drivetrain.sim.config import STEP_S, Actions
from drivetrain.sim.dynamics import DIRECT, FILTERED, STANDING_MPS
from drivetrain.sim.inverse import action_for, inverse
from drivetrain.sim.world import Worlds

Floats = NDArray[np.float64]

FOLLOW_S, FOLLOW_LEAST_M = 1.0, 4.0
"""An error along the log is taken back within about this time, one aside within as long a way:
both critically damped, so that nothing swings."""
LEAST_POSES = 3


@dataclass(frozen=True, slots=True)
class LogPlan:
    """One scenario's log as its ego would have to be told.

    rear_m: [n, 2].  heading_rad, speed_mps, acceleration_mps2, steering_rad: [n].
    """

    rear_m: Floats
    heading_rad: Floats
    speed_mps: Floats
    acceleration_mps2: Floats
    steering_rad: Floats


class LogActionDriver:
    """The expert, by bicycle actions.

    beyond: [worlds] whose last action was more than an action can ask for, and was clipped.
    """

    actions: Actions = "bicycle"

    def __init__(self) -> None:
        self.beyond: NDArray[np.bool_] = np.zeros(0, np.bool_)
        self._plans: dict[int, LogPlan | None] = {}

    def act(self, worlds: Worlds) -> NDArray[np.float32]:
        """What leads along the log.  [worlds, 2]."""
        wanted = np.array([self._wanted(worlds, world) for world in range(worlds.num_worlds)])
        self.beyond = (np.abs(wanted) > 1.0).any(axis=1)
        actions: NDArray[np.float32] = np.clip(wanted, -1.0, 1.0).astype(np.float32)
        return actions

    def _wanted(self, worlds: Worlds, world: int) -> tuple[float, float]:
        scenario = int(worlds.state.progress.scenario[world])
        if scenario not in self._plans:
            self._plans[scenario] = plan_of(worlds, world)
        plan = self._plans[scenario]
        if plan is None:
            return 0.0, 0.0
        step = int(worlds.state.progress.step[world])
        return followed(plan, step, worlds, world)


def followed(plan: LogPlan, step: int, worlds: Worlds, world: int) -> tuple[float, float]:
    """The bicycle action of one world at a step of its log."""
    e = worlds.state.egos
    at = min(step, len(plan.speed_mps) - 1)
    heading, speed = float(plan.heading_rad[at]), float(e.speed[world])
    cos, sin = math.cos(heading), math.sin(heading)
    dx, dy = e.rear_x[world] - plan.rear_m[at, 0], e.rear_y[world] - plan.rear_m[at, 1]
    ahead_m, aside_m = dx * cos + dy * sin, dy * cos - dx * sin
    turned = math.remainder(float(e.heading[world]) - heading, math.tau)
    faster = speed - float(plan.speed_mps[at])
    acceleration = float(plan.acceleration_mps2[at])
    acceleration -= ahead_m / FOLLOW_S**2 + 2.0 * faster / FOLLOW_S
    steering = float(plan.steering_rad[at])
    wheel_base = float(e.wheel_base[world])
    if speed > STANDING_MPS:
        way = max(FOLLOW_S * speed, FOLLOW_LEAST_M)
        curvature = math.tan(steering) / wheel_base
        curvature -= aside_m / way**2 + 2.0 * turned / way
        steering = math.atan(curvature * wheel_base)
    return action_for(acceleration, steering, speed, wheel_base)


def plan_of(worlds: Worlds, world: int) -> LogPlan | None:
    """The plan of the scenario that a world is in; None where the log has gaps or hardly is."""
    poses = log_poses(worlds, world)
    if poses is None:
        return None
    e, s = worlds.state.egos, worlds.settings
    behind, heading = float(e.rear_to_centre[world]), np.unwrap(poses[:, 2])
    way = np.stack([np.cos(heading), np.sin(heading)], axis=1)
    rear = poses[:, :2] - behind * way
    lags = DIRECT if s.actuators == "direct" else FILTERED
    commands = inverse(rear, heading, float(e.wheel_base[world]), lags)
    speed = np.maximum((np.diff(rear, axis=0) * way[:-1]).sum(axis=1) / STEP_S, 0.0)
    return LogPlan(
        rear,
        heading,
        np.append(speed, speed[-1]),
        # Past the last step that can be told the car keeps its speed and its wheel.
        np.append(commands.acceleration_mps2, [0.0, 0.0]),
        np.append(commands.steering_rad, [commands.steering_rad[-1]] * 2),
    )


def log_poses(worlds: Worlds, world: int) -> Floats | None:
    """[n, 3] x, y, heading of the box's middle at steps 0, 1, ... of a world's scenario."""
    s = worlds.scenarios
    agent = s.ego[worlds.state.progress.scenario[world]]
    rows = slice(int(s.first_frame[agent]), int(s.first_frame[agent + 1]))
    if s.start_step[agent] != 0 or not (s.valid[rows] == 1).all():
        return None
    poses = np.stack([s.x[rows], s.y[rows], s.heading[rows]], axis=1).astype(np.float64)
    return poses if len(poses) >= LEAST_POSES else None
