"""Every rule, on a history that shows its trouble and on one that does not."""

from collections.abc import Sequence
from typing import Any

import pytest

from drivetrain.series import History, falling_p, noise_of, rising_p
from skill.command import parse
from skill.diagnosis_page import TITLES
from trainers.diagnosis.rules import RULES, Diagnosis, diagnose
from trainers.fields import fields_of
from trainers.gail_request import GAILRequest
from trainers.hybrid_request import HybridRequest
from trainers.ppo_request import PPORequest
from trainers.requests import REQUESTS

STEPS = 1_000
TOTAL = 40_000
WAVE = (0.1, -0.1, 0.05, -0.05, 0.12, -0.08, 0.0, 0.06, -0.11, 0.03)
UP = [5 + 0.5 * at + WAVE[at % 10] for at in range(20)]
FLAT = [7 + 3 * WAVE[at % 10] for at in range(20)]
FALLEN = [*UP[:14], 9.0, 8.0, 7.0, 6.0, 5.0, 4.0]
SOUND: dict[str, Sequence[float]] = {
    "std": [0.3] * 20,
    "entropy_loss": [-1.0] * 20,
    "approx_kl": [0.01] * 20,
    "clip_fraction": [0.1] * 20,
    "explained_variance": [0.8] * 20,
    "grad_norm": [0.6, 0.5] * 10,
    "value_loss": [0.1, 0.2] * 10,
    "saturation": [0.05] * 20,
    "time/rollout_s": [1.0] * 20,
    "time/update_s": [1.5] * 20,
    "time/simulator_s": [0.3] * 20,
}
SETTINGS: dict[str, dict[str, Any]] = {
    "PPO": PPORequest().model_dump(mode="json"),
    "SAC": {"sac": {"learning_rate": 3e-4, "ent_coef": "auto", "utd": 1.0}},
    "BC": {"bc": {"learning_rate": 1e-3, "l2": 0.0, "epochs": 50}},
    "HYBRID": HybridRequest().model_dump(mode="json"),
    "GAIL": GAILRequest().model_dump(mode="json"),
    "CIMRL": HybridRequest.model_validate(
        {"mode": "cimrl", "cimrl": {"warmup_steps": 5_000, "update_every": 1_000}}
    ).model_dump(mode="json"),
}
VARIABLE = {"gail": {"horizon": "variable"}, "environment": {"on_failure": "stop"}}


ASKING = ("PPO", "GAIL", "HYBRID", "CIMRL")
"""Whose settings are whole, so that a change of one can be looked up."""
ALGORITHM = {"CIMRL": "HYBRID"}
"""Of modes that are named here; what else is named is an algorithm."""


def series(values: Sequence[float]) -> list[tuple[int, float]]:
    return [(STEPS * (at + 1), value) for at, value in enumerate(values)]


def seen(
    algorithm: str = "PPO",
    rewards: Sequence[float] = UP,
    successes: Sequence[float] | None = None,
    best_at: int = 20,
    settings: dict[str, Any] | None = None,
    **numbers: Sequence[float],
) -> Diagnosis:
    evaluations = {"reward": series(rewards)}
    shares = successes or [min(0.9, 0.04 * at) for at in range(len(rewards))]
    evaluations |= {"success": series(shares), "progress": series(shares)}
    base = SOUND if algorithm == "PPO" else {}
    history = History(
        numbers={name: series(values) for name, values in (dict(base) | numbers).items()},
        evaluations=evaluations,
        best_at=[best_at * STEPS],
    )
    asked = SETTINGS[algorithm] | (settings or {})
    return diagnose(ALGORITHM.get(algorithm, algorithm), asked, history, TOTAL)


def rules(diagnosis: Diagnosis) -> set[str]:
    return {finding.rule for finding in diagnosis.findings}


def test_a_sound_run_has_no_finding_and_tells_what_was_looked_at() -> None:
    sound = seen()
    assert sound.findings == ()
    assert sound.seen["approx_kl"] == 0.01
    assert sound.seen["eval/reward"] == UP[-1]


