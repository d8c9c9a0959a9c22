"""Rules for the hybrid's mode `cimrl`: whether its idea of risk is any."""

from drivetrain.numbers import percent
from trainers.diagnosis.case import Case, Finding

MOST_RECOVERING = 0.5
LEAST_LOOKS = 10
MOST_ERROR = 0.1
"""Between predicted and observed risk, on average over held-out decisions."""


def overcautious(case: Case) -> Finding | None:
    """Most of the time it finds nothing safe, so that the task hardly drives."""
    rate = case.usual("recovery_rate")
    if rate is None or rate <= MOST_RECOVERING:
        return None
    return Finding(
        "overcautious",
        "problem",
        f"It takes nothing for safe in {percent(rate)} of its decisions and recovers instead, "
        "so that its task hardly drives. A higher bound on risk lets it",
        {"recovery_rate": rate},
        case.scaled("cimrl.epsilon", 2, least=0.02, most=0.5),
    )


def idle_filter(case: Case) -> Finding | None:
    """It never finds anything unsafe, so that its critics of risk change nothing."""
    rates = case.recent("recovery_rate", LEAST_LOOKS)
    if len(rates) < LEAST_LOOKS or not _has_learned(case) or max(rates) > 0.0:
        return None
    violations = case.usual("violations_without_recovery") or 0.0
    return Finding(
        "idle_filter",
        "note",
        f"It took something for safe in every decision of the last {len(rates)} looks, while "
        f"{percent(violations)} of them ended in a collision or off the road: it never "
        "recovers. A lower bound on risk would have it do so",
        {"recovery_rate": 0.0, "violations_without_recovery": violations},
        case.scaled("cimrl.epsilon", 0.5, least=0.01),
    )


def _has_learned(case: Case) -> bool:
    """Whether it stands beyond the steps that are driven by chance, and a look more."""
    warmup = case.setting("cimrl.warmup_steps") or 0
    every = case.setting("cimrl.update_every") or 0
    return case.step >= warmup + (LEAST_LOOKS + 1) * every


def uncalibrated(case: Case) -> Finding | None:
    """What it predicts of risk is not what happens."""
    error = case.usual("risk_calibration_error")
    if error is None or error <= MOST_ERROR:
        return None
    told, came = case.usual("risk_predicted") or 0.0, case.usual("risk_observed") or 0.0
    return Finding(
        "uncalibrated",
        "problem",
        f"Its risk is not what happens: on held-out scenarios it is {error:.2f} off on "
        f"average ({told:.2f} predicted, {came:.2f} observed), so that the bound on it means "
        "little. More updates of the risk before it drives may help",
        {"risk_calibration_error": error, "risk_predicted": told, "risk_observed": came},
        case.scaled("cimrl.pretrain_updates", 2, most=20_000),
    )
