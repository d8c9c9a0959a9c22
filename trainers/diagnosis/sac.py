"""Rules for SAC."""

from drivetrain.numbers import short_number
from drivetrain.series import rising_p
from trainers.diagnosis.case import Case, Finding

SURE = 0.05
GROWN = 1.5
BEYOND = 3.0
"""Times the best return that no honest estimate exceeds."""
LEAST_TEMPERATURE = 1e-4
MOST_TEMPERATURE = 10.0
WINDOW = 20


def overestimation(case: Case) -> Finding | None:
    """Q grows while the driving does not."""
    values, rewards = case.recent("mean_q", WINDOW), case.evaluated("reward")
    if len(values) < 8 or len(rewards) < 3:
        return None
    first, now, best = values[0], values[-1], max(rewards)
    grows = rising_p(values) < SURE and now > GROWN * abs(first) > 0
    is_flat = rising_p(rewards[-8:]) > 0.1
    is_beyond = now > BEYOND * max(abs(best), 1.0)
    if not (is_beyond or (grows and is_flat)):
        return None
    return Finding(
        "overestimation",
        "problem",
        f"Its critics expect too much: the mean Q is {short_number(now)} and was "
        f"{short_number(first)} {len(values)} looks ago, while the best return is "
        f"{short_number(best)}",
        {"mean_q": now, "mean_q_before": first, "best_return": best},
        (*case.slower(), *case.scaled("sac.utd", 0.5)),
    )


def temperature(case: Case) -> Finding | None:
    """The entropy coefficient at its end."""
    now = case.usual("alpha")
    if now is None or LEAST_TEMPERATURE <= now <= MOST_TEMPERATURE:
        return None
    is_cold = now < LEAST_TEMPERATURE
    text = "it stopped exploring" if is_cold else "it is paid for chance and not for driving"
    return Finding(
        "temperature",
        "problem",
        f"The entropy coefficient {'fell' if is_cold else 'rose'} to {now:.2g}: {text}",
        {"alpha": now},
        case.set_to("sac.ent_coef", "0.01" if is_cold else "0.1"),
    )
