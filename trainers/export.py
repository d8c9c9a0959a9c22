"""A run's policy as an ONNX file, held against the policy itself before it is kept.

`python -m trainers.export --checkpoint FILE --name NAME --out FILE` prints one JSON object.
"""

import argparse
import json
import logging
import sys
import tempfile
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from stable_baselines3.common.policies import ActorCriticPolicy, BasePolicy
from stable_baselines3.sac.policies import SACPolicy
from torch import Tensor, nn
from typing_extensions import override

from drivetrain.errors import DataError, UserError
from drivetrain.sim.layout import LAYOUTS
from trainers import checkpoints
from trainers.cimrl.policy import CIMRLPolicy
from trainers.policy import PolicyDriver, restored_policy
from trainers.requests import request_of

MOST_DIFFERENCE = 1e-4
"""Between an action of the file and of the policy, both within [-1, 1]."""
COMPARED = 4096
"""Observations that both are shown."""


class Acting(nn.Module):
    """[batch, numbers of the layout] to what `PolicyDriver` drives by, and no more."""

    def __init__(self, policy: BasePolicy, *, by_number: bool) -> None:
        super().__init__()
        self.by_number = by_number
        self.squashes = isinstance(policy, SACPolicy)
        if isinstance(policy, SACPolicy):
            actor = policy.actor
            parts = (actor.features_extractor, actor.latent_pi, actor.mu)
        else:
            policy = cast(ActorCriticPolicy, policy)
            hidden = policy.mlp_extractor.policy_net
            parts = (policy.pi_features_extractor, hidden, policy.action_net)
        self.features, self.hidden, self.action = parts

    @override
    def forward(self, observation: Tensor) -> Tensor:
        """Actions in [-1, 1], [batch, columns], or numbers of proposals, [batch]."""
        told: Tensor = self.action(self.hidden(self.features(observation)))
        if self.by_number:
            return told.argmax(dim=1)
        return told.tanh() if self.squashes else told.clamp(-1.0, 1.0)


def export(name: str, checkpoint_file: Path, out: Path) -> dict[str, Any]:
    """Write the policy of a checkpoint as ONNX; what it takes, gives, and how near it comes.

    Raises:
        DataError: the checkpoint cannot be used, or the file would act differently.
    """
    checkpoint = checkpoints.load(checkpoint_file)
    environment = request_of(checkpoint.request).environment
    policy = restored_policy(checkpoint)
    acting = _acting(policy, by_number=environment.actions == "proposals").eval()
    seen = _observations(checkpoint.observation_size)
    difference = _written(acting, PolicyDriver(policy, environment.actions), seen, out)
    layout = LAYOUTS[environment.observation]
    return {
        "run": name,
        "checkpoint": checkpoint_file.name,
        "algorithm": checkpoint.algorithm,
        "step": checkpoint.step,
        "file": str(out),
        "bytes": out.stat().st_size,
        "observation": {"name": environment.observation, **layout._asdict()},
        "actions": {
            "name": environment.actions,
            "columns": checkpoint.action_size,
            **({"hold_steps": policy.hold} if isinstance(policy, CIMRLPolicy) else {}),
        },
        "compared": COMPARED,
        "largest_difference": difference,
    }


def _acting(policy: BasePolicy, *, by_number: bool) -> nn.Module:
    """What is exported of a policy: of one over proposals all that tells what is safe."""
    if isinstance(policy, CIMRLPolicy):
        return policy
    return Acting(policy, by_number=by_number)


def _written(acting: nn.Module, driver: PolicyDriver, seen: Tensor, out: Path) -> float:
    """The file, renamed into place once it acts as the policy does; the largest difference."""
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".export-", dir=out.parent) as folder:
        draft = Path(folder) / "policy.onnx"
        _write(acting, seen, draft)
        wanted = driver.actions_for(seen)
        difference = float(np.abs(_acted(draft, seen) - wanted).max())
        if not difference <= MOST_DIFFERENCE:
            raise DataError(
                f"The exported policy acts differently, by up to {difference:.2g}; at most "
                f"{MOST_DIFFERENCE:g} is allowed, so that nothing was kept. "
                "Try the run's other checkpoint."
            )
        draft.replace(out)
    return difference


def _write(acting: nn.Module, seen: Tensor, file: Path) -> None:
    """One file with its weights inside, for batches of any size."""
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    with warnings.catch_warnings():
        # The exporter's own: it copies modules in ways that Python calls old.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            acting,
            (seen[:2],),
            file,
            input_names=["observation"],
            output_names=["action"],
            dynamo=True,
            dynamic_shapes=({0: torch.export.Dim("batch")},),
            external_data=False,
            verbose=False,
        )


def _acted(file: Path, seen: Tensor) -> NDArray[np.float32]:
    """What the file does, in a runtime that knows nothing of torch."""
    import onnxruntime

    session = onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])
    (acted,) = session.run(None, {"observation": seen.numpy()})
    return np.asarray(acted, np.float32)


def _observations(numbers: int) -> Tensor:
    """Any that the space allows, always the same.  [COMPARED, numbers]."""
    chance = np.random.default_rng(0)
    return torch.from_numpy(chance.uniform(-1.0, 1.0, (COMPARED, numbers)).astype(np.float32))


def main(arguments: Sequence[str]) -> int:
    """The command line; the exit code is the error's own."""
    parser = argparse.ArgumentParser(prog="python -m trainers.export", description=__doc__)
    parser.add_argument("--checkpoint", type=Path, required=True, help="`best.pt` of a run")
    parser.add_argument("--name", required=True, help="the run's id")
    parser.add_argument("--out", type=Path, required=True, help="the file to write")
    asked = parser.parse_args(arguments)
    try:
        facts = export(asked.name, asked.checkpoint, asked.out)
    except UserError as error:
        sys.stderr.write(f"error: {error}\n")
        return error.exit_code
    except OSError as error:
        sys.stderr.write(f"error: `{asked.out}` cannot be written: {error.strerror}.\n")
        return DataError.exit_code
    sys.stdout.write(json.dumps(facts) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
