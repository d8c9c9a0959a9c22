"""Rules for PPO, and for whatever learns by it."""

from drivetrain.numbers import percent, short_number
from trainers.diagnosis.case import Case, Finding

LEAST_STD = 0.05
LEAST_ENTROPY = 0.05
MOST_STD = 1.5
MOST_KL = 0.05
MOST_CLIPPED = 0.4
LEAST_EXPLAINED = 0.01
EARLY = 0.1
LEAST_UPDATES = 20
"""The share of a run, and the updates, in which the value function need not fit yet."""


def collapse(case: Case) -> Finding | None:
    """Hardly any chance is left in its actions."""
    std, entropy_loss = case.usual("std"), case.usual("entropy_loss")
    if std is not None and std < LEAST_STD:
        told = f"the standard deviation of its actions is {std:.3f}"
        numbers = {"std": std}
    elif std is None and entropy_loss is not None and -entropy_loss < LEAST_ENTROPY:
        told = f"the entropy of its choices is {-entropy_loss:.3f}"
        numbers = {"entropy": -entropy_loss}
    else:
        return None
    return Finding(
        "collapse",
        "problem",
        f"It stopped exploring: {told}. It repeats what it knows and cannot find better",
        numbers,
        case.scaled(case.own("ent_coef"), 10, least=0.005, most=0.03),
    )


def noise(case: Case) -> Finding | None:
    """The entropy bonus outweighs the reward."""
    std, began = case.usual("std"), case.history.numbers.get("std", ())
    if std is None or std < MOST_STD or std < 2 * began[0][1]:
        return None
    return Finding(
        "noise",
        "problem",
        f"It acts by chance: the standard deviation of its actions rose from "
        f"{began[0][1]:.2f} to {short_number(std)}, beyond their whole range. The entropy "
        "bonus outweighs the reward, or the steps are far too large",
        {"std": std, "std_at_first": began[0][1]},
        (*case.scaled(case.own("ent_coef"), 0.1), *case.slower()),
    )


def greedy(case: Case) -> Finding | None:
    """Updates that go too far from the policy that drove."""
    kl = case.usual("approx_kl")
    if kl is None or kl <= MOST_KL:
        return None
    return Finding(
        "greedy",
        "problem",
        f"Its updates go too far: the KL from the policy that drove is {short_number(kl)} per "
        f"update, and {MOST_KL} is much",
        {"approx_kl": kl},
        (*case.slower(), *case.set_to(case.own("target_kl"), "0.02")),
    )


def clipped(case: Case) -> Finding | None:
    """Most of each update is clipped away."""
    share = case.usual("clip_fraction")
    if share is None or share <= MOST_CLIPPED:
        return None
    return Finding(
        "clipped",
        "problem",
        f"{percent(share)} of each update is clipped away, and {percent(MOST_CLIPPED)} is "
        "much: the policy moves faster than its data allows",
        {"clip_fraction": share},
        (*case.slower(), *case.scaled(case.own("n_epochs"), 0.5)),
    )


def blind_critic(case: Case) -> Finding | None:
    """The value function explains less than a constant would."""
    explained = case.usual("explained_variance")
    updates = len(case.history.numbers.get("explained_variance", ()))
    is_early = updates < LEAST_UPDATES or case.step < EARLY * (case.total or 0)
    if explained is None or is_early or explained >= LEAST_EXPLAINED:
        return None
    return Finding(
        "blind_critic",
        "problem",
        f"Its value function is no better than a constant: explained variance {explained:.2f}, "
        "where 0 is a constant and 1 is perfect. Advantages are noise then",
        {"explained_variance": explained},
        (*case.slower(), *case.scaled(case.own("vf_coef"), 2, most=2.0)),
    )
