"""Drivers that need no training: what every policy is measured against."""

from collections.abc import Callable
from typing import NamedTuple

from drivetrain.sim.log_driver import ConstantVelocityDriver, LogDriver
from drivetrain.sim.pdm import PdmDriver
from drivetrain.sim.planners import Driver, IdmDriver, RandomDriver


class Baseline(NamedTuple):
    """title: how tables call it.  make: one that has not driven yet; a die remembers throws."""

    title: str
    make: Callable[[], Driver]


BASELINES = {
    "log": Baseline("log replay", LogDriver),
    "pdm": Baseline("PDM", PdmDriver),
    "idm": Baseline("IDM", IdmDriver),
    "constant_velocity": Baseline("constant velocity", ConstantVelocityDriver),
    "random": Baseline("random", lambda: RandomDriver(seed=0)),
}
"""By what one types; the best is expected first."""

EVERY_BASELINE = "baselines"
"""What one types for all of them."""
