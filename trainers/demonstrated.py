"""Whether demonstrations fit what a request would learn from them.

Light on purpose, as launching is: what can be refused is refused before anything starts.
"""

from pathlib import Path

from drivetrain.data import integrity
from drivetrain.data.demonstrations import (
    DemonstrationManifest,
    damaged,
    read_demonstration_manifest,
)
from drivetrain.errors import DataError, NotFoundError
from drivetrain.text import typed
from trainers.gail_request import GAILRequest
from trainers.hybrid_request import HybridRequest
from trainers.requests import algorithm_of
from trainers.train_request import TrainRequest


def check_demonstrations(folder: Path, request: TrainRequest) -> None:
    """Passes for whole demonstrations that this request can learn from.

    Raises:
        DataError: they are damaged, of another layout, or their scenario set is gone.
    """
    from drivetrain.data.demonstration_files import load_demonstrations

    told = read_demonstration_manifest(folder)
    check_layout(folder, told, request)
    check_enough(folder, told, request)
    manifest = load_demonstrations(folder, every_value=False).manifest
    if manifest.scenario_set is not None:
        check_source(folder, manifest, Path(manifest.scenario_set))


def check_layout(folder: Path, manifest: DemonstrationManifest, request: TrainRequest) -> None:
    """Passes where the policy of the request sees and does what was recorded.

    Raises:
        DataError: it does not.
    """
    environment = request.environment
    names = ["observation", "actuators"]
    if not _is_driven_again(request):
        names.append("actions")
    for name in names:
        made, asked = getattr(manifest, name), getattr(environment, name)
        if made != asked:
            raise DataError(
                f"The demonstrations {integrity.called(folder)} were made with "
                f"`environment.{name}={made}`, and the run asks for `{asked}`; both must be "
                f"the same. Try `/train {_words(folder, request)} "
                f"--set environment.{name}={made}`."
            )


def _words(folder: Path, request: TrainRequest) -> str:
    """Of a command that learns from these."""
    flag = "--expert-data" if _is_gail(request) else "--data"
    return f"{algorithm_of(request).lower()} {flag} {typed(str(folder))}"


def _is_driven_again(request: TrainRequest) -> bool:
    """Whether it learns from the drives, whatever the actions were."""
    return isinstance(request, HybridRequest) and request.mode == "cimrl"


def _is_gail(request: TrainRequest) -> bool:
    return isinstance(request, GAILRequest)


def check_enough(folder: Path, manifest: DemonstrationManifest, request: TrainRequest) -> None:
    """Passes where they fill a batch to train on.

    Raises:
        DataError: they are too few.
    """
    held, batch_size = manifest.splits.get("train", 0), request.least_demonstrations or 1
    if held < batch_size:
        name = "gail.disc_batch_size" if _is_gail(request) else "bc.batch_size"
        smaller = f"`--set {name}={max(2, held)}`" if held >= 2 else "more scenarios"
        raise DataError(
            f"The demonstrations {integrity.called(folder)} hold {held:,} transitions to train "
            f"on, too few for a batch of {batch_size:,}. Try {smaller}."
        )


def check_source(folder: Path, manifest: DemonstrationManifest, place: Path) -> None:
    """Passes where the scenario set that they were driven in is there, whole and the same.

    Raises:
        DataError: it is not.
    """
    try:
        integrity.check(place)
    except NotFoundError as error:
        raise damaged(folder, f"of the scenario set they were driven in: {error}") from None
    if integrity.sha256_of(place / integrity.MANIFEST) != manifest.set_sha256:
        raise damaged(
            folder, f"the scenario set {integrity.called(place)} is another one than they saw"
        )
    integrity.check_splits(place)
