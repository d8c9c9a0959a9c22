"""From a validated request to a run in the background.

Whatever can be found wrong is found here, before anything is written.
"""

import sys
from pathlib import Path

from drivetrain.errors import NotFoundError, RequestError
from drivetrain.machine import has_driver
from drivetrain.runs.asker import Asker
from drivetrain.runs.folder import RunFolder, is_run_id
from drivetrain.runs.launch import RunSpec, Started, start_run
from drivetrain.runs.plan import Plan
from drivetrain.runs.registry import find_run
from drivetrain.settings import gpu_slots
from drivetrain.text import quote
from trainers.configs import as_yaml, with_whole_paths
from trainers.policy_origin import check_start
from trainers.requests import algorithm_of
from trainers.train_request import TrainRequest

TRAINER = (sys.executable, "-P", "-m", "trainers")
"""What trains; `-P` keeps the folder it runs in from hiding a package."""

CLOSER = (sys.executable, "-P", "-m", "drivetrain.tracking", "close")
"""What tells MLflow how the run ended."""


def launch(request: TrainRequest, *, home: Path, asked_by: Asker | None = None) -> Started:
    """The run of this request, started in the background; the same request gives the same run.

    asked_by: None where nobody is known; whoever asks again does not change it.

    Raises:
        NotFoundError: its data, its checkpoint or the run it comes after is not there.
        DataError: its data is damaged.
        RequestError: it would come after itself.
        ConflictError: its run id belongs to another request.
    """
    if not _is_taken(request, home):
        check_files(request)
        check_schedule(request, home)
    request = with_whole_paths(request)
    spec = RunSpec(
        algorithm=algorithm_of(request),
        request_json=request.model_dump_json(),
        digest=request.digest(),
        # Without its name: as a config, it starts a new run.
        config_yaml=as_yaml(request.model_copy(update={"run_id": None})),
        command=TRAINER,
        run_id=request.run_id,
        plan=plan_of(request),
        asked_by=asked_by,
    )
    return start_run(home, spec)


def _is_taken(request: TrainRequest, home: Path) -> bool:
    """Whether its id names a run: that needs no file for being the same, or another."""
    run_id = request.run_id
    return run_id is not None and is_run_id(run_id) and RunFolder(home, run_id).path.exists()


def plan_of(request: TrainRequest) -> Plan:
    """What the run needs of the machine, and when it may begin."""
    schedule = request.schedule
    device, _, number = request.device.partition(":")
    wants_gpu = device == "cuda" or (device == "auto" and has_driver())
    return Plan(
        cpus=request.training.threads,
        gpu=(number or "any") if wants_gpu else None,
        gpu_mb=schedule.gpu_memory_mb if wants_gpu else 0,
        priority=schedule.priority,
        after=schedule.after,
        auto_resumes=schedule.auto_resume,
        stalled_for_s=schedule.stalled_for_s,
        max_hours=schedule.max_hours,
        closer=CLOSER,
    )


def check_schedule(request: TrainRequest, home: Path) -> None:
    """Refuse a request that could never begin as it says; a dry run asks this too.

    Raises:
        NotFoundError: there is no run of the name that it comes after.
        RequestError: it comes after itself, or the number of runs per GPU is nonsense.
    """
    after = request.schedule.after
    if after is not None and after == request.run_id:
        raise RequestError(
            f"`schedule.after` is `{after}`, the run itself; a run comes after another one."
            f" Try `/train ppo --run-id {after}` without `--after`."
        )
    if after is not None:
        find_run(home, after)
    gpu_slots()


def check_files(request: TrainRequest) -> None:
    """Refuse a request whose files are missing or damaged; a dry run asks this too.

    Raises:
        NotFoundError: its data or the checkpoint it starts from is not there.
        DataError: its data is damaged, or it cannot start from that checkpoint.
    """
    if request.init_from is not None and not request.init_from.is_file():
        raise NotFoundError(
            f"There is no checkpoint at {quote(str(request.init_from))}; a run leaves `best.pt`"
            " and `last.pt` in its folder under `checkpoints`."
            " Try `/train ppo --init-from experiments/checkpoints/RUN/best.pt`."
        )
    if request.init_from is not None:
        check_start(algorithm_of(request), request.init_from)
    for folder in dict.fromkeys((request.data, request.demonstrations)):
        if folder is not None:
            _check_data(folder, request)


def _check_data(folder: Path, request: TrainRequest) -> None:
    # numpy: only a request with data pays
    from drivetrain.data.demonstrations import are_demonstrations
    from drivetrain.data.integrity import check, check_splits
    from trainers.demonstrated import check_demonstrations

    if folder == request.demonstrations and are_demonstrations(folder):
        check_demonstrations(folder, request)
        return
    check(folder)
    check_splits(folder)
