"""Which verb starts which algorithm, and what it takes.

A config file is a request at rest: the same models read it.
"""

from collections.abc import Mapping
from typing import Any

from trainers.ppo_request import PPORequest
from trainers.sac_request import SACRequest
from trainers.train_request import TrainRequest

REQUESTS: dict[str, type[TrainRequest]] = {"ppo": PPORequest, "sac": SACRequest}


def request_of(values: Mapping[str, Any]) -> TrainRequest:
    """The request behind plain values, of whichever algorithm they name."""
    return REQUESTS[str(values["algorithm"]).lower()].model_validate(values)
