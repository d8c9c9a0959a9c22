"""The demonstrations that a run learns from: those that it is given, or makes itself, once."""

import math
import shutil
import time
from pathlib import Path

from drivetrain.data.demonstrate import Asked, Demonstrator, demonstrate
from drivetrain.data.demonstration_files import load_demonstrations
from drivetrain.data.demonstrations import Demonstrations, are_demonstrations
from drivetrain.data.open import open_set
from trainers.contract import Places, Telemetry, leave_if_asked
from trainers.demonstrated import check_enough, check_layout
from trainers.train_request import TrainRequest

OWN = "demonstrations"
"""Where a run keeps those that it made itself, beside its checkpoints."""
HEARTBEAT_S = 1.0


def open_demonstrations(
    request: TrainRequest,
    driver: Demonstrator,
    noise: float,
    places: Places,
    telemetry: Telemetry,
) -> Demonstrations:
    """What the request names, if those are demonstrations; else what the driver shows there.

    noise: see `Asked`.

    Raises:
        DataError: they are damaged, too few, or of another layout.
        StopRequested: somebody asked the run to stop while they were made.
    """
    given = request.demonstrations
    if given is not None and are_demonstrations(given):
        demonstrations = load_demonstrations(given)
    else:
        given = places.checkpoints / OWN
        asked = Asked(driver, request.environment, noise=noise, seed=request.seed)
        demonstrations = _made(asked, request.demonstrations, given, telemetry)
    check_layout(given, demonstrations.manifest, request)
    check_enough(given, demonstrations.manifest, request)
    return demonstrations


def _made(
    asked: Asked, place: Path | None, folder: Path, telemetry: Telemetry
) -> Demonstrations:
    """The run's own demonstrations, made unless an earlier attempt did."""
    if folder.exists():
        return load_demonstrations(folder)
    for draft in folder.parent.glob(f".{OWN}.*"):
        shutil.rmtree(draft, ignore_errors=True)
    heard_at = -math.inf

    def heed(*_: int) -> None:
        nonlocal heard_at
        leave_if_asked(telemetry)
        if time.monotonic() - heard_at >= HEARTBEAT_S:
            heard_at = time.monotonic()
            telemetry.write(0, {})

    with telemetry.phase("warmup"):
        demonstrate(open_set(place), place, asked, folder, heed)
        made = load_demonstrations(folder)
    facts = {"episodes": made.manifest.episodes, "left_out": made.manifest.left_out}
    telemetry.event(0, "demonstrated", **facts, **made.manifest.quality)
    return made