TROUBLES: list[tuple[str, str, dict[str, Any]]] = [
    ("unlearning", "PPO", {"rewards": FALLEN}),
    ("explosion", "PPO", {"value_loss": [*[0.1, 0.2] * 9, 30.0, 500.0]}),
    ("collapse", "PPO", {"std": [0.3] * 5 + [0.02] * 15}),
    ("noise", "PPO", {"std": [0.3] * 5 + [2.5] * 15}),
    ("greedy", "PPO", {"approx_kl": [0.09] * 20}),
    ("clipped", "PPO", {"clip_fraction": [0.6] * 20}),
    ("blind_critic", "PPO", {"explained_variance": [-0.4] * 20}),
    ("saturated", "PPO", {"saturation": [0.8] * 20}),
    ("plateau", "PPO", {"rewards": FLAT, "successes": [0.6] * 20}),
    ("best_long_ago", "PPO", {"best_at": 5}),
    ("simulator_bound", "PPO", {"time/simulator_s": [4.0] * 20, "time/rollout_s": [5.0] * 20}),
    ("learner_bound", "PPO", {"time/update_s": [9.0] * 20}),
    ("overestimation", "SAC", {"mean_q": [9.0 + 2 * at for at in range(20)], "rewards": FLAT}),
    ("temperature", "SAC", {"alpha": [1e-6] * 20}),
    ("temperature", "SAC", {"alpha": [50.0] * 20}),
    (
        "overfitting",
        "BC",
        {
            "val_nll": [1 + 0.1 * at for at in range(10)],
            "train_nll": [1 - 0.1 * at for at in range(10)],
        },
    ),
    (
        "drift",
        "BC",
        {
            "val_nll": [1 - 0.05 * at for at in range(20)],
            "successes": [0.9 - 0.03 * at for at in range(20)],
        },
    ),
    ("strong_discriminator", "GAIL", {"disc_accuracy": [0.99] * 20}),
    ("weak_discriminator", "GAIL", {"disc_accuracy": [0.5, 0.51] * 10}),
    ("forgetting", "HYBRID", {"delta_to_start": [0.0, -0.02, -0.06, -0.1, -0.08]}),
    ("unimproved", "HYBRID", {"delta_to_start": [-0.02] * 4, "best_at": 0}),
    (
        "tethered",
        "HYBRID",
        {
            "delta_to_start": [0.0, 0.01, -0.01, 0.0, 0.01, 0.0],
            "kl_to_start": [0.002] * 20,
            "warm_start": [0.0, 0.0, 1.0, *[2.0] * 17],
        },
    ),
    ("variable_horizon", "GAIL", {"steps": [90.0, 100.0] * 10, "settings": VARIABLE}),
    ("overcautious", "CIMRL", {"recovery_rate": [0.7] * 20}),
    ("uncalibrated", "CIMRL", {"risk_calibration_error": [0.3, 0.2, 0.25]}),
    (
        "idle_filter",
        "CIMRL",
        {"recovery_rate": [0.0] * 20, "violations_without_recovery": [0.01] * 20},
    ),
]


@pytest.mark.parametrize(("rule", "algorithm", "trouble"), TROUBLES)
def test_each_trouble_is_found_and_told_with_its_numbers(
    rule: str, algorithm: str, trouble: dict[str, Any]
) -> None:
    found = next(one for one in seen(algorithm, **trouble).findings if one.rule == rule)
    assert found.numbers
    assert len(found.text) > 40


def test_every_rule_has_its_trouble_here_and_its_words() -> None:
    known = {rule for rule, _, _ in TROUBLES}
    assert known == set(TITLES)
    assert len(known) == len(RULES)


