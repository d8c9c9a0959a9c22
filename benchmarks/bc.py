"""BC from disk to gradient, beside the matrix products that its network cannot do without.

`python -m benchmarks.bc [--network scene|mlp] [--rounds 5] [--data DEMOS] [--json]`: in one
process and in turns, with the threads that `/train bc` uses by default.
"""

# ruff: noqa: E402 - how threads wait is settled before torch is loaded
from trainers.threads import calm_openmp

calm_openmp()

import argparse
import json
import os
import statistics
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from benchmarks.gail import show
from drivetrain.data.demonstration_files import load_demonstrations
from drivetrain.data.demonstrations import Demonstrations
from drivetrain.data.open import open_set
from drivetrain.machine import cores
from trainers.bc_request import BCRequest, BCSettings, BicycleSettings
from trainers.bc_training import BCTraining, make_training
from trainers.train_request import PolicySettings
from trainers.validation import Validation

Shape = tuple[int, int, int]
"""Rows, numbers in and numbers out of a linear layer for one batch."""


def measure(network: str, rounds: int, batches: int, given: Path | None) -> dict[str, Any]:
    """Transitions per second of both, in turns, and the ratio."""
    request = BCRequest(
        policy=PolicySettings.model_validate({"network": network}),
        bc=BCSettings(driver="idm", batch_size=512, report_every=512 * batches, epochs=100_000),
        environment=BicycleSettings(),
    )
    torch.set_num_threads(cores())
    training = make_training(request, Validation(request, open_set(None)), lambda: None)
    shown = show(request.environment) if given is None else load_demonstrations(given)
    training.open(shown)
    shapes = layers_of(training, shown)
    training.learn(lambda: None)
    learned, multiplied = [], []
    for _ in range(rounds):
        begun = time.perf_counter()
        training.learn(lambda: None)
        learned.append(batches * request.bc.batch_size / (time.perf_counter() - begun))
        multiplied.append(batches * request.bc.batch_size / products_s(shapes, batches))
    return {
        "benchmark": "bc",
        "network": network,
        "batch_size": request.bc.batch_size,
        "transitions_per_s": round(statistics.median(learned)),
        "products_per_s": round(statistics.median(multiplied)),
        "ratio": round(
            statistics.median(a / b for a, b in zip(learned, multiplied, strict=True)), 3
        ),
        "rounds": rounds,
        "torch_threads": torch.get_num_threads(),
        "cores": os.cpu_count(),
    }


def layers_of(training: BCTraining, shown: Demonstrations) -> list[Shape]:
    """The linear layers that a batch goes through, as often as it does."""
    shapes: list[Shape] = []

    def note(layer: nn.Module, seen: tuple[Tensor, ...], _: Tensor) -> None:
        rows = seen[0].numel() // seen[0].shape[-1]
        if isinstance(layer, nn.Linear):
            shapes.append((rows, layer.in_features, layer.out_features))

    layers = [part for part in training.policy.modules() if isinstance(part, nn.Linear)]
    hooks = [layer.register_forward_hook(note) for layer in layers]
    size = training.request.bc.batch_size
    rows = shown.rows("train")[:size]
    seen, done = (
        torch.from_numpy(shown.observations[rows]),
        torch.from_numpy(shown.actions[rows]),
    )
    training.policy.evaluate_actions(seen, done)
    for hook in hooks:
        hook.remove()
    return shapes


def products_s(shapes: Sequence[Shape], batches: int) -> float:
    """Seconds of all products: forward, and for both gradients.  Inputs have no gradient."""
    made = [
        (torch.randn(rows, ins), torch.randn(ins, outs), torch.randn(rows, outs))
        for rows, ins, outs in shapes
    ]
    begun = time.perf_counter()
    for _ in range(batches):
        for seen, weights, gradient in made:
            torch.mm(seen, weights)
            torch.mm(seen.T, gradient)
            torch.mm(gradient, weights.T)
    return time.perf_counter() - begun


def main(arguments: Sequence[str]) -> int:
    """Print the measurement as a sentence, or with `--json` as one line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.bc", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--batches", type=int, default=60, help="batches timed per round")
    parser.add_argument("--network", choices=("scene", "mlp"), default="scene")
    parser.add_argument("--data", type=Path, help="demonstrations; else some are made")
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args(arguments)
    result = measure(asked.network, asked.rounds, asked.batches, asked.data)
    if asked.json:
        print(json.dumps(result))
    else:
        print(
            f"BC from disk to gradient: {result['transitions_per_s']} transitions/s, "
            f"{100 * result['ratio']:.0f} % of the {result['products_per_s']} at which its "
            "matrix products alone could go."
        )
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
