"""Which verb starts which algorithm, and what it takes.

A config file is a request at rest: the same models read it.
"""

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from drivetrain.errors import DataError
from trainers.bc_request import BCRequest
from trainers.gail_request import GAILRequest
from trainers.hybrid_request import HybridRequest
from trainers.ppo_request import PPORequest
from trainers.sac_request import SACRequest
from trainers.train_request import TrainRequest

REQUESTS: dict[str, type[TrainRequest]] = {
    "ppo": PPORequest,
    "sac": SACRequest,
    "bc": BCRequest,
    "gail": GAILRequest,
    "hybrid": HybridRequest,
}


def request_of(values: Mapping[str, Any]) -> TrainRequest:
    """The request behind plain values, of whichever algorithm they name.

    Raises:
        DataError: this version of the program takes other values.
    """
    try:
        return REQUESTS[str(values["algorithm"]).lower()].model_validate(values)
    except (KeyError, ValidationError) as error:
        raise DataError(
            "The run's request is of another version of this program, which named its values "
            "otherwise. Use that version for it, or train again: `/train help ppo`."
        ) from error


def algorithm_of(request: TrainRequest) -> str:
    """The algorithm that the request names."""
    return str(request.model_dump(include={"algorithm"})["algorithm"])
