"""The hybrid's mode `finetune`: PPO from a policy that imitates."""

from functools import partial
from pathlib import Path

from trainers.contract import Outcome, Places, Telemetry
from trainers.hybrid_request import HybridRequest
from trainers.learning import learn
from trainers.ppo import make_training


def train(
    request: HybridRequest, telemetry: Telemetry, places: Places, imitated: Path
) -> Outcome:
    """Train until all steps are done or a stop is asked for; see `learning.learn`.

    imitated: the policy file to start from.
    """
    make = partial(make_training, request, judges_start=True)
    return learn(request, telemetry, places, make, start=imitated)
