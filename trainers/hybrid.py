"""The hybrid: a policy imitates first, and then learns by reinforcement, in one run.

Reads in the order of a run: the stage in which it imitates, then the mode that was asked for,
which starts from the best of that.
"""

from collections.abc import Callable
from functools import partial
from pathlib import Path

from drivetrain.errors import DataError
from drivetrain.text import quote
from trainers import bc, finetune
from trainers.cimrl import learning as cimrl
from trainers.cimrl import prior
from trainers.contract import Outcome, Places, Telemetry
from trainers.hybrid_request import HybridRequest
from trainers.lineage import write_lineage
from trainers.stages import go_through, has_begun


def train(request: HybridRequest, telemetry: Telemetry, places: Places) -> Outcome:
    """Train until all steps are done or a stop is asked for; the best and last are kept.

    A run that was over with imitating never does so again, whatever ended it.
    """
    if request.init_from is None and not has_begun(places):
        is_cimrl = request.mode == "cimrl"
        imitate = partial(prior.train, request) if is_cimrl else _cloning(request)
        if not go_through("bc", imitate, telemetry, places):
            return Outcome("stopped", 0)
    start = imitated(request, places)
    write_lineage(request, telemetry, places, start)
    learn = cimrl.train if request.mode == "cimrl" else finetune.train
    return learn(request, telemetry, places, start)


def _cloning(request: HybridRequest) -> Callable[[Telemetry, Places], Outcome]:
    return partial(bc.train, request.cloning())


def imitated(request: HybridRequest, places: Places) -> Path:
    """The policy file that the last stage starts from.

    Raises:
        DataError: it is gone.
    """
    file = request.init_from or places.of_stage("bc").best
    if not file.is_file():
        raise DataError(
            f"The policy that was imitated, {quote(str(file))}, is gone; without it the run "
            "cannot go on. Start a new run: `/train hybrid`."
        )
    return file
