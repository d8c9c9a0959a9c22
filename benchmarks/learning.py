"""How long PPO takes to learn to drive: `python -m benchmarks.learning [--json]`.

One run of `/train ppo --config ppo_tuned`, with the options given, on scenarios generated for
it.  Told are the minutes until its policy succeeds in 95 % of the validation scenarios, until
its score passes IDM's there, and how the best policy did on the held-out scenarios, which chose
nothing.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.study import FOREVER_S, TRAIN
from benchmarks.study_curves import curve_of, score_of

RUN = "learning"
WANTED_SUCCESS = 0.95


def measure(home: Path, scenarios: int, seed: int, options: Sequence[str]) -> dict[str, Any]:
    """Train, and tell when it was how good.  options: further words of `/train ppo`."""
    data, run = home / "scenarios", home / "runs" / RUN
    begin = ["ppo", "--config", "ppo_tuned", "--run-id", RUN, "--seed", str(seed)]
    for asked in (
        ["data", "generate", "--count", str(scenarios), "--out", str(data)],
        [*begin, "--data", str(data), *options],
        ["wait", RUN, "--timeout", str(FOREVER_S)],
    ):
        environment = os.environ | {"DRIVETRAIN_HOME": str(home)}
        subprocess.run([TRAIN, *asked], env=environment, check=True, stdout=sys.stderr)
    curve, idm = curve_of(run / "events.jsonl"), score_of("idm", data)
    judged = json.loads((run / "evaluation.json").read_text())["drivers"]
    return {
        "benchmark": "learning",
        "seed": seed,
        "scenarios": scenarios,
        "steps": int(curve.steps[-1]),
        "minutes": round(float(curve.minutes[-1]), 1),
        "minutes_to_success": _first(curve.minutes, curve.success >= WANTED_SUCCESS),
        "minutes_to_idm": _first(curve.minutes, curve.score > idm),
        "best_validation_success": round(float(curve.success.max()), 3),
        "best_validation_score": round(float(curve.score.max()), 3),
        "idm_validation_score": round(idm, 3),
        "held_out": {
            driver["name"]: {
                "score": round(driver["score"]["mean"], 3),
                "success": round(driver["success"]["rate"], 3),
            }
            for driver in judged
            if driver["score"] is not None
        },
        "cores": os.cpu_count(),
    }


def _first(minutes: NDArray[np.float64], reached: NDArray[np.bool_]) -> float | None:
    """When it was reached; None where it never was."""
    return round(float(minutes[reached][0]), 1) if reached.any() else None


def main(arguments: Sequence[str]) -> int:
    """Print the measurement as sentences, or with `--json` as one line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.learning", description=__doc__)
    parser.add_argument("--scenarios", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", action="store_true")
    asked, options = parser.parse_known_args(arguments)
    with tempfile.TemporaryDirectory() as home:
        result = measure(Path(home), asked.scenarios, asked.seed, options)
    if asked.json:
        print(json.dumps(result))
        return 0
    print(
        f"After {result['minutes']} minutes and {result['steps']:,} steps: at best "
        f"{100 * result['best_validation_success']:.0f} % success in validation "
        f"(95 % after {_told(result['minutes_to_success'])}), score "
        f"{result['best_validation_score']:.3f} (IDM's {result['idm_validation_score']:.3f} "
        f"passed after {_told(result['minutes_to_idm'])})."
    )
    for name, held in result["held_out"].items():
        print(f"Held out, {name}: score {held['score']:.3f}, {100 * held['success']:.0f} %.")
    return 0


def _told(minutes: float | None) -> str:
    return "never" if minutes is None else f"{minutes} minutes"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
