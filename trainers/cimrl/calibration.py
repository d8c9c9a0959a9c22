"""Whether the risk is what happens: predicted beside observed, on held-out scenarios.

Now and then a decision is drawn by chance, so that there is risk to be told, and then the
policy drives; what its risk critics said of that decision is held against the discounted
violation that came of it.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from drivetrain.data.scenario_sets import ScenarioSet
from drivetrain.sim.actions import PROPOSALS
from drivetrain.sim.world import Worlds
from trainers.cimrl.deciding import Choice, Deciding, is_due
from trainers.cimrl.policy import CIMRLPolicy
from trainers.hybrid_request import HybridRequest

APART = 8
"""Decisions from one by chance to the next; a violation later than that counts as none."""
BINS = 10


@dataclass(frozen=True, slots=True)
class Calibration:
    """Of [decisions]: the risk that was told, and what came of them."""

    predicted: NDArray[np.float64]
    observed: NDArray[np.float64]

    def numbers(self) -> dict[str, float]:
        """The mean distance of both over bins of risk, weighed by what is in them."""
        if not len(self.predicted):
            return {}
        off = sum(abs(told - came) * count for told, came, count in self.curve()) / len(
            self.predicted
        )
        return {
            "risk_calibration_error": off,
            "risk_predicted": float(self.predicted.mean()),
            "risk_observed": float(self.observed.mean()),
        }

    def curve(self) -> list[tuple[float, float, int]]:
        """(mean predicted, mean observed, decisions) of each bin that holds any."""
        bins = np.minimum((self.predicted * BINS).astype(int), BINS - 1)
        return [
            (
                float(self.predicted[bins == one].mean()),
                float(self.observed[bins == one].mean()),
                int((bins == one).sum()),
            )
            for one in range(BINS)
            if (bins == one).any()
        ]


class _Trial:
    """Chooses as the policy does, but for every APART-th decision of each world.

    goes_on: [worlds] still in their first drive.  decisions: [worlds] so far in it.
    tried: (world, decision, predicted risk) of those by chance.
    """

    def __init__(self, policy: CIMRLPolicy, worlds: Worlds, seed: int) -> None:
        self._policy = policy
        self._worlds = worlds
        self._random = np.random.default_rng(seed)
        self.goes_on = np.ones(worlds.num_worlds, np.bool_)
        self.decisions = np.zeros(worlds.num_worlds, np.int64)
        self.tried: list[tuple[int, int, float]] = []

    def choose(self, seen: Tensor) -> Choice:
        rows = np.flatnonzero(is_due(self._worlds, self._policy.hold))
        with torch.inference_mode():
            look = self._policy.outlook(seen.to(self._policy.device))
        number, risk = look.driven.argmax(dim=1).cpu().numpy(), look.risk.cpu().numpy()
        # Not all worlds at once: every part of a drive is tried somewhere.
        by_chance = (self.decisions[rows] + rows) % APART == 0
        by_die = self._random.integers(PROPOSALS, size=len(rows))
        number = np.where(by_chance, by_die, number)
        for at in np.flatnonzero(by_chance & self.goes_on[rows]):
            world, predicted = int(rows[at]), float(risk[at, number[at]])
            self.tried.append((world, int(self.decisions[world]), predicted))
        self.decisions[rows[self.goes_on[rows]]] += 1
        chosen = torch.from_numpy(number)
        return Choice(chosen, chosen, torch.zeros(len(rows), dtype=torch.bool))


def calibrate(
    policy: CIMRLPolicy,
    request: HybridRequest,
    scenarios: ScenarioSet,
    interrupt: Callable[[], None],
) -> Calibration:
    """One drive of every validation scenario; draws from no generator that training uses."""
    picks = scenarios.picks("val")[: request.training.eval_scenarios]
    settings = request.environment.for_judging().model_copy(update={"on_failure": "stop"})
    worlds = Worlds(
        scenarios.arrays, settings, num_worlds=len(picks), seed=0, picks=picks, in_order=True
    )
    worlds.reset()
    trial = _Trial(policy, worlds, request.seed)
    deciding = Deciding(worlds, policy.hold, gamma=1.0)
    violated = np.zeros(len(picks), np.bool_)
    while trial.goes_on.any():
        interrupt()
        deciding.step(trial.choose)
        violated |= trial.goes_on & worlds.terminated
        trial.goes_on &= ~(worlds.terminated | worlds.truncated)
    return _held_together(trial, violated, request.cimrl.risk_gamma)


def _held_together(
    trial: _Trial, violated: NDArray[np.bool_], risk_gamma: float
) -> Calibration:
    """What was told of each decision by chance, and g_r^n where a violation came n later."""
    predicted, observed = [], []
    for world, decision, risk in trial.tried:
        later = int(trial.decisions[world]) - 1 - decision
        predicted.append(risk)
        came = violated[world] and later < APART
        observed.append(risk_gamma**later if came else 0.0)
    return Calibration(np.array(predicted, np.float64), np.array(observed, np.float64))
