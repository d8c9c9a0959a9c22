"""Which module trains which algorithm; imported in the child only."""

from collections.abc import Callable
from importlib import import_module
from typing import Any, cast

from trainers.contract import Outcome, Places, Telemetry
from trainers.train_request import TrainRequest

Train = Callable[[TrainRequest, Telemetry, Places], Outcome]

TRAINERS = {
    "PPO": "trainers.ppo:train",
    "SAC": "trainers.sac:train",
    "BC": "trainers.bc:train",
    "HYBRID": "trainers.hybrid:train",
}


def trainer_of(request: TrainRequest) -> Train:
    """The function that trains what the request asks for."""
    asked: Any = request
    module, function = TRAINERS[asked.algorithm].split(":")
    return cast(Train, getattr(import_module(module), function))
