"""Rules for the hybrid, which knows what it started from."""

from drivetrain.numbers import short_number
from trainers.diagnosis.case import ENOUGH, Case, Finding

LOST = 0.05
"""Validation score below that of its start which is no chance any more."""
NEAR = 0.01
"""KL to its start, in nats, of a policy that hardly moved."""
LEAST_EVALUATIONS = 6


def forgetting(case: Case) -> Finding | None:
    """It drives worse than what it imitated, evaluation after evaluation."""
    deltas = case.recent("delta_to_start", ENOUGH)
    if not deltas or max(deltas) >= -LOST:
        return None
    return Finding(
        "forgetting",
        "problem",
        f"It drives worse than what it imitated: the validation score is {-deltas[-1]:.2f} "
        f"lower, and was at least {-max(deltas):.2f} lower in the last {len(deltas)} "
        "evaluations. A stronger pull to what was imitated and smaller steps keep more of it",
        {"delta_to_start": deltas[-1]},
        (*case.scaled("finetune.kl_weight", 3, least=0.02, most=0.5), *case.slower()),
    )


def tethered(case: Case) -> Finding | None:
    """It may move, hardly does, and is no better for it."""
    kl, deltas = case.usual("kl_to_start"), case.recent("delta_to_start", LEAST_EVALUATIONS)
    is_warming_up = (case.recent("warm_start", ENOUGH) or [2.0])[-1] < 2.0
    if kl is None or is_warming_up or len(deltas) < LEAST_EVALUATIONS:
        return None
    if kl >= NEAR or max(deltas) > LOST:
        return None
    return Finding(
        "tethered",
        "note",
        f"It hardly moves from what it imitated: the KL is {short_number(kl)}, and the score "
        f"at most {max(deltas):.2f} higher. A weaker pull or larger steps let it learn more",
        {"kl_to_start": kl, "delta_to_start": deltas[-1]},
        case.scaled("finetune.kl_weight", 1 / 3),
    )


def unimproved(case: Case) -> Finding | None:
    """Nothing drove better than what it imitated, which `best.pt` still is."""
    deltas = case.recent("delta_to_start", ENOUGH)
    if not deltas or not case.history.best_at or case.history.best_at[-1] > 0:
        return None
    return Finding(
        "unimproved",
        "note",
        "Nothing drove better in validation than what it imitated: `best.pt` is still that "
        f"policy, of step 0; the last score was {abs(deltas[-1]):.2f} "
        f"{'lower' if deltas[-1] < 0 else 'higher'}. More steps, or a better driver to "
        "imitate, may help",
        {"delta_to_start": deltas[-1]},
    )
