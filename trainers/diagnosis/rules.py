"""Every rule, and what a run looks like through all of them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from drivetrain.series import History
from trainers.diagnosis import cimrl, hybrid, imitation, learning, ppo, sac
from trainers.diagnosis.case import Case, Finding

EVERY: Final = ("PPO", "SAC", "BC", "GAIL", "HYBRID")
BY_PPO: Final = ("PPO", "GAIL", "HYBRID")


@dataclass(frozen=True, slots=True)
class Rule:
    """looks_at: numbers, of which one must be there; `eval/` are those of validation drives."""

    find: Callable[[Case], Finding | None]
    algorithms: tuple[str, ...]
    looks_at: tuple[str, ...]


RULES: Final = (
    Rule(learning.unlearning, EVERY, ("eval/reward",)),
    Rule(learning.explosion, EVERY, learning.LOSSES),
    Rule(ppo.collapse, BY_PPO, ("std", "entropy_loss")),
    Rule(ppo.noise, BY_PPO, ("std",)),
    Rule(ppo.greedy, BY_PPO, ("approx_kl",)),
    Rule(ppo.clipped, BY_PPO, ("clip_fraction",)),
    Rule(ppo.blind_critic, BY_PPO, ("explained_variance",)),
    Rule(sac.overestimation, ("SAC", "HYBRID"), ("mean_q",)),
    Rule(sac.temperature, ("SAC",), ("alpha",)),
    Rule(imitation.overfitting, ("BC",), ("val_nll", "train_nll")),
    Rule(imitation.drift, ("BC",), ("val_nll",)),
    Rule(imitation.strong_discriminator, ("GAIL",), ("disc_accuracy",)),
    Rule(imitation.weak_discriminator, ("GAIL",), ("disc_accuracy",)),
    Rule(hybrid.forgetting, ("HYBRID",), ("eval/delta_to_start",)),
    Rule(hybrid.unimproved, ("HYBRID",), ("eval/delta_to_start",)),
    Rule(hybrid.tethered, ("HYBRID",), ("kl_to_start", "lam", "warm_start")),
    Rule(imitation.variable_horizon, ("GAIL",), ("steps",)),
    Rule(cimrl.overcautious, ("HYBRID",), ("recovery_rate",)),
    Rule(cimrl.uncalibrated, ("HYBRID",), ("risk_calibration_error",)),
    Rule(cimrl.idle_filter, ("HYBRID",), ("empty_safe_sets", "recovery_rate")),
    Rule(learning.saturated, EVERY, ("saturation",)),
    Rule(learning.plateau, EVERY, ("eval/reward", "eval/success")),
    Rule(learning.best_long_ago, EVERY, ("eval/reward",)),
    Rule(learning.simulator_bound, EVERY, ("time/simulator_s",)),
    Rule(learning.learner_bound, EVERY, ("time/update_s",)),
)
"""Those that tell of harm first."""


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """findings: problems first.  seen: the newest value of each number that was looked at."""

    findings: tuple[Finding, ...]
    seen: Mapping[str, float]

    @property
    def problems(self) -> tuple[Finding, ...]:
        """Those that keep it from learning; the others are notes."""
        return tuple(one for one in self.findings if one.weight == "problem")


def diagnose(
    algorithm: str, request: Mapping[str, Any], history: History, total: int | None = None
) -> Diagnosis:
    """What every rule of the run's algorithm finds.  total: steps it was asked for."""
    steps = [series[-1][0] for series in history.numbers.values() if series]
    case = Case(algorithm.upper(), request, history, max(steps, default=0), total)
    rules = [rule for rule in RULES if case.algorithm in rule.algorithms]
    found = [finding for rule in rules if (finding := rule.find(case)) is not None]
    found.sort(key=lambda finding: finding.weight != "problem")
    named = dict.fromkeys(name for rule in rules for name in rule.looks_at)
    newest = {name: _newest(history, name) for name in named}
    seen = {name: value for name, value in newest.items() if value is not None}
    return Diagnosis(tuple(found), seen)


def _newest(history: History, name: str) -> float | None:
    group = history.evaluations if name.startswith("eval/") else history.numbers
    series = group.get(name.removeprefix("eval/"), ())
    return series[-1][1] if series else None