@pytest.mark.parametrize(
    ("algorithm", "numbers"),
    [
        ("SAC", {"mean_q": [1 + 0.2 * at for at in range(20)], "ent_coef": [0.05] * 20}),
        ("BC", {"val_nll": [1 - 0.02 * at for at in range(20)], "train_nll": [0.5] * 20}),
        ("GAIL", {"disc_accuracy": [0.5, 0.7, 0.8, 0.75, 0.7] * 4}),
        ("HYBRID", {"delta_to_start": [0.0, -0.1, 0.02, -0.06, 0.03, 0.04], "lam": [0.1] * 6}),
        (
            "CIMRL",
            {"recovery_rate": [0.01, 0.03] * 10, "risk_calibration_error": [0.02] * 5},
        ),
        # It still drives by chance: nothing is to have been unsafe yet.
        ("CIMRL", {"recovery_rate": [0.0] * 12}),
        # The value still learns alone: nothing is to have moved yet.
        (
            "HYBRID",
            {"kl_to_start": [0.0] * 6, "delta_to_start": [0.0] * 6, "warm_start": [0.0] * 6},
        ),
    ],
)
def test_the_other_algorithms_can_be_sound_too(algorithm: str, numbers: dict[str, Any]) -> None:
    assert seen(algorithm, **numbers).findings == ()


def test_a_rule_of_another_algorithm_says_nothing() -> None:
    assert "temperature" not in rules(seen(ent_coef=[1e-9] * 20))


def test_too_few_numbers_are_no_evidence() -> None:
    assert seen(approx_kl=[0.9, 0.9]).findings == ()
    assert seen(rewards=[9.0, 1.0, 0.5]).findings == ()


def test_what_the_value_function_explains_early_is_not_held_against_it() -> None:
    numbers = {"explained_variance": series([-0.5] * 25)}
    history = History(numbers=numbers)
    assert diagnose("PPO", SETTINGS["PPO"], history, 400_000).findings == ()
    assert rules(diagnose("PPO", SETTINGS["PPO"], history, TOTAL)) == {"blind_critic"}
    few = History(numbers={"explained_variance": series([-0.5] * 12)})
    assert diagnose("PPO", SETTINGS["PPO"], few, 12_000).findings == ()


def test_noise_alone_is_no_unlearning() -> None:
    assert "unlearning" not in rules(seen(rewards=[7 + 8 * WAVE[at % 10] for at in range(20)]))


@pytest.mark.parametrize(
    ("rule", "algorithm", "trouble"),
    [
        *(one for one in TROUBLES if one[1] in ASKING and one[0] != "unimproved"),
        ("collapse", "GAIL", {"std": [0.3] * 5 + [0.02] * 15}),
        ("greedy", "GAIL", {"approx_kl": [0.09] * 20}),
    ],
)
def test_what_is_to_be_changed_is_a_setting_that_can_be_set(
    rule: str, algorithm: str, trouble: dict[str, Any]
) -> None:
    diagnosis = seen(algorithm, **trouble)
    changes = [change for one in diagnosis.findings for change in one.changes]
    assert changes, rule
    for change in changes:
        # Refused where there is no such setting, or the value lies beyond its limits.
        verb = ALGORITHM.get(algorithm, algorithm).lower()
        parse(f"/train {verb} --set {change.path}={change.value} --dry-run")
        assert change.path in fields_of(REQUESTS[verb])


def test_a_trend_is_told_from_noise_as_by_every_order_of_the_values() -> None:
    assert rising_p(UP) < 0.001
    assert falling_p(UP) > 0.999
    assert rising_p(FLAT) > 0.1
    assert rising_p([3.0] * 9) == 0.5


def test_the_trend_test_agrees_with_the_one_of_scipy() -> None:
    stats = pytest.importorskip("scipy.stats")
    values = [1.0, 3.0, 2.0, 5.0, 4.0, 8.0, 6.0, 7.0, 9.5, 9.0]
    theirs = stats.kendalltau(range(10), values, alternative="greater", method="exact")
    assert rising_p(values) == pytest.approx(theirs.pvalue, abs=1e-3)


def test_noise_is_measured_beside_a_trend() -> None:
    assert noise_of([float(at) for at in range(9)]) == pytest.approx(1.05, abs=0.01)
    assert noise_of([1.0]) == 0.0
