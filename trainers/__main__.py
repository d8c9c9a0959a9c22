"""The child that trains: run folder in, checkpoints, telemetry and an outcome out.

`python -m trainers RUN_FOLDER`, started by the run's supervisor. This module alone knows both
sides: algorithms receive a `Telemetry`, runs receive an outcome.
"""

import sys
from collections.abc import Sequence
from pathlib import Path

from drivetrain.runs.atomic import replace_json
from drivetrain.runs.folder import AttemptFolder, RunFolder
from drivetrain.runs.launched import Launched, read_launch
from drivetrain.runs.look import read_request
from drivetrain.runs.outcome import record_completed, record_failed, record_stopped
from drivetrain.runs.telemetry import RunTelemetry
from drivetrain.tracking.live import mirroring
from trainers.contract import Outcome, Places, StopRequested, leave_if_asked
from trainers.requests import request_of
from trainers.threads import calm_openmp
from trainers.train_request import TrainRequest

EXIT_NO_RUN = 3


def main(arguments: Sequence[str]) -> int:
    """Train the run of the folder; the exit code says how it ended."""
    folder = RunFolder.at(Path(arguments[0]))
    attempt = folder.last_attempt()
    if attempt is None:
        sys.stderr.write(f"error: `{folder.path}` holds no started run.\n")
        return EXIT_NO_RUN
    calm_openmp()
    launched = read_launch(attempt)
    first_step = launched.from_step if launched else 0
    with (
        RunTelemetry(folder, attempt.number, first_step=first_step) as telemetry,
        mirroring(folder, attempt.number, telemetry),
    ):
        return _trained(folder, attempt, launched, telemetry)


def _trained(
    folder: RunFolder,
    attempt: AttemptFolder,
    launched: Launched | None,
    telemetry: RunTelemetry,
) -> int:
    try:
        request = _request_of(folder, launched)
        training = request.training
        if training.total_steps:  # else the trainer tells, once it knows its data
            telemetry.expect(
                training.total_steps,
                eval_every=training.eval_every,
                save_every_s=training.save_every_s,
            )
        gpu = launched.gpu if launched else None
        outcome = _train(request, folder, gpu, telemetry)
        if outcome.how == "completed":
            _judge(folder, telemetry)
            return record_completed(attempt, outcome.step)
        return record_stopped(attempt, outcome.step, telemetry.stop_reason())
    except StopRequested:
        return record_stopped(attempt, telemetry.step, telemetry.stop_reason())
    except Exception as error:  # noqa: BLE001 - whatever it is, the run must say so
        code = record_failed(attempt, telemetry.step, error)
        sys.excepthook(type(error), error, error.__traceback__)
        return code


def _request_of(folder: RunFolder, launched: Launched | None) -> TrainRequest:
    """What was asked for, with the total that a resume may have raised."""
    asked = read_request(folder)
    if asked is None:
        raise ValueError(f"{folder.request} cannot be read")
    request = request_of(asked.request)
    total = request.training.total_steps
    raised = (launched.total_steps if launched else None) or total
    training = request.training.model_copy(update={"total_steps": max(total, raised)})
    return request.model_copy(update={"training": training})


def _train(
    request: TrainRequest, folder: RunFolder, leased: str | None, telemetry: RunTelemetry
) -> Outcome:
    with telemetry.phase("import"):
        # torch: after the telemetry is up
        from trainers.catalog import trainer_of
        from trainers.devices import gpu_of, visible_device

        device = visible_device(request.device, leased)
        request = request.model_copy(update={"device": device})
        train = trainer_of(request)
        telemetry.use_gpu(gpu_of(request.device))
    return train(request, telemetry, Places(folder.checkpoints, folder.logs))


def _judge(folder: RunFolder, telemetry: RunTelemetry) -> None:
    """Drive the test scenarios with the best policy; the status page shows the result."""
    from trainers.evaluate import evaluate

    with telemetry.phase("eval"):
        evaluation = evaluate(
            folder.id, folder.best_checkpoint, interrupt=lambda: leave_if_asked(telemetry)
        )
    replace_json(folder.evaluation, evaluation.as_json())


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
