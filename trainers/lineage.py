"""What a hybrid comes from: which demonstrations, and which policy that imitates them.

`lineage.json` beside the run's checkpoints says it, by hashes; the page of the run tells it.
"""

import json
import os
from pathlib import Path
from typing import Any

from drivetrain.data.demonstrations import are_demonstrations, read_demonstration_manifest
from drivetrain.data.integrity import sha256_of
from trainers import checkpoints
from trainers.contract import Places, Telemetry
from trainers.experts import OWN
from trainers.hybrid_request import HybridRequest


def write_lineage(
    request: HybridRequest, telemetry: Telemetry, places: Places, imitated: Path
) -> None:
    """Say what the run comes from, once, before its last stage.

    imitated: the policy file that this stage starts from.
    """
    if places.lineage.exists():
        return
    policy = checkpoints.load(imitated)
    told: dict[str, Any] = {
        "imitated": {
            "file": str(imitated),
            "sha256": sha256_of(imitated),
            "algorithm": policy.algorithm,
            "step": policy.step,
        }
    }
    learned_from = None if request.init_from else _demonstrations(request, places)
    if learned_from is not None:
        told["demonstrations"] = _facts(learned_from)
    telemetry.event(0, "lineage", **told)
    places.checkpoints.mkdir(parents=True, exist_ok=True)
    draft = places.lineage.with_name(f".{places.lineage.name}.{os.getpid()}")
    draft.write_text(json.dumps(told, indent=2) + "\n", encoding="utf-8")
    draft.replace(places.lineage)


def imitated_beside(checkpoint_file: Path) -> Path | None:
    """The policy that a run's checkpoint came from by imitation, if it is still the same."""
    record = checkpoint_file.parent / "lineage.json"
    try:
        told = json.loads(record.read_text(encoding="utf-8"))["imitated"]
        file, known = Path(told["file"]), told["sha256"]
        is_same = file.is_file() and sha256_of(file) == known
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return file if is_same else None


def _demonstrations(request: HybridRequest, places: Places) -> Path | None:
    """The folder of those that the warm-up learned from; a prior over proposals keeps none."""
    given = request.data
    if given is not None and are_demonstrations(given):
        return given
    if request.mode == "cimrl":
        return None
    return places.of_stage("bc").checkpoints / OWN


def _facts(folder: Path) -> dict[str, Any]:
    manifest = read_demonstration_manifest(folder)
    return {
        "folder": str(folder),
        "sha256": sha256_of(folder / "manifest.json"),
        "driver": manifest.driver,
        "noise": manifest.noise,
        "episodes": manifest.episodes,
        "transitions": manifest.transitions,
    }
